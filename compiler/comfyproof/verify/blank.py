"""How much there is to see in a picture, from the histograms of all its pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .picture import Picture

# Of 255 levels. What deviates less than this, in every channel, a person sees as one flat color.
FLAT = 2.0


@dataclass(frozen=True, slots=True)
class Spread:
    """The levels of a picture, 0 to 255.

    `mean`, `deviation` and `entropy` (in bits) are those of the channel with the largest.
    """

    lowest: int
    highest: int
    mean: float
    deviation: float
    entropy: float

    @property
    def flat(self) -> bool:
        """Whether a person would see one color."""
        return self.deviation < FLAT

    @property
    def black(self) -> bool:
        """Whether it is black, but for a speck: what NaN becomes when ComfyUI saves it."""
        return self.flat and self.mean < FLAT


def spread(picture: Picture) -> Spread:
    """What a picture's pixels spread over; those of full size, for noise would not survive shrinking."""
    counts = picture.pixels.histogram()
    channels = [_channel(counts[at : at + 256]) for at in (0, 256, 512)]
    return Spread(
        lowest=min(channel.lowest for channel in channels),
        highest=max(channel.highest for channel in channels),
        mean=max(channel.mean for channel in channels),
        deviation=max(channel.deviation for channel in channels),
        entropy=max(channel.entropy for channel in channels),
    )


def _channel(counts: list[int]) -> Spread:
    total = sum(counts)
    shares = {level: count / total for level, count in enumerate(counts) if count}
    mean = sum(level * share for level, share in shares.items())
    variance = sum((level - mean) ** 2 * share for level, share in shares.items())
    entropy = -sum(share * math.log2(share) for share in shares.values())
    return Spread(min(shares), max(shares), mean, math.sqrt(variance), abs(entropy))
