"""What a ComfyUI says of itself: its version, how it was started, its memory, and what follows for prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .observations import Observation, note, ok, size, unknown, without_homes
from .problems import clean

OWN_IDS = (0, 3, 45)
OWN_INTERRUPT = (0, 3, 57)
_MOST = 16
_NUMBERS = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")
_SYSTEMS = {"nt": "Windows", "win32": "Windows", "posix": "Linux or macOS", "linux": "Linux", "darwin": "macOS"}

# Options whose values say nothing of the place where a server stands; a value of any other is not shown.
_SHOWN = frozenset((
    "--async-offload", "--cache-lru", "--cuda-device", "--default-device", "--default-hashing-function", "--directml",
    "--fast", "--front-end-version", "--max-upload-size", "--port", "--preview-method", "--preview-size",
    "--reserve-vram", "--verbose",
))  # fmt: skip
_PATHS = frozenset((
    "--base-directory", "--extra-model-paths-config", "--front-end-root", "--input-directory", "--output-directory",
    "--temp-directory", "--user-directory",
))  # fmt: skip
_ADDRESSES = ("0.0.0.0", "::", "127.0.0.1", "::1", "localhost", "0.0.0.0,::")  # noqa: S104

# What an option means for those who send prompts.
_MEANINGS = {
    "--disable-metadata": (
        "pictures do not hold their prompt, so that nothing proves which prompt made them",
        "Start ComfyUI without it where pictures are to be proven.",
    ),
    "--cache-none": ("nothing is kept between prompts: every node runs anew, and loads its model anew", ""),
    "--disable-all-custom-nodes": ("there are no nodes but ComfyUI's own", ""),
    "--disable-api-nodes": ("there are no nodes that call paid services", ""),
    "--fast": ("results may differ from those of a server without it", ""),
    "--enable-cors-header": (
        "web pages of other sites may use this server from a browser",
        "Start ComfyUI without it where people browse the web beside it.",
    ),
}


def look_at_system(stats: Mapping[str, Any]) -> Iterator[Observation]:
    """What /system_stats says."""
    system = _mapping(stats.get("system"))
    yield _version(system)
    emulator = system.get("comfyproof_emulator")
    if isinstance(emulator, Mapping):
        files = "; any model file is taken for present" if emulator.get("takes_any_file") else ""
        text = f"this is comfyproof's emulator: no model runs{files}"
        yield note("emulator", text, facts={"takes_any_file": bool(emulator.get("takes_any_file"))})
    yield _python(system)
    yield from _options(argv_of(stats))
    yield _memory(system)
    yield from _devices(stats.get("devices"), emulated=isinstance(emulator, Mapping))


def look_at_prompt_ids(stats: Mapping[str, Any], jobs: bool | None) -> Iterator[Observation]:
    """Whether prompts go by our ids, as its version tells; `jobs` is whether it serves /api/jobs."""
    version = version_of(stats)
    served = {True: "/api/jobs is served", False: "/api/jobs is not served", None: "/api/jobs gives no answer"}[jobs]
    facts = {"own_ids": None if version is None else version >= OWN_IDS, "jobs": jobs}
    if version is None:
        text = f"its version does not tell whether it takes ours; a run finds its prompt either way; {served}"
        yield unknown("prompt ids", text, matters=False, facts=facts)
    elif version < OWN_IDS:
        text = f"it gives its own, being older than 0.3.45; a run finds its prompt by a mark in it; {served}"
        yield note("prompt ids", text, "Update ComfyUI: a lost answer is then cleared up at once.", facts=facts)
    else:
        yield ok("prompt ids", f"ours are taken, by its version; {served}", facts=facts)
    if version is not None and version < OWN_INTERRUPT:
        text = "one stops whatever runs, being older than 0.3.57; only our own running prompt is ever interrupted"
        yield note("interrupts", text, "Update ComfyUI where several people share it.")


def version_of(stats: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """ComfyUI's version in numbers; None where it cannot be told."""
    said = _mapping(stats.get("system")).get("comfyui_version")
    found = _NUMBERS.match(said) if isinstance(said, str) else None
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def argv_of(stats: Mapping[str, Any]) -> list[str]:
    """How the server was started, as far as that is text."""
    argv = _mapping(stats.get("system")).get("argv")
    return [each for each in argv if isinstance(each, str)] if isinstance(argv, list) else []


def _version(system: Mapping[str, Any]) -> Observation:
    said = {
        "comfyui": clean(system.get("comfyui_version"), 60),
        "editor": clean(system.get("required_frontend_version"), 60),
        "templates": clean(system.get("installed_templates_version"), 60),
    }
    facts = {what: version for what, version in said.items() if version}
    if not said["comfyui"]:
        text = "it does not tell its version, as those older than September 2024"
        return unknown("version", text, "Update ComfyUI.", matters=False, facts=facts)
    editor = f"; made for version {said['editor']} of the editor" if said["editor"] else ""
    return ok("version", f"ComfyUI {said['comfyui']}{editor}", facts=facts)


def _python(system: Mapping[str, Any]) -> Observation:
    python = clean(system.get("python_version"), 100).split(" ")[0]
    torch, os = clean(system.get("pytorch_version"), 60), clean(system.get("os"), 40)
    facts = {"python": python, "pytorch": torch, "os": os, "portable": system.get("embedded_python") is True}
    parts = [
        f"Python {python}" if python else "",
        f"PyTorch {torch}" if torch else "",
        f"on {_SYSTEMS.get(os, os)}" if os else "",
        "the portable package" if facts["portable"] else "",
    ]
    text = ", ".join(filter(None, parts))
    if not text:
        return unknown("python", "it does not tell what it runs on", matters=False)
    return ok("python", text, facts=facts)


def _options(argv: Sequence[str]) -> Iterator[Observation]:
    shown = list(_without_secrets(argv[:200]))
    if not argv:
        yield unknown("options", "it does not tell how it was started", matters=False)
        return
    yield ok("options", " ".join(shown[1:]) or "none", facts={"argv": shown})
    given = {each.split("=")[0] for each in argv}
    for option, (meaning, help) in _MEANINGS.items():
        if option in given:
            yield note("options", f"{option}: {meaning}", help, facts={"option": option})


def _without_secrets(argv: Sequence[str]) -> Iterator[str]:
    """How a server was started, without names of people and without values that may be secret."""
    option = ""
    for n, each in enumerate(argv):
        name, equals, value = each.partition("=")
        if n == 0:
            yield _path(each)
        elif each.startswith("-") and re.fullmatch(r"-{1,2}[\w-]{1,60}", name, re.ASCII):
            option = name
            yield f"{name}={_value(name, value)}" if equals else name
        else:
            yield _value(option, each)


def _value(option: str, value: str) -> str:
    if option == "--listen":
        return value if value in _ADDRESSES else "ADDRESS"
    if option in _PATHS and ("/" in value or "\\" in value):
        return _path(value)
    return clean(value, 60) if option in _SHOWN else "..."


def _path(text: str) -> str:
    return without_homes(clean(text, 200))


def _memory(system: Mapping[str, Any]) -> Observation:
    total, free = size(system.get("ram_total")), size(system.get("ram_free"))
    if not total:
        return unknown("memory", "it does not tell how much it has", matters=False)
    facts = {"total_bytes": system["ram_total"], "free_bytes": system.get("ram_free") if free else None}
    return ok("memory", f"RAM {total}" + (f", {free} of it free" if free else ""), facts=facts)


def _devices(devices: Any, *, emulated: bool) -> Iterator[Observation]:
    found = [each for each in devices if isinstance(each, Mapping)] if isinstance(devices, list) else []
    if not found:
        yield unknown("device", "it names none that models run on", matters=False)
    for each in found[:_MOST]:
        name, kind = clean(each.get("name"), 100) or "one without a name", clean(each.get("type"), 20)
        total, free = size(each.get("vram_total")), size(each.get("vram_free"))
        memory = f", {total}" + (f", {free} of it free" if free else "") if total else ""
        held = size(each.get("torch_vram_total"))
        facts = {"device": name, "type": kind}
        facts |= {f"{key}_bytes": each[f"vram_{key}"] for key, said in (("total", total), ("free", free)) if said}
        if kind == "cpu":
            text = "none but the processor" + ("" if emulated else ": a model takes long on it")
            yield ok("device", text, facts=facts) if emulated else note("device", text, facts=facts)
        else:
            held = f"; PyTorch holds {held}" if held and each.get("torch_vram_total") else ""
            yield ok("device", f"{name}{memory}{held}", facts=facts)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
