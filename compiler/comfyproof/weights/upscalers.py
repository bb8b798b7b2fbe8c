"""Upscalers: which architecture of spandrel 0.4.2 a file has, and by how much it enlarges."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from .header import Header
from .upscaler_archs import ARCHS, Arch
from .upscaler_scales import cugan_sizes, shuffled

# Names of tensors that a network computes and does not learn.
_BUFFERS = ("relative_position_index", "attn_mask", "running_mean", "running_var", "num_batches_tracked")
_MORE_BUFFERS = (
    "rpe_biases",
    "MetaUpsample",
    "no_norm",
    "init_pos",
    "relative_coords_table",
    "total_ops",
    "total_params",
)


_PURPOSES = {"GFPGAN": "FaceSR", "RestoreFormer": "FaceSR", "LaMa": "Inpainting"}


@dataclass(frozen=True, slots=True)
class Upscaler:
    """A model that enlarges or restores pictures, as spandrel names it.

    `scale` is 0 where the header cannot tell. Pictures must have at least `minimum` pixels a side and are padded to a
    multiple of `multiple_of`, and to a square if `square`. `tiling` is "SUPPORTED", "DISCOURAGED" or "INTERNAL".
    `single_image` is False for models that ComfyUI's loader refuses since they want a mask too. `parameters` are the
    elements that it learned, `module_bytes` what it takes in memory at 32 bits an element, its tables included.
    """

    arch: str
    scale: int
    input_channels: int
    output_channels: int
    half: bool = False
    bfloat16: bool = True
    tiling: str = "SUPPORTED"
    minimum: int = 0
    multiple_of: int = 1
    square: bool = False
    single_image: bool = True
    parameters: int = 0
    module_bytes: int = 0
    families: tuple[str, ...] = ()

    @property
    def purpose(self) -> str:
        """What spandrel says it is for: "SR", "Restoration", "FaceSR" or "Inpainting"."""
        if self.arch in _PURPOSES:
            return _PURPOSES[self.arch]
        return "Restoration" if self.scale == 1 else "SR"


def detect(header: Header, prefix: str = "") -> Upscaler | None:
    """The upscaler of a file; None if its architecture is none that is known here."""
    if prefix:
        header = header.under(prefix)
    if header.format == "gguf":
        return None
    for arch in ARCHS:
        if all(sign in header.tensors for sign in arch.signs):
            try:
                return _upscaler(arch, header, *arch.told(header))
            except (ArithmeticError, IndexError, ValueError):
                continue  # the names are there, but their shapes make no sense
    return None


def _upscaler(arch: Arch, header: Header, scale: int, inputs: int, outputs: int) -> Upscaler:
    half, minimum, multiple = arch.half, arch.minimum, arch.multiple
    match arch.name:
        case "ESRGAN" if shuffled(header):
            multiple = 4
        case "PLKSR":
            # All but RealPLKSR without layer norms.
            half = "feats.1.channe_mixer.0.weight" in header or "feats.1.layer_norm.bias" in header
        case "SwinIR" if "conv_first.1.weight" in header:
            multiple = header.dim("conv_first.1.weight", 1) // 3
        case "RealCUGAN":
            minimum, multiple = cugan_sizes(header, scale)
        case "DITN":
            multiple = 8
        case "KBNet" if "patch_embed.proj.weight" in header:
            multiple = 16
    learned = sum(
        prod(shape)
        for name, (dtype, shape) in header.tensors.items()
        if not dtype.startswith(("I", "U", "B0")) and not any(part in name for part in (*_BUFFERS, *_MORE_BUFFERS))
    )
    stored = 4 * sum(prod(shape) for _, shape in header.tensors.values())
    minimum = -(-minimum // multiple) * multiple if multiple else minimum
    return Upscaler(
        arch.name,
        scale,
        inputs,
        outputs,
        half,
        arch.bfloat16,
        arch.tiling,
        minimum,
        multiple,
        arch.square,
        arch.name != "LaMa",
        learned,
        stored,
    )


ARCHITECTURES = tuple(dict.fromkeys(arch.name for arch in ARCHS))
