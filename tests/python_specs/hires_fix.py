"""Two passes with SD 1.5: small first, then enlarged as a latent and sampled anew in part."""

from comfyproof import Pipeline

p = Pipeline("hires_fix")

prompt = p.input("prompt", type="text", default="a stone bridge over a mountain stream, autumn, photograph")
seed = p.input("seed", type="seed", default=5)

sd = p.model("sd", checkpoint="v1-5-pruned-emaonly-fp16.safetensors")

base = p.generate(
    as_="base",
    model=sd,
    size="512x512",
    positive=prompt,
    negative="blurry, low quality",
    steps=25,
    cfg=7,
    sampler="dpmpp_2m",
    scheduler="karras",
    seed=seed,
)
p.preview()
p.upscale(method="latent", by=1.5)
p.refine(as_="hires", like=base, denoise=0.55, steps=20)
p.save(prefix="hires")

p.verify(size="768x768", not_blank=True)
