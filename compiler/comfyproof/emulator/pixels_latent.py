"""Latents and VAEs. A latent here is the picture it stands for, so encoding and decoding lose nothing but edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageFilter

from .models import conditioned
from .pixels_resize import as_masks, resized, resized_mask
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
    frames, cell = vae.cell if isinstance(vae, Model) else (1, 8)
    picture = _cropped(picture, cell)
    if frames > 1:
        picture = picture[: whole_frames(len(picture))]
    count, height, width = picture.shape[:3]
    return Latent(width, height, 1 if frames > 1 else count, picture, frames=count if frames > 1 else 1)


def whole_frames(length: int) -> int:
    """How many frames of so many a video latent holds: one, and four for each further latent frame."""
    return (length - 1) // 4 * 4 + 1


def empty_of(width: int, height: int, batch: int, frames: int, cell: int = 8) -> Latent:
    """A latent to sample from nothing, its sides rounded down to what the VAE packs into one. Raises TooLarge."""
    width, height = width // cell * cell, height // cell * cell
    check_size(width, height, batch * frames, MAX_PIXELS if frames == 1 else MAX_VIDEO_PIXELS)
    return Latent(width, height, batch, frames=frames)


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
    picture, begun = picture_of(samples), samples.begun
    if begun is None:
        return (picture,)
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
    return (replace(latent, mask=_cropped_mask(_grown(mask, grow_mask_by))),)


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
    marked = mask.round().astype(np.uint8)
    if by > 0:
        spread = ImageFilter.MaxFilter(by // 2 * 2 + 1)
        marked = np.stack([np.asarray(Image.fromarray(one).filter(spread)) for one in marked])
    return marked.astype(np.float32)


def set_latent_noise_mask(run: Run, *, samples: Latent, mask: Mask) -> tuple[Latent]:
    """The same latent, of which only the masked part is to change."""
    return (replace(samples, mask=as_masks(mask)),)


def empty_latent(run: Run, *, width: int, height: int, batch_size: int = 1) -> tuple[Latent]:
    """A latent to sample from nothing."""
    return (empty_of(width, height, batch_size, 1),)


def _scaled(latent: Latent, width: int, height: int, method: str) -> Latent:
    check_size(width, height, latent.count)
    picture = latent.picture
    scaled = None if picture is None else resized(picture, width, height, method)
    return replace(latent, width=width, height=height, picture=scaled)


def latent_upscale(
    run: Run, *, samples: Latent, upscale_method: str, width: int, height: int, crop: str
) -> tuple[Latent]:
    """A latent at another size; a side of 0 follows from the other."""
    if width == 0 and height == 0:
        return (samples,)
    if width == 0:
        width = max(64, round(samples.width * height / samples.height))
    if height == 0:
        height = max(64, round(samples.height * width / samples.width))
    return (_scaled(samples, width // 8 * 8, height // 8 * 8, upscale_method),)


def latent_upscale_by(run: Run, *, samples: Latent, upscale_method: str, scale_by: float) -> tuple[Latent]:
    """A latent so many times as large."""
    width, height = round(samples.width // 8 * scale_by) * 8, round(samples.height // 8 * scale_by) * 8
    return (_scaled(samples, width, height, upscale_method),)


def latent_crop(run: Run, *, samples: Latent, width: int, height: int, x: int, y: int) -> tuple[Latent]:
    """A rectangle out of a latent, at least eight latent pixels wide and high."""
    x, y = min(x, samples.width - 64) // 8 * 8, min(y, samples.height - 64) // 8 * 8
    right, bottom = min(x + width // 8 * 8, samples.width), min(y + height // 8 * 8, samples.height)
    picture = None if samples.picture is None else samples.picture[:, y:bottom, x:right]
    return (replace(samples, width=right - x, height=bottom - y, picture=picture),)


def latent_rotate(run: Run, *, samples: Latent, rotation: str) -> tuple[Latent]:
    """A latent turned clockwise."""
    turns = {"90": 1, "180": 2, "270": 3}.get(rotation.split(" ")[0], 0)
    width, height = (samples.height, samples.width) if turns % 2 else (samples.width, samples.height)
    picture = None if samples.picture is None else np.rot90(samples.picture, turns, (2, 1))
    return (replace(samples, width=width, height=height, picture=picture),)


def latent_flip(run: Run, *, samples: Latent, flip_method: str) -> tuple[Latent]:
    """A latent upside down, or its mirror image."""
    axis = 1 if flip_method.startswith("x") else 2
    return (replace(samples, picture=None if samples.picture is None else np.flip(samples.picture, axis)),)


def latent_batch(run: Run, *, samples1: Latent, samples2: Latent) -> tuple[Latent]:
    """Two batches in one; the second takes the size of the first."""
    if samples1.frames != samples2.frames:
        raise ValueError(f"latents of {samples1.frames} and of {samples2.frames} frames make no batch")
    second = _scaled(samples2, samples1.width, samples1.height, "bilinear")
    batch = samples1.batch + samples2.batch
    check_size(samples1.width, samples1.height, batch * samples1.frames)
    if samples1.picture is None and samples2.picture is None:
        return (replace(samples1, batch=batch),)
    return (replace(samples1, batch=batch, picture=np.concatenate([picture_of(samples1), picture_of(second)])),)


def repeat_latent_batch(run: Run, *, samples: Latent, amount: int) -> tuple[Latent]:
    """A batch so many times."""
    check_size(samples.width, samples.height, samples.count * amount)
    picture = None if samples.picture is None else np.tile(samples.picture, (amount, 1, 1, 1))
    return (replace(samples, batch=samples.batch * amount, picture=picture),)


def latent_from_batch(run: Run, *, samples: Latent, batch_index: int, length: int) -> tuple[Latent]:
    """Some latents out of a batch."""
    first = min(samples.batch - 1, batch_index)
    count = min(samples.batch - first, length)
    part = slice(first * samples.frames, (first + count) * samples.frames)
    return (replace(samples, batch=count, picture=None if samples.picture is None else samples.picture[part]),)
