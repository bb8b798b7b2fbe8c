"""Which nodes a server has: how many, of which packs, and where its core differs from the ComfyUI known here."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Mapping
from typing import Any

from ..catalog.files import FILE_INPUTS
from ..catalog.nodes import NodeType
from ..catalog.pinned import Catalog, CatalogError, built_in, from_object_info
from .observations import Deadlines, Observation, counted, note, ok, size, some, unknown
from .problems import ServerProblem, clean
from .wire import MAX_LIST, Wire

_SLOW = 30.0
_MOST_PACKS = 200
_CORE = ("nodes", "comfy_extras")
_API = "comfy_api_nodes"


def look_at_nodes(wire: Wire, limits: Deadlines) -> Generator[Observation, None, Catalog | None]:
    """All the server's node classes, and how long it took to tell them; gives a catalog where they can be read."""
    began = time.monotonic()
    try:
        # With many node packs it takes minutes, and the server answers nothing else meanwhile.
        answer = wire.get("/object_info", limits.nodes, MAX_LIST)
        data = wire.json(answer, "a question about all its nodes")
    except ServerProblem as problem:
        yield unknown("nodes", problem.what, problem.help or "Ask again when it is idle.")
        return None
    return (yield from of_nodes(data, len(answer.body), time.monotonic() - began))


def of_nodes(data: Any, length: int, seconds: float) -> Generator[Observation, None, Catalog | None]:
    """What an /object_info answer tells of a server; it has `length` bytes, and took `seconds`."""
    try:
        catalog = from_object_info(data, "the server")
    except CatalogError as problem:
        yield unknown("nodes", f"what it says of its nodes cannot be read: {clean(str(problem), 300)}")
        return None
    facts = {"classes": len(data), "seconds": round(seconds, 2), "bytes": length}
    text = (
        f"{counted(len(data), 'class', 'classes')}, told in {seconds:.{1 if seconds >= 1 else 2}f} s and {size(length)}"
    )
    if seconds > _SLOW:
        yield note("nodes", text, "Pin them once: comfyproof catalog pin URL", facts=facts)
    else:
        yield ok("nodes", text, facts=facts)
    if catalog.left_out:
        names = [clean(name, 60) for name in catalog.left_out]
        text = f"{counted(len(names), 'class', 'classes')} described in a way that cannot be read: {some(names)}"
        yield note("nodes", text, "Update their node packs.", facts={"unreadable": names[:1000]})
    yield _packs(catalog)
    yield _core(catalog)
    return catalog


def _packs(catalog: Catalog) -> Observation:
    packs: Counter[str] = Counter()
    for node in catalog.raw.values():
        module = node.get("python_module")
        parts = module.split(".", 1) if isinstance(module, str) else [""]
        if parts[0] == "custom_nodes" and len(parts) > 1:
            packs[clean(parts[1], 80)] += 1
    if not any("python_module" in node for node in catalog.raw.values()):
        return unknown("packs", "it does not tell where its nodes come from", matters=False)
    told = [f"{pack} {count}" for pack, count in sorted(packs.items(), key=lambda item: item[0].casefold())]
    text = f"{counted(len(packs), 'node pack')}: {some(told, 40)}" if packs else "no node packs"
    return ok("packs", text, facts={"packs": dict(sorted(packs.items())[:_MOST_PACKS])})


def _core(catalog: Catalog) -> Observation:
    """The server's own nodes against those of the built-in catalog: what a spec compiled here may stumble over."""
    known = built_in()
    theirs, ours = _of_core(catalog), _of_core(known)
    missing, added = sorted(ours - theirs - set(catalog.left_out)), sorted(theirs - ours)
    changed = sorted(name for name in ours & theirs if _differs(catalog.get(name), known.get(name)))
    paid = sum(1 for node in catalog.raw.values() if _root(node) == _API)
    facts = {"missing": missing, "added": [clean(name, 100) for name in added[:1000]], "changed": changed, "paid": paid}
    other = f"; {counted(paid, 'node calls', 'nodes call')} paid services" if paid else ""
    if not theirs and not any("python_module" in node for node in catalog.raw.values()):
        return unknown("core nodes", "it does not tell which nodes are its own", matters=False)
    if not (missing or added or changed):
        return ok("core nodes", f"as in {known.id}, by names, inputs and outputs{other}", facts=facts)
    parts = [
        f"{len(names):,} {word} ({some([clean(name, 60) for name in names], 3)})"
        for names, word in ((missing, "missing"), (added, "more"), (changed, "with other inputs"))
        if names
    ]
    text = f"against {known.id}: {', '.join(parts)}{other}"
    help = "Pin this server's nodes, and compile against them: comfyproof catalog pin URL"
    return note("core nodes", text, help if missing or changed else "", facts=facts)


def _of_core(catalog: Catalog) -> set[str]:
    return {name for name, node in catalog.raw.items() if _root(node) in _CORE}


def _root(node: Mapping[str, Any]) -> str:
    module = node.get("python_module")
    return module.split(".")[0] if isinstance(module, str) else ""


def _differs(theirs: NodeType | None, ours: NodeType | None) -> bool:
    """Whether a class takes or gives other things; its values, defaults and bounds are not compared."""
    if theirs is None or ours is None:
        return theirs is not ours
    inputs = [{(each.name, each.type, each.required) for each in node.inputs.values()} for node in (theirs, ours)]
    return inputs[0] != inputs[1] or [o.type for o in theirs.outputs] != [o.type for o in ours.outputs]


def files_by_folder(catalog: Catalog) -> dict[str, list[str]]:
    """The files that a server's nodes list, by folder: what there is to go by where it has no /models."""
    found: dict[str, dict[str, None]] = {}
    for name, inputs in FILE_INPUTS.items():
        node = catalog.get(name)
        for input_name, folder in inputs.items():
            declared = node.inputs.get(input_name) if node else None
            if declared is not None:
                names = found.setdefault(folder, {})
                names.update(dict.fromkeys(each for each in declared.options or () if isinstance(each, str)))
    return {folder: list(names) for folder, names in found.items()}
