"""The emulator's videos, and the nodes around them: what is written, read, sampled and told to a model."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.pixels_motion import windows
from emulator_client import Client, failure, picture, sampling_prompt


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    """A client of an emulator that has forgotten what it ran and has one picture."""
    client = Client(emulator.url)
    client.post("/free", {"free_memory": True})
    client.upload(picture(), overwrite="true")
    yield client
    client.http.close()


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def frames_prompt(width: int = 64, height: int = 48) -> dict[str, Any]:
    """Three frames: a picture twice, and its negative."""
    return {
        "1": node("LoadImage", image="photo.png"),
        "2": node("ImageScale", image=["1", 0], upscale_method="bilinear", width=width, height=height, crop="disabled"),
        "3": node("RepeatImageBatch", image=["2", 0], amount=2),
        "4": node("ImageInvert", image=["2", 0]),
        "5": node("ImageBatch", image1=["3", 0], image2=["4", 0]),
    }


def mp4_prompt(fps: float = 16.0, prefix: str = "video/clip", **size: int) -> dict[str, Any]:
    return {
        **frames_prompt(**size),
        "6": node("CreateVideo", images=["5", 0], fps=fps),
        "7": node("SaveVideo", video=["6", 0], filename_prefix=prefix, format="mp4", codec="h264"),
    }


def webm_prompt(codec: str, **size: int) -> dict[str, Any]:
    settings = {"filename_prefix": f"clip-{codec}", "codec": codec, "fps": 16.0, "crf": 20.0}
    return {**frames_prompt(**size), "7": node("SaveWEBM", images=["5", 0], **settings)}


def decoded(data: bytes) -> tuple[Any, float, Mapping[str, str]]:
    """The frames of a video as one array, their number a second, and the metadata with keys in small letters."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])
        return frames, float(stream.average_rate), {key.lower(): text for key, text in container.metadata.items()}


def made(client: Client, prompt: Mapping[str, Any], id: str = "7", **more: Any) -> bytes:
    """The file that a node of a prompt saves."""
    entry = client.run(prompt, **more)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"][-1]
    return client.view(entry["outputs"][id]["images"][0])


def shown(seed: int = 1) -> Any:
    with Image.open(io.BytesIO(picture(seed=seed))) as opened:
        return np.asarray(opened).astype(int)


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", [mp4_prompt(), webm_prompt("vp9"), webm_prompt("av1")], ids=["mp4", "vp9", "av1"])
def test_a_saved_video_has_the_frames_that_were_sent(client: Client, prompt: dict[str, Any]) -> None:
    frames, fps, _ = decoded(made(client, prompt))
    assert (frames.shape, fps) == ((3, 48, 64, 3), 16.0)
    expected = [shown(), shown(), 255 - shown()]
    assert max(np.abs(frame - wanted).mean() for frame, wanted in zip(frames, expected, strict=True)) < 12
    assert np.abs(frames[0].astype(int) - frames[2]).mean() > 40


def test_a_client_is_shown_a_video_as_comfyui_shows_it(client: Client) -> None:
    saved = {"filename": "clip_00001_.mp4", "subfolder": "shown", "type": "output"}
    entry = client.run(mp4_prompt(prefix="shown/clip"))
    assert entry["outputs"]["7"] == {"images": [saved], "animated": [True]}
    assert client.get("/view", **saved).headers["Content-Type"] == "video/mp4"


@pytest.mark.parametrize("prompt", [mp4_prompt(), webm_prompt("vp9")], ids=["mp4", "webm"])
def test_a_saved_video_carries_its_prompt(client: Client, prompt: dict[str, Any]) -> None:
    _, _, texts = decoded(made(client, prompt, extra_data={"extra_pnginfo": {"workflow": {"a": "é"}}}))
    embedded = json.loads(texts["prompt"])
    embedded["1"].pop("is_changed")
    assert embedded == prompt
    assert texts["workflow"] == '{"a": "\\u00e9"}'


@pytest.mark.parametrize("fps", [1.0, 23.976, 120.0])
def test_a_video_is_as_fast_as_was_said(client: Client, fps: float) -> None:
    assert decoded(made(client, mp4_prompt(fps)))[1] == pytest.approx(fps, abs=1e-9)


@pytest.mark.parametrize(("width", "height"), [(63, 48), (64, 47)])
def test_h264_takes_no_odd_sides(client: Client, width: int, height: int) -> None:
    """In the words of the real one, which come out of the encoder; VP9 takes them."""
    told = failure(client.run(mp4_prompt(width=width, height=height)))
    assert told["exception_type"] == "av.error.ExternalError"
    assert 'avcodec_open2("libx264", {})' in told["exception_message"]
    assert decoded(made(client, webm_prompt("vp9", width=width, height=height)))[0].shape == (3, height, width, 3)


def loading(file: str = "clip.mp4", format: str = "auto") -> dict[str, Any]:
    return {
        "1": node("LoadVideo", file=file),
        "2": node("GetVideoComponents", video=["1", 0]),
        "3": node("SaveImage", images=["2", 0], filename_prefix="frame"),
        "4": node("PreviewAny", source=["2", 1]),
        "5": node("PreviewAny", source=["2", 2]),
        "6": node("CreateVideo", images=["2", 0], fps=["2", 2], audio=["2", 1]),
        "7": node("SaveVideo", video=["6", 0], filename_prefix="again", format="auto", codec="auto"),
        "8": node("SaveVideo", video=["1", 0], filename_prefix="kept", format=format, codec="auto"),
    }


def test_a_video_goes_in_as_it_came_out(client: Client) -> None:
    data = made(client, mp4_prompt(12.5))
    client.upload(data, "clip.mp4", overwrite="true")
    entry = client.run(loading())
    outputs = entry["outputs"]
    assert (outputs["4"]["text"], outputs["5"]["text"]) == (["None"], ["12.5"])
    frames, fps, _ = decoded(data)
    for saved, frame in zip(outputs["3"]["images"], frames, strict=True):
        with Image.open(io.BytesIO(client.view(saved))) as opened:
            assert np.array_equal(np.asarray(opened), frame)
    again, again_fps, _ = decoded(client.view(outputs["7"]["images"][0]))
    assert (again.shape, again_fps) == (frames.shape, fps)
    kept, _, texts = decoded(client.view(outputs["8"]["images"][0]))
    assert np.array_equal(kept, frames)  # its streams are copied
    assert json.loads(texts["prompt"])["8"] == loading()["8"]
    assert "Video" not in "".join(entry["comfyproof"]["stand_ins"])


def test_a_video_of_another_codec_is_encoded_anew(client: Client) -> None:
    client.upload(made(client, webm_prompt("vp9")), "clip.webm", overwrite="true")
    data = made(client, loading("clip.webm", format="mp4"), "8")
    with av.open(io.BytesIO(data)) as container:
        assert (container.streams.video[0].codec.name, container.format.name[:7]) == ("h264", "mov,mp4")


def sounding(seconds: float = 0.5, rate: int = 8000) -> bytes:
    """Five frames with a tone to them."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        video = container.add_stream("h264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac", rate=rate)
        for level in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * level, np.uint8), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        tone = np.sin(np.arange(int(rate * seconds)) / rate * 2 * np.pi * 440).astype(np.float32)[None] * 0.5
        part = av.AudioFrame.from_ndarray(tone, format="flt", layout="mono")
        part.sample_rate, part.pts = rate, 0
        container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    return stream.getvalue()


def test_sound_goes_in_as_it_came_out(client: Client) -> None:
    client.upload(sounding(), "clip.mp4", overwrite="true")
    with av.open(io.BytesIO(made(client, loading()))) as container:
        sound = container.streams.audio[0]
        wave = np.concatenate([frame.to_ndarray() for frame in container.decode(sound)], axis=1)
        assert (sound.codec.name, sound.rate) == ("aac", 8000)
    spectrum = np.abs(np.fft.rfft(wave[0, :4000]))
    assert abs(int(spectrum.argmax()) * 2 - 440) <= 4  # bins of 2 Hz


def test_a_changed_video_is_read_again(client: Client, emulator: Emulator) -> None:
    client.upload(made(client, mp4_prompt(10.0)), "clip.mp4", overwrite="true")
    before = client.run(loading())
    client.upload(made(client, mp4_prompt(20.0)), "clip.mp4", overwrite="true")
    after = client.run(loading())
    assert (before["outputs"]["5"]["text"], after["outputs"]["5"]["text"]) == (["10.0"], ["20.0"])
    _, _, texts = decoded(client.view(after["outputs"]["8"]["images"][0]))
    changed = json.loads(texts["prompt"])["1"]["is_changed"]
    assert changed == [(emulator.folder / "input" / "clip.mp4").stat().st_mtime]


PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"no video at all", "Invalid data"), (PLAYLIST, "Invalid data"), (b"", "Invalid data")],
)
def test_what_is_no_video_is_refused(client: Client, data: bytes, words: str) -> None:
    client.upload(data, "bad.mp4", overwrite="true")
    told = failure(client.run(loading("bad.mp4")))
    assert told["node_type"] in ("GetVideoComponents", "SaveVideo")
    assert words in told["exception_message"]


def test_a_list_of_files_is_no_video(client: Client) -> None:
    """Whoever writes one would choose which other files are read."""
    client.upload(made(client, mp4_prompt()), "clip.mp4", overwrite="true")
    client.upload(b"ffconcat version 1.0\nfile clip.mp4\n", "bad.mp4", overwrite="true")
    assert "Invalid argument" in failure(client.run(loading("bad.mp4")))["exception_message"]


def test_a_video_of_too_many_frames_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.upload(made(client, mp4_prompt()), "clip.mp4", overwrite="true")
    monkeypatch.setattr("comfyproof.emulator.pixels_video.MAX_PIXELS", 64 * 48 * 2)
    assert "more frames than the emulator holds" in failure(client.run(loading()))["exception_message"]


def test_a_video_that_is_not_there_is_refused_before_it_runs(client: Client) -> None:
    answer = client.post("/prompt", {"prompt": loading("gone.mp4")})
    assert answer.status_code == 400
    assert "Invalid video file: gone.mp4" in answer.text


# --- sampling ---------------------------------------------------------------------------------------------------------


def video_prompt(latent: Mapping[str, Any], vae: str = "any.safetensors", **changes: Any) -> dict[str, Any]:
    """A video out of a latent of its own, its frames saved as pictures."""
    prompt = sampling_prompt(denoise=1.0, **changes)
    prompt["5"] = {**latent}
    prompt["v"] = node("VAELoader", vae_name=vae)
    prompt["7"]["inputs"]["vae"] = ["v", 0]
    return prompt


def empty(length: int, batch: int = 1, width: int = 64, height: int = 48) -> dict[str, Any]:
    return node("EmptyHunyuanLatentVideo", width=width, height=height, length=length, batch_size=batch)


def pictures(client: Client, prompt: Mapping[str, Any], id: str = "8") -> Any:
    """All pictures that a node saves, as one array."""
    entry = client.run(prompt)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"][-1]
    files = [client.view(image) for image in entry["outputs"][id]["images"]]
    return np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files]).astype(int)


@pytest.mark.parametrize(("length", "frames"), [(1, 1), (2, 1), (4, 1), (5, 5), (8, 5), (9, 9), (33, 33)])
def test_a_video_latent_holds_one_frame_and_fours(client: Client, length: int, frames: int) -> None:
    """As Wan's own VAE does it: three latent frames decode to nine."""
    assert pictures(client, video_prompt(empty(length))).shape == (frames, 48, 64, 3)


def test_every_video_of_a_batch_has_its_frames(client: Client) -> None:
    found = pictures(client, video_prompt(empty(5, batch=2)))
    assert len(found) == 10
    assert np.abs(found[0] - found[5]).mean() > 5
    picked = video_prompt(empty(5, batch=2))
    picked["p"] = node("LatentFromBatch", samples=["6", 0], batch_index=1, length=1)
    picked["7"]["inputs"]["samples"] = ["p", 0]
    assert np.array_equal(pictures(client, picked), found[5:])


def test_the_frames_of_a_video_differ_and_follow_from_the_seed(client: Client) -> None:
    prompt = video_prompt(empty(9))
    found = pictures(client, prompt)
    steps = [np.abs(one - other).mean() for one, other in itertools.pairwise(found)]
    assert min(steps) > 0.1
    assert np.abs(found[0] - found[8]).mean() > max(steps)
    client.post("/free", {"free_memory": True})
    assert np.array_equal(found, pictures(client, prompt))
    assert np.abs(found - pictures(client, video_prompt(empty(9), seed=2))).mean() > 5


def test_windows_share_one_picture() -> None:
    canvas = np.arange(1 * 10 * 12 * 3, dtype=np.float32).reshape(1, 10, 12, 3)
    for across, down in ((1, 0), (-2, 1), (2, -1), (-1, -1)):
        frames = windows(canvas, 4, (across, down))
        assert frames.shape == (4, 10 - 3 * abs(down), 12 - 3 * abs(across), 3)
        x, y = max(0, -3 * across), max(0, -3 * down)
        for n, frame in enumerate(frames):
            top, left = y + n * down, x + n * across
            assert np.array_equal(frame, canvas[0, top : top + frame.shape[0], left : left + frame.shape[1]])
        assert np.shares_memory(frames, canvas)
        assert not frames.flags.writeable


def experts(first: str = "enable", second: str = "disable", split: int = 2, **changes: Any) -> dict[str, Any]:
    """Two KSamplerAdvanced in a row."""
    prompt = video_prompt(empty(5), **changes)
    settings = {key: value for key, value in prompt["6"]["inputs"].items() if key not in ("seed", "denoise")}
    settings |= {"noise_seed": 3, "steps": 4}
    high = {"add_noise": "enable", "start_at_step": 0, "end_at_step": split, "return_with_leftover_noise": first}
    low = {"add_noise": second, "start_at_step": split, "end_at_step": 4, "return_with_leftover_noise": "disable"}
    prompt["h"] = node("KSamplerAdvanced", **{**settings, **high})
    prompt["6"] = node("KSamplerAdvanced", **{**settings, **low, "latent_image": ["h", 0]})
    return prompt


def noisiness(frames: Any) -> float:
    """How much neighboring pixels differ."""
    return float(np.abs(np.diff(frames[0], axis=1)).mean())


def test_two_samplers_in_a_row_make_a_whole_video(client: Client) -> None:
    found = pictures(client, experts())
    assert found.shape == (5, 48, 64, 3)
    assert np.abs(found[0] - found[4]).mean() > 0.5
    half = experts()
    half["7"]["inputs"]["samples"] = ["h", 0]
    assert noisiness(pictures(client, half)) > 4 * noisiness(found)


def test_two_samplers_in_a_row_change_a_picture_as_one_does(client: Client) -> None:
    """Half of the steps twice are all of them, though each half alone would hardly change it."""
    prompt = experts()
    prompt["5"] = sampling_prompt()["5"]
    assert np.abs(pictures(client, prompt)[0] - shown()).mean() > 30
    prompt["h"]["inputs"]["return_with_leftover_noise"] = "disable"
    assert np.abs(pictures(client, prompt)[0] - shown()).mean() < 30


def test_no_steps_change_nothing(client: Client) -> None:
    """Nor does the sampler behind them forget that another one had begun."""
    prompt = experts()
    plain = pictures(client, prompt)
    prompt["n"] = node("KSamplerAdvanced", **{**prompt["6"]["inputs"], "start_at_step": 3, "end_at_step": 2})
    prompt["6"]["inputs"]["latent_image"] = ["n", 0]
    assert np.array_equal(plain, pictures(client, prompt))


def wan(kind: str, length: int = 9, **pictures_: Any) -> dict[str, Any]:
    size = {"width": 64, "height": 48, "length": length, "batch_size": 1, "vae": ["v", 0]}
    told = {} if kind == "Wan22ImageToVideoLatent" else {"positive": ["2", 0], "negative": ["3", 0]}
    return node(kind, **told, **size, **pictures_)


def from_picture(latent: Mapping[str, Any], vae: str = "wan_2.1_vae.safetensors") -> dict[str, Any]:
    prompt = video_prompt(latent, vae)
    if latent["class_type"] != "Wan22ImageToVideoLatent":
        prompt["6"]["inputs"] |= {"positive": ["5", 0], "negative": ["5", 1], "latent_image": ["5", 2]}
    prompt["4b"] = node("ImageInvert", image=["4", 0])
    return prompt


@pytest.mark.parametrize("kind", ["WanImageToVideo", "WanFirstLastFrameToVideo", "Wan22ImageToVideoLatent"])
def test_a_video_begins_with_its_picture_and_moves_on(client: Client, kind: str) -> None:
    found = pictures(client, from_picture(wan(kind, start_image=["4", 0])))
    assert found.shape == (9, 48, 64, 3)
    away = [np.abs(frame - shown()).mean() for frame in found]
    assert away[0] < 6
    assert away[8] > 3 * away[0]


def test_a_video_ends_with_its_picture(client: Client) -> None:
    latent = wan("WanFirstLastFrameToVideo", start_image=["4", 0], end_image=["4b", 0])
    found = pictures(client, from_picture(latent))
    assert np.abs(found[0] - shown()).mean() < 6
    assert np.abs(found[8] - (255 - shown())).mean() < 6
    backwards = pictures(client, from_picture(wan("WanFirstLastFrameToVideo", end_image=["4", 0])))
    assert np.abs(backwards[8] - shown()).mean() < 6


def test_a_video_goes_on_from_several_pictures(client: Client) -> None:
    prompt = from_picture(wan("WanImageToVideo", start_image=["b", 0]))
    prompt["b"] = node("ImageBatch", image1=["4", 0], image2=["4b", 0])
    found = pictures(client, prompt)
    assert len(found) == 9
    assert np.abs(found[0] - shown()).mean() < 6
    assert np.abs(found[1] - (255 - shown())).mean() < 6


def test_the_coarser_latent_has_sixteens(client: Client) -> None:
    latent = node("Wan22ImageToVideoLatent", vae=["v", 0], width=96, height=64, length=5, batch_size=3)
    assert pictures(client, video_prompt(latent, "wan2.2_vae.safetensors")).shape == (5, 64, 96, 3)
    prompt = sampling_prompt(denoise=0.0)
    prompt["v"] = node("VAELoader", vae_name="wan2.2_vae.safetensors")
    prompt["5"]["inputs"]["vae"] = ["v", 0]
    client.upload(picture(90, 60), overwrite="true")
    assert pictures(client, prompt).shape == (1, 48, 80, 3)


def test_a_vae_of_videos_takes_whole_latent_frames(client: Client) -> None:
    prompt = sampling_prompt(denoise=0.3)
    prompt["v"] = node("VAELoader", vae_name="wan_2.1_vae.safetensors")
    prompt["r"] = node("RepeatImageBatch", image=["4", 0], amount=7)
    prompt["5"] = node("VAEEncode", pixels=["r", 0], vae=["v", 0])
    found = pictures(client, prompt)
    assert len(found) == 5
    assert np.array_equal(found[0], found[4])  # frames of one video change alike
    prompt["v"]["inputs"]["vae_name"] = "ae.safetensors"
    assert len(pictures(client, prompt)) == 7


# --- masks and what a model is told -----------------------------------------------------------------------------------


def inpainting(mask: float = 0.0, **changes: Any) -> dict[str, Any]:
    prompt = sampling_prompt(denoise=1.0, positive=["5", 0], negative=["5", 1], latent_image=["5", 2], **changes)
    prompt["s"] = node("SolidMask", value=mask, width=71, height=53)
    told = {"positive": ["2", 0], "negative": ["3", 0], "vae": ["1", 2], "pixels": ["4", 0], "mask": ["s", 0]}
    prompt["5"] = node("InpaintModelConditioning", **told, noise_mask=True)
    return prompt


def test_inpainting_crops_as_comfyui_and_keeps_to_its_mask(client: Client) -> None:
    client.upload(picture(71, 53), overwrite="true")
    with Image.open(io.BytesIO(picture(71, 53))) as opened:
        middle = np.asarray(opened)[2:50, 3:67].astype(int)
    kept = pictures(client, inpainting(0.0))[0]
    assert np.abs(kept - middle).max() <= 1
    assert np.abs(pictures(client, inpainting(1.0))[0] - middle).mean() > 30
    free = inpainting(0.0)
    free["5"]["inputs"]["noise_mask"] = False
    assert np.abs(pictures(client, free)[0] - middle).mean() > 30


def test_a_whole_mask_undoes_an_older_one(client: Client) -> None:
    prompt = inpainting(0.0)
    whole = node("SolidMask", value=1.0, width=64, height=48)
    undone = {**prompt, "w": whole, "u": node("SetLatentNoiseMask", samples=["5", 2], mask=["w", 0])}
    undone["6"] = node("KSampler", **{**prompt["6"]["inputs"], "latent_image": ["u", 0]})
    assert np.abs(pictures(client, prompt)[0] - shown()).max() <= 1
    assert np.abs(pictures(client, undone)[0] - shown()).mean() > 30


def test_a_mask_goes_for_every_frame_of_a_video(client: Client) -> None:
    prompt = video_prompt(empty(5), latent_image=["m", 0])
    prompt["s"] = node("SolidMask", value=0.0, width=64, height=48)
    prompt["t"] = node("SolidMask", value=1.0, width=64, height=48)
    prompt["sp"], prompt["tp"] = node("MaskToImage", mask=["s", 0]), node("MaskToImage", mask=["t", 0])
    prompt["b"] = node("ImageBatch", image1=["sp", 0], image2=["tp", 0])
    prompt["bm"] = node("ImageToMask", image=["b", 0], channel="red")
    prompt["m"] = node("SetLatentNoiseMask", samples=["5", 0], mask=["bm", 0])
    found = pictures(client, prompt)
    assert [bool(frame.std() > 5) for frame in found] == [False, False, False, True, True]


def controlled(**changes: Any) -> dict[str, Any]:
    prompt = sampling_prompt(positive=["c", 0], negative=["c", 1])
    prompt["n"] = node("ControlNetLoader", control_net_name="net.safetensors")
    prompt["t"] = node("SetUnionControlNetType", control_net=["n", 0], type="depth")
    told = {"positive": ["2", 0], "negative": ["3", 0], "control_net": ["t", 0], "image": ["4", 0]}
    prompt["c"] = node("ControlNetApplyAdvanced", **told, strength=0.8, start_percent=0.0, end_percent=1.0)
    for id, inputs in changes.items():
        prompt[id]["inputs"] |= inputs
    return prompt


def test_what_controls_a_sampler_decides_its_picture(client: Client) -> None:
    plain = pictures(client, controlled())
    assert np.array_equal(plain, pictures(client, controlled()))
    for change in (
        {"c": {"strength": 0.7}},
        {"c": {"image": ["x", 0]}},
        {"t": {"type": "auto"}},
        {"n": {"control_net_name": "other.safetensors"}},
        {"2": {"text": "a dog"}},
        {"3": {"text": "a dog"}},
    ):
        prompt = controlled(**change)
        prompt["x"] = node("ImageInvert", image=["4", 0])
        assert not np.array_equal(plain, pictures(client, prompt)), change


def test_positive_and_negative_stay_apart(client: Client) -> None:
    prompt = controlled(**{"3": {"text": "ugly"}})
    prompt["p"], prompt["q"] = node("PreviewAny", source=["c", 0]), node("PreviewAny", source=["c", 1])
    outputs = client.run(prompt)["outputs"]
    assert "text='a cat'" in outputs["p"]["text"][0]
    assert "text='ugly'" in outputs["q"]["text"][0]


@pytest.mark.parametrize(
    ("kind", "output", "settings", "others"),
    [
        ("CLIPSetLastLayer", "clip", {"stop_at_clip_layer": -1}, {"stop_at_clip_layer": -2}),
        ("T5TokenizerOptions", "clip", {"min_padding": 0, "min_length": 0}, {"min_padding": 0, "min_length": 9}),
        ("ModelSamplingSD3", "model", {"shift": 3.0}, {"shift": 5.0}),
        ("DifferentialDiffusion", "model", {"strength": 1.0}, {"strength": 0.5}),
        ("ReferenceLatent", "conditioning", {"latent": ["5", 0]}, {"latent": ["i", 0]}),
        ("FluxGuidance", "conditioning", {"guidance": 2.0}, {"guidance": 3.0}),
    ],
)
def test_another_setting_gives_another_picture(
    client: Client, kind: str, output: str, settings: dict[str, Any], others: dict[str, Any]
) -> None:
    def found(values: dict[str, Any]) -> Any:
        prompt = sampling_prompt()
        prompt["i"] = node("VAEEncode", pixels=["x", 0], vae=["1", 2])
        prompt["x"] = node("ImageInvert", image=["4", 0])
        source = {"clip": ["1", 1], "model": ["1", 0], "conditioning": ["2", 0]}[output]
        prompt["k"] = node(kind, **{output: source}, **values)
        id, name = {"clip": ("2", "clip"), "model": ("6", "model"), "conditioning": ("6", "positive")}[output]
        prompt[id]["inputs"][name] = ["k", 0]
        return pictures(client, prompt)

    plain = found(settings)
    assert np.array_equal(plain, found(settings))
    assert not np.array_equal(plain, found(others))


@pytest.mark.parametrize("plus", [False, True])
def test_a_prompt_that_looks_at_pictures_depends_on_them(client: Client, plus: bool) -> None:
    def found(image: Sequence[Any]) -> Any:
        prompt = sampling_prompt(positive=["q", 0])
        prompt["x"] = node("ImageInvert", image=["4", 0])
        key, kind = ("image1", "TextEncodeQwenImageEditPlus") if plus else ("image", "TextEncodeQwenImageEdit")
        prompt["q"] = node(kind, clip=["1", 1], prompt="ink", vae=["1", 2], **{key: image})
        return pictures(client, prompt)

    assert not np.array_equal(found(["4", 0]), found(["x", 0]))


# --- edges and sizes --------------------------------------------------------------------------------------------------


def test_canny_draws_the_outline(client: Client) -> None:
    """A white square on black; which of the two pixels along its border is the edge only rounding decides."""
    field = np.zeros((40, 60, 3), np.uint8)
    field[10:30, 20:45] = 255
    field[34:38, 2:10] = 50  # an edge too weak to stand alone
    stream = io.BytesIO()
    Image.fromarray(field).save(stream, "PNG")
    client.upload(stream.getvalue(), overwrite="true")
    prompt = {
        "4": node("LoadImage", image="photo.png"),
        "5": node("Canny", image=["4", 0], low_threshold=0.4, high_threshold=0.8),
        "8": node("SaveImage", images=["5", 0], filename_prefix="edges"),
    }
    edges = pictures(client, prompt)[0]
    assert set(np.unique(edges)) == {0, 255}
    across, down = edges[20, :, 0].nonzero()[0], edges[:, 30, 0].nonzero()[0]
    assert [*across, *down] == [pytest.approx(each, abs=1) for each in (19, 44, 9, 29)]
    assert edges[12:28, 22:43].max() == edges[:8].max() == edges[32:].max() == 0
    prompt["5"]["inputs"] |= {"low_threshold": 0.9, "high_threshold": 0.1}
    assert "Invalid input thresholds" in failure(client.run(prompt))["exception_message"]


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((64, 64), (1024, 1024)), ((320, 208), (1248, 832)), ((208, 320), (832, 1248)), ((99, 9), (1568, 672))],
)
def test_kontext_has_its_own_sizes(client: Client, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    client.upload(picture(*size), overwrite="true")
    prompt = {
        "4": node("LoadImage", image="photo.png"),
        "5": node("FluxKontextImageScale", image=["4", 0]),
        "8": node("SaveImage", images=["5", 0], filename_prefix="size"),
    }
    assert pictures(client, prompt).shape[1:3] == (wanted[1], wanted[0])
