"""The purpose of production_upscale_enhance.yaml, done right for the model: FLUX.1 Krea is guidance-distilled (cfg 1
and guidance, so no negative prompt), is made for 1024 to 1280 pixels (tiles of 1024), and one light pass over the
enlarged picture does what two heavy ones were for.
"""

from comfyproof import Pipeline

p = Pipeline("upscale_enhance_sound", target={"gpu": "rtx-3090"})

image = p.input("image", type="image", default="photograph.jpg")
prompt = p.input("prompt", type="text", default="")
seed = p.input("seed", type="seed", default=42)

krea = p.model(
    "krea",
    diffusion_model="flux1-krea-dev_fp8_scaled.safetensors",
    text_encoders=["clip_l.safetensors", "t5xxl_fp16.safetensors"],
    vae="ae.safetensors",
)
siax = p.model("siax", upscale_model="4x_NMKD-Siax_200k.pth")

p.load(image=image)
p.upscale(
    with_=siax,
    by=2,
    method="ultimate",
    tile=1024,
    overlap=64,
    model=krea,
    positive=prompt,
    cfg=1,
    guidance=4.5,
    steps=20,
    denoise=0.2,
    sampler="euler",
    scheduler="simple",
    seed=seed,
)
p.save(prefix="upscale_enhanced")

p.verify(size="2x image", aspect="kept", ssim={"min": 0.8, "to": image}, delta_e={"max": 3, "to": image})

p.variant("conservative", {"upscale.denoise": 0.1})
p.variant("balanced")
p.variant("aggressive", {"upscale.denoise": 0.3, "upscale.steps": 28})
