"""VAEs: what ComfyUI 0.3.64 asks for to encode and decode, and what that really takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..weights import Header
from ..weights import vaes as weights_vaes
from .packing import size_of

Shape = tuple[int, int, int]  # frames, height, width
# Networks of the same blocks, which were traced together.
_KL = ("kl", "engine", "svd")


@dataclass(frozen=True, slots=True)
class Vae:
    """A VAE as a plan needs it: `working` are the dtypes it can work in, `across` and `along` its factors in space and
    time, `channels` those of its latents.
    """

    held: weights_vaes.Vae
    name: str
    working: tuple[str, ...]
    across: int
    along: int
    channels: int


def vae_of(header: Header) -> Vae:
    """Which VAE a file holds, its tensors without a prefix; the one of Stable Diffusion where nothing tells."""
    found = weights_vaes.detect(header) or _usual()
    name = "kl" if found.name.startswith(_KL) else found.name
    return Vae(found, name, found.dtypes, max(1, int(found.up)), max(1, found.temporal), found.channels)


@lru_cache(maxsize=1)
def _usual() -> weights_vaes.Vae:
    names = {"decoder.conv_in.weight": ("F32", (512, 4, 3, 3))}
    found = weights_vaes.detect(Header("safetensors", names))
    assert found is not None
    return found


def needed(vae: Vae, dtype: str, shape: Shape, *, decode: bool) -> int:
    """What ComfyUI asks for, in bytes, of the shape of the images (encode) or of the latents (decode)."""
    axes = (1, vae.channels, *(shape if vae.held.dim == 3 else shape[1:]))
    return vae.held.decode_bytes(axes, dtype) if decode else vae.held.encode_bytes(axes, dtype)


def taken(vae: Vae, dtype: str, shape: Shape, *, decode: bool) -> int:
    """What one pass really takes beside the weights, in bytes, of an image in pixels or a latent."""
    pixels = shape[1] * shape[2] * (vae.across**2 if decode else 1)
    if vae.name == "kl":
        extra = vae.channels / (32 if vae.channels == 4 else 64)  # the older ones have a layer more
        return round((640 + extra if decode else 387) * size_of(dtype) * pixels)
    if vae.name == "wan21":
        latents = shape[0] if decode else (shape[0] + 3) // 4
        if latents == 1:
            per, fixed = (3266.4, 1000000) if decode else (1932.75, 1000000)
        elif latents == 2:
            per, fixed = (8197.5, 0) if decode else (5879.5, 0)
        else:  # it goes through them one by one, and keeps what came out
            per, fixed = (8555.5 if decode else 6634.5) + 25 * latents, 1200000
        return round((per * pixels + fixed) * size_of(dtype) / 2)
    # Not traced: what ComfyUI asks for is 1.5 to 4 times what the traced ones take.
    return round(needed(vae, dtype, shape, decode=decode) / 2)


def traced(vae: Vae, dtype: str) -> bool:
    """Whether what it takes was traced; else it is a guess."""
    return vae.name == "kl" or (vae.name == "wan21" and dtype == "BF16")
