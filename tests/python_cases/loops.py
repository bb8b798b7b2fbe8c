"""Stages that one line makes, and settings that several share."""

from comfyproof import Pipeline

p = Pipeline("loops")
sdxl = p.model("sdxl", checkpoint="sd_xl_base_1.0.safetensors")
shared = {
    "model": sdxl,
    "scheduler": "karrsa",  # E: CP403 "karrsa" is not among the values
}
grown = dict(  # noqa: C408
    model=sdxl,
    tiel=512,  # E: CP201 unknown field "tiel"
)
changed = {"model": sdxl, "cfg": 4}
changed["cfg"] = 400

p.generate(**{"model": sdxl, "stpes": 20})  # E: CP201 unknown field "stpes"
for n, denoise in enumerate((0.4, 7, 0.2)):
    p.refine(as_=f"pass_{n}", denoise=denoise, **shared)  # E: CP204 "denoise"
p.refine(denoise=0.1, **{**shared, "scheduler": "karras", "sampler": "eulr"})  # E: CP403 "eulr"
p.refine(denoise=0.1, **grown)
p.refine(denoise=0.1, **changed)  # E: CP204 "cfg"
[p.save(prefix=f"{name}") for name in ("a", "/b")]  # E: CP205 "prefix"
(
    p
    .refine(
        model=sdxl,
        denoise=-1,  # E: CP204 "denoise"
    )
)  # fmt: skip
