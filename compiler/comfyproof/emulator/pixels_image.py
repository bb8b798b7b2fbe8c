"""Nodes that change pictures by arithmetic alone; what they give is what ComfyUI gives, to a rounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from .values import Mask, Picture, Run, check_size

_RESAMPLING = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "bislerp": Image.Resampling.BICUBIC,
}


def resized(picture: Picture, width: int, height: int, method: str = "lanczos") -> Picture:
    """A picture at another size, whatever becomes of its proportions. Raises TooLarge, ValueError."""
    check_size(width, height, picture.shape[0])
    if picture.shape[1:3] == (height, width):
        return picture
    filter = _RESAMPLING[method]
    result = np.empty((picture.shape[0], height, width, picture.shape[3]), np.float32)
    for index, one in enumerate(picture):
        if method == "lanczos":  # ComfyUI goes through eight bits here
            result[index] = _eight_bit(one, width, height)
            continue
        for channel in range(one.shape[2]):
            plane = Image.fromarray(np.ascontiguousarray(one[..., channel]))
            result[index, ..., channel] = np.asarray(plane.resize((width, height), filter))
    return result


def _eight_bit(one: Picture, width: int, height: int) -> Picture:
    pixels = np.clip(one * 255.0, 0, 255).astype(np.uint8)
    small = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    scaled = np.asarray(small.resize((width, height), Image.Resampling.LANCZOS), dtype=np.float32) / np.float32(255.0)
    return scaled[..., None] if pixels.shape[2] == 1 else scaled


def resized_mask(mask: Mask, width: int, height: int) -> Mask:
    """A mask at another size."""
    scaled: Mask = resized(mask[..., None], width, height, "bilinear")[..., 0]
    return scaled


def center_cropped(picture: Picture, width: int, height: int) -> Picture:
    """The middle of a picture in the proportions of another size."""
    have_height, have_width = picture.shape[1:3]
    have, want = have_width / have_height, width / height
    x = round((have_width - have_width * (want / have)) / 2) if have > want else 0
    y = round((have_height - have_height * (have / want)) / 2) if have < want else 0
    return picture[:, y : have_height - y, x : have_width - x]


def _missing_side(width: int, height: int, picture: Picture) -> tuple[int, int]:
    if width == 0:
        width = max(1, round(picture.shape[2] * height / picture.shape[1]))
    if height == 0:
        height = max(1, round(picture.shape[1] * width / picture.shape[2]))
    return width, height


def image_scale(
    run: Run, *, image: Picture, upscale_method: str, width: int, height: int, crop: str
) -> tuple[Picture]:
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


def image_scale_to_total_pixels(
    run: Run, *, image: Picture, upscale_method: str, megapixels: float
) -> tuple[Picture]:
    """A picture of so many times 1024x1024 pixels, in its own proportions."""
    scale = (megapixels * 1024 * 1024 / (image.shape[2] * image.shape[1])) ** 0.5
    return image_scale_by(run, image=image, upscale_method=upscale_method, scale_by=scale)


def image_scale_to_max_dimension(
    run: Run, *, image: Picture, upscale_method: str, largest_size: int
) -> tuple[Picture]:
    """A picture whose longer side has this size."""
    scale = largest_size / max(image.shape[1:3])
    return image_scale_by(run, image=image, upscale_method=upscale_method, scale_by=scale)


def image_invert(run: Run, *, image: Picture) -> tuple[Picture]:
    """The negative."""
    return (1.0 - image,)


def blurred(picture: Picture, radius: int, sigma: float) -> Picture:
    """A Gaussian blur with mirrored edges; a radius wider than the picture is cut."""
    radius = min(radius, min(picture.shape[1:3]) - 1)
    if radius < 1:
        return picture
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
    """A Gaussian blur."""
    return (blurred(image, blur_radius, sigma),)


def image_sharpen(
    run: Run, *, image: Picture, sharpen_radius: int, sigma: float, alpha: float
) -> tuple[Picture]:
    """An unsharp mask."""
    if sharpen_radius == 0:
        return (image,)
    detail = image - blurred(image, sharpen_radius, sigma)
    return (np.clip(image + np.float32(alpha) * detail, 0.0, 1.0),)


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


def image_blend(
    run: Run, *, image1: Picture, image2: Picture, blend_factor: float, blend_mode: str
) -> tuple[Picture]:
    """Two pictures laid over each other."""
    if image1.shape != image2.shape:
        image2 = resized(center_cropped(image2, image1.shape[2], image1.shape[1]),
                         image1.shape[2], image1.shape[1], "bicubic")  # fmt: skip
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
    if image1.shape[1:] != image2.shape[1:]:
        height, width = image1.shape[1:3]
        image2 = resized(center_cropped(image2, width, height), width, height, "bilinear")
    return (np.concatenate([image1, image2]),)


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
    batch, height, width, _ = image.shape
    check_size(width + left + right, height + top + bottom, batch)
    wide = np.full((batch, height + top + bottom, width + left + right, 3), 0.5, np.float32)
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


def image_to_mask(run: Run, *, image: Picture, channel: str) -> tuple[Mask]:
    """One channel as a mask."""
    return (image[..., ["red", "green", "blue", "alpha"].index(channel)],)


def mask_to_image(run: Run, *, mask: Mask) -> tuple[Picture]:
    """A mask as a grey picture."""
    return (np.repeat(mask.reshape(-1, *mask.shape[-2:])[..., None], 3, axis=3),)


def solid_mask(run: Run, *, value: float, width: int, height: int) -> tuple[Mask]:
    """A mask of one value."""
    check_size(width, height)
    return (np.full((1, height, width), value, np.float32),)


def invert_mask(run: Run, *, mask: Mask) -> tuple[Mask]:
    """A mask turned round."""
    return (1.0 - mask,)
