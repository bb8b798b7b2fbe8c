"""Loops and functions, without a mistake."""

from comfyproof import Pipeline

p = Pipeline("good_functions")
sdxl = p.model("sdxl", checkpoint="sd_xl_base_1.0.safetensors")
prompt = p.input("prompt", type="text", default="a bee")
seed = p.input("seed", type="seed", default=1)


def passes(*strengths):
    """Refines again and again, saving each time."""
    for n, denoise in enumerate(strengths):
        p.refine(model=sdxl, positive=f"{prompt}, pass {n}", denoise=denoise, seed=seed)
        p.save(prefix=f"pass_{n}")


p.generate(model=sdxl, positive=prompt, seed=seed)
passes(0.5, 0.3)
