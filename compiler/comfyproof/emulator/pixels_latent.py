"""Latents and VAEs. A latent here is the picture it stands for, so encoding and decoding lose nothing but edges."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from .families import check_decodes, family_of
from .models import conditioned
from .pixels_morphology import lightest
from .pixels_resize import as_masks, center_cropped, fitted, resized, resized_mask
from .tensors import clash, odd_one
from .values import (
    MAX_PIXELS,
    MAX_VIDEO_PIXELS,
    Conditioning,
    Latent,
    Mask,
    Model,
    Picture,
    Run,
    check_size,
    facts_of,
    random_from,
)

GREY = np.float32(0.5)


def _cropped(picture: Picture, cell: int = 8) -> Picture:
    """The middle of a picture whose sides a VAE can take: multiples of 8, or of 16."""
    height, width = picture.shape[1] // cell * cell, picture.shape[2] // cell * cell
    check_size(width, height, picture.shape[0])
    y, x = (picture.shape[1] - height) // 2, (picture.shape[2] - width) // 2
    return picture[:, y : y + height, x : x + width, :3]


def latent_of(picture: Picture, vae: Model | None = None) -> Latent:
    """The latent that stands for a picture; a VAE for videos takes several as the frames of one."""
    pace, cell = cell_of(vae)
    family = family_of(vae.kind, vae.files[0]) if isinstance(vae, Model) and vae.files else None
    picture = _cropped(picture, cell)
    channels, axes = (family.channels, family.axes) if family else (None, 3 if pace > 1 else 2)
    if axes == 2:
        return Latent(picture.shape[2], picture.shape[1], len(picture), picture, channels=channels, cell=cell)
    picture = picture[: whole_frames(len(picture), pace)]
    frames, height, width = picture.shape[:3]
    return Latent(width, height, 1, picture, frames=frames, channels=channels, cell=cell, axes=3, pace=pace)


def cell_of(vae: object) -> tuple[int, int]:
    """How many frames, and how many pixels of a side, a VAE packs into one, as far as its name tells."""
    if not isinstance(vae, Model) or not vae.files:
        return 1, 8
    family, name = family_of(vae.kind, vae.files[0]), " ".join(vae.files).lower()
    if family is not None:
        return family.pace, family.cell
    if re.search(r"wan[-_ .]?2[._]2", name):
        return 4, 16
    return (4 if re.search(r"(?<![a-z])(wan|qwen)(?![a-z])", name) else 1), 8


def whole_frames(length: int, pace: int = 4) -> int:
    """How many frames of so many a video latent holds: one, and `pace` for each further latent frame."""
    return (length - 1) // pace * pace + 1


def empty_of(
    width: int, height: int, batch: int, frames: int = 1, cell: int = 8, channels: int | None = None, axes: int = 2,
    pace: int = 4,
) -> Latent:  # fmt: skip
    """A latent to sample from nothing, its sides rounded down to what the VAE packs into one. Raises TooLarge."""
    width, height = width // cell * cell, height // cell * cell
    check_size(width, height, batch * frames, MAX_PIXELS if frames == 1 else MAX_VIDEO_PIXELS)
    return Latent(width, height, batch, frames=frames, channels=channels, cell=cell, axes=axes, pace=pace)


def picture_of(latent: Latent) -> Picture:
    """The pictures that a latent stands for: mid-grey where nothing was sampled yet."""
    if latent.picture is not None:
        return latent.picture
    return np.broadcast_to(GREY, (latent.count, latent.height, latent.width, 3))


def vae_encode(run: Run, *, pixels: Picture, vae: Model) -> tuple[Latent]:
    """The latent of a picture, cropped to multiples of 8."""
    return (latent_of(pixels, vae),)


def vae_encode_tiled(
    run: Run, *, pixels: Picture, vae: Model, tile_size: int, overlap: int,
    temporal_size: int = 64, temporal_overlap: int = 8,
) -> tuple[Latent]:  # fmt: skip
    """The same in tiles, which cannot be seen in the result."""
    return (latent_of(pixels, vae),)


def vae_decode(run: Run, *, samples: Latent, vae: Model) -> tuple[Picture]:
    """The picture of a latent; it is noisy where sampling stopped on the way."""
    check_decodes(family_of(vae.kind, vae.files[0]), samples)
    picture, begun = picture_of(samples), samples.begun
    if begun is None:
        return (np.clip(picture, 0.0, 1.0) if samples.beyond else picture,)
    noise = random_from(*begun.key, "left").standard_normal(picture.shape[1:]).astype(np.float32)
    return (np.clip(picture + np.float32(begun.left) * noise, 0.0, 1.0),)


def vae_decode_tiled(
    run: Run, *, samples: Latent, vae: Model, tile_size: int, overlap: int = 64,
    temporal_size: int = 64, temporal_overlap: int = 8,
) -> tuple[Picture]:  # fmt: skip
    """The same in tiles, which cannot be seen in the result."""
    return vae_decode(run, samples=samples, vae=vae)


def vae_encode_for_inpaint(
    run: Run, *, pixels: Picture, vae: Model, mask: Mask, grow_mask_by: int = 6
) -> tuple[Latent]:
    """The latent of a picture whose masked part is emptied and marked for sampling."""
    mask = resized_mask(mask, pixels.shape[2], pixels.shape[1])
    latent = latent_of(np.where(mask.round()[..., None] > 0, GREY, pixels), vae)
    return (replace(latent, mask=_grown(_cropped_mask(mask), grow_mask_by)),)


def inpaint_model_conditioning(
    run: Run, *, positive: Conditioning, negative: Conditioning, vae: Model, pixels: Picture, mask: Mask,
    noise_mask: bool = True,
) -> tuple[Conditioning, Conditioning, Latent]:  # fmt: skip
    """What a model for inpainting is told of a picture and its mask, and the picture's latent with that mask."""
    mask = _cropped_mask(resized_mask(mask, pixels.shape[2], pixels.shape[1]))
    latent = latent_of(pixels, vae)
    facts = facts_of(pixels=pixels, mask=mask)
    told = conditioned(positive, "inpaint", facts), conditioned(negative, "inpaint", facts)
    return (*told, replace(latent, mask=mask) if noise_mask else latent)


def _cropped_mask(mask: Mask) -> Mask:
    return _cropped(mask[..., None])[..., 0]


def _grown(mask: Mask, by: int) -> Mask:
    """A mask whose marked parts reach some pixels further."""
    marked = mask.round()
    for axis in (1, 2) if by > 1 else ():
        marked = lightest(marked, axis, by, by // 2)
    return marked


def set_latent_noise_mask(run: Run, *, samples: Latent, mask: Mask) -> tuple[Latent]:
    """The same latent, of which only the masked part is to change."""
    return (replace(samples, mask=as_masks(mask)),)


def _scaled(latent: Latent, width: int, height: int, method: str) -> Latent:
    check_size(width, height, latent.count)
    picture = latent.picture
    scaled = None if picture is None else resized(picture, width, height, "bicubic" if method == "bislerp" else method)
    return replace(latent, width=width, height=height, picture=scaled, begun=None)


def latent_upscale(
    run: Run, *, samples: Latent, upscale_method: str, width: int, height: int, crop: str
) -> tuple[Latent]:
    """A latent at another size; a side of 0 follows from the other, which has eight latent pixels at least."""
    if width == 0 and height == 0:
        return (samples,)
    across, down = samples.width // samples.cell, samples.height // samples.cell
    wide, high = max(64, width), max(64, height)
    if width == 0:
        wide = max(64, round(across * high / down))
    elif height == 0:
        high = max(64, round(down * wide / across))
    wide, high = wide // 8 * samples.cell, high // 8 * samples.cell
    if crop == "center" and samples.picture is not None:
        middle = center_cropped(samples.picture, wide, high)
        samples = replace(samples, width=middle.shape[2], height=middle.shape[1], picture=middle)
    return (_scaled(samples, wide, high, upscale_method),)


def latent_upscale_by(run: Run, *, samples: Latent, upscale_method: str, scale_by: float) -> tuple[Latent]:
    """A latent so many times as large."""
    cell = samples.cell
    width, height = round(samples.width // cell * scale_by) * cell, round(samples.height // cell * scale_by) * cell
    return (_scaled(samples, width, height, upscale_method),)


def latent_crop(run: Run, *, samples: Latent, width: int, height: int, x: int, y: int) -> tuple[Latent]:
    """A rectangle out of a latent, at least eight latent pixels wide and high where it is as large itself."""
    cell = samples.cell
    left, right = _kept(samples.width // cell, x // 8, width // 8)
    top, bottom = _kept(samples.height // cell, y // 8, height // 8)
    picture = samples.picture
    if picture is not None:
        picture = picture[:, top * cell : bottom * cell, left * cell : right * cell]
    size = (right - left) * cell, (bottom - top) * cell
    check_size(*size)
    return (replace(samples, width=size[0], height=size[1], picture=picture, begun=None),)


def _kept(have: int, first: int, count: int) -> tuple[int, int]:
    """Where a stretch begins and ends; a place before the beginning counts from the end, as everywhere in Python."""
    start, end, _ = slice(min(first, have - 8), count + min(first, have - 8)).indices(have)
    return start, end


def latent_rotate(run: Run, *, samples: Latent, rotation: str) -> tuple[Latent]:
    """A latent turned clockwise."""
    turns = {"90": 1, "180": 2, "270": 3}.get(rotation.split(" ")[0], 0)
    width, height = (samples.height, samples.width) if turns % 2 else (samples.width, samples.height)
    picture = None if samples.picture is None else np.rot90(samples.picture, turns, (2, 1))
    return (replace(samples, width=width, height=height, picture=picture, begun=None),)


def latent_flip(run: Run, *, samples: Latent, flip_method: str) -> tuple[Latent]:
    """A latent upside down, or its mirror image."""
    axis = 1 if flip_method.startswith("x") else 2
    picture = None if samples.picture is None else np.flip(samples.picture, axis)
    return (replace(samples, picture=picture, begun=None),)


def latent_batch(run: Run, *, samples1: Latent, samples2: Latent) -> tuple[Latent]:
    """Two batches in one; the second takes the size of the first."""
    second = at_size(samples2, samples1)
    check_channels(samples1, second, 0)
    batch = samples1.batch + samples2.batch
    check_size(samples1.width, samples1.height, batch * samples1.frames)
    index = (*_index(samples1), *_index(samples2))
    if samples1.picture is None and samples2.picture is None:
        return (replace(samples1, batch=batch, index=index),)
    picture = np.concatenate([picture_of(samples1), picture_of(second)])
    beyond = samples1.beyond or samples2.beyond
    return (replace(samples1, batch=batch, picture=picture, index=index, beyond=beyond, begun=None),)


def _index(latent: Latent) -> tuple[int, ...]:
    return latent.index if latent.index is not None else tuple(range(latent.batch))


def at_size(latent: Latent, like: Latent, method: str = "bilinear") -> Latent:
    """The middle of a latent at another one's size. Raises RuntimeError where they have not the same frames."""
    if latent.frames != like.frames:
        raise clash(like.latent_frames, latent.latent_frames, 2)
    if (latent.width, latent.height) == (like.width, like.height):
        return latent
    check_size(like.width, like.height, latent.count, MAX_VIDEO_PIXELS)
    picture = None if latent.picture is None else fitted(latent.picture, like.width, like.height, method)
    return replace(latent, width=like.width, height=like.height, picture=picture, begun=None)


def check_channels(first: Latent, second: Latent, along: int | None = None) -> None:
    """Raises RuntimeError for latents that are known to have other channels: to be put together, or reckoned with."""
    have = first.channels, second.channels
    if have[0] is None or have[1] is None or have[0] == have[1]:
        return
    if along is not None:
        raise odd_one(along, *have)
    if 1 not in have:
        raise clash(*have, 1)


def repeat_latent_batch(run: Run, *, samples: Latent, amount: int) -> tuple[Latent]:
    """A batch so many times."""
    check_size(samples.width, samples.height, samples.count * amount)
    picture = None if samples.picture is None else np.tile(samples.picture, (amount, 1, 1, 1))
    mask, index = samples.mask, samples.index
    if mask is not None and len(mask) > 1:
        mask = np.tile(mask, (amount, 1, 1))
    if index is not None:
        step = max(index) - min(index) + 1
        index = tuple(place + step * time for time in range(amount) for place in index)
    batch = samples.batch * amount
    return (replace(samples, batch=batch, picture=picture, mask=mask, index=index, begun=None),)


def latent_from_batch(run: Run, *, samples: Latent, batch_index: int, length: int) -> tuple[Latent]:
    """Some latents out of a batch."""
    first = min(samples.batch - 1, batch_index)
    count = min(samples.batch - first, length)
    part = slice(first * samples.frames, (first + count) * samples.frames)
    picture, mask = samples.picture, samples.mask
    if mask is not None and len(mask) > 1:
        mask = mask[np.arange(first, first + count) % len(mask)]
    index = _index(samples)[first : first + count]
    picture = None if picture is None else picture[part]
    return (replace(samples, batch=count, picture=picture, mask=mask, index=index, begun=None),)
