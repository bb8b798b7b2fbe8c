"""Chroma: Flux's architecture with true guidance, so that the negative prompt counts."""

from comfyproof import Pipeline

p = Pipeline("chroma")

prompt = p.input("prompt", type="text", default="a fox asleep in tall grass, documentary photograph")
seed = p.input("seed", type="seed", default=8)

chroma = p.model(
    "chroma",
    diffusion_model="Chroma1-HD-fp8_scaled_rev2.safetensors",
    text_encoders=["t5xxl_fp8_e4m3fn_scaled.safetensors"],
    vae="ae.safetensors",
)

p.generate(
    model=chroma,
    size="1024x1024",
    positive=prompt,
    negative="low quality, unfinished sketch",
    steps=26,
    cfg=3.5,
    sampler="euler",
    scheduler="beta",
    seed=seed,
)
p.save(prefix="fox")

p.verify(size="1024x1024")
