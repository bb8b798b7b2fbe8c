"""A picture changed by saying what to change, with FLUX.1 Kontext."""

from comfyproof import Pipeline

p = Pipeline("edit_with_words")

image = p.input("image", type="image", default="photograph.jpg")
prompt = p.input("prompt", type="text", default="make it a watercolor painting, keep the composition")
seed = p.input("seed", type="seed", default=3)

kontext = p.model(
    "kontext",
    diffusion_model="flux1-dev-kontext_fp8_scaled.safetensors",
    text_encoders=["clip_l.safetensors", "t5xxl_fp8_e4m3fn_scaled.safetensors"],
    vae="ae.safetensors",
)

p.generate(
    model=kontext,
    references=[image],
    size="1024x1024",
    positive=prompt,
    steps=20,
    cfg=1,
    guidance=2.5,
    seed=seed,
)
p.save(prefix="edited")

p.verify(size="1024x1024", not_blank=True)
