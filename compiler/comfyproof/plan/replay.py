"""Replay a recorded scenario: what ComfyUI's loading code would do with it, event by event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..weights import Header
from .families import family_of
from .machine import GIB, MIB, Machine, flags
from .simulation import Moment, Simulation

Event = dict[str, Any]
_CHECKPOINTS = ("sd15", "sd2", "sdxl", "sdxl-refiner", "lumina2")  # families the recordings load from one file


def replay(scenario: Mapping[str, Any], files: Mapping[str, Header]) -> list[Event]:
    """The events of a scenario, in the form of the recordings.

    `scenario` is a recording's own `scenario`, `files` the headers of the files that it names. Beside the recorded
    fields each event has `peak_low` and `peak_high`, the band of the plan. What was never traced has no
    `activation_bytes`, as in the recordings, and is judged by its weights alone. Raises KeyError for a header that is
    missing.
    """
    found: list[Event] = []
    for moment, name, extra in _moments(scenario, files):
        event = _event(moment, name, extra)
        found.append(event)
        if "oom" in event and not moment.falls_back:
            break
    return found


def machine_of(scenario: Mapping[str, Any]) -> Machine:
    """The machine of a scenario."""
    major, minor = scenario["compute_capability"].split(".")
    return Machine(
        vram=scenario["vram_gib"] * GIB,
        ram=scenario["ram_free_gib"] * GIB,
        context=scenario["cuda_context_mib"] * MIB,
        capability=(int(major), int(minor)),
        **flags("" if scenario["flag"] == "none" else scenario["flag"]),  # type: ignore[arg-type]
    )


def _moments(scenario: Mapping[str, Any], files: Mapping[str, Header]) -> Iterator[tuple[Moment, str, Event]]:
    run = Simulation(machine_of(scenario))
    names = scenario["files"]
    family = family_of(files[names["unet"]])
    unet = run.diffusion("unet", files[names["unet"]], family)
    texts = run.encoders("text_encoders", [files[name] for name in names["text_encoders"]])
    if family.name in _CHECKPOINTS:
        for moment in run.load_checkpoint(unet, texts):
            yield moment, moment.kind, {}
    else:
        for loaded in (run.load_diffusion(unet), run.load_encoders(texts)):
            if loaded:
                yield loaded, loaded.kind, {}
    vae = run.coder("vae", files[names["vae"]])
    if scenario["lora"]:
        unet.model.wanted = texts.model.wanted = 1

    yield run.encode_text(texts), "text_encode", {"on": "cpu" if texts.model.on_cpu else "cuda"}
    side, chain, guided = scenario["resolution"], scenario["chain"], scenario["cfg"] != 1.0

    def latent(side: int, frames: int) -> list[int]:
        small = side // 8
        return [1, vae.vae.channels, *([frames] if family.frames else []), small, small]

    def passes(
        side: int, frames: int, prefix: str, *, encode: bool, extra: Event
    ) -> Iterator[tuple[Moment, str, Event]]:
        images, small = (frames - 1) * 4 + 1, side // 8
        if encode:
            shown = {"pixels": [side, side], "frames": images}
            yield run.run_vae(vae, (images, side, side), decode=False), f"{prefix}vae_encode", {**extra, **shown}
        shape = latent(side, frames)
        yield run.sample(unet, shape[2:], guided=guided), f"{prefix}sample", {**extra, "latent": shape}
        decoded = run.run_vae(vae, (frames, small, small), decode=True)
        yield decoded, f"{prefix}vae_decode", {**extra, "latent": shape}

    if chain == "usdu":
        half = side // 2
        yield run.upscale(half * half, half), "upscale_4x_esrgan", {"tile_input": min(512, half)}
        inner = -(-(scenario["tile"] + scenario["tile_padding"]) // 8) * 8
        total = (-(-side // scenario["tile"])) ** 2
        for at in range(min(total, 2)):
            yield from passes(inner, 1, "tile_", encode=True, extra={"tile_index": at, "tiles_total": total})
    frames = 9 if family.name == "wan" and side <= 1024 and chain != "usdu" else 1
    yield from passes(side, frames, "", encode=chain != "txt2img", extra={})


def _event(moment: Moment, name: str, extra: Event) -> Event:
    traced = moment.traced and moment.activation is not None
    event: Event = {
        "event": name,
        "memory_required": _whole(moment.required),
        "minimum_memory_required": _whole(moment.minimum),
        "extra_mem": _whole(moment.extra),
        "minimum_mem": _whole(moment.least),
        "free_before": moment.before,
        "free_after": moment.after,
        "resident": dict(moment.resident),
        "offloaded": dict(moment.offloaded),
        "loaded_order": list(moment.order),
        "other_bytes": moment.other,
        "activation_bytes": moment.activation if traced else None,
        "static_bytes": moment.static,
        "peak_bytes": moment.peak if traced else None,
        **extra,
    }
    if moment.extra is not None:
        event["largest_streamed_module_bytes"] = moment.streamed
    if moment.activation is not None:
        event["peak_low"], event["peak_high"] = moment.low, moment.high
    if moment.batch:
        event["cond_batch"], event["calls_per_step"] = moment.batch, moment.calls
        event["lora_backup_bytes"] = moment.backup
    if moment.oom and (traced or moment.oom == "weights"):
        event["oom"] = moment.oom
        if moment.falls_back and "vae" in name:
            event["falls_back_to_tiled"] = True
            if name.endswith("vae_decode") and "latent" in extra and len(extra["latent"]) == 4:
                event["tiled_fallback_activation_bytes"] = moment.tiled
    return event


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
