"""The same with a model that was made for it: FLUX.1 Fill wants a high guidance and full denoise."""

from comfyproof import Pipeline

p = Pipeline("flux_fill")

image = p.input("image", type="image", default="photograph.jpg")
mask = p.input("mask", type="mask", default="mask.png", help="white where the picture is to change")
prompt = p.input("prompt", type="text", default="a red ladybird on a purple aster, macro photograph")
seed = p.input("seed", type="seed", default=11)

fill = p.model(
    "fill",
    diffusion_model="flux1-fill-dev.safetensors",
    text_encoders=["clip_l.safetensors", "t5xxl_fp16.safetensors"],
    vae="ae.safetensors",
)

p.load(image=image)
p.refine(
    model=fill,
    mask=mask,
    grow=8,
    positive=prompt,
    steps=28,
    cfg=1,
    guidance=30,
    denoise=1,
    sampler="euler",
    scheduler="normal",
    seed=seed,
)
p.save(prefix="filled")

p.verify(size="1x image", not_blank=True)
