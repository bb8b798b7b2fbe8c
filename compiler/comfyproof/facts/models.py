"""What model flows along a link: its family, what was done to it, and how it measures noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..catalog.files import FILE_INPUTS
from ..graph import Link, Node, Value
from .kinds import KINDS, Accelerator, Kind, accelerator_of, family_of, undistilled
from .schedules import Noise
from .view import Setting, View

if TYPE_CHECKING:
    from ..weights.identify import Weights

_LONGEST = 256
# Which input of a loader names the file.
_LOADERS = {
    "CheckpointLoaderSimple": "ckpt_name",
    "CheckpointLoader": "ckpt_name",
    "ImageOnlyCheckpointLoader": "ckpt_name",
    "unCLIPCheckpointLoader": "ckpt_name",
    "UNETLoader": "unet_name",
    "UnetLoaderGGUF": "unet_name",
    "UnetLoaderGGUFAdvanced": "unet_name",
    "DiffusersLoader": "model_path",
}
# Text encoders that only one family has, by the type that their loader is told.
_ENCODERS = {
    ("DualCLIPLoader", "flux"): "flux",
    ("DualCLIPLoaderGGUF", "flux"): "flux",
    ("DualCLIPLoader", "sdxl"): "sdxl",
    ("DualCLIPLoader", "hunyuan_video"): "hunyuan-video",
    ("DualCLIPLoader", "hunyuan_image"): "hunyuan-image",
    ("CLIPLoader", "qwen_image"): "qwen-image",
    ("CLIPLoader", "chroma"): "chroma",
    ("CLIPLoader", "ltxv"): "ltxv",
    ("CLIPLoader", "mochi"): "mochi",
    ("CLIPLoader", "wan"): "wan",
}


class Lora(NamedTuple):
    """A LoRA on a model: its node, its file and how strongly it is put in."""

    node: Node
    file: str
    strength: Setting


class Model(NamedTuple):
    """A model as a sampler gets it.

    `family` is a name in KINDS, "" where nothing tells, and `reason` says what told; `certain` where it was the model
    file's own name. `patches` are the nodes between the loader and here, the nearest first; with `opaque` one of them
    is of a class that is not known, and may have changed anything. `noise` is None where it isn't known.
    """

    family: str = ""
    variant: str = ""
    reason: str = ""
    certain: bool = False
    file: str = ""
    loader: Node | None = None
    accelerators: tuple[Accelerator, ...] = ()
    loras: tuple[Lora, ...] = ()
    patches: tuple[Node, ...] = ()
    shift: Setting | None = None
    noise: Noise | None = None
    opaque: bool = False

    @property
    def kind(self) -> Kind | None:
        """What is known of its family."""
        return KINDS.get(self.family)

    @property
    def word(self) -> str:
        """What to call it in a message."""
        return f"{self.family} ({self.variant})" if self.variant else self.family

    def patched(self, *types: str) -> Node | None:
        """The nearest node of one of these classes between the loader and here."""
        return next((node for node in self.patches if node.type in types), None)


NO_MODEL = Model(opaque=True)


def model_of(view: View, value: Value | None) -> Model:
    """The model that a link brings."""
    if not isinstance(value, Link):
        return NO_MODEL
    return view.kept(("model", value.node, value.output), lambda: _walked(view, value))


def _walked(view: View, value: Value | None) -> Model:
    patches: list[Node] = []
    opaque = False
    for _ in range(_LONGEST):
        found = view.origin(value)
        if found is None:
            return Model(patches=tuple(patches), opaque=True)
        node = found[0]
        if node.type in _LOADERS:
            return _loaded(view, node, patches, opaque)
        patches.append(node)
        ways = view.linked(node, "MODEL") or [name for name, _ in node.links() if name in ("model", "unet")]
        opaque = opaque or view.catalog.get(node.type) is None or len(ways) != 1
        if not ways:
            return Model(patches=tuple(patches), opaque=True)
        value = node.inputs[ways[0]]
    return Model(patches=tuple(patches), opaque=True)


def _loaded(view: View, loader: Node, patches: list[Node], opaque: bool) -> Model:
    file = view.setting(loader, _LOADERS[loader.type]).text or ""
    family, variant, reason = _told(view, loader, file)
    certain = bool(family)
    if not family:
        family, reason = _otherwise(view, loader)
    loras = tuple(
        Lora(node, view.setting(node, "lora_name").text or "", view.setting(node, "strength_model"))
        for node in patches
        if "lora_name" in node.inputs
    )
    names = [file, *(lora.file for lora in loras if lora.strength.number not in (0, None))]
    found = [accelerator_of(name) for name in names]
    if not variant and any(family_of(lora.file)[1] == "control" for lora in loras):
        variant = "control"
    shift, noise = _noise(view, KINDS.get(family), patches)
    return Model(
        family,
        "dedistilled" if undistilled(file) else variant,
        reason,
        certain,
        file,
        loader,
        tuple(each for each in found if each is not None),
        loras,
        tuple(patches),
        shift,
        noise,
        opaque,
    )


def _told(view: View, loader: Node, file: str) -> tuple[str, str, str]:
    """The family and the variant of a model file, and what tells: its tensors where they are at hand, else its name."""
    family, variant = family_of(file)
    weights = weights_at(view, loader, _LOADERS[loader.type])
    if weights is None or not weights.families:
        return family, variant, f'the file name "{file}"' if family else ""
    if family not in weights.families:  # the name tells two apart that have the same tensors, and no more
        family = weights.families[0] if len(weights.families) == 1 else ""
        variant = weights.variants[0] if len(weights.variants) == 1 else ""
    return (family, variant, f'the tensors of "{file}"') if family in KINDS else ("", "", "")


def weights_at(view: View, node: Node, name: str) -> Weights | None:
    """What the file is that an input names; None where it isn't at hand."""
    shelf, folder = view.catalog.shelf, FILE_INPUTS.get(node.type, {}).get(name)
    file = view.setting(node, name).text
    return shelf.weights(folder, file) if shelf is not None and folder and file else None


def _otherwise(view: View, loader: Node) -> tuple[str, str]:
    """The family that the text encoders of a graph with one diffusion model tell of."""
    loaders = [node for node in view.graph.nodes.values() if node.type in _LOADERS]
    if len(loaders) != 1 or "ckpt_name" in loader.inputs:
        return "", ""
    told = {
        (family, node.type, kind)
        for node in view.graph.nodes.values()
        if isinstance(kind := node.inputs.get("type"), str) and (family := _ENCODERS.get((node.type, kind)))
    }
    if len(told) != 1:
        return "", ""
    family, loaded, kind = told.pop()
    return family, f'the type "{kind}" of "{loaded}"'


def _noise(view: View, kind: Kind | None, patches: list[Node]) -> tuple[Setting | None, Noise | None]:
    """The shift that a node sets, and the noise scale that holds in the end: that of the nearest such node."""
    for node in patches:
        if node.type in ("ModelSamplingSD3", "ModelSamplingAuraFlow"):
            shift = view.setting(node, "shift")
            amount = shift.number or 0.0
            return shift, Noise("flow", amount) if 0.01 <= amount <= 100 else None
        if node.type == "ModelSamplingFlux":
            return view.setting(node, "max_shift"), _flux_noise(view, node)
        if node.type.startswith("ModelSampling"):
            return None, None
    if kind is None or not kind.noise or (kind.noise != "discrete" and not kind.shift):
        return None, None
    return None, Noise(kind.noise, kind.shift)


def _flux_noise(view: View, node: Node) -> Noise | None:
    """What ModelSamplingFlux makes of a size: the shift rises in a line with the number of patches."""
    highest, base, width, height = (
        view.setting(node, name).number for name in ("max_shift", "base_shift", "width", "height")
    )
    if highest is None or base is None or width is None or height is None:
        return None
    slope = (highest - base) / (4096 - 256)
    shift = float(width) * height / 256 * slope + base - slope * 256
    return Noise("flux", shift) if -20 <= shift <= 50 else None
