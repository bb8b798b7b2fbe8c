"""FLUX.1 on a small card: quantized files, and a guidance instead of a second pass for cfg."""

from comfyproof import Pipeline

p = Pipeline("low_vram_flux", target={"vram": "8 GiB", "ram": "32 GiB"})

prompt = p.input("prompt", type="text", default="an old harbor in fog, film photograph")
seed = p.input("seed", type="seed", default=2)

dev = p.model(
    "dev",
    diffusion_model="flux1-dev-Q4_K_S.gguf",
    text_encoders=["clip_l.safetensors", "t5-v1_1-xxl-encoder-Q4_K_M.gguf"],
    vae="ae.safetensors",
)

p.generate(model=dev, size="1024x1024", positive=prompt, steps=20, cfg=1, guidance=3.5, seed=seed)
p.save(prefix="harbor")

p.verify(size="1024x1024")
