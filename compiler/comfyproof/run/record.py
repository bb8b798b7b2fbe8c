"""The record of a run: what ran where, from what, and what was found, as JSON beside the pictures."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..graph import Asset
from ..report.json import as_entry, as_gap
from .folder import write_whole
from .job import Run

SCHEMA = "comfyproof/run/1"


def write_record(run: Run, path: Path) -> None:
    """Writes the record of a run. Raises OSError."""
    text = json.dumps(record_of(run), indent=2, ensure_ascii=False) + "\n"
    write_whole(path, text.encode("utf-8", "replace"))


def record_of(run: Run) -> dict[str, Any]:
    """The record as data."""
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
        "server": {"url": run.server, **_server(run.system)},
        "prompt_id": run.prompt_id,
        "prompt_sha256": _sha256(json.dumps(run.prompt, sort_keys=True).encode()),
        "started": run.started.isoformat(timespec="seconds"),
        "seconds": _seconds(run.seconds),
        "pictures": [
            {
                "file": picture.path.name,
                "stage": picture.stage,
                "node": picture.node_id,
                "sha256": _sha256(picture.path.read_bytes()),
                "checks": [
                    {"name": c.name, "verdict": c.verdict.value, "expected": c.expected, "measured": c.measured}
                    for c in picture.checks
                ],
            }
            for picture in run.pictures
        ],
        "findings": [as_entry(finding) for finding in run.findings],
        "not_examined": [as_gap(each) for each in run.not_examined],
        "prompt": run.prompt,
    }


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _input(value: Any) -> Any:
    if not isinstance(value, Asset):
        return value
    path = Path(value.path)
    return {"file": value.path, "sha256": _sha256(path.read_bytes()) if os.path.isfile(path) else None}


def _server(stats: Mapping[str, Any]) -> dict[str, Any]:
    system = stats.get("system") or {}
    told = {key: system.get(key) for key in ("os", "comfyui_version", "python_version", "pytorch_version")}
    emulator = system.get("comfyproof_emulator")
    return {**told, "stand_ins": emulator.get("stand_ins")} if isinstance(emulator, Mapping) else told


def _seconds(marks: Mapping[str, float]) -> dict[str, float]:
    """How long each phase took."""
    names, times = list(marks), list(marks.values())
    return {name: round(after - at, 3) for name, at, after in zip(names, times, times[1:], strict=False)}
