"""Folders of batches for tests, made through the ledger and the store, with real pictures."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from comfyproof.batch.events import EventLog
from comfyproof.batch.folder import BatchFolder
from comfyproof.batch.ledger import Attempt, Ledger, NewJob, Output
from comfyproof.batch.store import Store
from comfyproof.batch.view import place_names

CHECKS = ({"name": "complete", "verdict": "passed", "expected": "a whole picture", "measured": "PNG"},)


class Made(NamedTuple):
    """A batch on disk, its ledger open."""

    folder: BatchFolder
    ledger: Ledger
    store: Store
    batch: str

    def log(self, *events: Mapping[str, Any]) -> None:
        """Adds to the log."""
        log = EventLog(self.folder.events)
        for event in events:
            log.tell(**event)
        log.close()

    def done(self, key: str, names: Sequence[str], *pictures: bytes, server: str = "one", seconds: float = 2.0) -> None:
        """Does a job: files of these bytes, verified and named."""
        self.ledger.claim([key], server, "desk:1:a", "shard")
        outputs = []
        for number, data in enumerate(pictures):
            file = self.folder.work / f"{number}.png"
            file.write_bytes(data)
            outputs.append(Output(key, number, self.store.take(file), "save" if number else "base", CHECKS))
            file.unlink()
        row = self.ledger.row(key)
        assert row is not None
        assert self.ledger.accept(row._replace(prompt_id=f"p-{key}"), outputs, "verified", seconds)
        place_names(self.folder, self.store, key, names, outputs)

    def failed(self, key: str, reason: str) -> None:
        """Fails a job."""
        self.ledger.claim([key], "two", "desk:1:a", "shard")
        self.ledger.note(Attempt(key, 0, f"p-{key}", "two", "error", reason), "failed")


def new_batch(
    out: Path, jobs: Mapping[str, Sequence[str]], changes: Mapping[str, Any] | None = None, url: str = ""
) -> Made:
    """A batch with these jobs, by their keys and names, of which nothing is done. `url` is for PostgreSQL."""
    folder = BatchFolder(out)
    batch = folder.create(url)
    ledger = Ledger(url or folder.ledger_url(), batch)
    named = [NewJob(key, name, "model", changes or {}) for key, names in jobs.items() for name in names]
    ledger.name_jobs(named)
    return Made(folder, ledger, Store(folder.objects), batch)


def picture(text: str, size: tuple[int, int] = (96, 64)) -> bytes:
    """A PNG that looks like no other."""
    hue = sum(map(ord, text)) * 37 % 360
    image = Image.new("RGB", size, f"hsl({hue}, 60%, 45%)")
    ImageDraw.Draw(image).text((8, 8), text, fill="white")
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
