"""ControlNets: which one ComfyUI 0.3.64 sees in a file, the family it steers, and what it wants beside a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .header import Header

_LATENT_Y = ("y",)
_HUNYUANDIT = (
    *("text_embedding_mask", "encoder_hidden_states_t5", "text_embedding_mask_t5", "image_meta_size", "style"),
    *("cos_cis_img", "sin_cis_img"),
)
_BY_CONTEXT = {768: "sd15", 1024: "sd2", 2048: "sdxl"}
# Scalars of a file that are no part of the network.
_FLAGS = frozenset(("control_type", "difference", "lora_controlnet"))


@dataclass(frozen=True, slots=True)
class ControlNet:
    """A ControlNet: `control_class` and `network_class` are ComfyUI's.

    The hint has `ratio` pixels to a cell of the latent's own; where `latent_format` is set the hint is encoded with a
    VAE of that format first, so that the node needs one. `concat_mask` says that it wants a mask too (inpainting),
    `union` how many kinds of hint it tells apart, `channels_in` the channels of a T2I adapter's hint. `context` is the
    width of the prompt that it was made for, `variant` its size within the family ("sd35_large").
    """

    control_class: str
    network_class: str
    families: tuple[str, ...] = ()
    variant: str = ""
    ratio: int = 8
    latent_format: str = ""
    concat_mask: bool = False
    extra_conds: tuple[str, ...] = _LATENT_Y
    context: int = 0
    union: int = 0
    channels_in: int = 0
    parameters: int = 0

    @property
    def needs_vae(self) -> bool:
        """Whether the node that applies it needs a VAE."""
        return bool(self.latent_format)


def detect(header: Header, prefix: str = "") -> ControlNet | None:
    """The ControlNet or T2I adapter of a file; None if ComfyUI cannot tell what it is."""
    if prefix:
        header = header.under(prefix)
    for sign, reader in _READERS:
        if sign in header.tensors:
            found = reader(header)
            if found is not None:
                flags = sum(name in header.tensors for name in _FLAGS)
                return replace(found, parameters=header.parameters - flags)
    return None


def _hunyuandit(header: Header) -> ControlNet:
    network = "ldm.hydit.controlnet.HunYuanControlNet"
    return ControlNet("ControlNet", network, ("hunyuan-dit",), "", 1, "SDXL", extra_conds=_HUNYUANDIT)


def _context(header: Header) -> int:
    end = ".attn2.to_k.weight"
    return next((shape[1] for name, (_, shape) in header.tensors.items() if name.endswith(end) and len(shape) > 1), 0)


def _control_lora(header: Header) -> ControlNet:
    """Its weights are low-rank differences, so that the width of the prompt is that of a down."""
    end = ".attn2.to_k.down"
    width = next((shape[1] for name, (_, shape) in header.tensors.items() if name.endswith(end) and len(shape) > 1), 0)
    context = width or _context(header)
    return ControlNet("ControlLora", "", _family(context), context=context)


def _family(context: int) -> tuple[str, ...]:
    return (_BY_CONTEXT[context],) if context in _BY_CONTEXT else ()


def _ldm(header: Header) -> ControlNet:
    context = _context(header)
    union = header.dim("task_embedding", 0) if "control_add_embedding.linear_1.bias" in header.tensors else 0
    return ControlNet("ControlNet", "cldm.cldm.ControlNet", _family(context), context=context, union=union)


def _blocks(header: Header) -> ControlNet | None:
    """The transformers' ControlNets, which all have controlnet_blocks."""
    tensors = header.tensors
    if "double_blocks.0.img_attn.norm.key_norm.scale" in tensors:
        return _flux_pixels(header)
    if "pos_embed_input.proj.weight" in tensors:
        if "transformer_blocks.0.adaLN_modulation.1.bias" in tensors:
            return _sd35(header)
        width = header.dim("pos_embed.proj.weight", 0) or header.dim("x_embedder.proj.weight", 0)
        variant = {2432: "sd35_large"}.get(width, "")
        mask = header.dim("pos_embed_input.proj.weight", 1) == 17
        return ControlNet("ControlNet", "cldm.mmdit.ControlNet", ("sd3",), variant, 1, "SD3", mask)
    if "transformer_blocks.0.img_mlp.net.0.proj.weight" in tensors:
        mask = header.dim("controlnet_x_embedder.weight", 1) == 68
        network = "ldm.qwen_image.controlnet.QwenImageControlNetModel"
        return ControlNet("ControlNet", network, ("qwen-image",), "", 1, "Wan21", mask, ())
    if "controlnet_x_embedder.weight" in tensors:
        mask = header.dim("controlnet_x_embedder.weight", 1) // 4 == 17
        union = header.dim("controlnet_mode_embedder.weight", 0)
        flux = _flux_pixels(header)
        return replace(flux, ratio=1, latent_format="Flux", concat_mask=mask, union=union)
    return None


def _sd35(header: Header) -> ControlNet:
    width = header.dim("y_embedder.mlp.0.weight", 0) or header.dim("time_text_embed.text_embedder.linear_1.weight", 0)
    variant = {2432: "sd35_large", 1536: "sd35_medium"}.get(width, "")
    return ControlNet("ControlNetSD35", "cldm.dit_embedder.ControlNetEmbedder", ("sd3",), variant, 1, "SD3")


def _flux_pixels(header: Header) -> ControlNet:
    network = "ldm.flux.controlnet.ControlNetFlux"
    return ControlNet("ControlNet", network, ("flux", "flux-schnell"), extra_conds=("y", "guidance"))


def _light(header: Header) -> ControlNet:
    channels = header.dim("body.0.in_conv.weight", 1) // 64
    return _adapter("t2i_adapter.adapter.Adapter_light", "sd15", channels)


def _adapter(network: str, family: str, channels: int, ratio: int = 8) -> ControlNet:
    return ControlNet("T2IAdapter", network, (family,), "", ratio, extra_conds=(), channels_in=channels)


def _full(header: Header) -> ControlNet | None:
    start = "adapter." if "adapter.body.0.resnets.0.block1.weight" in header.tensors else ""
    second = "adapter.body.0.resnets.0.block2.weight" if start else "body.0.block2.weight"
    if second not in header.tensors:
        return None
    cin = header.dim(f"{start}conv_in.weight", 1)
    large = cin in (256, 768)
    return _adapter("t2i_adapter.adapter.Adapter", "sdxl" if large else "sd15", cin // (256 if large else 64))


def _cascade(header: Header) -> ControlNet | None:
    if not header.has_under("projections."):
        return None  # Cascade's encoder of pictures has a backbone as well
    network = "ldm.cascade.controlnet.ControlNet"
    if "backbone.0.0.weight" in header.tensors:
        return _adapter(network, "cascade", header.dim("backbone.0.0.weight", 1), 32)
    return _adapter(network, "cascade", header.dim("backbone.0.weight", 1), 1)


# What ComfyUI looks for, in its order.
_READERS: tuple[tuple[str, Callable[[Header], ControlNet | None]], ...] = (
    ("after_proj_list.18.bias", _hunyuandit),
    ("lora_controlnet", _control_lora),
    ("controlnet_cond_embedding.conv_in.weight", _ldm),
    ("controlnet_blocks.0.weight", _blocks),
    ("controlnet_blocks.0.linear.weight", _flux_pixels),
    ("control_model.zero_convs.0.0.weight", _ldm),
    ("zero_convs.0.0.weight", _ldm),
    ("body.0.in_conv.weight", _light),
    ("adapter.body.0.resnets.0.block1.weight", _full),
    ("conv_in.weight", _full),
    ("backbone.0.0.weight", _cascade),
    ("backbone.10.blocks.0.weight", _cascade),
)
# Names of the latents that a ControlNet's hint is encoded to, by the family that has them.
LATENTS: Mapping[str, str] = {"SDXL": "sdxl", "SD3": "sd3", "Flux": "flux", "Wan21": "wan21"}
