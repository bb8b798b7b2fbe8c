"""upscaler_scales: the scale and channels of spandrel's architectures, by the shapes of their tensors."""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt

from .header import Header

# What a reader tells: scale, channels in, channels out. A scale of 0 means that the header cannot tell.
Told = tuple[int, int, int]


# --- Scales.


def highest(header: Header, stem: str) -> int:
    """The highest number that follows a stem; -1 without any."""
    found = {name[len(stem) :].split(".", 1)[0] for name in header.tensors if name.startswith(stem)}
    return max(
        (int(number) for number in found if number.isascii() and number.isdigit() and len(number) < 5), default=-1
    )


def ratio(size: int, channels: int) -> int:
    """The scale of a pixel shuffle from `size` channels to `channels`."""
    return isqrt(size // channels) if channels else 0


def shuffle(size: int, inputs: int) -> tuple[int, int]:
    """Scale and channels of a pixel shuffle from `size` channels: as many come out as go in, or else 3, 4 or 1.

    Raises ValueError where no whole scale gives that size.
    """
    for channels in (inputs, 3, 4, 1):
        if channels and size % channels == 0 and isqrt(size // channels) ** 2 == size // channels:
            return isqrt(size // channels), channels
    raise ValueError(f"no pixel shuffle has {size} channels")


def shuffles(header: Header, stem: str = "upsample") -> int:
    """The scale of a row of convolutions with a pixel shuffle behind each."""
    scale = 1
    for number in range(0, 10, 2):
        shape = header.shape(f"{stem}.{number}.weight")
        if len(shape) < 2:
            break
        scale *= ratio(shape[0], shape[1])
    return scale


def first_inputs(header: Header) -> int:
    """The channels that the first convolution takes."""
    return header.dim("conv_first.weight", 1)


def same(scale: int, channels: int) -> Told:
    """As many channels out as in."""
    return scale, channels, channels


# --- One reader for each architecture whose scale or channels need more than a line.


def shuffled(header: Header) -> int:
    """The factor by which a Real-ESRGAN makes its picture smaller first, 0 if it does not."""
    inputs = header.dim("model.0.weight", 1) or first_inputs(header)
    outputs = header.dim("conv_last.weight", 0) or header.dim(f"model.{highest(header, 'model.')}.weight", 0)
    return isqrt(inputs // outputs) if outputs and inputs in (outputs * 4, outputs * 16) else 0


def esrgan(header: Header) -> Told:
    """Scale and channels of ESRGAN."""
    if "conv_first.weight" in header:
        ups = [
            number for number in range(1, 10) for stem in ("upconv", "conv_up") if f"{stem}{number}.weight" in header
        ]
        scale, inputs, outputs = 2 ** max(ups, default=0), first_inputs(header), header.dim("conv_last.weight", 0)
    else:
        last = highest(header, "model.")
        if last > 100:
            raise ValueError("too many layers")
        scale = 2 ** ((last - 4) // 3) if last >= 4 else 1
        inputs, outputs = header.dim("model.0.weight", 1), header.dim(f"model.{last}.weight", 0)
    factor = shuffled(header)
    return (scale // factor, inputs // factor**2, outputs) if factor else (scale, inputs, outputs)


def compact(header: Header) -> Told:
    """Scale and channels of Compact."""
    inputs = header.dim("body.0.weight", 1)
    last = highest(header, "body.")
    # Its layers alternate: convolution, slopes, ..., convolution.
    if len(header.shape("body.0.weight")) != 4 or len(header.shape("body.1.weight")) != 1 or last < 2:
        raise ValueError("not a row of convolutions")
    return told_of(shuffle(header.dim(f"body.{last}.bias", 0), inputs), inputs)


def told_of(shuffle: tuple[int, int], inputs: int) -> Told:
    """What a pixel shuffle tells."""
    return shuffle[0], inputs, shuffle[1]


def swinir(header: Header) -> Told:
    """Scale and channels of SwinIR."""
    unshuffle = "conv_first.1.weight" in header
    wide = header.dim("conv_first.1.weight", 1) if unshuffle else first_inputs(header)
    factor = isqrt(wide // 3) if unshuffle else 1
    outputs = header.dim("conv_last.weight", 0) or wide
    scale = 1
    if "conv_before_upsample.0.weight" in header:
        ups = sum("conv_up" in name and "bias" not in name for name in header.tensors)
        scale = 2**ups if "conv_up1.weight" in header else shuffles(header)
    elif "upsample.0.weight" in header:
        scale = ratio(header.dim("upsample.0.bias", 0), outputs)
    return scale // factor, wide // factor**2, outputs


def swin2sr(header: Header) -> Told:
    """Scale and channels of Swin2SR."""
    channels = first_inputs(header)
    if "conv_bicubic.weight" not in header and "conv_hr.weight" in header:
        return same(4, channels)
    joined = any(name in header for name in ("conv_bicubic.weight", "conv_after_body_hf.weight"))
    if joined or "conv_before_upsample.0.weight" in header:
        return same(shuffles(header), channels)
    return same(ratio(header.dim("upsample.0.weight", 0), channels) if "upsample.0.weight" in header else 1, channels)


def dat(header: Header) -> Told:
    """Scale and channels of DAT."""
    channels = first_inputs(header)
    if "conv_last.weight" in header:
        return same(shuffles(header), channels)
    return same(ratio(header.dim("upsample.0.weight", 0), channels), channels)


def atd(header: Header) -> Told:
    """Scale and channels of ATD."""
    channels = first_inputs(header)
    if "conv_up1.weight" in header:
        return same(4, channels)
    if "conv_before_upsample.0.weight" in header:
        return same(shuffles(header), channels)
    if "conv_last.weight" in header:
        return same(1, channels)
    return same(ratio(header.dim("upsample.0.weight", 0), channels), channels)


def drct(header: Header) -> Told:
    """Scale and channels of DRCT."""
    return same(shuffles(header) if "conv_before_upsample.0.weight" in header else 1, first_inputs(header))


def grl(header: Header) -> Told:
    """Scale and channels of GRL."""
    start = next(start for start in ("model.", "model_g.", "") if f"{start}conv_first.weight" in header)
    header = header.under(start)
    inputs, outputs = first_inputs(header), header.dim("conv_last.weight", 0)
    if "upsample.up.0.weight" in header:
        if "conv_before_upsample.0.weight" in header:
            return shuffles(header, "upsample.up"), inputs, outputs
        return told_of(shuffle(header.dim("upsample.up.0.weight", 0), inputs), inputs)
    return 4 if "conv_up1.weight" in header else 1, inputs, outputs


def plksr(header: Header) -> Told:
    """Scale and channels of PLKSR and RealPLKSR."""
    return ratio(header.dim(f"feats.{highest(header, 'feats.')}.weight", 0), 3), 3, 3


def rcan(header: Header) -> Told:
    """Scale and channels of RCAN."""
    colours = header.dim("tail.1.weight", 0)
    if "head.1.weight" in header:
        return same(4 // ratio(header.dim("head.1.weight", 1), colours), colours)
    return same(shuffles(header, "tail.0"), colours)


def mosr(header: Header) -> Told:
    """Scale and channels of MoSR."""
    inputs = header.dim("gblocks.0.weight", 1)
    if "upsampler.init_pos" in header:
        outputs = header.dim("upsampler.end_conv.weight", 0)
        return isqrt(header.dim("upsampler.offset.weight", 0) // 8), inputs, outputs
    if "upsampler.in_to_k.weight" in header:
        return same(ratio(header.dim("upsampler.in_to_k.weight", 0) // 8, inputs), inputs)
    return same(ratio(header.dim("upsampler.0.weight", 0), inputs), inputs)


def meta(header: Header, name: str, inputs: int) -> Told:
    """Architectures that keep their scale in a tensor: known only if its numbers came with the header."""
    values = header.values.get(name, ())
    return (int(values[2]), inputs, int(values[4])) if len(values) > 4 else (0, inputs, inputs)


def fdat(header: Header) -> Told:
    """Scale and channels of FDAT."""
    if "conv_first.1.weight" in header:
        wide = header.dim("conv_first.1.weight", 1)
        values = header.values.get("upsampler.MetaUpsample", ())
        colours = int(values[4]) if len(values) > 4 else 3
        return same(4 // ratio(wide, colours), colours)
    return meta(header, "upsampler.MetaUpsample", first_inputs(header))


def cugan(header: Header) -> Told:
    """Scale and channels of Real-CUGAN."""
    inputs = header.dim("unet1.conv1.conv.0.weight", 1)
    if "conv_final.weight" in header:
        outputs = header.dim("conv_final.weight", 0) // 4
        return (2, inputs // 4, outputs) if outputs * 4 == inputs else (4, inputs, outputs)
    outputs = header.dim("unet2.conv_bottom.weight", 0)
    return 3 if header.dim("unet1.conv_bottom.weight", 2) == 5 else 2, inputs, outputs


def cugan_sizes(header: Header, scale: int) -> tuple[int, int]:
    """The least side and its multiple for a Real-CUGAN."""
    if scale == 2 and "conv_final.weight" in header:
        return 40, 4
    return 32, 1


def mmrealsr(header: Header) -> Told:
    """Scale and channels of MM-RealSR."""
    outputs, inputs = header.dim("conv_last.weight", 0), first_inputs(header)
    factor = ratio(inputs, outputs)
    return 4 // factor, inputs // factor**2, outputs


def dncnn(header: Header) -> Told:
    """Scale and channels of DnCNN."""
    inputs = header.dim("model.0.weight", 1)
    outputs = header.dim(f"model.{highest(header, 'model.')}.weight", 0)
    if len(header.shape("model.0.weight")) != 4 or inputs - outputs not in (0, 1):
        raise ValueError("not a denoiser")
    return 1, outputs, outputs


def lama(header: Header) -> Told:
    """Scale and channels of LaMa."""
    start = "model" if "model.model.1.bn_l.running_mean" in header else "generator"
    last = highest(header, f"{start}.model.")
    inputs = header.dim(f"{start}.model.1.ffc.convl2l.weight", 1) - 1  # the mask is one more
    return 1, inputs, header.dim(f"{start}.model.{last}.weight", 0)


def aura(header: Header) -> Told:
    """Scale and channels of AuraSR."""
    return 4, 3, 3


def dims(first: str, axis: int, last: str = "") -> Callable[[Header], Told]:
    """Restorers: channels in from one tensor, out from another or the same number."""

    def told(header: Header) -> Told:
        inputs = header.dim(first, axis)
        return 1, inputs, header.dim(last, 0) if last else inputs

    return told


def fixed(header: Header) -> Told:
    """Restorers of colour pictures only."""
    return 1, 3, 3


def pixels(last: str, first: str) -> Callable[[Header], Told]:
    """A pixel shuffle at the end, of as many channels as came in."""

    def told(header: Header) -> Told:
        inputs = header.dim(first, 1)
        return told_of(shuffle(header.dim(last, 0), inputs), inputs)

    return told


def plain(last: str, first: str = "") -> Callable[[Header], Told]:
    """A pixel shuffle at the end, of the channels that came in, three where nothing says how many."""

    def told(header: Header) -> Told:
        inputs = header.dim(first, 1) if first else 3
        return same(ratio(header.dim(last, 0), inputs), inputs)

    return told


def swift(header: Header) -> Told:
    """Scale and channels of SwiftSRGAN."""
    inputs = header.dim("initial.cnn.depthwise.weight", 0)
    return same(2 ** (highest(header, "upsampler.") + 1), inputs)
