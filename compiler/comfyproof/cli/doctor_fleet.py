"""doctor for several servers: all are asked at once, told one after the other, and shown side by side."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ..report.text import clean
from .doctor_report import EXITS, Report, as_json, examined, header
from .exits import Exit
from .terminal import wants_color
from .waiting import Waiting

if TYPE_CHECKING:
    from ..driver import Compiled
    from ..fleet.servers import Server
    from ..run.doctor import Verdict
    from ..run.observations import Observation

SCHEMA = "comfyproof/doctor-fleet/1"
_LONGEST = 36  # letters of a cell
_MOST_NAMED = 8
_COLUMNS = ("server", "verdict", "ComfyUI", "websocket", "prompt ids", "slashes", "clock", "specs")


@dataclass(frozen=True)
class _Examined:
    """What was seen of a server, and what it comes to."""

    name: str
    seen: Sequence[Observation]
    verdict: Verdict

    def facts(self, name: str) -> Mapping[str, Any]:
        """What an observation says for programs; nothing where there is none."""
        return next((each.facts for each in self.seen if each.name == name), {})

    def specs(self) -> list[Mapping[str, Any]]:
        """What was seen of each spec."""
        return [each.facts for each in self.seen if each.name == "spec"]


def examine_all(fleet: Sequence[Server], compiled: Sequence[Compiled], form: str) -> int:
    """Examines all servers at once, and tells of each in their order."""
    found: dict[int, _Examined] = {}
    color = wants_color(sys.stdout)
    for at, each in _in_order(fleet, compiled):
        found[at] = each
        if form == "text":
            report = Report(each.name, color=color)
            for seen in each.seen:
                report.show(seen)
            report.end(each.verdict)
            click.echo()
    examinations = [found[at] for at in range(len(fleet))]
    word, sentence = _judged(examinations)
    if form == "json":
        servers = [{**examined(e.name, e.seen, e.verdict), "summary": _summary(e)} for e in examinations]
        sys.stdout.write(as_json({**header(SCHEMA), "verdict": word, "sentence": sentence, "servers": servers}))
    else:
        for line in (*_table(examinations), "", *_remarks(examinations), "", sentence):
            click.echo(clean(line).rstrip())
    return EXITS.get(word, Exit.FINDINGS)


def _in_order(fleet: Sequence[Server], compiled: Sequence[Compiled]) -> Iterator[tuple[int, _Examined]]:
    """Each server's examination, in the order of the servers, as soon as it and those before it are done."""
    from ..run.doctor import examine, judged

    done: queue.SimpleQueue[tuple[int, _Examined | BaseException]] = queue.SimpleQueue()

    def look(at: int, server: Server) -> None:
        try:
            seen = tuple(examine(server.url, server.access, compiled, lambda _: None))
            done.put((at, _Examined(server.name, seen, judged(seen))))
        except BaseException as problem:  # raised again where somebody hears it
            done.put((at, problem))

    for at, server in enumerate(fleet):
        threading.Thread(target=look, args=(at, server), daemon=True).start()
    kept: dict[int, _Examined] = {}
    with Waiting("looking at ") as waiting:
        for at in range(len(fleet)):
            while at not in kept:
                waiting.says(f"{len(fleet)} servers, and waiting for {fleet[at].name}")
                which, found = done.get()
                if isinstance(found, BaseException):
                    raise found
                kept[which] = found
            waiting.says("")
            yield at, kept[at]


def _judged(examinations: Sequence[_Examined]) -> tuple[str, str]:
    """What all examinations come to, and the same in a sentence."""
    count, words = len(examinations), [each.verdict.word for each in examinations]
    if all(word == "unreachable" for word in words):
        return "unreachable", f"None of {count} servers was reached."
    bad = [each.name for each in examinations if each.verdict.word in ("wrong", "unreachable")]
    if bad:
        return "wrong", f"Something is wrong with {len(bad)} of {count} servers: {_some(bad)}."
    gaps = [each.name for each in examinations if each.verdict.word == "not examined"]
    if gaps:
        return "not examined", f"Nothing wrong was found, but not all could be looked at: {_some(gaps)}."
    return "fine", f"Nothing is wrong with {count} servers."


def _summary(each: _Examined) -> dict[str, Any]:
    """What the table shows of a server, for programs; null for what is not known."""
    specs = each.specs()
    lacking = [spec["missing"] for spec in specs if spec.get("missing")]
    files: dict[str, set[str]] = {}
    for missing in lacking:
        for folder, names in missing["files"].items():
            files.setdefault(folder, set()).update(names)
    return {
        "comfyui": each.facts("version").get("comfyui"),
        "websocket": _works(each),
        "own_ids": each.facts("prompt ids").get("own_ids"),
        "slash": _slash(each),
        "seconds_ahead": each.facts("clock").get("seconds_ahead"),
        "disk_free_bytes": None,  # no ComfyUI tells
        "fits": {str(spec.get("file")): spec.get("fits") for spec in specs},
        "missing": {
            "classes": sorted({name for missing in lacking for name in missing["classes"]}),
            "files": {folder: sorted(names) for folder, names in sorted(files.items())},
        },
    }


def _works(each: _Examined) -> bool | None:
    """Whether its websocket works; None where it was not looked at."""
    states = [seen.state.value for seen in each.seen if seen.name == "websocket"]
    return states[0] == "ok" if states else None


def _slash(each: _Examined) -> str | None:
    """What it writes between folders and files, as far as its files or its system tell."""
    facts = each.facts("slashes")
    back, forward = facts.get("backslashes"), facts.get("slashes")
    if back or forward:
        return "both" if back and forward else "\\" if back else "/"
    system = each.facts("python").get("os")
    return None if not system else "\\" if system in ("nt", "win32") else "/"


def _table(examinations: Sequence[_Examined]) -> Iterator[str]:
    """The servers side by side, a line each."""
    rows = [_COLUMNS, *(_row(each) for each in examinations)]
    if not any(each.specs() for each in examinations):
        rows = [row[:-1] for row in rows]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))


def _row(each: _Examined) -> tuple[str, ...]:
    told, specs = _summary(each), each.specs()
    fit = sum(1 for spec in specs if spec.get("fits"))
    ahead = told["seconds_ahead"]
    within = each.facts("clock").get("within_seconds", 0)
    clock = "" if ahead is None else "as ours" if abs(ahead) <= within else f"{ahead:+.0f} s"
    cells = (
        each.name,
        each.verdict.word,
        told["comfyui"] or "",
        {True: "works", False: "does not work", None: ""}[told["websocket"]],
        {True: "ours", False: "its own", None: ""}[told["own_ids"]],
        told["slash"] or "",
        clock,
        f"{fit} of {len(specs)} fit" if specs else "",
    )
    return tuple(cell if len(cell) <= _LONGEST else cell[: _LONGEST - 1] + "…" for cell in (cells))


def _remarks(examinations: Sequence[_Examined]) -> Iterator[str]:
    """What servers lack, and in what they differ."""
    for each in examinations:
        missing = _summary(each)["missing"]
        if missing["classes"]:
            yield f'"{each.name}" lacks the node classes {_some(missing["classes"])}'
        for folder, names in missing["files"].items():
            yield f'"{each.name}" lacks in "{folder}": {_some(names)}'
    versions = {found for each in examinations if (found := each.facts("version").get("comfyui"))}
    if len(versions) > 1:
        yield f"they run different ComfyUIs ({', '.join(sorted(versions))}): the same job may give another picture"
    yield "disk: no ComfyUI tells how much room there is"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
