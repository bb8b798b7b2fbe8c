"""Measures what ordering and fusing save, by a server's own events, and what ordering thousands of jobs costs.

Three tiers of 20 photographs on the emulator; then tiers, seeds and photographs by the thousand, without a server.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from comfyproof.catalog.pinned import built_in  # noqa: E402
from comfyproof.emulator.embedded import Emulator  # noqa: E402
from comfyproof.formats.api import from_api  # noqa: E402
from comfyproof.fusing import fuse_shard  # noqa: E402
from comfyproof.graph import Asset, Graph, Value  # noqa: E402
from comfyproof.ordering import Shard, order, profile_of, shards, shared  # noqa: E402
from comfyproof.plan.gpus import gpu_named, machine_with  # noqa: E402
from comfyproof.plan.machine import GIB, Machine  # noqa: E402
from comfyproof.run.client import Client  # noqa: E402
from tiers import COSTLY, Ran, content, counted, tiers  # noqa: E402

PHOTOGRAPHS = 20
CARD = machine_with(gpu_named("rtx-3090"), 64 * GIB)


def on_a_server() -> None:
    """Prints how often what is costly ran, in each way to run the same 60 jobs."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = tiers(Path(folder), PHOTOGRAPHS)
        profiles = [profile_of(job, built_in(), content) for job in jobs]
        cut = shards(profiles, order(profiles))
        ordered = [jobs[n] for shard in cut for n in shard.indices]
        print(f"{len(jobs)} jobs: 3 tiers of {PHOTOGRAPHS} photographs\n{'':38}" + "".join(f"{n:>24}" for n in COSTLY))
        ways = {
            "tier by tier": (jobs, False),
            "ordered": (ordered, False),
            "tier by tier, amid others": (jobs, True),
            "ordered, amid others": (ordered, True),
            "fused, amid others": (list(prompts(jobs, cut, None)), True),
            "fused for an RTX 3090, amid others": (list(prompts(jobs, cut, CARD)), True),
        }
        for name, (graphs, amid) in ways.items():
            with Emulator(Path(folder) / "server", catalog=built_in()) as emulator, Client(emulator.url) as client:
                started = time.perf_counter()
                counts = counted(list(runs(client, graphs, amid=amid)))
                seconds = time.perf_counter() - started
            print(f"  {name:36}" + "".join(f"{counts[n]:>24}" for n in COSTLY) + f"   {seconds:.1f} s")


def prompts(jobs: Sequence[Graph], cut: Sequence[Shard], machine: Machine | None) -> Iterator[Graph]:
    """The fused prompts of the groups of all shards."""
    for shard in cut:
        groups = [[jobs[n] for n in group] for group in shard.groups]
        yield from (one.graph for one in fuse_shard(groups, built_in(), machine))


def runs(client: Client, graphs: Sequence[Graph], *, amid: bool) -> Iterator[Ran]:
    """Each prompt run, with one of another client behind it."""
    with Client(client.url) as other:
        for n, graph in enumerate(graphs):
            yield Ran(client, graph)
            if amid:
                image = {"width": 8, "height": 8, "batch_size": 1, "color": n}
                Ran(other, from_api({
                    "1": {"class_type": "EmptyImage", "inputs": image},
                    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
                }))  # fmt: skip


def by_the_thousand(count: int) -> None:
    """Prints what is in common as given, at random and as ordered, how long that takes and how much memory."""
    with tempfile.TemporaryDirectory() as folder:
        kinds = tiers(Path(folder), 1)
    started = time.perf_counter()
    given = [profile_of(of(n, job), built_in()) for job in kinds for n in range(count // len(kinds))]
    profiling = time.perf_counter() - started
    mixed = random.Random(1).sample(given, len(given))
    tracemalloc.start()
    started = time.perf_counter()
    found = order(mixed)
    ordering = time.perf_counter() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    cut = shards(mixed, found)
    print(f"{len(given):,} jobs: profiles in {profiling:.1f} s; order in {ordering:.2f} s (watched), {peak >> 20} MiB")
    for name, each in {"at random": mixed, "tier by tier": given, "ordered": [mixed[n] for n in found]}.items():
        common = shared(each)
        upscales = common.kinds["upscale"]
        print(f"  {name:14} {common.whole.shared:>7,} of {common.whole.nodes:,} nodes in common, "
              f"{upscales.shared:>6,} of {upscales.nodes:,} upscales")  # fmt: skip
    divided = sum(len({n for group in shard.groups for n in group}) % len(kinds) > 0 for shard in cut)
    print(f"  {len(cut)} shards, {divided} of them with part of a photograph's tiers")


def of(number: int, graph: Graph) -> Graph:
    """The graph for another photograph."""

    def change(value: Value) -> Value:
        return replace(value, path=f"{number}.png") if isinstance(value, Asset) else value

    return Graph({
        id: replace(node, inputs={name: change(value) for name, value in node.inputs.items()})
        for id, node in graph.nodes.items()
    })  # fmt: skip


if __name__ == "__main__":
    on_a_server()
    for count in (1_000, 10_000):
        by_the_thousand(count)
