"""A photograph in another look, its composition kept, with SDXL."""

from comfyproof import Pipeline

p = Pipeline("image_to_image")

image = p.input("image", type="image", default="photograph.jpg")
prompt = p.input("prompt", type="text", default="oil painting, visible brush strokes")
seed = p.input("seed", type="seed", default=1)

sdxl = p.model("sdxl", checkpoint="sd_xl_base_1.0.safetensors")

p.load(image=image)
p.resize(size="1024x1024", fit="crop")
p.refine(
    model=sdxl,
    positive=prompt,
    negative="blurry, low quality",
    steps=30,
    cfg=5,
    denoise=0.45,
    sampler="dpmpp_2m",
    scheduler="karras",
    seed=seed,
)
p.save(prefix="restyled")

p.verify(size="1024x1024", not_blank=True)

p.variant("light", {"refine.denoise": 0.3})
p.variant("strong", {"refine.denoise": 0.6})
