"""Nodes that change pictures by arithmetic alone; what they give is what ComfyUI gives, to a rounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .pixels_resize import alike_in_channels, center_cropped, fitted, resized
from .tensors import check_alike, odd_one
from .values import Mask, Picture, Run, check_size


def _missing_side(width: int, height: int, picture: Picture) -> tuple[int, int]:
    if width == 0:
        width = max(1, round(picture.shape[2] * height / picture.shape[1]))
    if height == 0:
        height = max(1, round(picture.shape[1] * width / picture.shape[2]))
    return width, height


def image_scale(run: Run, *, image: Picture, upscale_method: str, width: int, height: int, crop: str) -> tuple[Picture]:
    """A picture at a size; a side of 0 follows from the other."""
    if width == 0 and height == 0:
        return (image,)
    width, height = _missing_side(width, height, image)
    if crop == "center":
        image = center_cropped(image, width, height)
    return (resized(image, width, height, upscale_method),)


def image_scale_by(run: Run, *, image: Picture, upscale_method: str, scale_by: float) -> tuple[Picture]:
    """A picture so many times as large."""
    width, height = round(image.shape[2] * scale_by), round(image.shape[1] * scale_by)
    return (resized(image, width, height, upscale_method),)


def image_scale_to_total_pixels(run: Run, *, image: Picture, upscale_method: str, megapixels: float) -> tuple[Picture]:
    """A picture of so many times 1024x1024 pixels, in its own proportions."""
    scale = (int(megapixels * 1024 * 1024) / (image.shape[2] * image.shape[1])) ** 0.5
    return image_scale_by(run, image=image, upscale_method=upscale_method, scale_by=scale)


def image_scale_to_max_dimension(run: Run, *, image: Picture, upscale_method: str, largest_size: int) -> tuple[Picture]:
    """A picture whose longer side has this size."""
    height, width = image.shape[1:3]
    longer = max(height, width)
    width = largest_size if width == longer else round(width / height * largest_size)
    height = largest_size if height == longer else round(height / image.shape[2] * largest_size)
    return (resized(image, width, height, upscale_method),)


# The sizes that FLUX.1 Kontext was trained on, width and height; the same in portrait.
_KONTEXT_SIZES = (
    (1024, 1024), (1104, 944), (1184, 880), (1248, 832), (1328, 800), (1392, 752), (1456, 720), (1504, 688),
    (1568, 672),
)  # fmt: skip


def flux_kontext_image_scale(run: Run, *, image: Picture) -> tuple[Picture]:
    """The middle of a picture at the size, of those that FLUX.1 Kontext knows, whose proportions are nearest."""
    wanted = image.shape[2] / image.shape[1]
    sizes = (*_KONTEXT_SIZES, *((height, width) for width, height in _KONTEXT_SIZES))
    width, height = min(sizes, key=lambda size: (abs(wanted - size[0] / size[1]), size))
    return (fitted(image, width, height, "lanczos"),)


def resize_and_pad_image(
    run: Run, *, image: Picture, target_width: int, target_height: int, padding_color: str, interpolation: str
) -> tuple[Picture]:
    """A picture within a size, in its own proportions, with a border of one color."""
    batch, height, width, channels = image.shape
    check_size(target_width, target_height, batch)
    scale = min(target_width / width, target_height / height)
    small = resized(image, int(width * scale), int(height * scale), interpolation)
    border = 0.0 if padding_color == "black" else 1.0
    padded = np.full((batch, target_height, target_width, channels), border, np.float32)
    y, x = (target_height - small.shape[1]) // 2, (target_width - small.shape[2]) // 2
    padded[:, y : y + small.shape[1], x : x + small.shape[2]] = small
    return (padded,)


def image_flip(run: Run, *, image: Picture, flip_method: str) -> tuple[Picture]:
    """A picture upside down, or its mirror image."""
    return (np.flip(image, 1 if flip_method.startswith("x") else 2),)


def image_rotate(run: Run, *, image: Picture, rotation: str) -> tuple[Picture]:
    """A picture turned clockwise."""
    turns = {"90": 1, "180": 2, "270": 3}.get(rotation.split(" ")[0], 0)
    return (np.rot90(image, turns, (2, 1)),)


def get_image_size(run: Run, *, image: Picture) -> tuple[int, int, int]:
    """Width, height and batch size, which it also shows."""
    batch, height, width = image.shape[:3]
    run.text(f"width: {width}, height: {height}\n batch size: {batch}")
    return width, height, batch


def image_invert(run: Run, *, image: Picture) -> tuple[Picture]:
    """The negative."""
    return (1.0 - image,)


def blurred(picture: Picture, radius: int, sigma: float) -> Picture:
    """A Gaussian blur with mirrored edges; `sigma` is in pixels. Raises ValueError where the radius is too wide."""
    if radius >= min(picture.shape[1:3]):
        raise ValueError(f"a blur of radius {radius} needs a picture larger than {picture.shape[2]}x{picture.shape[1]}")
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma * sigma)).astype(np.float32)
    kernel /= kernel.sum()
    for axis in (1, 2):
        picture = _convolved(picture, kernel, radius, axis)
    return picture


def _convolved(picture: Picture, kernel: Mask, radius: int, axis: int) -> Picture:
    pad = [(0, 0)] * 4
    pad[axis] = (radius, radius)
    wide = np.pad(picture, pad, mode="reflect")
    size = picture.shape[axis]
    total = np.zeros_like(picture)
    for index, weight in enumerate(kernel):
        part = wide[:, index : index + size] if axis == 1 else wide[:, :, index : index + size]
        total += weight * part
    return total


def image_blur(run: Run, *, image: Picture, blur_radius: int, sigma: float) -> tuple[Picture]:
    """A Gaussian blur; ComfyUI counts `sigma` in radiuses."""
    return (blurred(image, blur_radius, sigma * blur_radius) if blur_radius else image,)


def image_sharpen(run: Run, *, image: Picture, sharpen_radius: int, sigma: float, alpha: float) -> tuple[Picture]:
    """An unsharp mask."""
    if sharpen_radius == 0:
        return (image,)
    detail = image - blurred(image, sharpen_radius, sigma * sharpen_radius)
    return (np.clip(image + np.float32(10 * alpha) * detail, 0.0, 1.0),)


def _soft_light(a: Picture, b: Picture) -> Picture:
    lighter = np.where(a <= 0.25, ((16 * a - 12) * a + 4) * a, np.sqrt(a))
    return np.where(b <= 0.5, a - (1 - 2 * b) * a * (1 - a), a + (2 * b - 1) * (lighter - a))


_BLENDS: Mapping[str, Callable[[Picture, Picture], Picture]] = {
    "normal": lambda a, b: b,
    "multiply": lambda a, b: a * b,
    "screen": lambda a, b: 1 - (1 - a) * (1 - b),
    "overlay": lambda a, b: np.where(a <= 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b)),
    "soft_light": _soft_light,
    "difference": lambda a, b: a - b,
}


def image_blend(run: Run, *, image1: Picture, image2: Picture, blend_factor: float, blend_mode: str) -> tuple[Picture]:
    """Two pictures laid over each other."""
    image1, image2 = alike_in_channels(image1, image2)
    image2 = fitted(image2, image1.shape[2], image1.shape[1], "bicubic")
    check_alike(*((image2.shape, image1.shape) if blend_mode == "soft_light" else (image1.shape, image2.shape)))
    blended = _BLENDS[blend_mode](image1, image2)
    mixed = image1 * (1 - blend_factor) + blended * blend_factor
    return (np.clip(mixed, 0, 1).astype(np.float32),)


def image_crop(run: Run, *, image: Picture, width: int, height: int, x: int, y: int) -> tuple[Picture]:
    """A rectangle out of a picture; its corner is kept inside."""
    x, y = min(x, image.shape[2] - 1), min(y, image.shape[1] - 1)
    return (image[:, y : y + height, x : x + width],)


def empty_image(run: Run, *, width: int, height: int, batch_size: int = 1, color: int = 0) -> tuple[Picture]:
    """A picture of one color."""
    check_size(width, height, batch_size)
    rgb = np.array([color >> 16 & 255, color >> 8 & 255, color & 255], np.float32) / np.float32(255.0)
    return (np.broadcast_to(rgb, (batch_size, height, width, 3)).copy(),)


def image_batch(run: Run, *, image1: Picture, image2: Picture) -> tuple[Picture]:
    """Two batches in one; the second takes the size of the first."""
    check_size(image1.shape[2], image1.shape[1], image1.shape[0] + image2.shape[0])
    second = fitted(image2, image1.shape[2], image1.shape[1], "bilinear")
    if image1.shape[3] != second.shape[3]:
        raise odd_one(0, image1.shape[3], second.shape[3])
    return (np.concatenate([image1, second]),)


def image_from_batch(run: Run, *, image: Picture, batch_index: int, length: int) -> tuple[Picture]:
    """Some pictures out of a batch."""
    first = min(image.shape[0] - 1, batch_index)
    return (image[first : first + min(image.shape[0] - first, length)].copy(),)


def repeat_image_batch(run: Run, *, image: Picture, amount: int) -> tuple[Picture]:
    """A batch so many times."""
    check_size(image.shape[2], image.shape[1], image.shape[0] * amount)
    return (np.tile(image, (amount, 1, 1, 1)),)


def image_pad_for_outpaint(
    run: Run, *, image: Picture, left: int, top: int, right: int, bottom: int, feathering: int
) -> tuple[Picture, Mask]:
    """A picture on a larger grey ground, and a mask of what is new, softened into the picture."""
    batch, height, width, channels = image.shape
    check_size(width + left + right, height + top + bottom, batch)
    wide = np.full((batch, height + top + bottom, width + left + right, channels), 0.5, np.float32)
    wide[:, top : top + height, left : left + width] = image
    mask = np.ones(wide.shape[1:3], np.float32)
    mask[top : top + height, left : left + width] = _feather(image, (left, top, right, bottom), feathering)
    return wide, mask[None]


def _feather(image: Picture, sides: tuple[int, int, int, int], feathering: int) -> Mask:
    height, width = image.shape[1:3]
    if feathering <= 0 or feathering * 2 >= height or feathering * 2 >= width:
        return np.zeros((height, width), np.float32)
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    left, top, right, bottom = sides
    edges = ((left, columns), (top, rows), (right, width - columns), (bottom, height - rows))
    near = np.full((height, width), np.inf)
    for side, distance in edges:
        if side:
            near = np.minimum(near, distance)
    return np.where(near < feathering, ((feathering - near) / feathering) ** 2, 0).astype(np.float32)
