"""What the node classes with a validation of their own ask of their inputs."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

IO_FOLDERS = ("input", "output", "temp")


@dataclass(frozen=True)
class Files:
    """Which files a server has.

    `names` lists them by folder: model folders such as "loras", and "input", "output" and "temp"
    with paths relative to them. A folder that is not in it is unknown. In the folders of `endings`
    any name with one of the endings counts as present too. `closed` says that a path that leads
    out of the three folders finds nothing; else that is unknown.
    """

    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    endings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    closed: bool = False

    def holds(self, name: str) -> bool:
        """Whether a file or folder that an input names is there. Raises Unsure."""
        folder = "input"
        for annotated in IO_FOLDERS:
            if name.endswith(f"[{annotated}]"):
                name, folder = name[: -len(annotated) - 3], annotated
                break
        # the three folders lie beside each other, so "../output/x.png" is a way from one to another
        path = posixpath.normpath(posixpath.join("/at", folder, name))
        at, _, rest = path[1:].partition("/")
        folder, _, inside = rest.partition("/")
        if at != "at" or (folder and folder not in self.names):
            if self.closed:
                return False
            raise Unsure("it lies outside the folders that are known")
        if not inside:
            return True
        names = self.names[folder]
        is_file = inside in names and not name.endswith("/")
        return is_file or any(other.startswith(inside + "/") for other in names)


class Unsure(Exception):
    """Only the server itself can say; the message says why."""


Judge: TypeAlias = Callable[[Mapping[str, Any], "Files | None"], "str | None"]


@dataclass(frozen=True, slots=True)
class Validator:
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
    if ratio is None:
        return "'NoneType' object has no attribute 'split'"
    parts = ratio.split(":")
    if len(parts) != 2:
        return f"Aspect ratio must be in the format X:Y, such as 16:9, but was {ratio}."
    try:
        width, height = int(parts[0]), int(parts[1])
    except ValueError:
        return f"Aspect ratio must contain numbers separated by ':', such as 16:9, but was {ratio}."
    if height == 0:
        return "division by zero"
    value = width / height
    if value < 0.25:
        return f"Aspect ratio cannot reduce to any less than 1:4 (0.25), but was {ratio} ({value})."
    if value > 4.0:
        return f"Aspect ratio cannot reduce to any greater than 4:1 (4.0), but was {ratio} ({value})."
    return None


def _camera_moves(given: Mapping[str, Any], _files: Files | None) -> str | None:
    if any(not math.isclose(value, 0.0) for value in given.values()):
        return None
    return "Invalid camera control configs: at least one of the values must be non-zero"


def _tripo_task(given: Mapping[str, Any], _files: Files | None) -> str | None:
    if given["original_model_task_id"] in ("MODEL_TASK_ID", "RIG_TASK_ID", "RETARGET_TASK_ID"):
        return None
    return "original_model_task_id must be MODEL_TASK_ID, RIG_TASK_ID or RETARGET_TASK_ID type"


_IMAGE = _file("LoadImage.VALIDATE_INPUTS", "image", "image")
_MOVES = ("horizontal_movement", "vertical_movement", "pan", "tilt", "roll", "zoom")

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
