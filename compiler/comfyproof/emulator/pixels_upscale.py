"""Upscale models and UltimateSDUpscale: a good resampler by the model's factor, with the real sizes and tiles."""

from __future__ import annotations

import math
from typing import Any

from .pixels_change import change_of
from .pixels_resize import resized
from .pixels_sample import previews, report, told_by
from .values import Conditioning, Model, Picture, Run, Step, check_size

_MODEL_TILE, _MODEL_OVERLAP = 512, 32


def _model_tiles(width: int, height: int) -> int:
    """How many tiles an upscale model takes for a picture."""

    def along(length: int) -> int:
        step = _MODEL_TILE - _MODEL_OVERLAP
        return 1 if length <= _MODEL_TILE else math.ceil((length - _MODEL_OVERLAP) / step)

    return along(width) * along(height)


def _report_model(run: Run, image: Picture) -> None:
    tiles = _model_tiles(image.shape[2], image.shape[1]) * image.shape[0]
    for tile in range(1, tiles + 1):
        run.step(Step(tile, tiles))


def image_upscale_with_model(run: Run, *, upscale_model: Model, image: Picture) -> tuple[Picture]:
    """A picture larger by the model's factor."""
    factor = upscale_model.factor
    check_size(image.shape[2] * factor, image.shape[1] * factor, image.shape[0])
    _report_model(run, image)
    return (resized(image, image.shape[2] * factor, image.shape[1] * factor),)


def ultimate_sd_upscale(
    run: Run, *, image: Picture, model: Model, positive: Conditioning, negative: Conditioning, vae: Model,
    upscale_by: float, seed: int, steps: int, cfg: float, sampler_name: str, scheduler: str, denoise: float,
    mode_type: str, tile_width: int, tile_height: int, mask_blur: int, tile_padding: int,
    seam_fix_mode: str, seam_fix_denoise: float, seam_fix_width: int, seam_fix_mask_blur: int,
    seam_fix_padding: int, force_uniform_tiles: bool, tiled_decode: bool, batch_size: int = 1,
    upscale_model: Model | None = None, custom_sampler: Any = None, custom_sigmas: Any = None,
) -> tuple[Picture]:  # fmt: skip
    """A picture larger by `upscale_by`, redrawn tile by tile; each side is rounded to a multiple of 8."""
    if batch_size != 1 and not force_uniform_tiles:
        raise AssertionError("batch_size greater than 1 requires force_uniform_tiles to be True")
    width = round(image.shape[2] * upscale_by / 8) * 8
    height = round(image.shape[1] * upscale_by / 8) * 8
    check_size(width, height, image.shape[0])
    if upscale_model is not None and upscale_by != 1.0:
        _report_model(run, image)
    large = resized(image, width, height)
    columns, rows = math.ceil(width / tile_width), math.ceil(height / tile_height)
    tiles = 0 if mode_type == "None" else columns * rows
    seams = _seam_tiles(seam_fix_mode, columns, rows)
    if tiles + seams == 0:
        return (large,)
    key = (seed, told_by(positive), told_by(negative), model)
    strength = denoise if tiles else seam_fix_denoise
    after = change_of(large, strength, *key)
    _draw_tiles(run, large, after, math.ceil(tiles / batch_size) + seams, steps, columns)
    return (after,)


def ultimate_sd_upscale_no_upscale(run: Run, *, upscaled_image: Picture, **settings: Any) -> tuple[Picture]:
    """The same on a picture that has its size already."""
    return ultimate_sd_upscale(run, image=upscaled_image, upscale_by=1.0, **settings)


def _seam_tiles(mode: str, columns: int, rows: int) -> int:
    """How many more passes fix the seams."""
    if mode == "Band Pass":
        return rows + columns - 2
    if mode == "Half Tile":
        return rows * (columns - 1) + (rows - 1) * columns
    if mode == "Half Tile + Intersections":
        return rows * (columns - 1) + (rows - 1) * columns + (rows - 1) * (columns - 1)
    return 0


def _draw_tiles(run: Run, before: Picture, after: Picture, passes: int, steps: int, columns: int) -> None:
    """Reports the steps of every tile; a preview shows the tile, as the real node's does."""
    height, width = before.shape[1:3]
    rows = math.ceil(passes / columns)
    for number in range(passes):
        row, column = divmod(number, columns)
        y = slice(height * min(row, rows - 1) // rows, max(8, height * (row + 1) // rows))
        x = slice(width * column // columns, max(8, width * (column + 1) // columns))
        look = previews(before[:1, y, x], after[:1, y, x])
        report(run, steps, look)
