"""Which model files a server has, folder by folder, and how it writes paths."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from .observations import Deadlines, Observation, counted, note, ok, unknown
from .problems import ServerMisbehaved, ServerProblem, clean
from .wire import MAX_LIST, Wire

_MOST_FOLDERS = 200
# What every ComfyUI since September 2024 has, by its name now and the one before.
_USUAL = {
    "checkpoints": "",
    "loras": "",
    "vae": "",
    "text_encoders": "clip",
    "diffusion_models": "unet",
    "upscale_models": "",
    "controlnet": "",
}
# Listed beside the models, and full of programs and configurations.
_NO_MODELS = ("custom_nodes", "configs")


def folders_of(wire: Wire, limits: Deadlines) -> tuple[dict[str, list[str]], int]:
    """The files of each model folder, and how many folders there was no time to look into. Raises ServerProblem."""
    answer = wire.get("/models", limits.read)
    if answer.status == 404:
        raise ServerMisbehaved(wire.url, "does not list its model folders, as those before September 2024")
    listed = wire.json(answer, "a question about its model folders")
    if not isinstance(listed, list):
        raise ServerMisbehaved(wire.url, "lists its model folders as no ComfyUI does")
    names = [each for each in listed if isinstance(each, str) and each not in ("", ".", "..", *_NO_MODELS)]
    names = list(dict.fromkeys(names))[:_MOST_FOLDERS]
    end = time.monotonic() + limits.folders
    found: dict[str, list[str]] = {}
    for name in names:
        left = end - time.monotonic()
        try:
            files = _files(wire, name, min(left, limits.read)) if left > 0 else None
        except ServerProblem:
            files, end = None, min(end, time.monotonic() + limits.read)  # one that hangs makes the others less worth it
        if files is not None:
            found[name] = files
    return found, len(names) - len(found)


def _files(wire: Wire, folder: str, seconds: float) -> list[str] | None:
    path = f"/models/{quote(folder.encode('utf-8', 'replace'), safe='')}"
    files = wire.json(wire.get(path, max(seconds, 0.1), MAX_LIST), f'a question about its folder "{clean(folder, 60)}"')
    return [each for each in files if isinstance(each, str)] if isinstance(files, list) else None


def of_folders(folders: Mapping[str, Sequence[str]], unread: int, emulated: bool) -> Iterator[Observation]:
    """What the files in a server's model folders tell."""
    full = {name: len(files) for name, files in folders.items() if files}
    empty = [clean(name, 60) for name, files in folders.items() if not files]
    told = [f"{clean(name, 60)} {count}" for name, count in full.items()]
    text = f"{counted(sum(full.values()), 'file')}: {', '.join(told[:60])}" if full else "no files in any folder"
    lines = (f"empty: {', '.join(empty[:60])}",) if empty else ()
    facts = {"files": {clean(name, 60): len(files) for name, files in folders.items()}}
    if unread:
        more = f"; {counted(unread, 'folder')} could not be looked into"
        yield unknown("models", text + more, "Ask again when it is idle.", lines=lines, facts=facts)
    elif full or emulated:
        yield ok("models", text, lines=lines, facts=facts)
    else:
        yield note("models", text, "Put models there, or name their folder in extra_model_paths.yaml.", facts=facts)
    yield from _names(folders)


def _names(folders: Mapping[str, Sequence[str]]) -> Iterator[Observation]:
    lacking = [name for name, before in _USUAL.items() if name not in folders and before not in folders]
    before = {old: new for new, old in _USUAL.items() if old and old in folders and new not in folders}
    if lacking:
        yield note("folders", f"missing: {', '.join(lacking)}", "Look into its extra_model_paths.yaml.")
    if before:
        told = ", ".join(f'"{old}" for "{new}"' for old, new in before.items())
        yield note("folders", f"some have the names that they had in 2024 and before: {told}")


def of_slashes(files: Sequence[str], os: str) -> Observation:
    """How a server writes paths, by the files that it lists."""
    back, forward = sum("\\" in name for name in files), sum("/" in name for name in files)
    facts = {"backslashes": back, "slashes": forward}
    if back and forward:
        return note("slashes", "\\ in some of its file names and / in others; each is sent as listed", facts=facts)
    if back or forward:
        mark = "\\" if back else "/"
        return ok("slashes", f"{mark} between folders and files; a spec's names are sent so", facts=facts)
    system = "Windows, so \\" if os in ("nt", "win32") else "not Windows, so /" if os else "unknown"
    return ok("slashes", f"no file lies in a folder of its own; {system}", facts=facts)
