"""Another thing where the mask is white; what lies outside it stays as it was, to the pixel."""

from comfyproof import Pipeline

p = Pipeline("inpaint")

image = p.input("image", type="image", default="photograph.jpg")
mask = p.input("mask", type="mask", default="mask.png", help="white where the picture is to change")
prompt = p.input("prompt", type="text", default="a red ladybird on a purple aster, macro photograph")
seed = p.input("seed", type="seed", default=11)

sdxl = p.model("sdxl", checkpoint="sd_xl_base_1.0.safetensors")

p.load(image=image)
p.refine(
    model=sdxl,
    mask=mask,
    grow=16,
    feather=12,
    paste=True,
    positive=prompt,
    negative="blurry, low quality",
    steps=30,
    cfg=6,
    denoise=0.85,
    seed=seed,
)
p.save(prefix="ladybird")

p.verify(size="1x image", aspect="kept", not_blank=True)
