"""Stages and ComfyUI's own nodes, wired by name: a soft glow laid over a sharpened picture."""

from comfyproof import Pipeline

p = Pipeline("nodes_and_stages", matrix={"radius": [4, 12, 24], "nodes.glow.ImageBlend.blend_factor": [0.2, 0.35]})

image = p.input("image", type="image", default="photograph.jpg")
radius = p.input("radius", type="int", default=12, min=1, max=31)

p.load(image=image)
resize = p.resize(size="768x768", method="lanczos")
sharp = p.nodes.ImageSharpen(image=resize, sharpen_radius=1, sigma=1, alpha=0.6, as_="sharp")
soft = p.nodes.ImageBlur(image=resize, blur_radius=radius, sigma=6, as_="soft")
glow = p.nodes.ImageBlend(image1=sharp, image2=soft, blend_factor=0.35, blend_mode="screen", as_="glow")
p.save(from_=glow, prefix=f"glow_{radius}")

p.verify(size="768x768", ssim={"min": 0.6, "to": image})
