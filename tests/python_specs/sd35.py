"""Stable Diffusion 3.5 from its parts, with all three text encoders."""

from comfyproof import Pipeline

p = Pipeline("sd35")

prompt = p.input("prompt", type="text", default="a glass bottle with a galaxy inside, on a wooden table")
seed = p.input("seed", type="seed", default=21)

large = p.model(
    "large",
    diffusion_model="sd3.5_large.safetensors",
    text_encoders=["clip_l.safetensors", "clip_g.safetensors", "t5xxl_fp16.safetensors"],
    vae="sd3.5_vae.safetensors",
)

p.generate(
    model=large,
    size="1024x1024",
    positive=prompt,
    steps=28,
    cfg=4.5,
    shift=3,
    sampler="euler",
    scheduler="sgm_uniform",
    seed=seed,
)
p.save(prefix="bottle")

p.verify(size="1024x1024")
