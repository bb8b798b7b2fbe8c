"""Measures 10,000 variants of the production spec beside what it takes to serialise and write their JSON alone.

Both write into folders beside each other, with the same function, in one run. Seconds are of the processor, the files
included: nothing waits for a disk. The memory is that of processes of their own, one for each number of variants.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from comfyproof.catalog.pinned import built_in
from comfyproof.cli.compile_all import compile_all, put_file
from comfyproof.formats.api import dump_api
from comfyproof.graph import Graph
from comfyproof.spec.pipeline import Changes
from comfyproof.variants import read_variants

ROOT = Path(__file__).parents[1]
ROUNDS = 3
DENOISE = "[0.2, 0.25, 0.3, 0.35]"


def spec_with(folder: Path, count: int, order: str = "seeds x denoise") -> Path:
    """The production spec with so many forms, in a folder."""
    text = (ROOT / "specs/production_upscale_enhance.yaml").read_text()
    text = re.sub(r"(?ms)^variants:.*", "", text).replace("photograph.jpg", str(ROOT / "specs/photograph.jpg"))
    axes = [f"  seed: {{from: 1, count: {count // 4}}}\n", f"  refine.denoise: {DENOISE}\n"]
    if order == "denoise alone":
        axes = [f"  refine.denoise: {{from: 0.2, count: {count}, step: 0.00001}}\n"]
    file = folder / f"{order.replace(' ', '_')}_{count}.yaml"
    file.write_text(text + "matrix:\n" + "".join(axes if order != "denoise x seeds" else reversed(axes)))
    return file


def floor(graphs: list[Graph], count: int, folder: Path) -> float:
    """The seconds to serialise and write so many workflows that are compiled already."""
    folder.mkdir()
    started = time.process_time()
    for n in range(count):
        put_file(folder, f"{n:05}.api.json", dump_api(graphs[n % len(graphs)]).encode())
    return time.process_time() - started


def product(spec: Path, folder: Path) -> float:
    """The seconds of compile --all, from reading the spec to its index."""
    started = time.process_time()
    assert compile_all(str(spec), built_in(), Changes({}), ("api",), folder, None, True) == 0
    return time.process_time() - started


def compiling(spec: Path) -> float:
    """The seconds to compile alone, nothing serialised or written."""
    started = time.process_time()
    for _, compiled in read_variants(spec, built_in(), Changes({})).programs():
        assert compiled.program is not None
    return time.process_time() - started


def peak(spec: Path, folder: Path) -> float:
    """The peak memory in MB of a process that runs compile --all."""
    subprocess.run([sys.executable, __file__, str(spec), str(folder)], check=True, stderr=subprocess.DEVNULL)
    return float((folder / "peak").read_text())


def graphs_of(spec: Path) -> Iterator[Graph]:
    """The first hundred graphs of a spec."""
    for n, (_, compiled) in enumerate(read_variants(spec, built_in(), Changes({})).programs()):
        if n == 100:
            return
        assert compiled.program is not None
        yield compiled.program.graph


def main() -> None:
    """Prints a line for each order of the matrix, and one on memory."""
    if len(sys.argv) == 3:
        folder = Path(sys.argv[2])
        product(Path(sys.argv[1]), folder)
        (folder / "peak").write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
        return
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for order, count in (("seeds x denoise", 10_000), ("denoise x seeds", 10_000), ("denoise alone", 1_000)):
            spec = spec_with(scratch, count, order)
            graphs = list(graphs_of(spec))
            rounds = range(ROUNDS if count == 10_000 else 1)
            folders = [scratch / f"{spec.stem}_{n}" for n in rounds]
            # All in turn in every round, so that a busy moment hits all alike.
            measured = [
                (floor(graphs, count, folder.with_suffix(".floor")), product(spec, folder), compiling(spec))
                for folder in folders
            ]
            least = [min(times) for times in zip(*measured, strict=True)]
            print(
                f"{order:16} {count:,}: serialise and write {least[0]:.2f} CPU s, compile --all {least[1]:.2f} s "
                f"({least[1] / least[0]:.2f}x), of it compiling {least[2]:.2f} s"
            )
        small, large = (peak(spec_with(scratch, n), scratch / f"peak_{n}") for n in (1_000, 10_000))
        print(f"memory: {small:.0f} MB at 1,000 forms, {large:.0f} MB at 10,000")


if __name__ == "__main__":
    sys.exit(main())
