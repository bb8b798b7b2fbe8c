"""Each mistake is shown at the argument that it was made in."""

from comfyproof import Pipeline

p = Pipeline(
    "fields",
    taregt={"gpu": "rtx-3090"},  # E: CP201 unknown field "taregt"
    target={
        "gpu": "rtx-3090",
        "vrma": "24 GiB",  # E: CP201 unknown field "vrma"
    },
)
sdxl = p.model("sdxl", checkpoint="sd_xl_base_1.0.safetensors", vea="x")  # E: CP201 unknown field "vea"
seed = p.input("seed", type="sede")  # E: CP205 "type"
p.model("nothing")  # E: CP202 "nothing" does not say what kind of model it is
p.generate(model=sdxl, stpes=3, sampler="euler")  # E: CP201 unknown field "stpes"
half = sdxl.at(0.5)  # E: CP212 "sdxl" is a checkpoint
p.refine(  # E: CP202 "refine" needs "denoise"
    model=sdxl,
    cfg=500,  # E: CP204 "cfg"
    positive=3,  # E: CP203 "positive"
    loras=[
        half,
        {"use": "sdxl", "strnegth": 3},  # E: CP201 unknown field "strnegth" & CP212 "sdxl" is a checkpoint
    ],
)
p.sharpen(amount=3)  # E: CP215 there is no stage "sharpen"
p.verify(
    size="large",  # E: CP205 "size"
    ssim={
        "min": 2,  # E: CP204 "min"
        "to": "photo.png",  # E: CP205 "to"
    },
)
p.variant(
    "fast",
    {
        "generate.steps": 4,
        "genreate.steps": 4,  # E: CP206 "genreate.steps" leads nowhere
    },
)
p.variant("fast", {})  # E: CP103 "fast" stands here a second time
