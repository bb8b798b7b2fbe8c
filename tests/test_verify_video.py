"""Which bytes are a whole video, and whether each promise about one is judged by its frames."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from comfyproof.verify import video
from comfyproof.verify.checks import count_check, verify_picture
from comfyproof.verify.expected import Check, ColorShift, Exactly, Expected, Similarity, Verdict

PROMPT = {"7": {"class_type": "KSampler", "inputs": {"seed": 42}}}
WIDTH, HEIGHT = 64, 48
CODECS = {"mp4": "h264", "webm": "libvpx-vp9"}


def texture(shift: int = 0) -> Any:
    """A frame with something to see, which moves with the shift."""
    down, across = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    waves = [numpy.sin((across + shift) / (4 + n)) * numpy.cos(down / (5 + n)) for n in range(3)]
    return (numpy.stack(waves, -1) * 100 + 127).astype(numpy.uint8)


def flat(level: int = 0) -> Any:
    return numpy.full((HEIGHT, WIDTH, 3), level, numpy.uint8)


MOVING = [texture(shift) for shift in range(0, 18, 2)]


def encoded(
    frames: Sequence[Any], form: str = "mp4", rate: Fraction = Fraction(16), prompt: str | None = None
) -> bytes:
    """Frames as a video file's bytes, written as ComfyUI writes it."""
    stream = io.BytesIO()
    options = {"movflags": "use_metadata_tags"} if form == "mp4" else {}
    with av.open(stream, "w", format=form, options=options) as container:
        if prompt is not None:
            container.metadata["prompt"] = prompt
        track = container.add_stream(CODECS[form], rate=rate)
        track.height, track.width = frames[0].shape[:2] if frames else (HEIGHT, WIDTH)
        track.pix_fmt = "yuv420p"
        container.start_encoding()
        for pixels in frames:
            container.mux(track.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(track.encode(None))
    return stream.getvalue()


def animated(frames: Sequence[Any], fps: float = 16.0, prompt: str | None = None) -> bytes:
    """Frames as an animated WebP, as ComfyUI writes it."""
    stream, exif = io.BytesIO(), Image.Exif()
    if prompt is not None:
        exif[0x0110] = f"prompt:{prompt}"
    first, *others = map(Image.fromarray, frames)
    first.save(stream, "WEBP", save_all=True, append_images=others, duration=int(1000 / fps), quality=90, exif=exif)
    return stream.getvalue()


FILES = {"mp4": encoded(MOVING), "webm": encoded(MOVING, "webm"), "webp": animated(MOVING)}
FORMATS = list(FILES)


def complete(data: bytes) -> Check:
    """The check that is always made, and made first."""
    check = verify_picture(data, Expected())[0]
    assert check.name == "complete"
    return check


def one(data: bytes, expected: Expected) -> Check:
    """The check of the only promise."""
    whole, check = verify_picture(data, expected)
    assert whole.verdict is Verdict.PASSED, whole
    assert (check.help == "") is (check.verdict is not Verdict.FAILED)
    return check


# --- complete ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("mp4", "MP4 (h264), 64x48, 9 frames, 16 fps, "),
        ("webm", "WebM (vp9), 64x48, 9 frames, 16 fps, "),
        ("webp", "WebP, 64x48, 9 frames, 16.129 fps, "),
    ],
)
def test_a_whole_video_says_what_it_is(form: str, words: str) -> None:
    check = complete(FILES[form])
    assert (check.verdict, check.expected) == (Verdict.PASSED, "a whole video")
    assert check.measured == f"{words}{len(FILES[form]):,} bytes; the format has no checksums"


def test_a_picture_is_still_called_one() -> None:
    stream = io.BytesIO()
    Image.fromarray(texture()).save(stream, "WEBP")
    check = complete(stream.getvalue())
    assert (check.verdict, check.expected) == (Verdict.PASSED, "a whole picture")
    assert "fps" not in check.measured


@pytest.mark.parametrize("form", FORMATS)
def test_a_video_that_stands_still_is_named(form: str) -> None:
    still = [texture()] * 5
    data = animated([*still[:4], texture() // 64 * 64][:5]) if form == "webp" else encoded(still, form)
    assert ("all frames are the same" in complete(data).measured) is (form != "webp")
    assert "all frames are the same" not in complete(FILES[form]).measured


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.data())
def test_a_video_cut_anywhere_is_never_complete(form: str, data: st.DataObject) -> None:
    whole = FILES[form]
    kept = data.draw(st.integers(0, len(whole) - 1))
    assert complete(whole[:kept]).verdict is Verdict.FAILED


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("tail", [b"\0", b"<html>", FILES["mp4"][:100]], ids=["zero", "text", "video"])
def test_bytes_after_the_end_are_not_accepted(form: str, tail: bytes) -> None:
    assert complete(FILES[form] + tail).verdict is Verdict.FAILED


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.data())
def test_flipped_bytes_never_make_it_raise(form: str, data: st.DataObject) -> None:
    flipped = bytearray(FILES[form])
    for _ in range(data.draw(st.integers(1, 8))):
        flipped[data.draw(st.integers(0, len(flipped) - 1))] ^= data.draw(st.integers(1, 255))
    everything = Expected(Exactly(64, 48), None, True, prompt=PROMPT, frames=9, fps=16)
    for check in verify_picture(bytes(flipped), everything):
        assert check.measured
        assert check.verdict is not Verdict.FAILED or check.help


HEADS = [whole[:size] for whole in FILES.values() for size in (12, 40, 300)]


@given(st.sampled_from(HEADS), st.binary(max_size=200))
def test_no_bytes_make_it_raise(start: bytes, rest: bytes) -> None:
    assert complete(start + rest).verdict is not Verdict.PASSED


def broken_frame(form: str) -> bytes:
    """A video in whose middle, far from any header, the bytes are zero."""
    data = bytearray(encoded([texture(shift * 7) for shift in range(30)], form))
    middle = len(data) // 2
    data[middle : middle + 600] = bytes(600)
    return bytes(data)


def without(kind: bytes) -> bytes:
    """An MP4 with a box renamed, so that nobody finds it."""
    return FILES["mp4"].replace(kind, b"free")


def resized_track() -> bytes:
    """A WebM whose second half is of another size."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="webm") as container:
        track = container.add_stream("libvpx-vp9", rate=16)
        track.width, track.height, track.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(4):
            container.mux(track.encode(av.VideoFrame.from_ndarray(texture(number), format="rgb24")))
        container.mux(track.encode(None))
        other = av.CodecContext.create("libvpx-vp9", "w")
        other.width, other.height, other.pix_fmt, other.time_base = 32, 32, "yuv420p", Fraction(1, 16)
        frame = av.VideoFrame.from_ndarray(texture()[:32, :32].copy(), format="rgb24")
        for packet in [*other.encode(frame.reformat(format="yuv420p")), *other.encode(None)]:
            packet.stream, packet.pts, packet.dts, packet.time_base = track, 4, 4, Fraction(1, 16)
            container.mux(packet)
    return stream.getvalue()


def no_samples() -> bytes:
    """An MP4 that says it has no frames, though they are there."""
    at = FILES["mp4"].index(b"stsz") + 12
    return FILES["mp4"][:at] + bytes(4) + FILES["mp4"][at + 4 :]


def without_clusters() -> bytes:
    """A WebM that ends where its frames would begin."""
    data, at = FILES["webm"], FILES["webm"].index(b"\x18\x53\x80\x67") + 4
    end = data.index(b"\x1f\x43\xb6\x75")
    return data[:at] + b"\x01" + (end - at - 8).to_bytes(7, "big") + data[at + 8 : end]


def open_ended() -> bytes:
    """A WebM whose writer was stopped: it never told the length."""
    at = FILES["webm"].index(b"\x18\x53\x80\x67") + 4
    return FILES["webm"][:at] + b"\x01" + b"\xff" * 7 + FILES["webm"][at + 8 :]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (FILES["mp4"][:-1], "it ends within a box at byte "),
        (FILES["mp4"][:900], "it ends within a box at byte "),
        (FILES["mp4"] + b"\0\0\0\1free", "it ends within a box at byte "),
        (FILES["mp4"] + b"\0\0\0\4free", "impossible length"),
        (FILES["mp4"][:8], "it ends within a box at byte 0"),
        (without(b"moov"), "without the box that tells where its frames are"),
        (without(b"trak"), "it has no pictures"),
        (FILES["webm"][:-1], f"it has {len(FILES['webm']) - 1:,} of {len(FILES['webm']):,} bytes"),
        (FILES["webm"] + b"x", f"its end is at byte {len(FILES['webm']):,} of"),
        (FILES["webm"][:36] + bytes(20), "no segment of frames follows"),
        (FILES["webm"][:4], "it ends within an element at byte 4"),
        (open_ended(), "its length was never filled in"),
        (FILES["webp"][:-1], "bytes"),
        (no_samples(), "it has no frames"),
        (encoded([]), "it has no pictures"),
        (without_clusters(), "End of file"),
        (broken_frame("mp4"), "Invalid data found"),
        (broken_frame("webm"), "of its 29 frames can be decoded"),
        (resized_track(), "its frames are 64x48, and frame 5 is 32x32"),
        (b"\0\0\0\x18ftypmp42" + b"<html>", "it ends within a box at byte 0"),
    ],
)
def test_a_refusal_says_why(data: bytes, words: str) -> None:
    check = complete(data)
    assert check.verdict is Verdict.FAILED
    assert words in check.measured
    assert check.help == "run its job again, and look at the server's disk if this video is damaged, too"


def test_a_frame_that_the_decoder_had_to_make_up_is_named() -> None:
    """A decoder conceals most damage in a frame of H.264, and says so."""
    whole = encoded([texture(shift * 7) for shift in range(30)])
    found = {complete(whole[:at] + bytes(20) + whole[at + 20 :]).measured for at in range(1500, len(whole) - 1500, 20)}
    assert any(text.startswith("its frame ") and text.endswith(" is damaged") for text in found), found


def test_a_text_in_a_video_s_place_is_no_video() -> None:
    check = complete(b"<html>502 Bad Gateway</html>")
    assert (check.verdict, check.expected) == (Verdict.FAILED, "a whole picture")


def test_a_broken_video_leaves_every_other_promise_unexamined(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    expected = Expected(Exactly(64, 48), file, True, Similarity(0, file), ColorShift(9, file), PROMPT, 9, 16)
    whole, *others = verify_picture(FILES["mp4"][:-5], expected)
    assert whole.verdict is Verdict.FAILED
    names = ["size", "frames", "fps", "aspect", "not_blank", "ssim", "delta_e", "prompt"]
    assert [check.name for check in others] == names
    assert {(check.verdict, check.measured) for check in others} == {(Verdict.NOT_EXAMINED, "the video is not whole")}


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("MAX_BYTES", 100, "over the limit of 100"),
        ("MAX_FRAMES", 5, "more than 5 frames"),
        ("MAX_SECONDS", -1.0, "decoding it takes more than"),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_what_is_beyond_a_limit_is_not_examined(
    form: str, limit: str, value: float, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, limit, value)
    whole, size = verify_picture(FILES[form], Expected(Exactly(64, 48)))
    assert (whole.verdict, size.verdict) == (Verdict.NOT_EXAMINED, Verdict.NOT_EXAMINED)
    assert words in whole.measured
    assert whole.help == ""


def test_another_codec_is_not_examined() -> None:
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        track = container.add_stream("mpeg4", rate=16)
        track.width, track.height, track.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        container.mux(track.encode(av.VideoFrame.from_ndarray(texture(), format="rgb24")))
        container.mux(track.encode(None))
    check = complete(stream.getvalue())
    assert check.verdict is Verdict.NOT_EXAMINED
    assert check.measured == 'its codec, "mpeg4", is none of av1, h264, hevc, vp8, vp9'


def test_a_bomb_is_refused_by_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    webp = FILES["webp"][:24] + b"\xff\xff\0" * 2 + FILES["webp"][30:]
    assert complete(webp).measured.startswith("its header says 65536x65536, over the limit of ")
    monkeypatch.setattr(video, "MAX_PIXELS", 1000)
    assert complete(FILES["mp4"]).measured == "its header says 64x48, over the limit of 1,000 pixels"
    assert complete(FILES["webm"]).measured == "its frames are damaged, or larger than the limit of 1,000 pixels"


def test_a_header_that_lies_does_not_let_a_bomb_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The container tells of 8x8, the frames in it are larger than the decoder may make them."""
    data = FILES["webm"].replace(b"\xb0\x81\x40\xba\x81\x30", b"\xb0\x81\x08\xba\x81\x08")
    assert data != FILES["webm"]
    monkeypatch.setattr(video, "MAX_PIXELS", 1000)
    check = complete(data)
    assert check.verdict is Verdict.FAILED
    assert "larger than the limit of 1,000 pixels" in check.measured


def test_damage_is_not_printed() -> None:
    program = """
        import sys
        from comfyproof.verify.checks import verify_picture
        from comfyproof.verify.expected import Expected
        data = bytes.fromhex(sys.stdin.read())
        print(verify_picture(data, Expected())[0].verdict)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ran = subprocess.run(command, input=broken_frame("mp4").hex(), capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("failed\n", "")


# --- promises ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("frames", "verdict"), [(9, Verdict.PASSED), (8, Verdict.FAILED), (10, Verdict.FAILED)])
def test_frames(form: str, frames: int, verdict: Verdict) -> None:
    check = one(FILES[form], Expected(frames=frames))
    assert (check.verdict, check.expected, check.measured) == (verdict, f"{frames} frames", "9 frames")


@pytest.mark.parametrize(
    ("rate", "fps", "verdict"),
    [
        (Fraction(16), 16, Verdict.PASSED),
        (Fraction(16), 15, Verdict.FAILED),
        (Fraction(16), 16.1, Verdict.FAILED),
        (Fraction(24), 24, Verdict.PASSED),
        (Fraction(2997, 125), 23.976, Verdict.PASSED),
        (Fraction(24), 23.976, Verdict.FAILED),
        (Fraction(120), 120, Verdict.PASSED),
        (Fraction(120), 119, Verdict.FAILED),
    ],
)
@pytest.mark.parametrize("form", ["mp4", "webm"])
def test_fps(form: str, rate: Fraction, fps: float, verdict: Verdict) -> None:
    long = [texture(shift) for shift in range(41)]
    check = one(encoded(long, form, rate), Expected(fps=fps))
    assert check.verdict is verdict
    assert check.expected == f"{fps:g} frames a second"
    assert float(check.measured.split()[0]) == pytest.approx(float(rate), rel=0.01)


@pytest.mark.parametrize(("fps", "verdict"), [(16, Verdict.PASSED), (16.1, Verdict.PASSED), (17, Verdict.FAILED)])
def test_a_webp_s_frames_last_whole_milliseconds(fps: float, verdict: Verdict) -> None:
    check = one(FILES["webp"], Expected(fps=fps))
    assert check.verdict is verdict
    assert check.measured == "16.129 frames a second; each lasts whole milliseconds"


def test_a_single_picture_has_no_frames_to_count() -> None:
    stream = io.BytesIO()
    Image.fromarray(texture()).save(stream, "PNG")
    for expected in (Expected(frames=1), Expected(fps=16)):
        check = one(stream.getvalue(), expected)
        assert (check.verdict, check.measured) == (Verdict.NOT_EXAMINED, "it is a single picture")


def test_a_video_of_one_frame_is_as_fast_as_it_says() -> None:
    data = encoded([texture()])
    assert one(data, Expected(fps=16)).verdict is Verdict.PASSED
    assert one(data, Expected(frames=1)).measured == "1 frame"


@pytest.mark.parametrize("form", FORMATS)
def test_size_and_likeness_are_those_of_the_first_frame(form: str, tmp_path: Path) -> None:
    file = tmp_path / "start.png"
    Image.fromarray(texture()).save(file)
    expected = Expected(Exactly(64, 48), file, ssim=Similarity(0.9, file), delta_e=ColorShift(5, file))
    checks = verify_picture(FILES[form], expected)
    assert {check.verdict for check in checks} == {Verdict.PASSED}, checks
    last = animated(MOVING[::-1]) if form == "webp" else encoded(MOVING[::-1], form)
    failed = [check.name for check in verify_picture(last, expected) if check.verdict is Verdict.FAILED]
    assert failed == ["ssim", "delta_e"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("frames", "verdict", "words"),
    [
        ([flat()] * 4, Verdict.FAILED, "it is black"),
        ([flat(200)] * 4, Verdict.FAILED, "levels"),
        ([flat(), flat(), texture(), flat()], Verdict.PASSED, "standard deviation"),
        ([texture(), flat(), flat()], Verdict.PASSED, "standard deviation"),
    ],
)
def test_some_frame_must_show_something(form: str, frames: list[Any], verdict: Verdict, words: str) -> None:
    data = animated([*frames[:-1], frames[-1] + 1]) if form == "webp" else encoded(frames, form)
    check = one(data, Expected(not_blank=True))
    assert check.verdict is verdict
    assert words in check.measured


def with_prompt(form: str, text: str | None) -> bytes:
    return animated(MOVING, prompt=text) if form == "webp" else encoded(MOVING, form, prompt=text)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("text", "verdict", "words"),
    [
        (json.dumps(PROMPT), Verdict.PASSED, "the same, 1 node"),
        (json.dumps(PROMPT).replace("42", "43"), Verdict.FAILED, "42 was sent, 43 is embedded"),
        ("{no json", Verdict.FAILED, "not JSON"),
        ("[" * 100_000, Verdict.FAILED, "not JSON"),
        (None, Verdict.NOT_EXAMINED, "no prompt is embedded"),
    ],
)
def test_the_embedded_prompt(form: str, text: str | None, verdict: Verdict, words: str) -> None:
    check = one(with_prompt(form, text), Expected(prompt=PROMPT))
    assert check.verdict is verdict
    assert words in check.measured


def test_videos_are_counted_as_such() -> None:
    check = count_check(1, 2, "video")
    assert (check.verdict, check.expected, check.measured) == (Verdict.FAILED, "1 video", "2 videos")
