"""Machine: the card, the memory beside it, and the flags a ComfyUI was started with."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

GIB = 1 << 30
MIB = 1 << 20

_STATES = {"--highvram": "high", "--gpu-only": "high", "--lowvram": "low", "--novram": "no", "--cpu": "cpu"}
_UNET_DTYPES = {
    "--fp32-unet": "F32",
    "--fp64-unet": "F64",
    "--bf16-unet": "BF16",
    "--fp16-unet": "F16",
    "--fp8_e4m3fn-unet": "F8_E4M3",
    "--fp8_e5m2-unet": "F8_E5M2",
    "--fp8_e8m0fnu-unet": "F8_E8M0",
}
_TEXT_DTYPES = {
    "--fp8_e4m3fn-text-enc": "F8_E4M3",
    "--fp8_e5m2-text-enc": "F8_E5M2",
    "--fp16-text-enc": "F16",
    "--bf16-text-enc": "BF16",
    "--fp32-text-enc": "F32",
}
_VAE_DTYPES = {"--fp16-vae": "F16", "--bf16-vae": "BF16", "--fp32-vae": "F32"}
_SWITCHES = {"--disable-smart-memory", "--cpu-vae", "--force-fp32", "--force-fp16", "--supports-fp8-compute"}


@dataclass(frozen=True, slots=True)
class Machine:
    """What a plan is held against: bytes of card and memory, compute capability, and ComfyUI's flags.

    `context` is what CUDA and the desktop hold before ComfyUI loads anything. `state` is ComfyUI's own word for how it
    treats the card: "normal", "high", "low", "no" or "cpu".
    """

    vram: int
    ram: int = 32 * GIB
    context: int = 500 * MIB
    capability: tuple[int, int] = (8, 6)
    windows: bool = False
    state: str = "normal"
    gpu_only: bool = False
    reserve: float | None = None  # bytes, of --reserve-vram
    unet_dtype: str = ""
    text_dtype: str = ""
    vae_dtype: str = ""
    switches: frozenset[str] = frozenset()
    name: str = ""

    def has(self, switch: str) -> bool:
        """Whether ComfyUI was started with a switch."""
        return switch in self.switches

    @property
    def reserved(self) -> float:
        """What ComfyUI leaves free for others, in bytes."""
        if self.reserve is not None:
            return self.reserve
        if not self.windows:
            return 400 * MIB
        return (700 if self.vram > 15 * GIB else 600) * MIB

    @property
    def least(self) -> float:
        """What ComfyUI keeps free for any inference, in bytes."""
        return GIB * 0.8 + self.reserved

    @property
    def weights_room(self) -> float:
        """How large ComfyUI thinks weights may become on this card, in bytes."""
        return self.vram * 0.88 - self.least

    @property
    def fp16(self) -> bool:
        """Whether ComfyUI calculates in fp16 on this card."""
        if self.state == "cpu" or self.has("--force-fp32"):
            return self.has("--force-fp16")
        return self.has("--force-fp16") or self.capability[0] >= 7

    @property
    def bf16(self) -> bool:
        """Whether ComfyUI calculates in bf16 on this card."""
        return self.state != "cpu" and not self.has("--force-fp32") and self.capability[0] >= 8

    @property
    def fp8(self) -> bool:
        """Whether the card multiplies fp8 matrices."""
        return self.has("--supports-fp8-compute") or self.capability >= (8, 9)


def flags(words: str) -> dict[str, object]:
    """What ComfyUI's flags mean for a Machine, as its fields; "" for none.

    Flags that say nothing of memory are passed over. Raises ValueError when --reserve-vram has no number.
    """
    found: dict[str, object] = {}
    switches = set()
    parts = shlex.split(words)
    for at, word in enumerate(parts):
        flag, _, value = word.partition("=")
        if flag in _STATES:
            found["state"] = _STATES[flag]
            if flag == "--gpu-only":
                found["gpu_only"] = True
        elif flag == "--reserve-vram":
            found["reserve"] = _gibibytes(value or (parts[at + 1] if at + 1 < len(parts) else ""))
        elif flag in _UNET_DTYPES:
            found["unet_dtype"] = _UNET_DTYPES[flag]
        elif flag in _TEXT_DTYPES:
            found["text_dtype"] = _TEXT_DTYPES[flag]
        elif flag in _VAE_DTYPES:
            found["vae_dtype"] = _VAE_DTYPES[flag]
        elif flag in _SWITCHES:
            switches.add(flag)
    if switches:
        found["switches"] = frozenset(switches)
    return found


def _gibibytes(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = -1
    if not 0 <= amount < 1 << 30:  # nan is neither
        raise ValueError(f'"--reserve-vram" needs a number of GiB, not "{text}"')
    return amount * GIB
