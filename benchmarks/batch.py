"""Measures a batch of 1,000 jobs of 10 ms over 4 servers beside plain thread pools that do the same with each job.

A pool has one thread for each server, which compiles, submits, waits, fetches, verifies and keeps one job after the
other with the batch's own functions, and writes a line to disk for each; of two pools one has a prompt waiting behind
the one that runs, as the batch has. Each runs in a process of its own, against the same servers, in turn in every
round. The pause between two jobs is what the servers themselves note. With --memory, the batch is run over 1,000 and
10,000 jobs, too, and planned and taken up again once it is done.

    python benchmarks/batch.py [--memory]
"""

from __future__ import annotations

import json
import os
import resource
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

SERVERS, JOBS, ROUNDS = 4, 1_000, 3
SLOW = "slow:0.0033"  # of each of the three nodes that a job runs anew
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
def fleet(folder: Path) -> Iterator[list[tuple[str, Path]]]:
    """The addresses and logs of the servers."""
    with ExitStack() as stack:
        started = []
        for number in range(SERVERS):
            log = folder / f"server_{number}.log"
            command = [sys.executable, __file__, "--server", str(folder / f"server_{number}"), str(log)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            assert process.stdout is not None
            started.append((process.stdout.readline().strip(), log))
        yield started


def serve(folder: str, log: str) -> None:
    """One server, until it is ended."""
    stream = open(log, "a", buffering=1)  # noqa: SIM115 - as long as the process lives

    def watch(passage: Passage) -> None:
        stream.write(f"{'begin' if passage.outcome is None else 'end'} {time.monotonic_ns()}\n")

    server = Emulator(Path(folder), catalog=built_in(), faults=[parse(SLOW)], watch=watch)
    print(server.start(), flush=True)
    threading.Event().wait()


def pauses(log: Path, since: int) -> list[float]:
    """The milliseconds between the end of one prompt and the beginning of the next, from some line of a log on."""
    found, ended = [], 0
    for line in log.read_text().splitlines()[since:]:
        word, at = line.split()
        if word == "end":
            ended = int(at)
        elif ended:
            found.append((int(at) - ended) / 1e6)
    return found


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
    """Prints the seconds of a pool."""
    variants = read_variants(spec, built_in(), Changes({}))
    made = Pool(variants, Path(out), int(ahead))
    seconds = made.run(urls)
    print(json.dumps([made.kept, seconds]))


def pool_seconds(spec: Path, out: Path, ahead: int, urls: Sequence[str], jobs: int) -> float:
    """The seconds of a pool in a process of its own."""
    command = [sys.executable, __file__, "--pool", str(spec), str(out), str(ahead), *urls]
    kept, seconds = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    assert kept == jobs
    return float(seconds)


# The batch.


class Took(NamedTuple):
    """What a batch took: seconds of the command, and of them those of its run, and MB at its peak."""

    command: float
    run: float
    peak: float


def batch(spec: Path, out: Path, urls: Sequence[str], *options: str) -> Took:
    """What the batch command takes, in a process of its own."""
    command = [sys.executable, "-m", "comfyproof", "batch", str(spec), "--servers", ",".join(urls), "--out", str(out)]
    began = time.perf_counter()
    with subprocess.Popen([*command, "--yes", *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    assert process.returncode == 0, said.decode()
    return Took(seconds, _run_seconds(out / ".comfyproof" / "events.ndjson"), usage.ru_maxrss / 1024)


def _run_seconds(log: Path) -> float:
    at = {}
    if log.exists():
        for line in log.open():
            event = json.loads(line)
            at[event["event"]] = datetime.fromisoformat(event["at"]).timestamp()  # of each the latest
    return at["ended"] - at["began"] if "ended" in at else 0.0


# What is shown.


def speed(folder: Path) -> None:
    """The batch beside the pools."""
    took: list[Took] = []
    pools: dict[int, list[float]] = {0: [], 1: []}
    found: list[float] = []
    first = 1
    with fleet(folder) as servers:
        urls = [url for url, _ in servers]
        for number in range(ROUNDS):
            for ahead, seconds in pools.items():
                name = folder / f"pool_{number}_{ahead}"
                seconds.append(pool_seconds(spec_of(name, JOBS, first), name / "out", ahead, urls, JOBS))
                first += JOBS
            since = [len(log.read_text().splitlines()) for _, log in servers]
            name = folder / f"batch_{number}"
            took.append(batch(spec_of(name, JOBS, first), name / "out", urls))
            first += JOBS
            for (_, log), line in zip(servers, since, strict=True):
                found += pauses(log, line)
            print(f"round {number}: pools {pools[0][-1]:.2f} s and {pools[1][-1]:.2f} s, {took[-1]}", flush=True)
    least = min(each.run for each in took)
    for ahead, seconds in pools.items():
        what = "one prompt ahead" if ahead else "one prompt at a time"
        print(f"{JOBS:,} jobs: thread pool, {what}, {min(seconds):.2f} s; batch {least / min(seconds):.2f} times that")
    print(f"batch: run {least:.2f} s, command {min(each.command for each in took):.2f} s")
    found.sort()
    print(f"pause between two jobs: median {statistics.median(found):.2f} ms, 90% {found[len(found) * 9 // 10]:.2f} ms")


def memory(folder: Path) -> None:
    """The batch at two sizes."""
    runs = []
    first = 10**6
    with fleet(folder) as servers:
        urls = [url for url, _ in servers]
        for jobs in (JOBS, 10 * JOBS):
            spec, out = spec_of(folder / f"memory_{jobs}", jobs, first), folder / f"memory_{jobs}" / "out"
            first += jobs
            planned = batch(spec, out, urls, "--dry-run")
            took = batch(spec, out, urls)
            again = batch(spec, out, urls)
            runs.append(took)
            print(
                f"{jobs:,} jobs: planned in {planned.command:.2f} s ({planned.peak:.0f} MB), run {took.run:.1f} s, "
                f"command {took.command:.1f} s, {took.peak:.0f} MB; once done again {again.command:.2f} s, "
                f"{again.peak:.0f} MB",
                flush=True,
            )
    small, large = runs
    each = (large.peak - small.peak) / (9 * JOBS) * 1024
    print(f"ten times the jobs: {large.run / small.run:.1f} times the seconds; {each:.1f} kB a job")


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
            (memory if options == ["--memory"] else speed)(Path(name))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
