"""Measures what it costs to verify a 2048x2048 PNG against a 1024x1024 one, in CPU time, beside decoding it once."""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy
from PIL import Image, PngImagePlugin

from comfyproof.verify.checks import verify_picture
from comfyproof.verify.expected import ColorShift, Expected, Similarity, Times, Verdict

ROUNDS = 7
PROMPT = {str(n): {"class_type": "KSampler", "inputs": {"seed": n, "model": ["1", 0]}} for n in range(1, 21)}


def photograph(side: int) -> Image.Image:
    """A square picture that compresses about as well as a photograph: waves of every length, and grain."""
    random = numpy.random.default_rng(1)
    frequency = numpy.hypot(numpy.fft.fftfreq(side)[:, None], numpy.fft.fftfreq(side)[None]).clip(1 / side)
    waves = [numpy.fft.ifft2(numpy.fft.fft2(random.normal(size=(side, side))) / frequency**1.2).real for _ in range(3)]
    channels = [128 + 45 * (wave - wave.mean()) / wave.std() for wave in waves]
    return Image.fromarray(numpy.stack(channels, axis=-1).clip(0, 255).astype(numpy.uint8))


def as_comfyui_saves(picture: Image.Image) -> bytes:
    """A PNG with the prompt in it, compressed as SaveImage does."""
    stream, info = io.BytesIO(), PngImagePlugin.PngInfo()
    info.add_text("prompt", json.dumps(PROMPT))
    picture.save(stream, "PNG", pnginfo=info, compress_level=4)
    return stream.getvalue()


def decode(data: bytes) -> None:
    """What any program must do that looks at the picture at all."""
    Image.open(io.BytesIO(data)).load()


def verify(data: bytes, expected: Expected) -> None:
    """Judges every promise; all of them must be kept, or the time is that of something else."""
    checks = verify_picture(data, expected)
    assert all(check.verdict is Verdict.PASSED for check in checks), checks


def cpu_seconds(call: Callable[[], None]) -> float:
    """CPU seconds of this process for one call."""
    before = time.process_time()
    call()
    return time.process_time() - before


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference.png"
        original = photograph(1024)
        original.save(reference)
        data = as_comfyui_saves(original.resize((2048, 2048), Image.Resampling.LANCZOS))
        similar = Expected(ssim=Similarity(0.75, reference), delta_e=ColorShift(4, reference))
        everything = Expected(Times(2, reference), reference, True, similar.ssim, similar.delta_e, PROMPT)
        measured = {
            "decode with Pillow": partial(decode, data),
            "verify: complete": partial(verify, data, Expected()),
            "verify: complete, ssim, delta_e": partial(verify, data, similar),
            "verify: everything": partial(verify, data, everything),
        }
        first = cpu_seconds(measured["verify: everything"])
        found = {name: float("inf") for name in measured}
        for _ in range(ROUNDS):
            for name, call in measured.items():
                found[name] = min(found[name], cpu_seconds(call))
    floor = found["decode with Pillow"]
    print(f"{f'2048x2048, {len(data) / 2**20:.1f} MiB (best of {ROUNDS})':36}{'CPU ms':>8}{'to decoding':>13}")
    for name, seconds in found.items():
        print(f"{name:36}{seconds * 1000:8.1f}{seconds / floor:13.2f}")
    print(f"{'everything, and loading scikit-image':36}{first * 1000:8.1f}{first / floor:13.2f}")


if __name__ == "__main__":
    main()
