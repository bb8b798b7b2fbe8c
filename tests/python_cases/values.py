"""What only the graph and the catalog can tell is shown at the same places."""

from comfyproof import Pipeline

p = Pipeline("values")
sdxl = p.model("sdxl", checkpoint="sd_xl_base_1.0.safetensors")
image = p.input("image", type="image", default="../../specs/photograph.jpg")
loaded = p.load(image=image)
soft = p.nodes.ImageBlur(
    image=loaded,
    blur_radius=400,  # E: CP402 "blur_radius" is 400
    blur_raduis=3,  # W: CP314 "ImageBlur" has no input "blur_raduis"
)
p.node("Epsilon Scalign", model=sdxl)  # E: CP301 "Epsilon Scalign"
p.nodes.ImageBlru(image=soft)  # E: CP301 "ImageBlru"
p.nodes.SaveImage(images=loaded.IMGAE, as_="kept")  # E: CP211 "load" has no output "IMGAE"
p.refine(
    from_=soft.MASK,  # E: CP211 "ImageBlur" has no output "MASK"
    model=sdxl,
    sampler="eulr",  # E: CP403 "eulr" is not among the values
    denoise=0.5,
)
p.save(prefix=f"out/{image}")  # E: CP212 "${image}" is a file
p.save(prefix=f"out/{loaded}")  # E: CP211 "${load}" names no input
p.save(from_="hand")  # E: CP211 nothing before this stage is named "hand"
p.save(prefix="a\base")  # E: CP104 this text holds the control character U+0008
p.save(prefix="a\ud800")  # E: CP104 this text holds half a character
p.upscale(by=float("inf"))  # E: CP104 "inf" is not a finite number & CP204 "by"
