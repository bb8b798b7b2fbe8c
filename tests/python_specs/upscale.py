"""Twice the size, with an upscale model alone: no prompt, no diffusion."""

from comfyproof import Pipeline

p = Pipeline("upscale")

image = p.input("image", type="image", default="photograph.jpg")

siax = p.model("siax", upscale_model="4x_NMKD-Siax_200k.pth")

p.load(image=image)
p.upscale(with_=siax, by=2)
p.save(prefix="upscaled")

p.verify(size="2x image", aspect="kept", ssim={"min": 0.9, "to": image}, delta_e={"max": 2, "to": image})
