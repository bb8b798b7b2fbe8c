"""What several pipelines do at their end."""

from comfyproof import Pipeline

STEPS = dict(  # noqa: C408
    steps=4,
    sampler="eulr",  # E: CP403 "eulr" is not among the values
)


def started(name):
    """A pipeline with its model, made in another file than its stages."""
    p = Pipeline(name, target={"gpus": 1})  # E: CP201 unknown field "gpus"
    return p, p.model("sdxl", checkpoint="sd_xl_base_1.0.safetensors")


def polish(p, model, **settings):
    """Refines and saves."""
    done = p.refine(model=model, **STEPS, **settings)
    p.save(from_=done, prefx="polished")  # E: CP201 unknown field "prefx"
    return done
