"""What latent or picture flows along a link: its kind, its size, and where it began."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from ..graph import Asset, Link, Node, Value
from .kinds import FLUX, HUNYUAN, KINDS, SD, WAN22, Latents, upscale_factor, vae_latents
from .models import model_of, weights_at
from .view import View

Size: TypeAlias = "tuple[int, int]"
Source: TypeAlias = Literal["empty", "prepared", "picture", "sampler", ""]
_DEEPEST = 64

_ANY_16 = FLUX._replace(name="")
# Latents without anything in them, of which a sampler sets the number of channels right.
EMPTY = {
    "EmptyLatentImage": SD,
    "EmptySD3LatentImage": _ANY_16,
    "EmptyHunyuanLatentVideo": HUNYUAN._replace(name=""),
    "EmptyHunyuanImageLatent": KINDS["hunyuan-image"].latents,
    "EmptyLTXVLatentVideo": KINDS["ltxv"].latents,
    "EmptyMochiLatentVideo": KINDS["mochi"].latents,
    "EmptyCosmosLatentVideo": KINDS["cosmos"].latents,
    "EmptyChromaRadianceLatentImage": KINDS["chroma-radiance"].latents,
    "EmptyAceStepLatentAudio": KINDS["ace-step"].latents,
    "EmptyLatentAudio": KINDS["stable-audio"].latents,
    "EmptyLatentHunyuan3Dv2": KINDS["hunyuan3d"].latents,
}
_ENCODERS = ("VAEEncode", "VAEEncodeTiled", "VAEEncodeForInpaint", "InpaintModelConditioning")
SAMPLERS = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced")
# Nodes that change what is in a latent or picture, and not its size.
_ALIKE = {
    "SetLatentNoiseMask": "samples",
    "LatentMultiply": "samples",
    "LatentFlip": "samples",
    "LatentBatchSeedBehavior": "samples",
    "LatentApplyOperation": "samples",
    "RepeatLatentBatch": "samples",
    "LatentFromBatch": "samples",
    "ImageBlur": "image",
    "ImageSharpen": "image",
    "ImageQuantize": "image",
    "ImageInvert": "image",
    "ImageFlip": "image",
    "ImageFromBatch": "image",
    "RepeatImageBatch": "image",
}


class Latent(NamedTuple):
    """A latent.

    `source` says how it began: "empty", "prepared" by a node for a video model, as a "picture", in a "sampler", or ""
    where it isn't known; `node` is where that was. `size` is in pixels, None where it isn't decided by the graph.
    `latents` is None where the kind isn't known. `masked` says that only a part of it is sampled.
    """

    source: Source = ""
    node: Node | None = None
    latents: Latents | None = None
    size: Size | None = None
    batch: int | None = None
    length: int | None = None
    masked: bool = False
    resized: bool = False


def latent_of(view: View, value: Value | None, depth: int = 0) -> Latent:
    """The latent that a link brings."""
    if not isinstance(value, Link) or depth > _DEEPEST:
        return Latent()
    # In one piece only from the top: a walk that was cut short by its depth is nothing to keep.
    return (
        view.kept(("latent", value), lambda: _latent(view, value, depth)) if depth == 0 else _latent(view, value, depth)
    )


def _latent(view: View, value: Link, depth: int) -> Latent:
    found = view.origin(value)
    if found is None:
        return Latent()
    node, output = found
    if node.type in EMPTY:
        return Latent(
            "empty",
            node,
            EMPTY[node.type],
            _sides(view, node),
            _whole(view, node, "batch_size"),
            _whole(view, node, "length"),
        )
    if node.type in _ENCODERS and (node.type != "InpaintModelConditioning" or view.output(node, output) == "latent"):
        masked = node.type in ("VAEEncodeForInpaint", "InpaintModelConditioning") or None
        size = size_of(view, node.inputs.get("pixels"), depth + 1)
        return Latent("picture", node, vae_of(view, node.inputs.get("vae")), size, masked=bool(masked))
    if node.type in SAMPLERS:
        before = latent_of(view, node.inputs.get("latent_image"), depth + 1)
        return Latent(
            "sampler", node, sampled_latents(view, node), before.size, before.batch, before.length, before.masked
        )
    if node.type in _ALIKE:
        before = latent_of(view, node.inputs.get(_ALIKE[node.type]), depth + 1)
        batch = None if "Batch" in node.type else before.batch
        return before._replace(batch=batch, masked=before.masked or node.type == "SetLatentNoiseMask")
    if node.type in ("LatentUpscale", "LatentUpscaleBy"):
        before = latent_of(view, node.inputs.get("samples"), depth + 1)
        size = (
            _sides(view, node)
            if node.type == "LatentUpscale"
            else _times(before.size, view.setting(node, "scale_by").number)
        )
        return before._replace(size=size, resized=True)
    if "width" in node.inputs and "height" in node.inputs and view.output(node, output) == "latent":
        latents = WAN22 if node.type == "Wan22ImageToVideoLatent" else None
        return Latent("prepared", node, latents, _sides(view, node), length=_whole(view, node, "length"))
    return Latent()


def sampled_latents(view: View, node: Node) -> Latents | None:
    """The latents that a sampler gives, which are its model's."""
    model = node.inputs.get("model")
    if node.type == "SamplerCustomAdvanced":
        guider = view.origin(node.inputs.get("guider"))
        model = guider[0].inputs.get("model") if guider else None
    kind = model_of(view, model).kind
    return kind.latents if kind else None


def vae_of(view: View, value: Value | None) -> Latents | None:
    """The latents of the VAE that a link brings: by the published name of its file, or as its checkpoint's."""
    found = view.origin(value)
    if found is None:
        return None
    node = found[0]
    if node.type == "VAELoader":
        return vae_latents(view.setting(node, "vae_name").text or "")
    if node.type in ("CheckpointLoaderSimple", "CheckpointLoader"):
        kind = model_of(view, Link(node.id, 0)).kind
        return kind.latents if kind else None
    return None


def size_of(view: View, value: Value | None, depth: int = 0) -> Size | None:
    """The size in pixels of the picture that a link brings, where the graph or a file of one's own decides it."""
    found = view.origin(value) if depth <= _DEEPEST else None
    if found is None:
        return None
    node = found[0]
    if node.type == "LoadImage":
        return _own_size(view, node.inputs.get("image"))
    if node.type in ("EmptyImage", "ImageScale"):
        return _sides(view, node)
    if node.type in ("VAEDecode", "VAEDecodeTiled"):
        return latent_of(view, node.inputs.get("samples"), depth + 1).size
    if node.type in _ALIKE:
        return size_of(view, node.inputs.get(_ALIKE[node.type]), depth + 1)
    if node.type == "ImageScaleBy":
        return _times(size_of(view, node.inputs.get("image"), depth + 1), view.setting(node, "scale_by").number)
    if node.type == "UltimateSDUpscale":
        return _times(size_of(view, node.inputs.get("image"), depth + 1), view.setting(node, "upscale_by").number)
    if node.type == "ImageUpscaleWithModel":
        factor = factor_of(view, node.inputs.get("upscale_model"))
        return _times(size_of(view, node.inputs.get("image"), depth + 1), factor)
    return None


def _own_size(view: View, picture: Value | None) -> Size | None:
    """The size of a picture that will be uploaded; what lies on a server can be of any."""
    if not isinstance(picture, Asset):
        return None
    from ..containers.sizes import picture_size

    return view.kept(("picture", picture.path), lambda: picture_size(picture.path))


def factor_of(view: View, value: Value | None) -> int | None:
    """By how much the upscale model that a link brings enlarges, as its file says, or else its name."""
    found = view.origin(value)
    if found is None or found[0].type != "UpscaleModelLoader":
        return None
    weights = weights_at(view, found[0], "model_name")
    if weights is not None and weights.kind == "upscaler" and weights.detail.scale:
        return int(weights.detail.scale)
    return upscale_factor(view.setting(found[0], "model_name").text or "")


def _whole(view: View, node: Node, name: str) -> int | None:
    number = view.setting(node, name).number if name in node.inputs else None
    return int(number) if number is not None else None


def _sides(view: View, node: Node) -> Size | None:
    width, height = _whole(view, node, "width"), _whole(view, node, "height")
    return (width, height) if width and height and width > 0 and height > 0 else None


def _times(size: Size | None, factor: float | None) -> Size | None:
    if size is None or factor is None or not 0 < factor < 1000:
        return None
    return round(size[0] * factor), round(size[1] * factor)
