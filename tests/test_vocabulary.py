"""What the fields of stages become: control, masks, references, videos, experts, and each family's own nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.driver import compile_spec
from comfyproof.formats.api import to_api
from comfyproof.graph import Link
from comfyproof.lower import lower
from comfyproof.spec.pipeline import Changes
from conftest import ROOT

HEAD = f"""comfyproof: 1
inputs:
  image: {{type: image, default: {ROOT / "specs/photograph.jpg"}}}
  last: {{type: image, default: {ROOT / "specs/mask.png"}}}
  mask: {{type: mask, default: {ROOT / "specs/mask.png"}}}
  clip: {{type: video, default: {ROOT / "specs/photograph.jpg"}}}
models:
  sd15: {{checkpoint: v1-5-pruned-emaonly-fp16.safetensors}}
  sdxl: {{checkpoint: sd_xl_base_1.0.safetensors}}
  painter: {{checkpoint: sd_xl_inpainting_0.1.safetensors}}
  flux: {{diffusion_model: flux1-dev.safetensors, text_encoders: [clip_l.safetensors, t5.safetensors], vae: ae.sft}}
  schnell: {{checkpoint: flux1-schnell-fp8.safetensors}}
  chroma: {{diffusion_model: chroma-unlocked.safetensors, text_encoders: [t5.safetensors], vae: ae.sft}}
  qwen: {{diffusion_model: qwen_image_fp8.safetensors, text_encoders: [qwen_vl.safetensors], vae: qwen_vae.safetensors}}
  wan: {{diffusion_model: wan2.1_t2v_1.3B.safetensors, text_encoders: [umt5.safetensors], vae: wan_vae.safetensors,
        clip_vision: clip_vision_h.safetensors}}
  small: {{diffusion_model: wan2.2_ti2v_5B.safetensors, text_encoders: [umt5.safetensors], vae: wan2.2_vae.safetensors}}
  pair: {{experts: {{high: wan_high.safetensors, low: wan_low.safetensors}}, text_encoders: [umt5.sft], vae: w.sft}}
  style: {{lora: style.safetensors}}
  canny: {{controlnet: canny.safetensors}}
  union: {{controlnet: union.safetensors}}
"""

Prompt = dict[str, Any]


def prompt_of(folder: Path, stages: str) -> Prompt:
    (folder / "spec.yaml").write_text(HEAD + stages)
    compiled = compile_spec(folder / "spec.yaml", built_in(), Changes({}))
    assert compiled.program is not None, compiled.findings
    return to_api(compiled.program.graph)


def only(prompt: Prompt, kind: str) -> Prompt:
    (inputs,) = [node["inputs"] for node in prompt.values() if node["class_type"] == kind]
    return inputs


def behind(prompt: Prompt, inputs: Prompt, *names: str) -> list[str]:
    """The classes along inputs of these names, from a node on."""
    way = []
    for name in names:
        node = prompt[inputs[name][0]]
        way.append(node["class_type"])
        inputs = node["inputs"]
    return way


def classes(prompt: Prompt) -> list[str]:
    return [node["class_type"] for node in prompt.values()]


FAMILIES = [
    ("sd15", "EmptyLatentImage", [], None),
    ("sdxl", "EmptyLatentImage", [], None),
    ("flux", "EmptySD3LatentImage", ["DualCLIPLoader"], "flux"),
    ("schnell", "EmptySD3LatentImage", [], None),
    ("chroma", "EmptySD3LatentImage", ["T5TokenizerOptions", "CLIPLoader"], "chroma"),
    ("qwen", "EmptySD3LatentImage", ["CLIPLoader"], "qwen_image"),
    ("wan", "EmptyHunyuanLatentVideo", ["CLIPLoader"], "wan"),
    ("small", "Wan22ImageToVideoLatent", ["CLIPLoader"], "wan"),
]


@pytest.mark.parametrize(("model", "latent", "encoders", "type"), FAMILIES, ids=[f[0] for f in FAMILIES])
def test_a_family_s_own_nodes(tmp_path: Path, model: str, latent: str, encoders: list[str], type: str | None) -> None:
    prompt = prompt_of(tmp_path, f"stages: [{{generate: {{model: {model}, positive: a bee}}}}, save]")
    sampler = only(prompt, "KSampler")
    assert behind(prompt, sampler, "latent_image") == [latent]
    text = next(node for node in prompt.values() if node["inputs"].get("text") == "a bee")
    if encoders:
        assert behind(prompt, text["inputs"], *["clip"] * len(encoders)) == encoders
        assert only(prompt, encoders[-1])["type"] == type
    else:
        assert behind(prompt, text["inputs"], "clip") == ["CheckpointLoaderSimple"]


@pytest.mark.parametrize(
    ("settings", "node", "inputs"),
    [
        ("model: qwen", "ModelSamplingAuraFlow", {"shift": 3.1}),
        ("model: chroma, shift: 2", "ModelSamplingAuraFlow", {"shift": 2.0}),
        ("model: wan", "ModelSamplingSD3", {"shift": 8.0}),
        ("model: flux, shift: 3", "ModelSamplingFlux", {"max_shift": 3.0, "base_shift": 3.0}),
        ("model: sd15, clip_skip: 2", "CLIPSetLastLayer", {"stop_at_clip_layer": -2}),
        ("model: flux, guidance: 4", "FluxGuidance", {"guidance": 4.0}),
    ],
)
def test_what_is_set_on_a_model(tmp_path: Path, settings: str, node: str, inputs: Prompt) -> None:
    found = only(prompt_of(tmp_path, f"stages: [{{generate: {{{settings}}}}}, save]"), node)
    assert found.items() >= inputs.items()


def test_a_flow_model_s_own_shift_is_left_alone(tmp_path: Path) -> None:
    assert "ModelSamplingFlux" not in classes(prompt_of(tmp_path, "stages: [{generate: {model: flux}}, save]"))


def test_control_applies_to_both_prompts_in_turn(tmp_path: Path) -> None:
    prompt = prompt_of(
        tmp_path,
        """stages:
  - generate:
      model: sdxl
      control:
        - {use: canny, image: $image, preprocess: canny, strength: 0.8, after: 0.1, until: 0.9}
        - {use: union, image: $image, preprocess: {ImageBlur: {blur_radius: 7}}, union: tile}
  - save
""",
    )
    sampler = only(prompt, "KSampler")
    second = prompt[sampler["positive"][0]]
    assert sampler["negative"] == [sampler["positive"][0], 1]
    assert behind(prompt, second["inputs"], "control_net", "control_net") == [
        "SetUnionControlNetType", "ControlNetLoader",
    ]  # fmt: skip
    assert behind(prompt, second["inputs"], "image", "image") == ["ImageBlur", "LoadImage"]
    first = prompt[second["inputs"]["positive"][0]]
    assert second["inputs"]["negative"] == [second["inputs"]["positive"][0], 1]
    assert behind(prompt, first["inputs"], "image", "image") == ["Canny", "LoadImage"]
    strengths = {key: first["inputs"][key] for key in ("strength", "start_percent", "end_percent")}
    assert strengths == {"strength": 0.8, "start_percent": 0.1, "end_percent": 0.9}
    assert "vae" not in first["inputs"]
    assert only(prompt, "ImageBlur")["blur_radius"] == 7
    assert classes(prompt).count("LoadImage") == 1


def test_control_takes_the_picture_that_flows_in_and_a_vae_where_it_works_on_latents(tmp_path: Path) -> None:
    stages = "stages: [{load: {image: $image}}, {refine: {model: flux, denoise: 0.5, control: [{use: union}]}}, save]"
    prompt = prompt_of(tmp_path, stages)
    apply = only(prompt, "ControlNetApplyAdvanced")
    assert behind(prompt, apply, "image") == ["LoadImage"]
    assert behind(prompt, apply, "vae") == ["VAELoader"]


def test_control_by_what_a_stage_gives(tmp_path: Path) -> None:
    stages = """stages:
  - generate: {as: sketch, model: sd15}
  - generate: {model: sdxl, control: [{use: canny, image: $sketch}]}
  - save
"""
    prompt = prompt_of(tmp_path, stages)
    way = behind(prompt, only(prompt, "ControlNetApplyAdvanced"), "image", "samples", "latent_image")
    assert way == ["VAEDecode", "KSampler", "EmptyLatentImage"]


def test_a_mask_is_laid_over_the_latent(tmp_path: Path) -> None:
    stages = "stages: [{load: {image: $image}}, {refine: {model: sdxl, denoise: 0.8, mask: $mask, grow: 9}}, save]"
    prompt = prompt_of(tmp_path, stages)
    masked = only(prompt, "SetLatentNoiseMask")
    assert behind(prompt, only(prompt, "KSampler"), "latent_image") == ["SetLatentNoiseMask"]
    assert behind(prompt, masked, "samples", "pixels") == ["VAEEncode", "LoadImage"]
    assert behind(prompt, masked, "mask", "mask") == ["GrowMask", "LoadImageMask"]
    assert only(prompt, "GrowMask")["expand"] == 9
    assert only(prompt, "LoadImageMask")["channel"] == "red"


def test_an_output_is_a_mask_too(tmp_path: Path) -> None:
    stages = "stages: [{load: {image: $image}}, {refine: {model: sdxl, denoise: 0.8, mask: $load.MASK}}, save]"
    masked = only(prompt_of(tmp_path, stages), "SetLatentNoiseMask")
    assert masked["mask"][1] == 1


def test_a_model_for_inpainting_is_given_picture_and_mask(tmp_path: Path) -> None:
    stages = "stages: [{load: {image: $image}}, {refine: {model: painter, denoise: 1, mask: $mask}}, save]"
    prompt = prompt_of(tmp_path, stages)
    sampler = only(prompt, "KSampler")
    id = next(id for id, node in prompt.items() if node["class_type"] == "InpaintModelConditioning")
    assert [sampler[name] for name in ("positive", "negative", "latent_image")] == [[id, 0], [id, 1], [id, 2]]
    assert "SetLatentNoiseMask" not in classes(prompt)


def test_a_feathered_mask_is_softened_and_the_model_told(tmp_path: Path) -> None:
    stages = "stages: [{load: {image: $image}}, {refine: {model: sdxl, denoise: 0.8, mask: $mask, feather: 12}}, save]"
    prompt = prompt_of(tmp_path, stages)
    assert behind(prompt, only(prompt, "KSampler"), "model") == ["DifferentialDiffusion"]
    way = behind(prompt, only(prompt, "SetLatentNoiseMask"), "mask", "image", "image", "mask")
    assert way == ["ImageToMask", "ImageBlur", "MaskToImage", "LoadImageMask"]


def test_what_lies_outside_a_mask_can_be_pasted_back(tmp_path: Path) -> None:
    stages = "stages: [{load: {image: $image}}, {refine: {model: sdxl, denoise: 0.8, mask: $mask, paste: true}}, save]"
    prompt = prompt_of(tmp_path, stages)
    paste = only(prompt, "ImageCompositeMasked")
    assert behind(prompt, only(prompt, "SaveImage"), "images") == ["ImageCompositeMasked"]
    assert behind(prompt, paste, "destination") == ["LoadImage"]
    assert behind(prompt, paste, "source", "samples") == ["VAEDecode", "KSampler"]


def test_a_mask_does_not_hold_for_the_stages_behind_it(tmp_path: Path) -> None:
    """A latent keeps its mask through samplers: without a new one the second stage would keep to it."""
    stages = """stages:
  - load: {image: $image}
  - refine: {as: hands, model: sdxl, denoise: 0.8, mask: $mask}
  - refine: {as: all, like: hands, denoise: 0.2}
  - save
"""
    prompt = prompt_of(tmp_path, stages)
    samplers = [node["inputs"] for node in prompt.values() if node["class_type"] == "KSampler"]
    whole = prompt[samplers[1]["latent_image"][0]]
    assert whole["class_type"] == "SetLatentNoiseMask"
    assert behind(prompt, whole["inputs"], "mask") == ["SolidMask"]
    assert behind(prompt, whole["inputs"], "samples") == ["KSampler"]


def test_a_new_mask_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    second = "{refine: {as: two, model: sdxl, denoise: 0.3, mask: $mask}}"
    stages = f"stages: [{{load: {{image: $image}}}}, {second.replace('two', 'one')}, {second}, save]"
    assert "SolidMask" not in classes(prompt_of(tmp_path, stages))


def test_a_mask_is_lifted_behind_an_enlarged_latent_too(tmp_path: Path) -> None:
    masked = "{refine: {as: one, model: sdxl, denoise: 0.8, mask: $mask}}, {upscale: {method: latent, by: 1.5}}"
    stages = f"stages: [{{load: {{image: $image}}}}, {masked}, {{refine: {{model: sdxl, denoise: 0.4}}}}, save]"
    assert classes(prompt_of(tmp_path, stages)).count("SolidMask") == 1


def test_a_video_refined_under_a_mask_stays_one(tmp_path: Path) -> None:
    for paste in ("", ", paste: true"):
        refine = f"{{refine: {{model: wan, denoise: 0.5, mask: $mask{paste}}}}}"
        assert "SaveVideo" in classes(prompt_of(tmp_path, f"stages: [{{load: {{video: $clip}}}}, {refine}, save]"))


def test_references_are_looked_at_as_each_family_does(tmp_path: Path) -> None:
    kontext = prompt_of(
        tmp_path, "stages: [{generate: {model: flux, references: [$image, $last], guidance: 2.5}}, save]"
    )
    way = behind(kontext, only(kontext, "KSampler"), "positive", "conditioning", "conditioning", "conditioning")
    assert way == ["FluxGuidance", "ReferenceLatent", "ReferenceLatent", "CLIPTextEncode"]
    assert behind(kontext, only(kontext, "KSampler"), "negative") == ["CLIPTextEncode"]
    one = prompt_of(tmp_path, "stages: [{generate: {model: qwen, references: [$image], positive: x}}, save]")
    assert behind(one, only(one, "KSampler"), "positive", "image") == ["TextEncodeQwenImageEdit", "LoadImage"]
    two = prompt_of(tmp_path, "stages: [{generate: {model: qwen, references: [$image, $last], positive: x}}, save]")
    positive = two[only(two, "KSampler")["positive"][0]]
    assert positive["class_type"] == "TextEncodeQwenImageEditPlus"
    assert positive["inputs"]["image1"] != positive["inputs"]["image2"]


def test_a_video_is_saved_as_one(tmp_path: Path) -> None:
    prompt = prompt_of(tmp_path, "stages: [{generate: {model: wan, frames: 33, fps: 12}}, {save: {prefix: v}}]")
    assert only(prompt, "EmptyHunyuanLatentVideo")["length"] == 33
    assert only(prompt, "CreateVideo")["fps"] == 12.0
    assert only(prompt, "SaveVideo").items() >= {"filename_prefix": "v", "format": "mp4", "codec": "h264"}.items()


@pytest.mark.parametrize(
    ("form", "node"), [("webm", "SaveWEBM"), ("webp", "SaveAnimatedWEBP"), ("png", "SaveImage"), ("mp4", "SaveVideo")]
)
def test_the_formats_of_videos(tmp_path: Path, form: str, node: str) -> None:
    prompt = prompt_of(tmp_path, f"stages: [{{generate: {{model: wan}}}}, {{save: {{format: {form}}}}}]")
    assert classes(prompt)[-1] == node


def test_one_frame_is_a_picture(tmp_path: Path) -> None:
    prompt = prompt_of(tmp_path, "stages: [{generate: {model: wan, frames: 1}}, save]")
    assert "SaveImage" in classes(prompt)
    assert "CreateVideo" not in classes(prompt)


def test_a_video_that_is_loaded_keeps_its_speed_and_sound(tmp_path: Path) -> None:
    prompt = prompt_of(tmp_path, "stages: [{load: {video: $clip}}, {resize: {by: 0.5}}, save]")
    video = only(prompt, "CreateVideo")
    parts = next(id for id, node in prompt.items() if node["class_type"] == "GetVideoComponents")
    assert (video["fps"], video["audio"]) == ([parts, 2], [parts, 1])
    assert behind(prompt, video, "images", "image") == ["ImageScaleBy", "GetVideoComponents"]


def test_a_video_begins_and_ends_with_pictures(tmp_path: Path) -> None:
    first = prompt_of(tmp_path, "stages: [{generate: {model: wan, start: $image}}, save]")
    id = next(id for id, node in first.items() if node["class_type"] == "WanImageToVideo")
    sampler = only(first, "KSampler")
    assert [sampler[name] for name in ("positive", "negative", "latent_image")] == [[id, 0], [id, 1], [id, 2]]
    assert behind(first, first[id]["inputs"], "clip_vision_output", "clip_vision") == [
        "CLIPVisionEncode", "CLIPVisionLoader",
    ]  # fmt: skip
    both = only(
        prompt_of(tmp_path, "stages: [{generate: {model: wan, start: $image, end: $last}}, save]"),
        "WanFirstLastFrameToVideo",
    )
    assert {"start_image", "end_image", "clip_vision_start_image", "clip_vision_end_image"} <= both.keys()
    small = only(
        prompt_of(tmp_path, "stages: [{generate: {model: small, start: $image}}, save]"), "Wan22ImageToVideoLatent"
    )
    assert "start_image" in small


def samplers(prompt: Prompt) -> list[tuple[Any, ...]]:
    keys = ("add_noise", "start_at_step", "end_at_step", "return_with_leftover_noise", "steps")
    return [
        (prompt[node["inputs"]["model"][0]]["class_type"], *(node["inputs"][key] for key in keys))
        for node in prompt.values()
        if node["class_type"] == "KSamplerAdvanced"
    ]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        # shift 8: after 11 of 20 steps the level is 8 * 0.45 / (1 + 7 * 0.45) = 0.867, below 0.875
        ("steps: 20, sampler: euler", [(True, 0, 11), (False, 11, 20)]),
        # uni_pc makes a schedule of 21 steps and leaves one out near its end: 12 of 21 is 0.857
        ("steps: 20, sampler: uni_pc", [(True, 0, 12), (False, 12, 20)]),
        ("steps: 20, sampler: euler, shift: 1", [(True, 0, 3), (False, 3, 20)]),
        ("steps: 20, sampler: euler, scheduler: sgm_uniform, shift: 3", [(True, 0, 7), (False, 7, 20)]),
    ],
)
def test_experts_share_the_steps_by_noise_level(tmp_path: Path, settings: str, wanted: list[Any]) -> None:
    prompt = prompt_of(tmp_path, f"stages: [{{generate: {{model: pair, {settings}}}}}, save]")
    found = [(noise == "enable", start, end) for _, noise, start, end, _, _ in samplers(prompt)]
    assert found == wanted
    assert [leftover for *_, leftover, _ in samplers(prompt)] == ["enable", "disable"]


def test_a_refinement_by_experts_begins_late_in_a_longer_schedule(tmp_path: Path) -> None:
    stages = "stages: [{load: {image: $image}}, {refine: {model: pair, steps: 10, denoise: 0.25}}, {save: {}}]"
    assert samplers(prompt_of(tmp_path, stages)) == [("ModelSamplingSD3", "enable", 30, 40, "disable", 40)]


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ("{generate: {model: pair, shift: 0}}", '"shift" is 0'),
        (
            "{generate: {model: pair, loras: [{use: style, clip: 0.5}]}}",
            '"clip" is for LoRAs with text encoder weights',
        ),
        ("{generate: {model: sdxl, control: [{use: canny, image: $image, after: 0.8, until: 0.2}]}}", "which is never"),
        ("{generate: {model: small, start: $image, end: $last}}", "takes no last picture"),
        ("{refine: {model: pair, denoise: 0.0001}}", "are the end of 200,000"),
        ("{refine: {model: sdxl, denoise: 0.5, like: load}}", "samples nothing"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, stages: str, said: str) -> None:
    (tmp_path / "spec.yaml").write_text(f"{HEAD}stages: [{{load: {{image: $image}}}}, {stages}, save]")
    (finding,) = compile_spec(tmp_path / "spec.yaml", built_in(), Changes({})).findings
    assert said in finding.message
    assert finding.help


def test_names_in_a_preprocessor_are_wired(tmp_path: Path) -> None:
    node = "preprocess: {ImageCompositeMasked: {destination: $last, source: $load, mask: $load.MASK, x: 0, y: 0}}"
    control = f"control: [{{use: canny, image: $image, {node}}}]"
    stages = f"stages: [{{load: {{image: $image}}}}, {{generate: {{model: sdxl, {control}}}}}, save]"
    (tmp_path / "spec.yaml").write_text(HEAD + stages)
    program = compile_spec(tmp_path / "spec.yaml", built_in(), Changes({})).spec
    assert program is not None
    lowered = lower(program, built_in(), [])
    composite = next(node for node in lowered.nodes.values() if node.type == "ImageCompositeMasked")
    assert isinstance(composite.inputs["mask"], Link)
    assert composite.inputs["mask"].output == 1
    assert lowered.nodes[composite.inputs["destination"].node].type == "LoadImage"  # type: ignore[union-attr]


def test_loras_go_to_the_expert_they_are_for(tmp_path: Path) -> None:
    stages = (
        "stages: [{generate: {model: pair, loras: [{use: style, expert: high}, {use: style, strength: 0.5}]}}, save]"
    )
    prompt = prompt_of(tmp_path, stages)
    high, low = [node["inputs"] for node in prompt.values() if node["class_type"] == "KSamplerAdvanced"]
    lora = "LoraLoaderModelOnly"
    assert behind(prompt, high, "model", "model", "model", "model") == ["ModelSamplingSD3", lora, lora, "UNETLoader"]
    assert behind(prompt, low, "model", "model", "model") == ["ModelSamplingSD3", lora, "UNETLoader"]


def test_a_lora_used_twice_is_told_from_another_of_a_like_name(tmp_path: Path) -> None:
    head = HEAD.replace("  style:", "  style_2: {lora: second.safetensors}\n  style:")
    (tmp_path / "spec.yaml").write_text(
        head + "stages: [{generate: {model: sdxl, loras: [style, style_2, style]}}, save]"
    )
    program = compile_spec(tmp_path / "spec.yaml", built_in(), Changes({})).program
    assert program is not None
    assert classes(to_api(program.graph)).count("LoraLoader") == 3


def test_denoise_0_leaves_a_latent_alone(tmp_path: Path) -> None:
    stages = "stages: [{load: {image: $image}}, {refine: {model: pair, steps: 10, denoise: 0}}, save]"
    assert samplers(prompt_of(tmp_path, stages)) == []


def test_a_latent_is_one_by_whatever_name_it_is_taken(tmp_path: Path) -> None:
    stages = "stages: [{generate: {as: g, model: sdxl}}, {refine: {model: sdxl, denoise: 0.4, from: g.LATENT}}, save]"
    assert "VAEEncode" not in classes(prompt_of(tmp_path, stages))


def test_experts_can_be_wired_by_name(tmp_path: Path) -> None:
    nodes = "stages: [{generate: {model: pair}}, save]\nnodes: {s: {ModelSave: {model: $pair.low, filename_prefix: x}}}"
    prompt = prompt_of(tmp_path, nodes)
    assert behind(prompt, only(prompt, "ModelSave"), "model") == ["UNETLoader"]
    assert prompt[only(prompt, "ModelSave")["model"][0]]["inputs"]["unet_name"] == "wan_low.safetensors"
