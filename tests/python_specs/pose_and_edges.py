"""A new picture that follows the edges of another: SDXL, a style LoRA and a ControlNet."""

from comfyproof import Pipeline

p = Pipeline("pose_and_edges")

pose = p.input("pose", type="image", default="photograph.jpg", help="the picture whose edges are followed")
prompt = p.input("prompt", type="text", default="a bee made of brass and glass on a paper flower, studio light")
seed = p.input("seed", type="seed", default=7)

sdxl = p.model("sdxl", checkpoint="sd_xl_base_1.0.safetensors")
detail = p.model("detail", lora="add-detail-xl.safetensors")
offset = p.model("offset", lora="sd_xl_offset_example-lora_1.0.safetensors")
canny = p.model("canny", controlnet="diffusers_xl_canny_full.safetensors")

p.generate(
    model=sdxl,
    size="1024x1024",
    loras=[detail.at(0.8), offset.at(0.3, clip=0)],
    control=[canny.at(0.8, image=pose, preprocess="canny", until=0.8)],
    positive=prompt,
    negative="blurry, low quality",
    steps=30,
    cfg=6,
    seed=seed,
)
p.save(prefix="brass")

p.verify(size="1024x1024", not_blank=True)

p.variant("loose", {"generate.control.canny.strength": 0.5, "generate.control.canny.until": 0.6})
p.variant("tight", {"generate.control.canny.strength": 1, "generate.control.canny.until": 1})
