"""Nodes that take lists whole and give lists: pictures and latents in batches of another size."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .pixels_latent import picture_of
from .pixels_sample import mask_of
from .tensors import odd_one
from .values import Latent, Mask, Picture, Run, check_size


def rebatch_images(run: Run, *, images: Sequence[Picture], batch_size: Sequence[int]) -> tuple[list[Picture]]:
    """All pictures in a row, cut into batches. Raises RuntimeError where one batch would have several sizes."""
    single = [picture[None] for batch in images for picture in batch]
    size = batch_size[0]
    for first in range(0, len(single), size):
        _check_alike(single[first : first + size])
    return ([np.concatenate(single[first : first + size]) for first in range(0, len(single), size)],)


def _check_alike(pictures: Sequence[Picture]) -> None:
    """Raises RuntimeError for pictures of several sizes."""
    for number, picture in enumerate(pictures):
        for first, second in zip(pictures[0].shape[1:], picture.shape[1:], strict=True):
            if first != second:
                raise odd_one(0, first, second, number)


def rebatch_latents(run: Run, *, latents: Sequence[Latent], batch_size: Sequence[int]) -> tuple[list[Latent]]:
    """Latents that follow each other in one size, cut into batches."""
    offsets = itertools.accumulate((latent.batch for latent in latents), initial=0)
    placed = [
        replace(latent, index=latent.index or tuple(range(offset, offset + latent.batch)))
        for latent, offset in zip(latents, offsets, strict=False)
    ]
    found = []
    for _, group in itertools.groupby(placed, lambda latent: (latent.width, latent.height, latent.frames)):
        row = _row(list(group))
        found += [_part(row, slice(first, first + batch_size[0])) for first in range(0, row.batch, batch_size[0])]
    return (found,)


def _row(latents: Sequence[Latent]) -> Latent:
    """Latents of one size as one batch."""
    like, batch = latents[0], sum(latent.batch for latent in latents)
    check_size(like.width, like.height, batch * like.frames)
    picture = mask = None
    if any(latent.picture is not None for latent in latents):
        picture = np.concatenate([picture_of(latent) for latent in latents])
    if any(latent.mask is not None for latent in latents):
        mask = np.concatenate([_mask(latent) for latent in latents])
    index = tuple(place for latent in latents for place in latent.index or ())
    beyond = any(latent.beyond for latent in latents)
    return replace(like, batch=batch, picture=picture, mask=mask, index=index, beyond=beyond, begun=None)


def _mask(latent: Latent) -> Mask:
    """A mask for each of a latent's pictures; without one, all of them may change."""
    if latent.mask is None:
        return np.ones((latent.count, latent.height, latent.width), np.float32)
    mask = mask_of(latent)
    return mask[np.arange(latent.count) % len(mask)]


def _part(row: Latent, which: slice) -> Latent:
    """Some of a batch; a mask that lets everything change is none."""
    pictures = slice(which.start * row.frames, which.stop * row.frames)
    index = (row.index or ())[which]
    mask = None if row.mask is None else row.mask[pictures]
    if mask is not None and np.min(mask) == 1.0:
        mask = None
    picture = None if row.picture is None else row.picture[pictures]
    return replace(row, batch=len(index), picture=picture, mask=mask, index=index)
