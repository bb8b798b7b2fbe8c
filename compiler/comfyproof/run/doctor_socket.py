"""Whether a server's websocket works: it opens, speaks, and answers."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from .access import Access
from .channel import PONG, TEXT, Channel
from .observations import Deadlines, Observation, note, ok
from .problems import ServerMisbehaved, ServerProblem, clean
from .wire import Wire

_SAYS = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
_MEANS = "a run looks again and again then: the same pictures, but no progress, and the end is noticed later"
_HELP = 'Let what is in front of the server pass on "Upgrade" and "Connection" for /ws, and not close it when silent.'


def look_at_websocket(url: str, access: Access, limits: Deadlines) -> Observation:
    """Whether it opens, brings the first message and answers, and how fast; without it a run only looks more often."""
    wire = Wire(url, limits.socket, access)
    try:
        channel = wire.websocket(f"/ws?clientId={uuid.uuid4()}", limits.socket)
    except ServerProblem as problem:
        status = problem.status if isinstance(problem, ServerMisbehaved) else 0
        why = f"the answer is HTTP {status}" if status else f"the server {clean(problem.what, 120)}"
        return _fails(f"it does not open: {why}", opens=False, **({"status": status} if status else {}))
    finally:
        wire.close()
    try:
        return _spoken(channel, limits.socket)
    except OSError as problem:
        return _fails(f"it opens, and breaks: {clean(str(problem), 120)}", opens=True)
    finally:
        channel.close()


def speaks(url: str, access: Access, seconds: float) -> bool:
    """Whether the websocket opens and brings its first message in time."""
    wire = Wire(url, seconds, access)
    try:
        channel = wire.websocket(f"/ws?clientId={uuid.uuid4()}", seconds)
    except ServerProblem:
        return False
    finally:
        wire.close()
    try:
        return _message(channel, "status", seconds) is not None
    except OSError:
        return False
    finally:
        channel.close()


def _spoken(channel: Channel, seconds: float) -> Observation:
    first = _message(channel, "status", seconds)
    if first is None:
        return _fails(f"it opens, and says nothing in {seconds:g} s, where ComfyUI speaks at once", opens=True)
    channel.send(json.dumps(_SAYS))
    features = _message(channel, "feature_flags", seconds / 2)
    trip = _round_trip(channel, seconds)
    told = "and tells its features" if features is not None else "and tells no features, as older ones do not"
    text = f"opens, speaks {told}" + (f"; round trip {trip * 1000:.0f} ms" if trip is not None else "")
    facts = {"opens": True, "features": features is not None, "round_trip_seconds": trip and round(trip, 4)}
    return ok("websocket", text, facts=facts)


def _message(channel: Channel, kind: str, seconds: float) -> Mapping[str, Any] | None:
    """The first message of a kind; None where none comes in time."""

    def wanted(opcode: int, data: bytes) -> Mapping[str, Any] | None:
        if opcode != TEXT:
            return None
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            return None
        return message if isinstance(message, dict) and message.get("type") == kind else None

    found: Mapping[str, Any] | None = _until(channel, seconds, wanted)
    return found


def _round_trip(channel: Channel, seconds: float) -> float | None:
    began = time.monotonic()
    channel.ping()
    answered = _until(channel, seconds, lambda opcode, _: opcode == PONG or None)
    return time.monotonic() - began if answered else None


def _until(channel: Channel, seconds: float, wanted: Callable[[int, bytes], Any]) -> Any:
    """The first thing heard that is wanted; None where none is heard in time. Raises OSError."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            opcode, data = channel.receive(left)
        except TimeoutError:
            return None
        if (found := wanted(opcode, data)) is not None:
            return found
    return None


def _fails(what: str, **facts: Any) -> Observation:
    return note("websocket", f"{what}; {_MEANS}", _HELP, facts=facts)
