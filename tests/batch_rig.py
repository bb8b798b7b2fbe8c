"""What the tests of batches share: a spec, servers and the command as processes, and what must hold at the end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from PIL import Image

import history_checker
from watched_server import WatchedServer

SPEC = """\
comfyproof: 1
name: fire
inputs:
  image: {{type: image, default: photo.png}}
models:
  sdxl: {{checkpoint: sd_xl_base_1.0.safetensors}}
stages:
  - load: {{image: $image}}
  - refine: {{model: sdxl, positive: a cat, steps: 2, cfg: 5, denoise: 0.3, sampler: euler, scheduler: normal, seed: 1}}
  - save: {{prefix: fire}}
verify: {{size: 1x image}}
matrix:
  refine.seed: {seeds}
"""


def write_spec(folder: Path, jobs: int) -> Path:
    pixels = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype="uint8")
    Image.fromarray(pixels).save(folder / "photo.png")
    spec = folder / "fire.yaml"
    spec.write_text(SPEC.format(seeds=list(range(1, jobs + 1))))
    return spec


class Client:
    """The batch command as a process that can be killed."""

    def __init__(self, spec: Path, servers: Sequence[WatchedServer], out: Path, *options: str) -> None:
        self._command = [
            sys.executable, "-m", "comfyproof", "batch", str(spec), "--servers", ",".join(s.url for s in servers),
            "--out", str(out), "--yes", "--patience", "5", *options,
        ]  # fmt: skip
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def start(self, **environment: str) -> None:
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "NO_COLOR": "1", **environment},
        )  # fmt: skip

    def ends_within(self, seconds: float) -> bool:
        assert self.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            return True
        return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def finish(self, **environment: str) -> tuple[int, str]:
        self.start(**environment)
        assert self.process is not None
        said, _ = self.process.communicate(timeout=240)
        return self.process.returncode, said


@contextlib.contextmanager
def fleet(folder: Path, count: int, *faults: str) -> Iterator[list[WatchedServer]]:
    servers = [WatchedServer(folder, number, *faults) for number in range(count)]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.kill()


def events(out: Path) -> list[dict[str, Any]]:
    """What the log of a batch says so far."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for line in (out / ".comfyproof" / "events.ndjson").read_bytes().splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                found.append(json.loads(line))
    return found


def told(out: Path) -> set[str]:
    """The kinds of events that there were so far."""
    return {event["event"] for event in events(out)}


def wait_for(there: Callable[[], object], seconds: float = 30.0) -> None:
    """Waits until something is there."""
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def job_of_each_prompt(out: Path) -> dict[str, str]:
    return {event["prompt_id"]: event["job"] for event in events(out) if event.get("prompt_id")}


def done_jobs(out: Path, ledger: str | None = None) -> dict[str, int]:
    """The done jobs of a batch, and how many files each has."""
    about = json.loads((out / ".comfyproof" / "batch.json").read_bytes())
    engine = sa.create_engine(ledger or f"sqlite:///{out / '.comfyproof' / 'ledger.sqlite'}")
    query = sa.text(
        "SELECT j.key, count(o.number) AS files FROM comfyproof_job j LEFT JOIN comfyproof_output o"
        " ON o.key = j.key AND o.batch = j.batch WHERE j.state = 'done' AND j.batch = :batch GROUP BY j.key"
    )
    with engine.connect() as connection:
        found = {row.key: row.files for row in connection.execute(query, {"batch": about["batch"]})}
    engine.dispose()
    return found


def run_twice_for_no_reason(servers: Sequence[WatchedServer], out: Path) -> dict[str, list[object]]:
    """The jobs that ran again though the server that had run them still knew it."""
    jobs = job_of_each_prompt(out)
    runs: dict[str, list[object]] = {}
    for server in servers:
        lives = len(server.lives())
        for ran in server.ran():
            if ran.life == lives - 1:  # of an earlier life a server has forgotten all
                runs.setdefault(jobs.get(ran.prompt_id, ran.prompt_id), []).append(ran)
    return {job: found for job, found in runs.items() if len(found) > 1}


def assert_sound(out: Path, servers: Sequence[WatchedServer], jobs: int, ledger: str | None = None) -> None:
    done = done_jobs(out, ledger)
    assert len(done) == jobs
    assert set(done.values()) == {1}
    assert len(list(out.glob("*.png"))) == jobs
    assert run_twice_for_no_reason(servers, out) == {}
    complaints = history_checker.check(out / ".comfyproof" / "events.ndjson", out, 0)
    assert not complaints, "\n".join(complaints)


def closed_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def leftovers(out: Path) -> list[str]:
    """What lies in a batch's folder that should have been cleared away."""
    own = out / ".comfyproof"
    found = [path for path in out.rglob("*") if path.name.endswith(".part") or path.name.startswith(".comfyproof-")]
    return [str(path.relative_to(out)) for path in [*found, *(own / "work").rglob("*"), *own.glob("restoring")]]
