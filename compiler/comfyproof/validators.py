"""What the node classes with a validation of their own ask of their inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from .files import Files, Unsure

Judge: TypeAlias = Callable[[Mapping[str, Any], Files | None], str | None]


class Validator(NamedTuple):
    """A class's own validation: its judgment, and the inputs it names, whose bounds and options nobody else checks.

    `function` is its name in Python's messages. With `takes_types` it is given the types that
    links bring instead of values, and nobody else compares those.
    """

    function: str
    inputs: tuple[str, ...]
    judge: Judge
    takes_types: bool = False

    def complaint(self, given: Mapping[str, Any], files: Files | None) -> str | None:
        """What is wrong with these values. Raises Unsure, and TypeError and the like as the class itself does."""
        missing = [repr(name) for name in self.inputs if name not in given]
        if missing and not self.takes_types:
            some = "s" if len(missing) > 1 else ""
            last = f"{', '.join(missing[:-1])}{',' if len(missing) > 2 else ''} and {missing[-1]}"
            raise TypeError(
                f"{self.function}() missing {len(missing)} required positional argument{some}: "
                f"{last if some else missing[0]}"
            )
        return self.judge(given, files)


def _file(owner: str, what: str, input_name: str) -> Validator:
    def judge(given: Mapping[str, Any], files: Files | None) -> str | None:
        name = given[input_name]
        name.endswith("")  # as the server fails over what is no text
        if files is None:
            raise Unsure("the files of this server are not known")
        return None if files.holds(name) else f"Invalid {what} file: {name}"

    return Validator(owner, (input_name,), judge)


def _aspect_ratio(given: Mapping[str, Any], _files: Files | None) -> str | None:
    ratio = given["aspect_ratio"]
    if not isinstance(ratio, str):
        return f"'{type(ratio).__name__}' object has no attribute 'split'"
    parts = ratio.split(":")
    if len(parts) != 2:
        return f"Aspect ratio must be in the format X:Y, such as 16:9, but was {ratio}."
    try:
        width, height = int(parts[0]), int(parts[1])
    except ValueError:
        return f"Aspect ratio must contain numbers separated by ':', such as 16:9, but was {ratio}."
    try:
        value = width / height
    except ArithmeticError as problem:
        return str(problem)
    if value < 0.25:
        return f"Aspect ratio cannot reduce to any less than 1:4 (0.25), but was {ratio} ({value})."
    if value > 4.0:
        return f"Aspect ratio cannot reduce to any greater than 4:1 (4.0), but was {ratio} ({value})."
    return None


_MOVES = ("horizontal_movement", "vertical_movement", "pan", "tilt", "roll", "zoom")


def _camera_moves(given: Mapping[str, Any], _files: Files | None) -> str | None:
    if any(not math.isclose(given[move], 0.0) for move in _MOVES):
        return None
    return "Invalid camera control configs: at least one of the values must be non-zero"


def _tripo_task(given: Mapping[str, Any], _files: Files | None) -> str | None:
    if given["original_model_task_id"] in ("MODEL_TASK_ID", "RIG_TASK_ID", "RETARGET_TASK_ID"):
        return None
    return "original_model_task_id must be MODEL_TASK_ID, RIG_TASK_ID or RETARGET_TASK_ID type"


_IMAGE = _file("LoadImage.VALIDATE_INPUTS", "image", "image")

VALIDATORS: Mapping[str, Validator] = {
    "FluxProUltraImageNode": Validator("FluxProUltraImageNode.validate_inputs", ("aspect_ratio",), _aspect_ratio),
    "KlingCameraControls": Validator("KlingCameraControls.validate_inputs", _MOVES, _camera_moves),
    "LoadAudio": _file("LoadAudio.VALIDATE_INPUTS", "audio", "audio"),
    "LoadImage": _IMAGE,
    "LoadImageMask": _file("LoadImageMask.VALIDATE_INPUTS", "image", "image"),
    "LoadImageOutput": _IMAGE,
    "LoadLatent": _file("LoadLatent.VALIDATE_INPUTS", "latent", "latent"),
    "LoadVideo": _file("LoadVideo.validate_inputs", "video", "file"),
    "TripoConversionNode": Validator("TripoConversionNode.VALIDATE_INPUTS", (), _tripo_task, takes_types=True),
    "WebcamCapture": _IMAGE,
}
