"""A look at each server of a fleet, at all of them at once: is it there, what is it, and what has it?"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..catalog.nodes import RawNodes
from ..catalog.pinned import Catalog, CatalogError, from_object_info, without_files
from ..plan.machine import Machine
from ..run.client import Client
from ..run.doctor_socket import speaks
from ..run.doctor_system import OWN_IDS, version_of
from ..run.observations import Deadlines, size
from ..run.problems import ServerProblem, clean
from ..run.secrets import hidden
from ..run.waiting import USUAL
from ..run.wire import Wire
from .machine import machine_of
from .servers import Server

SECONDS = 60.0
_SOCKET = 5.0
_BUSY = "Look whether it is stuck or very busy."
_ANY_FILE = "the emulator has no model files and takes any name for present"


@dataclass(frozen=True)
class Surveyed:
    """What was seen of a server.

    `problem` says why it could not be examined, and is empty where it could. `catalog` has those of the node classes in
    `asked` that the server has, with the files it lists. `own_ids` is whether prompts go by our ids, None where its
    version does not tell; `backslashes` whether it writes paths as Windows does; `largest` the bytes that an upload may
    have, None where that is not told; `machine` what it runs on, as the settings say or else as it says itself; `told`
    only the latter. `schema` is a hash of what those classes take and give, whatever files there are.
    """

    server: Server
    problem: str = ""
    help: str = ""
    version: str = ""
    pytorch: str = ""
    own_ids: bool | None = None
    websocket: bool = False
    backslashes: bool = False
    largest: int | None = None
    machine: Machine | None = None
    told: Machine | None = None
    asked: tuple[str, ...] = ()
    catalog: Catalog = field(default_factory=lambda: Catalog("", "", {}), repr=False)
    schema: str = ""
    _lists: dict[tuple[str, str], frozenset[str] | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def reachable(self) -> bool:
        """Whether it answered all that was asked."""
        return not self.problem

    def lists(self, name: str, input_name: str) -> frozenset[str] | None:
        """What an input of a class can be given there, with / in paths; None where it does not say."""
        key = (name, input_name)
        if key not in self._lists:
            declared = self.catalog.get(name)
            wanted = declared.inputs.get(input_name) if declared else None
            # Of a folder without files nothing is listed, and that is what is known of it.
            empty = wanted is not None and wanted.folder and "remote" not in wanted.config
            if wanted is None or (wanted.folder and self.catalog.unlisted) or (wanted.options is None and not empty):
                self._lists[key] = None
            else:
                self._lists[key] = frozenset(as_slashes(each) for each in wanted.options or () if isinstance(each, str))
        return self._lists[key]


def as_slashes(name: str) -> str:
    """A file's name as it is spelled wherever / separates."""
    return name.replace("\\", "/")


def survey(
    servers: Sequence[Server],
    classes: Iterable[str],
    seconds: float = SECONDS,
    client_of: Callable[[Server, float], Client] | None = None,
) -> tuple[Surveyed, ...]:
    """What each server is and has of some node classes, in the order of the servers; all are asked at once.

    One that has not answered all within so many seconds counts as one that is not there.
    """
    wanted = tuple(sorted(set(classes)))
    end = time.monotonic() + seconds
    seen: dict[int, Surveyed] = {}

    def ask(at: int, server: Server) -> None:
        seen[at] = look(server, wanted, end - time.monotonic(), client_of)

    threads = [threading.Thread(target=ask, args=(n, each), daemon=True) for n, each in enumerate(servers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0) + 0.5)
    late = f"did not answer all that was asked in {seconds:g} s"
    return tuple(seen.get(n) or Surveyed(each, late, _BUSY) for n, each in enumerate(servers))


def look(
    server: Server,
    classes: Iterable[str],
    seconds: float = SECONDS,
    client_of: Callable[[Server, float], Client] | None = None,
) -> Surveyed:
    """What one server is and has of some node classes; takes about so many seconds at most."""
    end = time.monotonic() + seconds
    found = _asked(server, classes, seconds, client_of or _client)
    if not found.reachable:
        return found
    left = max(end - time.monotonic(), 0.1)
    limits = Deadlines(connect=min(5.0, left), read=left, socket=min(_SOCKET, left))
    websocket = speaks(server.url, server.access, limits.socket)
    return replace(found, websocket=websocket, largest=_largest(server, limits))


def look_again(
    before: Surveyed, seconds: float = SECONDS, client_of: Callable[[Server, float], Client] | None = None
) -> Surveyed:
    """A server as it is now, for `drift`: its versions, and the node classes that were asked for before."""
    found = _asked(before.server, before.asked, seconds, client_of or _client)
    return replace(found, websocket=before.websocket, largest=before.largest)


def _asked(
    server: Server, classes: Iterable[str], seconds: float, client_of: Callable[[Server, float], Client]
) -> Surveyed:
    """What a server says of itself and of some node classes."""
    end = time.monotonic() + seconds
    wanted = tuple(dict.fromkeys(classes))
    try:
        with client_of(server, seconds) as client:
            stats = client.system_stats()
            types: dict[str, Mapping[str, Any]] = {}
            for some in _portions(wanted):
                if time.monotonic() > end:
                    return Surveyed(server, f"did not answer all that was asked in {seconds:g} s", _BUSY)
                types |= client.node_types(some)
    except ServerProblem as problem:
        secrets = server.access.secrets()
        return Surveyed(server, hidden(problem.what, secrets), hidden(problem.help, secrets))
    except ValueError as problem:  # of authorities that are not there
        return Surveyed(server, f"cannot be asked: {problem}")
    return _told(server, stats, wanted, _catalog(server, types, stats))


def _client(server: Server, seconds: float) -> Client:
    seconds = max(round(seconds, 1), 0.1)  # it is told
    patience = min(seconds, USUAL.read)
    timeouts = replace(USUAL, connect=min(USUAL.connect, seconds), read=patience, transfer=seconds)
    return Client(server.url, access=server.access, timeouts=timeouts)


def _portions(classes: tuple[str, ...]) -> Iterable[Iterable[str]]:
    """A class at a time, so that there is a moment to stop; of very many, all at once, which is quicker."""
    return [classes] if len(classes) > 40 else [(each,) for each in classes]


def _catalog(server: Server, types: RawNodes, stats: Mapping[str, Any]) -> Catalog:
    try:
        catalog = from_object_info(types, server.url)
    except CatalogError:  # it has none of the classes, or describes them in a way that cannot be read
        return Catalog(server.url, "", {}, left_out=tuple(types))
    emulator = stats["system"].get("comfyproof_emulator")
    if isinstance(emulator, Mapping) and emulator.get("takes_any_file"):
        return without_files(catalog, _ANY_FILE)
    return catalog


def _told(server: Server, stats: Mapping[str, Any], asked: tuple[str, ...], catalog: Catalog) -> Surveyed:
    system, numbers, told = stats["system"], version_of(stats), machine_of(stats)
    files = (each for name in catalog.raw for each in _files(catalog, name))
    secrets = server.access.secrets()
    return Surveyed(
        server,
        version=hidden(clean(system.get("comfyui_version"), 60), secrets),
        pytorch=hidden(clean(system.get("pytorch_version"), 60), secrets),
        own_ids=None if numbers is None else numbers >= OWN_IDS,
        backslashes=system.get("os") in ("nt", "win32") or any("\\" in each for each in files),
        machine=server.machine or told,
        told=told,
        asked=asked,
        catalog=catalog,
        schema=schema_of(catalog),
    )


def _files(catalog: Catalog, name: str) -> Iterable[str]:
    declared = catalog.get(name)
    for each in declared.inputs.values() if declared else ():
        if each.folder:
            yield from (option for option in each.options or () if isinstance(option, str))


def schema_of(catalog: Catalog) -> str:
    """A hash of what the classes of a catalog take and give; values, which may be files, do not count."""
    shape = []
    for name in catalog.names():
        node = catalog.get(name)
        assert node is not None
        inputs = sorted((each.name, each.type, each.required) for each in node.inputs.values())
        shape.append([name, inputs, [each.type for each in node.outputs], node.is_output])
    text = json.dumps([shape, sorted(catalog.left_out)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _largest(server: Server, limits: Deadlines) -> int | None:
    """The bytes that an upload may have; None where it is not told."""
    wire = Wire(server.url, limits.connect, server.access)
    try:
        features = wire.json(wire.get("/features", limits.read), "a question about its features")
    except ServerProblem:
        return None
    finally:
        wire.close()
    found = features.get("max_upload_size") if isinstance(features, dict) else None
    return int(found) if isinstance(found, int | float) and size(found) else None


def drift(before: Surveyed, now: Surveyed) -> str | None:
    """How a server is another than it was, so that the same job may give something else; None where it is not."""
    if not (before.reachable and now.reachable):
        return None
    for what, was, found in (
        ("ComfyUI", before.version, now.version),
        ("PyTorch", before.pytorch, now.pytorch),
    ):
        if was != found:
            return f"it has {what} {found or 'of an unknown version'}, and had {was or 'one of an unknown version'}"
    if _card(before.told) != _card(now.told):
        return "it has another card, or was started with other options"
    if before.schema != now.schema:
        changed = [name for name in sorted({*before.catalog.raw, *now.catalog.raw}) if _changed(before, now, name)]
        named = f': "{clean(changed[0], 100)}"' if changed else ""
        return f"its node classes are others than they were{named}"
    return None


def _card(machine: Machine | None) -> Machine | None:
    """A machine without its memory, of which an update of the system may take a little."""
    return None if machine is None else replace(machine, ram=0)


def _changed(before: Surveyed, now: Surveyed, name: str) -> bool:
    def alone(seen: Surveyed) -> str:
        raw = {name: seen.catalog.raw[name]} if name in seen.catalog.raw else {}
        return schema_of(replace(seen.catalog, raw=raw, left_out=(), _read={}, _faces={}))

    return alone(before) != alone(now)
