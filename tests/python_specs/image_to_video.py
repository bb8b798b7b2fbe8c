"""A photograph begins to move: Wan 2.1, which also sees it through CLIP vision."""

from comfyproof import Pipeline

p = Pipeline("image_to_video")

image = p.input("image", type="image", default="photograph.jpg")
prompt = p.input("prompt", type="text", default="the bee walks over the flower, gentle wind")
seed = p.input("seed", type="seed", default=12)

wan = p.model(
    "wan",
    diffusion_model="wan2.1_i2v_480p_14B_fp16.safetensors",
    text_encoders=["umt5_xxl_fp8_e4m3fn_scaled.safetensors"],
    vae="wan_2.1_vae.safetensors",
    clip_vision="clip_vision_h.safetensors",
)

p.generate(
    model=wan,
    start=image,
    size="512x512",
    frames=33,
    positive=prompt,
    negative="static, blurred, subtitles",
    steps=20,
    cfg=6,
    seed=seed,
)
p.save(prefix="video/bee", format="webp")

p.variant("long", {"generate.frames": 81})
