"""A video from a prompt: Wan 2.2's two experts, each with its own few-step LoRA."""

from comfyproof import Pipeline

p = Pipeline("text_to_video")

prompt = p.input("prompt", type="text", default="a bee lands on a purple aster, macro, shallow focus")
seed = p.input("seed", type="seed", default=12)

wan = p.model(
    "wan",
    experts={
        "high": "wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors",
        "low": "wan2.2_t2v_low_noise_14B_fp8_scaled.safetensors",
        "switch": 2,
    },
    text_encoders=["umt5_xxl_fp8_e4m3fn_scaled.safetensors"],
    vae="wan_2.1_vae.safetensors",
)
fast_high = p.model("fast-high", lora="wan2.2_t2v_lightx2v_4steps_lora_v1.1_high_noise.safetensors")
fast_low = p.model("fast-low", lora="wan2.2_t2v_lightx2v_4steps_lora_v1.1_low_noise.safetensors")

p.generate(
    model=wan,
    loras=[fast_high.at(expert="high"), fast_low.at(expert="low")],
    size="640x640",
    frames=81,
    fps=16,
    positive=prompt,
    steps=4,
    cfg=1,
    shift=5,
    sampler="euler",
    scheduler="simple",
    seed=seed,
)
p.save(prefix="video/bee")
