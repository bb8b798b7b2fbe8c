"""Measures what a server's verdict on a prompt costs, in CPU time, beside reading the same text as JSON."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from comfyproof import load_catalog, server_verdict

ROOT = Path(__file__).parents[1]
ROUNDS = 15
SECONDS = 0.02


def cpu_seconds(step: Callable[[], Any], times: int) -> float:
    """The CPU seconds of one call, over so many."""
    start = time.process_time()
    for _ in range(times):
        step()
    return (time.process_time() - start) / times


def best_of(rounds: int, steps: list[Callable[[], Any]]) -> list[float]:
    """The least seconds of each; all in turn in every round, so that a busy moment hits all alike."""
    times = [max(1, int(SECONDS / max(cpu_seconds(step, 1), 1e-6))) for step in steps]
    found = [float("inf")] * len(steps)
    for _ in range(rounds):
        for n, step in enumerate(steps):
            found[n] = min(found[n], cpu_seconds(step, times[n]))
    return found


def chain(length: int) -> str:
    """A prompt of one long chain of nodes, and many outputs on it."""
    black = {"width": 8, "height": 8, "batch_size": 1, "color": 0}
    prompt: dict[str, Any] = {"0": {"class_type": "EmptyImage", "inputs": black}}
    for n in range(1, length):
        prompt[str(n)] = {"class_type": "ImageInvert", "inputs": {"image": [str(n - 1), 0]}}
        prompt[f"s{n}"] = {"class_type": "SaveImage", "inputs": {"images": [str(n), 0], "filename_prefix": "x"}}
    return json.dumps(prompt)


def main() -> None:
    """Prints the table."""
    catalog = load_catalog("comfyui-0.3.64")
    texts = {path.name: [path.read_text(encoding="utf-8")] for path in sorted((ROOT / "workflows").glob("*.api.json"))}
    recorded = gzip.decompress((ROOT / "tests" / "verdicts_recorded.jsonl.gz").read_bytes()).splitlines()
    texts["odd prompts of the tests, all"] = [json.dumps(json.loads(line)["prompt"]) for line in recorded]
    texts["500 nodes and outputs in a chain"] = [chain(500)]
    texts["100,000 nodes and outputs in a chain"] = [chain(50_000)]
    print(f"{'a prompt (best of ' + str(ROUNDS) + ')':40}{'nodes':>8}{'JSON µs':>10}{'verdict µs':>12}{'to JSON':>9}")
    for name, each in texts.items():
        prompts = [json.loads(text) for text in each]

        def read(each: list[str] = each) -> None:
            for text in each:
                json.loads(text)

        def judge(prompts: list[Any] = prompts) -> None:
            for prompt in prompts:
                server_verdict(prompt, catalog, ["photograph.jpg"])

        parsed, judged = best_of(ROUNDS if len(each[0]) < 1_000_000 else 3, [read, judge])
        count, nodes = len(each), sum(len(prompt) for prompt in prompts if isinstance(prompt, dict))
        print(f"{name:40}{nodes / count:8.0f}{parsed / count * 1e6:10.1f}{judged / count * 1e6:12.1f}", end="")
        print(f"{judged / parsed:9.2f}")


if __name__ == "__main__":
    main()
