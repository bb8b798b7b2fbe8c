"""One photograph in several looks, each a row of a table, each at two strengths: six pictures from one spec."""

from comfyproof import Pipeline

p = Pipeline(
    "looks",
    use="../../specs/studio/models.yaml",
    each={"rows": "../../specs/studio/looks.csv"},
    matrix={"refine.denoise": [0.4, 0.6]},
)

image = p.input("image", type="image", default="photograph.jpg")
prompt = p.input("prompt", type="text", default="a bee on a flower")
seed = p.input("seed", type="seed", default=1)

p.load(image=image)
p.refine(
    model="sdxl",
    loras=[{"use": "detail", "strength": 0.6}],
    positive=prompt,
    negative="blurry, low quality",
    steps=30,
    cfg=6,
    denoise=0.5,
    seed=seed,
)
p.save(prefix="look")

p.verify(size="1x image")
