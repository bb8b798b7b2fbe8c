"""The checks of a picture or video that came back, each with what it measured."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path as FilePath
from typing import Any

from .. import png
from . import blank, shape, similarity
from .expected import Check, ColorShift, Expected, Similarity, Size, Times, Verdict
from .files import examine
from .kinds import PICTURE, SOUND, VIDEO, kind_of
from .picture import BrokenPicture, Motion, Picture, Undecoded, decode_reference, decode_result
from .prompt import difference
from .video import decode_video, is_video

_EXIF_MODEL = 0x0110
# Of full scale, -80 dB: nobody hears what stays below it.
_SILENCE = 1e-4
_SENT = "the prompt that was sent"


class _Unseen(Exception):
    """A check cannot look at what it would judge; the message says why."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    kept: bool
    measured: str
    help: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """A whole picture, with the references beside it, each read and resized once."""

    data: bytes
    picture: Picture
    references: dict[FilePath, Picture] = field(default_factory=dict)
    pairs: dict[FilePath, tuple[similarity.Pair, ...]] = field(default_factory=dict)

    def reference(self, file: FilePath) -> Picture:
        """A reference, decoded. Raises _Unseen."""
        if file not in self.references:
            try:
                self.references[file] = decode_reference(file)
            except BrokenPicture as problem:
                raise _Unseen(f'the reference "{file}" cannot be read: {problem}') from None
        return self.references[file]

    def beside(self, file: FilePath) -> tuple[similarity.Pair, ...]:
        """The picture and a reference at one size. Raises _Unseen."""
        if file not in self.pairs:
            self.pairs[file] = similarity.pairs(self.picture, self.reference(file))
        return self.pairs[file]


@dataclass(frozen=True, slots=True)
class _Promise:
    name: str
    words: str
    measure: Callable[[Any], _Outcome]

    def judged(self, seen: Any) -> Check:
        try:
            outcome = self.measure(seen)
        except _Unseen as reason:
            return self.not_examined(str(reason))
        if outcome.kept:
            return Check(self.name, Verdict.PASSED, self.words, outcome.measured)
        return Check(self.name, Verdict.FAILED, self.words, outcome.measured, outcome.help)

    def not_examined(self, reason: str) -> Check:
        return Check(self.name, Verdict.NOT_EXAMINED, self.words, reason)


def verify_file(data: bytes, expected: Expected, what: str) -> tuple[Check, ...]:
    """The checks of a file that was to be `what`, a kind of file, or empty for whatever it is; no bytes make it raise.

    Of what is neither picture nor video only that it is complete, no silence, and made by the prompt that was sent.
    """
    kind = what or kind_of(data)
    if kind in (PICTURE, VIDEO):
        return verify_picture(data, expected)
    whole = f"a whole {kind or 'file'}"
    try:
        file = examine(kind, data)
    except BrokenPicture as problem:
        return (Check("complete", Verdict.FAILED, whole, str(problem), _damaged(kind)),)
    except Undecoded as reason:
        return (Check("complete", Verdict.NOT_EXAMINED, whole, str(reason)),)
    checks = [Check("complete", Verdict.PASSED, whole, file.told)]
    if kind == SOUND and expected.not_blank and file.peak is not None:
        checks.append(_not_silent(file.peak))
    if (sent := expected.prompt) is not None:
        made_by = _Promise("prompt", _SENT, lambda prompt: _compared(sent, lambda: _told(prompt)))
        checks.append(made_by.judged(file.prompt))
    return tuple(checks)


def verify_picture(data: bytes, expected: Expected) -> tuple[Check, ...]:
    """A check that a picture or video is complete and one for each further promise; no bytes make it raise."""
    what = "video" if is_video(data) else "picture"
    whole = f"a whole {what}"
    try:
        picture = decode_video(data) if what == "video" else decode_result(data)
    except BrokenPicture as problem:
        complete = Check("complete", Verdict.FAILED, whole, str(problem), _damaged(what))
        return complete, *(promise.not_examined(f"the {what} is not whole") for promise in _promises(expected))
    except Undecoded as reason:
        complete = Check("complete", Verdict.NOT_EXAMINED, whole, str(reason))
        return complete, *(promise.not_examined(f"the {what} was not decoded") for promise in _promises(expected))
    seen = _Seen(data, picture)
    complete = Check("complete", Verdict.PASSED, whole, _described(seen))
    return complete, *(promise.judged(seen) for promise in _promises(expected))


def _damaged(what: str) -> str:
    return f"run its job again, and look at the server's disk if this {what} is damaged, too"


def _not_silent(peak: float) -> Check:
    words = "more than silence"
    if peak <= _SILENCE:
        help = "check that the VAE belongs to the model, and that sampling took place"
        return Check("not_blank", Verdict.FAILED, words, "it is silent", help)
    return Check("not_blank", Verdict.PASSED, words, f"its peak is {20 * math.log10(peak):.1f} dB")


def _described(seen: _Seen) -> str:
    """What kind of file it is, in numbers."""
    picture, motion = seen.picture, seen.picture.motion
    kind = f"{picture.format} ({motion.codec})" if motion and motion.codec else picture.format
    facts = [kind, _by(picture.size)]
    if motion is not None:
        facts += [_counted(motion.frames, "frame"), f"{motion.fps:.5g} fps"]
    told = ", ".join((*facts, f"{len(seen.data):,} bytes"))
    if motion is not None and motion.still and motion.frames > 1:
        told += "; all frames are the same"
    return told if picture.format == "PNG" else f"{told}; the format has no checksums"


def count_check(expected_count: int, found: int, what: str = "picture") -> Check:
    """Whether as many pictures, or videos, came back as were promised."""
    kept = expected_count == found
    help = "" if kept else 'look for refused outputs under "node_errors" in what the server answered'
    verdict = Verdict.PASSED if kept else Verdict.FAILED
    return Check("count", verdict, _counted(expected_count, what), _counted(found, what), help)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _promises(expected: Expected) -> Iterator[_Promise]:
    if (size := expected.size) is not None:
        yield _Promise("size", _size_in_words(size), partial(_size, size))
    if (frames := expected.frames) is not None:
        yield _Promise("frames", _counted(frames, "frame"), partial(_frames, frames))
    if (fps := expected.fps) is not None:
        yield _Promise("fps", f"{fps:g} frames a second", partial(_fps, fps))
    if (file := expected.aspect_of) is not None:
        yield _Promise("aspect", f'the aspect of "{file.name}"', partial(_aspect, file))
    if expected.not_blank:
        yield _Promise("not_blank", "more than one color", _not_blank)
    if (ssim := expected.ssim) is not None:
        yield _Promise("ssim", f'at least {ssim.min:g}, to "{ssim.reference.name}"', partial(_ssim, ssim))
    if (shift := expected.delta_e) is not None:
        yield _Promise("delta_e", f'mean at most {shift.max:g}, to "{shift.reference.name}"', partial(_delta_e, shift))
    if (prompt := expected.prompt) is not None:
        yield _Promise("prompt", _SENT, partial(_prompt, prompt))


def _size_in_words(size: Size) -> str:
    if isinstance(size, Times):
        return f'{size.factor:g} times "{size.reference.name}"'
    return shape.in_words(shape.allowed(size, None))


def _size(size: Size, seen: _Seen) -> _Outcome:
    measured = _by(seen.picture.size)
    reference = None
    if isinstance(size, Times):
        reference = seen.reference(size.reference).size
    bounds = shape.allowed(size, reference)
    if isinstance(size, Times) and reference is not None:
        measured += f"; {size.factor:g} times {_by(reference)} is {shape.in_words(bounds)}"
    return _Outcome(
        shape.fits(seen.picture.size, bounds), measured, "compare the sizes and factors in the stages with the promise"
    )


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _motion(seen: _Seen) -> Motion:
    """What makes it a video. Raises _Unseen for a picture."""
    if seen.picture.motion is None:
        raise _Unseen("it is a single picture")
    return seen.picture.motion


def _frames(frames: int, seen: _Seen) -> _Outcome:
    found = _motion(seen).frames
    help = 'compare "frames" in the stages with the promise; some models make one more than a multiple of 4'
    return _Outcome(found == frames, _counted(found, "frame"), help)


def _fps(fps: float, seen: _Seen) -> _Outcome:
    motion = _motion(seen)
    if motion.fps <= 0:
        raise _Unseen("its single frame has no time")
    kept = abs(1 / motion.fps - 1 / fps) <= motion.grain + 1e-6
    measured = f"{motion.fps:.5g} frames a second"
    if seen.picture.format == "WebP":
        measured += "; each lasts whole milliseconds"
    return _Outcome(kept, measured, 'compare "fps" in the stages with the promise')


def _aspect(file: FilePath, seen: _Seen) -> _Outcome:
    size, reference = seen.picture.size, seen.reference(file).size
    return _Outcome(
        shape.keeps_aspect(size, reference),
        f"{_by(size)} is {size[0] / size[1]:.3f}:1, {_by(reference)} is {reference[0] / reference[1]:.3f}:1",
        "look for a stage that crops, or that sets a width and a height",
    )


def _not_blank(seen: _Seen) -> _Outcome:
    motion = seen.picture.motion
    found = blank.spread(replace(seen.picture, pixels=motion.shown) if motion else seen.picture)
    levels = f"levels {found.lowest} to {found.highest}"
    measured = f"{levels}, standard deviation {found.deviation:.1f}, entropy {found.entropy:.1f} bits"
    if seen.picture.transparent:
        return _Outcome(False, f"it is transparent; {measured}", "look at the mask that became its alpha channel")
    if found.black:
        return _Outcome(
            False,
            f"it is black; {measured}",
            "run the VAE in 32 bits (--fp32-vae): a picture that overflows to NaN is saved as black",
        )
    return _Outcome(not found.flat, measured, "check that the VAE belongs to the model, and that sampling took place")


def _ssim(promised: Similarity, seen: _Seen) -> _Outcome:
    compared = seen.beside(promised.reference)
    found = similarity.structural_similarity(compared)
    if found is None:
        size = _by(compared[0].picture.size)
        raise _Unseen(f"{size} is smaller than the {similarity.WINDOW} px that structural similarity looks at")
    # Rounded towards failing: what is shown beside a failed check never looks as if it had passed.
    measured = f"{math.floor(found.ssim * 1e4) / 1e4:.4f} at {_by(found.size)}"
    return _Outcome(found.ssim >= promised.min, measured, "lower denoise, or the promise if the picture is right")


def _delta_e(promised: ColorShift, seen: _Seen) -> _Outcome:
    compared = seen.beside(promised.reference)
    found = similarity.color_difference(compared)
    measured = f"mean {math.ceil(found.mean * 100) / 100:.2f}, 95th percentile {found.percentile_95:.2f}"
    return _Outcome(
        found.mean <= promised.max, measured, "lower cfg or denoise, and check that the VAE belongs to the model"
    )


def _prompt(sent: Mapping[str, Any], seen: _Seen) -> _Outcome:
    return _compared(sent, lambda: _embedded_prompt(seen))


def _compared(sent: Mapping[str, Any], read: Callable[[], Any]) -> _Outcome:
    """Whether the prompt that `read` gives is the one that was sent. Raises _Unseen."""
    help = "give each job its own filename prefix, and look for another client of that server"
    try:
        embedded = read()
    except png.BrokenPng as problem:
        return _Outcome(False, str(problem), help)
    found = difference(sent, embedded)
    return _Outcome(found is None, found or f"the same, {_counted(len(sent), 'node')}", help)


def _embedded_prompt(seen: _Seen) -> Any:
    """The prompt in the picture. Raises _Unseen, and BrokenPng where there is one that is damaged."""
    if seen.picture.format in ("MP4", "WebM"):
        return _told(_motion(seen).prompt)
    if seen.picture.format == "PNG":
        found = png.embedded_prompt(seen.data)
        return _told(None) if found is None else found
    # ComfyUI keeps the prompt of a WebP under the name of a camera.
    model = str(seen.picture.pixels.getexif().get(_EXIF_MODEL, ""))
    if not model.startswith("prompt:"):
        raise _Unseen(f"no prompt is embedded in this {seen.picture.format}")
    return _parsed(model.removeprefix("prompt:"))


def _told(text: str | None) -> Any:
    if text is None:
        raise _Unseen("no prompt is embedded, as with a server that runs with --disable-metadata")
    return _parsed(text)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise png.BrokenPng("its embedded prompt is not JSON") from None
