"""The record of a run: what ran where, from what, and what was found, as JSON beside the pictures."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..graph import Asset
from ..report.json import as_entry, as_gap
from .folder import write_whole
from .job import Run, Text
from .measured import measurements
from .problems import clean
from .secrets import hidden

SCHEMA = "comfyproof/run/1"
MAX_TEXTS = 2**20  # characters, of all texts together
MAX_TEXT_COUNT = 1000


def write_record(run: Run, path: Path, secrets: Mapping[str, str]) -> None:
    """Writes the record of a run, without these secrets in what its server says. Raises OSError."""
    text = json.dumps(record_of(run, secrets), indent=2, ensure_ascii=False) + "\n"
    # It may be shown on a terminal: what would command that stands in it as an escape of JSON.
    safe = "".join(letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in text)
    write_whole(path, safe.encode())


def record_of(run: Run, secrets: Mapping[str, str]) -> dict[str, Any]:
    """The record as data, without these secrets in what the server says."""
    program, spec = run.program, run.program.spec
    source = spec.document.source.text
    return {
        "schema": SCHEMA,
        "comfyproof": __version__,
        "verdict": run.verdict,
        "name": spec.name,
        "variant": spec.changes.variant,
        "settings": [{"path": path, "value": value} for path, value in spec.changes.settings],
        "spec": {"file": program.file, "sha256": _sha256(source.encode()), "text": source},
        "inputs": {name: _input(found.value) for name, found in spec.inputs.items()},
        "catalog": {"id": program.catalog.id, "sha256": program.catalog.sha256},
        "server": {"url": run.server, **_server(run.system, secrets)},
        "prompt_id": run.prompt_id,
        "prompt_sha256": _sha256(json.dumps(run.prompt, sort_keys=True).encode()),
        "started": run.started.isoformat(timespec="seconds"),
        "seconds": _seconds(run.seconds),
        "measured": _measured(run, secrets),
        "pictures": [
            {
                "file": picture.path.name,
                "stage": picture.stage,
                "node": hidden(clean(picture.file.node_id, 100), secrets),
                "sha256": _sha256(picture.path.read_bytes()),
                "checks": [
                    {"name": c.name, "verdict": c.verdict.value, "expected": c.expected, "measured": c.measured}
                    for c in picture.checks
                ],
            }
            for picture in run.pictures
        ],
        "texts": _texts(run.texts, secrets),
        "findings": [as_entry(finding) for finding in run.findings],
        "not_examined": [as_gap(each) for each in run.not_examined],
        "prompt": run.prompt,
    }


def _measured(run: Run, secrets: Mapping[str, str]) -> dict[str, Any] | None:
    """What the run took; None where the server never had it."""
    if run.meter is None:
        return None
    told: dict[str, Any] = json.loads(hidden(json.dumps(measurements(run.meter)), secrets))
    return told


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _input(value: Any) -> Any:
    if not isinstance(value, Asset):
        return value
    path = Path(value.path)
    return {"file": value.path, "sha256": _sha256(path.read_bytes()) if os.path.isfile(path) else None}


def _server(stats: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    system = stats.get("system") or {}
    keys = ("os", "comfyui_version", "python_version", "pytorch_version")
    told: dict[str, Any] = {key: hidden(clean(system.get(key)), secrets) or None for key in keys}
    emulator = system.get("comfyproof_emulator")
    return {**told, "stand_ins": emulator.get("stand_ins")} if isinstance(emulator, Mapping) else told


def _texts(texts: Sequence[Text], secrets: Mapping[str, str]) -> list[dict[str, str]]:
    """The texts that came back, as far as there is room for them."""
    found, left = [], MAX_TEXTS
    for each in texts:
        shown = hidden(each.text, secrets)[:left]
        left -= len(shown)
        found.append({"stage": each.stage, "key": hidden(clean(each.key, 100), secrets), "text": shown})
    return found[:MAX_TEXT_COUNT]


def _seconds(marks: Mapping[str, float]) -> dict[str, float]:
    """How long each phase took."""
    names, times = list(marks), list(marks.values())
    return {name: round(after - at, 3) for name, at, after in zip(names, times, times[1:], strict=False)}
