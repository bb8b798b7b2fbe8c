"""Measures a batch of 1,000 jobs of 10 ms over 4 servers beside plain thread pools that do the same with each job.

A pool has one thread for each server, which compiles, submits, waits, fetches, verifies and keeps one job after the
other with the batch's own functions, and writes a line to disk for each; of two pools one has a prompt waiting behind
the one that runs, as the batch has. Each runs in a process of its own, against the same servers, in turn in every
round. On a machine that does other things, too, the seconds of the processor say more than those of the clock.

The pause between two jobs is what the servers themselves note, with jobs that take so long that a client can keep one
waiting. With --memory, the batch is run over 1,000 and 10,000 jobs instead, planned, and taken up again once done.

    python benchmarks/batch.py [--memory]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from comfyproof.batch.store import Store
from comfyproof.catalog.pinned import built_in
from comfyproof.driver import Program
from comfyproof.emulator.embedded import Emulator
from comfyproof.emulator.faults import parse
from comfyproof.emulator.watching import Passage
from comfyproof.run.answers import Submission, Succeeded
from comfyproof.run.client import Client
from comfyproof.run.job import Run
from comfyproof.run.prepare import Prepared, prepared, server_catalog
from comfyproof.run.proof import Proof
from comfyproof.spec.forms import Form
from comfyproof.spec.pipeline import Changes
from comfyproof.variants import Variants, read_variants

SERVERS, JOBS, ROUNDS = 4, 1_000, 5
# Of each of the three nodes that a job runs anew, in seconds.
QUICK, LONG = 0.0033, 0.1
LONG_JOBS = 200
SPEC = """\
comfyproof: 1
name: bench
inputs:
  image: {{type: image, default: photo.png}}
models:
  sdxl: {{checkpoint: sd_xl_base_1.0.safetensors}}
stages:
  - load: {{image: $image}}
  - refine: {{model: sdxl, positive: a cat, steps: 2, cfg: 5, denoise: 0.3, sampler: euler, scheduler: normal, seed: 1}}
  - save: {{prefix: bench}}
verify: {{size: 1x image}}
matrix:
  refine.seed: {{from: {first}, count: {jobs}}}
"""


def spec_of(folder: Path, jobs: int, first: int) -> Path:
    """A spec of so many jobs, from a seed on that no server has seen."""
    folder.mkdir()
    pixels = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype="uint8")
    Image.fromarray(pixels).save(folder / "photo.png")
    (folder / "bench.yaml").write_text(SPEC.format(first=first, jobs=jobs))
    return folder / "bench.yaml"


# Servers, each in a process of its own, which notes when prompts begin and end.


@contextmanager
def fleet(folder: Path, seconds: float) -> Iterator[list[tuple[str, Path]]]:
    """The addresses and logs of servers whose nodes take so long."""
    with ExitStack() as stack:
        started = []
        for number in range(SERVERS):
            own = folder / f"server_{number}_{seconds:g}"
            log = own.with_suffix(".log")
            command = [sys.executable, __file__, "--server", str(own), str(log), f"slow:{seconds:g}"]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            assert process.stdout is not None
            started.append((process.stdout.readline().strip(), log))
        yield started


def serve(folder: str, log: str, fault: str) -> None:
    """One server, until it is ended."""
    stream = open(log, "a", buffering=1)  # noqa: SIM115 - as long as the process lives

    def watch(passage: Passage) -> None:
        stream.write(f"{'begin' if passage.outcome is None else 'end'} {time.monotonic_ns()}\n")

    server = Emulator(Path(folder), catalog=built_in(), faults=[parse(fault)], watch=watch)
    print(server.start(), flush=True)
    threading.Event().wait()


def pauses(logs: Sequence[Path]) -> list[float]:
    """The milliseconds between the end of one prompt and the beginning of the next, in order of length."""
    found = []
    for log in logs:
        ended = 0
        for line in log.read_text().splitlines():
            word, at = line.split()
            if word == "end":
                ended = int(at)
            elif ended:
                found.append((int(at) - ended) / 1e6)
    return sorted(found)


# The pool.


class Bound(NamedTuple):
    """A prompt that a server has."""

    program: Program
    ready: Prepared
    prompt_id: str


class Pool:
    """One thread for each server, all taking from the same forms."""

    def __init__(self, variants: Variants, out: Path, ahead: int) -> None:
        self._variants, self._out, self._ahead = variants, out, ahead
        self._forms = deque(variants.forms())
        self._store = Store(out / "objects")
        out.mkdir()
        self._lines = os.open(out / "done", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._one = threading.Lock()
        self.kept = 0

    def run(self, urls: Sequence[str]) -> float:
        """The seconds that all jobs took."""
        threads = [threading.Thread(target=self._lane, args=(url,)) for url in urls]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - began

    def _lane(self, url: str) -> None:
        client = Client(url)
        system = client.system_stats()
        uploads: dict[Path, str] = {}

        def upload(path: Path) -> str:
            if path not in uploads:
                uploads[path] = client.upload(path)
            return uploads[path]

        catalog = None
        waiting: deque[Bound] = deque()
        with client, client.listen():
            while True:
                while len(waiting) <= self._ahead and (form := self._next()) is not None:
                    program = self._variants.compiled(form).program
                    assert program is not None
                    catalog = catalog or server_catalog(client, program.graph, system)
                    prompt_id = str(uuid.uuid4())
                    ready = prepared(program.graph, catalog, upload, prompt_id)
                    client.expect(prompt_id)
                    assert isinstance(client.submit(ready.sent, prompt_id, new=True), Submission)
                    waiting.append(Bound(program, ready, prompt_id))
                if not waiting:
                    return
                self._bring_home(waiting.popleft(), client)

    def _next(self) -> Form | None:
        with self._one:
            return self._forms.popleft() if self._forms else None

    def _bring_home(self, bound: Bound, client: Client) -> None:
        outcome = client.wait(bound.prompt_id, lambda _: None)
        assert isinstance(outcome, Succeeded), outcome
        run = Run(bound.program, client.url, bound.prompt_id, datetime.now(UTC))
        run.prompt, run.sent, run.graph = bound.ready.prompt, bound.ready.sent, bound.ready.graph
        run.folder = self._out / bound.prompt_id
        run.folder.mkdir()
        proof = Proof(run, client)
        proof.take(outcome)
        proof.judge()
        assert run.verdict == "verified", run.findings
        for picture in run.pictures:
            stored = self._store.take(picture.path)
            picture.path.unlink()
            with self._one:
                os.write(self._lines, (json.dumps([bound.prompt_id, *stored]) + "\n").encode())
                os.fsync(self._lines)
                self.kept += 1
        run.folder.rmdir()


def pool(spec: str, out: str, ahead: str, urls: Sequence[str]) -> None:
    """Prints how many jobs a pool did, and its seconds."""
    variants = read_variants(spec, built_in(), Changes({}))
    made = Pool(variants, Path(out), int(ahead))
    seconds = made.run(urls)
    print(json.dumps([made.kept, seconds]))


# Both, each in a process of its own.


class Took(NamedTuple):
    """What a process took: seconds in all, of them those of the run itself, those of the processor, and MB at most."""

    whole: float
    run: float
    cpu: float
    peak: float


def measured(command: Sequence[str]) -> tuple[Took, str]:
    """What a command took, but for the run itself, and what it wrote to stdout."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    cpu = usage.ru_utime + usage.ru_stime
    return Took(time.perf_counter() - began, 0.0, cpu, usage.ru_maxrss / 1024), said


def pooled(spec: Path, ahead: int, urls: Sequence[str], jobs: int) -> Took:
    """What a pool takes."""
    out = spec.parent / f"pool_{ahead}"
    took, said = measured([sys.executable, __file__, "--pool", str(spec), str(out), str(ahead), *urls])
    kept, seconds = json.loads(said)
    assert kept == jobs
    return took._replace(run=seconds)


def batch(spec: Path, urls: Sequence[str], *options: str) -> Took:
    """What the batch command takes."""
    out = spec.parent / "batch"
    command = [sys.executable, "-m", "comfyproof", "batch", str(spec), "--servers", ",".join(urls), "--out", str(out)]
    took, _ = measured([*command, "--yes", *options])
    log = out / ".comfyproof" / "events.ndjson"
    return took if options else took._replace(run=_run_seconds(log))


def _run_seconds(log: Path) -> float:
    at = {}
    for line in log.open():
        event = json.loads(line)
        at[event["event"]] = datetime.fromisoformat(event["at"]).timestamp()  # of each the latest
    return at["ended"] - at["began"]


# What is shown.


def speed(folder: Path) -> None:
    """The batch beside the pools."""
    found: dict[str, list[Took]] = {}
    with fleet(folder, QUICK) as servers:
        urls = [url for url, _ in servers]
        for number in range(ROUNDS):
            # Seeds that no server has seen.
            specs = [spec_of(folder / f"round_{number}_{n}", JOBS, 1 + (3 * number + n) * JOBS) for n in range(3)]
            found.setdefault("thread pool, one prompt at a time", []).append(pooled(specs[0], 0, urls, JOBS))
            found.setdefault("thread pool, one prompt ahead", []).append(pooled(specs[1], 1, urls, JOBS))
            found.setdefault("batch", []).append(batch(specs[2], urls))
    title = f"{JOBS:,} jobs of 10 ms on {SERVERS} servers"
    print(f"{title:36}{'run s':>10}{'x':>7}{'whole s':>10}{'cpu s':>8}{'x':>7}{'MB':>6}")
    for name, took in found.items():
        # Rounds differ by what else the machine does: what counts is the batch beside the pool of the same round.
        pairs = list(zip(found["batch"], took, strict=True))
        run, cpu = (statistics.median(kind(b) / kind(p) for b, p in pairs) for kind in (_run_of, _cpu_of))
        least = Took(*(min(each) for each in zip(*took, strict=True)))
        print(f"{name:36}{least.run:10.2f}{run:7.2f}{least.whole:10.2f}{least.cpu:8.2f}{cpu:7.2f}{least.peak:6.0f}")


def _run_of(took: Took) -> float:
    return took.run


def _cpu_of(took: Took) -> float:
    return took.cpu


def pause(folder: Path) -> None:
    """How long servers stand idle between two jobs."""
    kinds: dict[str, list[float]] = {}
    for number, name in enumerate(("thread pool, one prompt at a time", "thread pool, one prompt ahead", "batch")):
        scratch = folder / f"pause_{number}"
        scratch.mkdir()
        spec = spec_of(scratch / "spec", LONG_JOBS, 1)
        with fleet(scratch, LONG) as servers:
            urls = [url for url, _ in servers]
            batch(spec, urls) if name == "batch" else pooled(spec, number, urls, LONG_JOBS)
        kinds[name] = pauses([log for _, log in servers])
    for name, found in kinds.items():
        longest = found[len(found) * 9 // 10]
        print(f"pause between two jobs: {name}: median {statistics.median(found):.2f} ms, 90% below {longest:.2f} ms")


def memory(folder: Path) -> None:
    """The batch at two sizes."""
    runs = []
    with fleet(folder, QUICK) as servers:
        urls = [url for url, _ in servers]
        for jobs in (JOBS, 10 * JOBS):
            spec = spec_of(folder / f"memory_{jobs}", jobs, jobs)
            for what, options in (("planned", ["--dry-run"]), ("run", []), ("once done again", [])):
                took = batch(spec, urls, *options)
                run = f", of it run {took.run:.2f} s" if what == "run" else ""
                figures = f"{took.whole:.2f} s{run}, cpu {took.cpu:.2f} s, {took.peak:.0f} MB"
                print(f"{jobs:,} jobs {what}: {figures}", flush=True)
                runs += [took] if what == "run" else []
    small, large = runs
    each = (large.peak - small.peak) / (9 * JOBS) * 1024
    times = (large.run / small.run, large.cpu / small.cpu)
    print(f"ten times the jobs: run {times[0]:.1f} times, cpu {times[1]:.1f} times; {each:.1f} kB a job")


def main() -> None:
    """Prints the figures."""
    options = sys.argv[1:]
    if options[:1] == ["--server"]:
        serve(*options[1:])
    elif options[:1] == ["--pool"]:
        spec, out, ahead, *urls = options[1:]
        pool(spec, out, ahead, urls)
    else:
        with tempfile.TemporaryDirectory() as name:
            for show in (memory,) if options == ["--memory"] else (pause, speed):
                show(Path(name))


if __name__ == "__main__":
    main()
