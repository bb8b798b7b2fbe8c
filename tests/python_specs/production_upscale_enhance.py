"""The production upscale-and-refine workflow, as specs/production_upscale_enhance.yaml has it."""

from comfyproof import Pipeline

p = Pipeline("production_upscale_enhance", target={"gpu": "rtx-3090"})

image = p.input("image", type="image", default="photograph.jpg")
preset = p.input(
    "preset",
    type="choice",
    help="a prompt to enhance with",
    default="none",
    options={
        "none": "",
        "detail": "enhance details, sharper, high quality, professional",
        "color": "vibrant colors, enhanced saturation, vivid tones",
        "texture": "smooth skin, fine details, crisp textures",
    },
)
prompt = p.input("prompt", type="text", default=preset)
seed = p.input("seed", type="seed", default=42)

krea = p.model(
    "krea",
    diffusion_model="flux1-krea-dev_fp8_scaled.safetensors",
    text_encoders=["clip_l.safetensors", "t5xxl_fp16.safetensors"],
    vae="ae.safetensors",
)
turbo = p.model("turbo", lora="FLUX.1-Turbo-Alpha.safetensors")
siax = p.model("siax", upscale_model="4x_NMKD-Siax_200k.pth")

p.load(image=image)
p.upscale(with_=siax, by=2, method="ultimate", tile=512, overlap=32, redraw="linear", like="refine")
p.refine(
    model=krea,
    loras=[turbo.at(0.5)],
    positive=prompt,
    negative="blurry, artifacts, oversharpened",
    steps=12,
    cfg=2.2,
    denoise=0.3,
    sampler="euler",
    scheduler="simple",
    seed=seed,
)
p.save(prefix="upscale_enhanced")
p.preview()

p.verify(
    size="2x image", aspect="kept", not_blank=True, ssim={"min": 0.75, "to": image}, delta_e={"max": 4, "to": image}
)

p.variant("conservative", {"refine.loras.turbo.strength": 0.3, "refine.denoise": 0.15, "refine.steps": 8})
p.variant("balanced")
p.variant("aggressive", {"refine.loras.turbo.strength": 0.8, "refine.denoise": 0.5, "refine.steps": 20})
