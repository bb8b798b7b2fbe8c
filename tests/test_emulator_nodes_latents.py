"""What the emulator's latents, sounds and texts are: what fits what, what is refused, what comes back from a file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.families import family_of
from emulator_client import Client, failure, picture, sampling_prompt

MSE = "vae-ft-mse-840000-ema-pruned.safetensors"
SD15, FLUX = "sd15_tiny.safetensors", "flux1-tiny-1x0_fp8_scaled.safetensors"


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    client = Client(emulator.url)
    client.upload(picture(), overwrite="true")
    yield client
    client.http.close()


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def sampled(empty: str, model: str, vae: str, **changes: Any) -> dict[str, Any]:
    """An empty latent sampled by a diffusion model of its own file."""
    prompt = sampling_prompt(denoise=1.0, model=["m", 0], **changes)
    prompt["1"]["inputs"]["ckpt_name"] = "any.safetensors"
    prompt["m"] = node("UNETLoader", unet_name=model, weight_dtype="default")
    prompt["v"] = node("VAELoader", vae_name=vae)
    prompt["5"] = node(empty, width=64, height=64, batch_size=1)
    prompt["7"]["inputs"]["vae"] = ["v", 0]
    return prompt


def decoded(empty: str, checkpoint: str, vae: str) -> dict[str, Any]:
    """An empty latent added to itself and decoded: nobody has looked at its channels."""
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name=checkpoint),
        "2": node("VAELoader", vae_name=vae),
        "4": node(empty, width=64, height=64, batch_size=1),
        "5": node("LatentAdd", samples1=["4", 0], samples2=["4", 0]),
        "6": node("VAEDecode", samples=["5", 0], vae=["2", 0] if vae else ["1", 2]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="x"),
    }


def works(client: Client, prompt: dict[str, Any]) -> bool:
    return bool(client.run(prompt)["status"]["status_str"] == "success")


# --- what fits what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("empty", "vae", "weight", "given", "wanted"),
    [
        ("EmptySD3LatentImage", "", "[4, 4, 1, 1]", 16, 4),
        ("EmptyLatentImage", "ae.safetensors", "[512, 16, 3, 3]", 4, 16),
    ],
)
def test_a_latent_of_another_family_is_not_decoded(
    client: Client, empty: str, vae: str, weight: str, given: int, wanted: int
) -> None:
    """In the words that a real server was heard to say."""
    told = failure(client.run(decoded(empty, SD15, vae)))
    layer = f"Given groups=1, weight of size {weight}, expected input[1, {given}, 8, 8]"
    assert told["exception_message"] == f"{layer} to have {wanted} channels, but got {given} channels instead\n"
    assert (told["exception_type"], told["node_id"]) == ("RuntimeError", "6")


def test_a_text_of_another_family_is_not_sampled_by(client: Client) -> None:
    prompt = sampled("EmptySD3LatentImage", FLUX, "ae.safetensors", cfg=1.0)
    prompt["1"]["inputs"]["ckpt_name"] = SD15
    told = failure(client.run(prompt))
    assert told["exception_message"] == "mat1 and mat2 shapes cannot be multiplied (77x768 and 4096x3072)\n"
    assert (told["exception_type"], told["node_type"]) == ("RuntimeError", "KSampler")


@pytest.mark.parametrize("empty", ["EmptyLatentImage", "EmptySD3LatentImage"])
@pytest.mark.parametrize(("model", "vae"), [(FLUX, "ae.safetensors"), (SD15, MSE)])
def test_a_sampler_repairs_an_empty_latent(client: Client, empty: str, model: str, vae: str) -> None:
    assert works(client, sampled(empty, model, vae))


def test_a_latent_that_is_not_empty_is_not_repaired(client: Client) -> None:
    prompt = sampled("EmptyLatentImage", FLUX, "ae.safetensors")
    prompt["e"] = node("VAEEncode", pixels=["4", 0], vae=["s", 0])
    prompt["s"] = node("VAELoader", vae_name="sdxl_vae.safetensors")
    prompt["6"]["inputs"]["latent_image"] = ["e", 0]
    told = failure(client.run(prompt))
    assert told["exception_message"] == "mat1 and mat2 shapes cannot be multiplied (24x16 and 64x3072)\n"


@pytest.mark.parametrize(
    "name",
    [
        "any.safetensors", "my_sdxl_merge.safetensors", "fluxed_up_v3.safetensors", "flux2-vae.safetensors",
        "checkpoints/ae2.safetensors", "wan_vae.safetensors", "sdxl-to-flux.safetensors", "xae.safetensors",
    ],
)  # fmt: skip
def test_a_name_that_leaves_it_open_fits_everything(client: Client, name: str) -> None:
    assert family_of("vae", name) is None
    assert family_of("diffusion_model", name) is None
    assert works(client, decoded("EmptySD3LatentImage", name, name))
    assert works(client, decoded("EmptyLatentImage", name, name))


def test_what_a_stand_in_hands_on_fits_everything(client: Client) -> None:
    """Nobody knows what a node nobody knows does: it may repair a latent, or give the second of two models."""
    prompt = sampled("EmptyLatentImage", FLUX, "ae.safetensors")
    prompt["1"]["inputs"]["ckpt_name"] = SD15
    prompt["o"] = node("UNETLoader", unet_name="v1-5-pruned.safetensors", weight_dtype="default")
    prompt["mm"] = node("ModelMergeSimple", model1=["o", 0], model2=["m", 0], ratio=0.0)
    prompt["g"] = node("DualCFGGuider", model=["mm", 0], cond1=["2", 0], cond2=["2", 0], negative=["3", 0],
                       cfg_conds=1.0, cfg_cond2_negative=1.0, style="regular")  # fmt: skip
    prompt["n"] = node("RandomNoise", noise_seed=1)
    prompt["k"] = node("KSamplerSelect", sampler_name="euler")
    prompt["c"] = node("KarrasScheduler", steps=2, sigma_max=14.6, sigma_min=0.03, rho=7.0)
    parts = {"noise": ["n", 0], "guider": ["g", 0], "sampler": ["k", 0], "sigmas": ["c", 0], "latent_image": ["5", 0]}
    prompt["6"] = node("SamplerCustomAdvanced", **parts)
    assert works(client, prompt)


@pytest.mark.parametrize("method", ["LatentBatch", "LatentAdd"])
def test_latents_of_two_families_make_none(client: Client, method: str) -> None:
    prompt = decoded("EmptyLatentImage", SD15, "")
    prompt["s"] = node("EmptySD3LatentImage", width=64, height=64, batch_size=1)
    prompt["5"] = node(method, samples1=["4", 0], samples2=["s", 0])
    assert "size" in failure(client.run(prompt))["exception_message"]


# --- latents ----------------------------------------------------------------------------------------------------------


def latents(**changes: Any) -> dict[str, Any]:
    """Four latents out of nothing, decoded."""
    prompt = sampling_prompt(latent_image=["5", 0], denoise=1.0)
    prompt["5"] = node("EmptyLatentImage", width=64, height=48, batch_size=4)
    for id, changed in changes.items():
        prompt[id] = changed
    return prompt


def pictures(client: Client, prompt: dict[str, Any]) -> list[Any]:
    entry = client.run(prompt)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"][-1]
    files = [client.view(image) for image in entry["outputs"]["8"]["images"]]
    return [np.asarray(Image.open(io.BytesIO(data))).astype(int) for data in files]


def test_one_of_a_batch_is_as_it_is_in_the_batch(client: Client) -> None:
    every = pictures(client, latents())
    assert len(every) == 4
    assert np.abs(every[2] - every[0]).mean() > 5
    third = latents()
    third["5b"] = node("LatentFromBatch", samples=["5", 0], batch_index=2, length=1)
    third["6"]["inputs"]["latent_image"] = ["5b", 0]
    (alone,) = pictures(client, third)
    assert np.array_equal(alone, every[2])


def test_a_batch_may_share_its_noise(client: Client) -> None:
    prompt = latents()
    prompt["5b"] = node("LatentBatchSeedBehavior", samples=["5", 0], seed_behavior="fixed")
    prompt["6"]["inputs"]["latent_image"] = ["5b", 0]
    first, *others = pictures(client, prompt)
    assert [np.array_equal(first, other) for other in others] == [True] * 3


def test_what_is_added_can_be_taken_away(client: Client) -> None:
    prompt = sampling_prompt(denoise=0.0)
    plain = client.pixels(prompt)
    prompt["a"] = node("LatentAdd", samples1=["6", 0], samples2=["6", 0])
    prompt["s"] = node("LatentSubtract", samples1=["a", 0], samples2=["6", 0])
    prompt["7"]["inputs"]["samples"] = ["s", 0]
    assert np.abs(client.pixels(prompt).astype(int) - plain).max() <= 1
    prompt["7"]["inputs"]["samples"] = ["a", 0]
    brighter = client.pixels(prompt).astype(int)
    assert np.abs(brighter - np.clip(plain.astype(int) * 2 - 127.5, 0, 255)).max() <= 1


def test_a_latent_comes_back_from_its_file(client: Client) -> None:
    prompt = sampling_prompt(denoise=0.5)
    prompt["k"] = node("SaveLatent", samples=["6", 0], filename_prefix="latents/kept")
    entry = client.run(prompt)
    file = entry["outputs"]["k"]["latents"][0]
    assert (file["filename"], file["subfolder"], file["type"]) == ("kept_00001_.latent", "latents", "output")
    client.upload(client.view(file), name="kept.latent", overwrite="true")
    loaded = {**prompt, "6": node("LoadLatent", latent="kept.latent")}
    with_sampler, with_file = client.pixels(prompt), client.pixels(loaded)
    assert np.abs(with_file.astype(int) - with_sampler).max() <= 1


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 64, b"\x02\x00\x00\x00\x00\x00\x00\x00{}", b"\x04" + b"\0" * 7 + b"[[]]"]
)
def test_what_is_no_latent_is_refused(client: Client, data: bytes) -> None:
    client.upload(data, name="bad.latent", overwrite="true")
    prompt = {"1": node("LoadLatent", latent="bad.latent"), "2": node("PreviewAny", source=["1", 0])}
    assert failure(client.run(prompt))["node_id"] == "1"


# --- bounds -----------------------------------------------------------------------------------------------------------


def previewed(**nodes: dict[str, Any]) -> dict[str, Any]:
    return {**nodes, "last": node("PreviewAny", source=[list(nodes)[-1], 0])}


def doubled(times: int) -> dict[str, Any]:
    """A text that is twice as long with each node."""
    nodes = {"n0": node("PrimitiveString", value="x" * 1000)}
    for n in range(times):
        nodes[f"n{n + 1}"] = node("StringConcatenate", string_a=[f"n{n}", 0], string_b=[f"n{n}", 0], delimiter="")
    return previewed(**nodes)


PATTERN = {"case_insensitive": False, "multiline": False, "dotall": False}


@pytest.mark.parametrize(
    "prompt",
    [
        doubled(20),
        previewed(a=node("StringReplace", string="a" * 10_000, find="a", replace="b" * 10_000)),
        previewed(a=node("RegexReplace", string="a" * 10_000, regex_pattern="", replace="b" * 10_000, **PATTERN)),
        previewed(a=node("RegexMatch", string="a" * 40, regex_pattern="(a+)+b", **PATTERN)),
        previewed(a=node("EmptyAudio", duration=1e15, sample_rate=44100, channels=2)),
        previewed(a=node("EmptyLatentAudio", seconds=1000.0, batch_size=4096)),
    ],
    ids=["doubled", "replaced", "pattern replaced", "pattern", "sound", "latent of sound"],
)
def test_what_would_take_too_much_is_refused(client: Client, prompt: dict[str, Any]) -> None:
    told = failure(client.run(prompt))
    assert told["exception_type"].split(".")[-1] in ("TooLarge", "TimeoutError")
    assert works(client, previewed(a=node("StringLength", string="it lives")))


def test_a_decoded_sound_is_as_long_as_its_latent(client: Client) -> None:
    prompt = {
        "v": node("VAELoader", vae_name="any.safetensors"),
        "e": node("EmptyLatentAudio", seconds=2.0, batch_size=1),
        "d": node("VAEDecodeAudio", samples=["e", 0], vae=["v", 0]),
        "t": node("TrimAudioDuration", audio=["d", 0], start_index=1.0, duration=0.5),
        "s": node("SaveAudio", audio=["t", 0], filename_prefix="audio/ComfyUI"),
    }
    entry = client.run(prompt)
    assert entry["status"]["status_str"] == "success"
    assert entry["outputs"]["s"]["audio"][0]["filename"] == "ComfyUI_00001_.flac"
