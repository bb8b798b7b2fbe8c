"""A pipeline that several files write."""

from shared_polish import polish, started

p, sdxl = started("modules")
p.generate(model=sdxl, steps=0)  # E: CP204 "steps"
done = polish(p, sdxl, denoise=0.3)
p.preview(form=done)  # E: CP201 unknown field "form"
