"""All stages by the word that an author writes."""

from __future__ import annotations

from collections.abc import Mapping

from .generate import Generate
from .load import Load
from .preview import Preview
from .refine import Refine
from .resize import Resize
from .save import Save
from .upscale import Upscale

AnyStage = Load | Generate | Upscale | Refine | Resize | Save | Preview

STAGES: Mapping[str, type[AnyStage]] = {
    "load": Load,
    "generate": Generate,
    "upscale": Upscale,
    "refine": Refine,
    "resize": Resize,
    "save": Save,
    "preview": Preview,
}
