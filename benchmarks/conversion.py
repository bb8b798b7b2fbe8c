"""Measures reading the editor's workflows beside two other converters: how many a second, and how many rightly.

Wants the package comfyui-workflow-templates==0.1.95 in build/packages, where `make packages` puts it.
"""

from __future__ import annotations

import copy
import json
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from comfyproof.canonical import fingerprint
from comfyproof.catalog.pinned import built_in
from comfyproof.formats.api import from_api, to_api
from comfyproof.formats.ui_read import UiReader
from comfyproof.source import parse_source

ROOT = Path(__file__).parents[1]
PACKAGES = ROOT / "build" / "packages"
ROUNDS = 5


def workflows() -> dict[str, tuple[str, str]]:
    """The templates whose classes are known, each with the fingerprint of what the editor makes of it."""
    expected = json.loads((ROOT / "tests/conversions.json").read_text())["comfyui-workflow-templates==0.1.95"]
    (wheel,) = PACKAGES.glob("comfyui_workflow_templates-0.1.95-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        folder = "comfyui_workflow_templates/templates"
        return {name: (packed.read(f"{folder}/{name}.json").decode(), hashes[1]) for name, hashes in expected.items()}


def converters() -> dict[str, Callable[[Any], Any]]:
    """The converters by name, each from a parsed workflow to a prompt."""
    from autograph.convert import workflow_to_api_format
    from comfy_cli.workflow_to_api import convert_ui_to_api

    nodes = {name: dict(node) for name, node in built_in().raw.items()}
    reader = UiReader(built_in())

    def ours(workflow: Any) -> Any:
        graph, _ = reader.read(workflow)
        assert graph is not None
        return to_api(graph)

    return {
        "comfyproof": ours,
        "comfy-cli": lambda workflow: convert_ui_to_api(workflow, nodes),
        "comfyui-autograph": lambda workflow: workflow_to_api_format(workflow, node_info=nodes, use_api=True),
    }


def right(convert: Callable[[Any], Any], texts: dict[str, tuple[str, str]]) -> int:
    """How many workflows it makes the editor's graph of."""
    count = 0
    for text, wanted in texts.values():
        try:
            count += fingerprint(from_api(convert(json.loads(text))), built_in()) == wanted
        except Exception:
            continue
    return count


def seconds(convert: Callable[[Any], Any], parsed: list[Any]) -> float:
    """The CPU seconds for all of them, once."""
    started = time.process_time()
    for workflow in parsed:
        try:
            convert(workflow)
        except Exception:
            continue
    return time.process_time() - started


def main() -> None:
    """Prints a line for each converter."""
    if not list(PACKAGES.glob("comfyui_workflow_templates-0.1.95-*.whl")):
        print("conversion: left out, since build/packages has no comfyui-workflow-templates: run make packages")
        return
    texts = workflows()
    found = converters()
    best = dict.fromkeys(found, float("inf"))
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        correct = {name: right(convert, texts) for name, convert in found.items()}
        for _ in range(ROUNDS):  # all in turn in every round, so that a busy moment hits all alike
            for name, convert in found.items():
                parsed = [copy.deepcopy(json.loads(text)) for text, _ in texts.values()]
                best[name] = min(best[name], seconds(convert, parsed))
    for name, least in best.items():
        rate, ratio = len(texts) / least, best["comfyproof"] / least
        print(f"{name:18} {rate:8,.0f} workflows a CPU second ({ratio:.2f}x), {correct[name]} of {len(texts)} right")
    print(f"{'from text':18} {_from_text([text for text, _ in texts.values()]):8,.0f} a CPU second, parsing included")


def _from_text(texts: list[str]) -> float:
    reader = UiReader(built_in())
    least = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for text in texts:
            source, _ = parse_source("workflow.json", text)
            assert source is not None
            graph, _ = reader.read(source.data, source)  # type: ignore[arg-type]
            assert graph is not None
            json.dumps(to_api(graph))
        least = min(least, time.process_time() - started)
    return len(texts) / least


if __name__ == "__main__":
    sys.exit(main())
