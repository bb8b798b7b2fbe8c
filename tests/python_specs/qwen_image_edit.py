"""Two pictures become one: Qwen-Image-Edit looks at both while it reads the prompt."""

from comfyproof import Pipeline

p = Pipeline("qwen_image_edit")

image = p.input("image", type="image", default="photograph.jpg")
style = p.input("style", type="image", default="mask.png")
prompt = p.input("prompt", type="text", default="the first picture, as an ink drawing in the shapes of the second")
seed = p.input("seed", type="seed", default=4)

edit = p.model(
    "edit",
    diffusion_model="qwen_image_edit_2509_fp8_e4m3fn.safetensors",
    text_encoders=["qwen_2.5_vl_7b_fp8_scaled.safetensors"],
    vae="qwen_image_vae.safetensors",
)

p.generate(
    model=edit,
    references=[image, style],
    size="1024x1024",
    positive=prompt,
    steps=20,
    cfg=2.5,
    shift=3,
    seed=seed,
)
p.save(prefix="ink")

p.verify(size="1024x1024")
