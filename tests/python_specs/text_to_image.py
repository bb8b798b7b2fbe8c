"""A picture from a prompt, with SDXL."""

from comfyproof import Pipeline

p = Pipeline("text_to_image")

prompt = p.input("prompt", type="text", default="a lighthouse on a cliff at dusk, photograph")
seed = p.input("seed", type="seed", default=1)

sdxl = p.model("sdxl", checkpoint="sd_xl_base_1.0.safetensors")

p.generate(
    model=sdxl,
    size="1024x1024",
    positive=prompt,
    negative="blurry, low quality",
    steps=30,
    cfg=5,
    sampler="dpmpp_2m",
    scheduler="karras",
    seed=seed,
)
p.save(prefix="generated")

p.verify(size="1024x1024", not_blank=True)
