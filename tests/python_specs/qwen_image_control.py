"""Qwen-Image under a union ControlNet, which is told what it is given."""

from comfyproof import Pipeline

p = Pipeline("qwen_image_control")

image = p.input("image", type="image", default="photograph.jpg")
prompt = p.input("prompt", type="text", default="a bee of folded paper on a paper flower, soft light")
seed = p.input("seed", type="seed", default=4)

qwen = p.model(
    "qwen",
    diffusion_model="qwen_image_fp8_e4m3fn.safetensors",
    text_encoders=["qwen_2.5_vl_7b_fp8_scaled.safetensors"],
    vae="qwen_image_vae.safetensors",
)
lightning = p.model("lightning", lora="Qwen-Image-Lightning-4steps-V1.0.safetensors")
union = p.model("union", controlnet="Qwen-Image-InstantX-ControlNet-Union.safetensors")

p.generate(
    model=qwen,
    size="1328x1328",
    loras=[lightning.at(clip=0)],
    control=[union.at(0.9, image=image, preprocess={"Canny": {"low_threshold": 0.2, "high_threshold": 0.5}})],
    positive=prompt,
    steps=4,
    cfg=1,
    seed=seed,
)
p.save(prefix="paper")

p.verify(size="1328x1328")
