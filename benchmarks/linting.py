"""Measures `lint` beside other linters: how fast, what each finds of one defect each, and what it flags wrongly.

Wants the package comfyui-workflow-templates==0.1.95 in build/packages, where `make packages` puts it; installs
comfy-lint and comfy-preflight into build/peers. docs/comparison.md has figures, and says how to read them.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from startup import best_of

from comfyproof.caching import CachingExaminer
from comfyproof.catalog.files import FILE_INPUTS
from comfyproof.catalog.listing import filled
from comfyproof.catalog.nodes import RawNodes
from comfyproof.catalog.pinned import Catalog, built_in, from_object_info
from comfyproof.formats.api import dump_api
from comfyproof.formats.ui_read import UiReader
from comfyproof.lint import Examiner

ROOT = Path(__file__).parents[1]
PACKAGES, PEERS = ROOT / "build" / "packages", ROOT / "build" / "peers"
INSTALLED = ("comfy-lint==0.1.0", "comfy-preflight==1.0.0")
ROUNDS = 7
# In these, values stand at the wrong inputs: their classes have changed since they were saved.
WRONG = (
    "api_moonvalley_video_to_video_motion_transfer",
    "api_moonvalley_video_to_video_pose_control",
    "api_rodin_gen2",
)
BARE = "import click\n\n\n@click.command()\ndef main():\n    pass\n\n\nmain()\n"
Prompt = dict[str, Any]
Linter = Callable[[Prompt], set[str]]


def templates() -> dict[str, str]:
    """The templates whose classes are known, each as API JSON."""
    names = json.loads((ROOT / "tests/conversions.json").read_text())["comfyui-workflow-templates==0.1.95"]
    (wheel,) = PACKAGES.glob("comfyui_workflow_templates-0.1.95-*.whl")
    reader, found = UiReader(built_in()), {}
    with zipfile.ZipFile(wheel) as packed:
        for name in names:
            workflow = json.loads(packed.read(f"comfyui_workflow_templates/templates/{name}.json"))
            graph, _ = reader.read(workflow)
            assert graph is not None
            found[name] = dump_api(graph)
    return found


def defects() -> Iterator[tuple[Prompt, Prompt]]:
    """The cases of tests/rules that have one defect each, beside the graph that they change."""
    folder = ROOT / "tests" / "rules"
    bases = yaml.safe_load((folder / "bases.yaml").read_text())
    for file in sorted(folder.glob("*.yaml")):
        for case in yaml.safe_load(file.read_text()).values() if file.name != "bases.yaml" else ():
            # What is found by a machine's files, or by the list of them, depends on the machine.
            if "find" in case and "files" not in case and "models" not in case:
                yield _prompt(bases[case["graph"]]), _changed(bases[case["graph"]], case)


def _prompt(nodes: Mapping[str, Any]) -> Prompt:
    return {
        id: {"class_type": kind, "inputs": dict(inputs)} for id, node in nodes.items() for kind, inputs in node.items()
    }


def _changed(base: Mapping[str, Any], case: Mapping[str, Any]) -> Prompt:
    prompt = _prompt({**base, **case.get("add", {})})
    for path, value in case.get("set", {}).items():
        id, _, name = path.partition(".")
        prompt[id]["inputs"][name] = value
    for path in case.get("remove", []):
        id, _, name = path.partition(".")
        del (prompt[id]["inputs"] if name else prompt)[name or id]
    return prompt


def machine(prompts: list[Prompt]) -> Catalog:
    """A catalog of a machine that has every file which these name."""
    files: dict[str, dict[str, None]] = {}
    for prompt in prompts:
        for node in prompt.values():
            for name, folder in FILE_INPUTS.get(node["class_type"], {}).items():
                if isinstance(value := node["inputs"].get(name), str):
                    files.setdefault(folder, {})[value] = None
    nodes: dict[str, Any] = dict(built_in().raw)
    for name, inputs in FILE_INPUTS.items():
        if name in nodes:
            options = {key: sorted(files.get(folder, ())) for key, folder in inputs.items()}
            nodes[name] = filled(nodes[name], options)
    return from_object_info(nodes, "a machine that has all files")


def linters(catalog: Catalog) -> dict[str, Linter]:
    """Each linter as it works inside a process: from a prompt to what it says, errors marked as such."""
    sys.path.append(str(PEERS))
    from comfy_cli.cql.engine import Graph as Validator
    from comfy_lint import lint_workflow
    from comfy_lint.schema import normalize
    from comfy_preflight.aggregate import preflight
    from comfy_preflight.errors import PreflightHalt
    from comfy_preflight.graph import Graph

    examiner = Examiner(catalog)
    nodes: RawNodes = catalog.raw
    schema, validator = normalize(json.loads(json.dumps(nodes))), Validator.from_object_info(dict(nodes))

    def ours(prompt: Prompt) -> set[str]:
        found = examiner.text("workflow.json", json.dumps(prompt)).findings
        return {f"{each.rule.severity} {each.rule.code} {each.node} {each.message}" for each in found}

    def comfy_lint(prompt: Prompt) -> set[str]:
        return {f"{each.severity} {each.rule} {each.node_id} {each.message}" for each in lint_workflow(prompt, schema)}

    def comfy_cli(prompt: Prompt) -> set[str]:
        found = validator.validate_workflow(prompt)
        return {f"{kind[:-1]} {each}" for kind in ("errors", "warnings") for each in found.get(kind, ())}

    def comfy_preflight(prompt: Prompt) -> set[str]:
        try:
            preflight(Graph.from_api_dict(prompt), None)
        except PreflightHalt as halt:
            return {f"error {halt}"}
        return set()

    return {"comfyproof": ours, "comfy-lint": comfy_lint, "comfy-cli": comfy_cli, "comfy-preflight": comfy_preflight}


def said(linter: Linter, prompt: Prompt) -> set[str]:
    """What a linter says of a prompt; one that breaks off says that."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return linter(json.loads(json.dumps(prompt)))
    except Exception as problem:
        return {f"error {type(problem).__name__}"}


def compare(found: dict[str, Linter], good: dict[str, Prompt]) -> None:
    """Prints what each finds, and what it flags wrongly."""
    cases = list(defects())
    print(f"{'':18}{'defects found':>16}{'good ones with an error':>26}{'or a warning':>14}{'findings':>10}")
    for name, linter in found.items():
        hits = sum(bool(said(linter, prompt) - said(linter, base)) for base, prompt in cases)
        notes = [said(linter, prompt) for prompt in good.values()]
        errors, warnings = (sum(any(n.startswith(kind) for n in of) for of in notes) for kind in ("error", "warning"))
        count = f"{hits} of {len(cases)}"
        print(f"{name:18}{count:>16}{f'{errors} of {len(good)}':>26}{warnings:>14}{sum(map(len, notes)):>10}")


def least(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The least CPU seconds of each; all in turn in every round, so that a busy moment hits all alike."""
    found = dict.fromkeys(works, float("inf"))
    for _ in range(ROUNDS):
        for name, work in works.items():
            started = time.process_time()
            work()
            found[name] = min(found[name], time.process_time() - started)
    return found


def measure(found: dict[str, Linter], texts: dict[str, str], folder: Path) -> None:
    """Prints how many workflows each takes in a CPU second, from text and from disk."""
    from comfy_lint.linter import load_workflow

    files = {name: folder / f"{name}.json" for name in texts}
    for name, file in files.items():
        file.write_text(texts[name], encoding="utf-8")
    examiner = Examiner(built_in())
    with CachingExaminer(examiner, folder / "cache") as first:
        clean = [str(file) for file in files.values() if not first.file(str(file)).findings]
    caching = CachingExaminer(examiner, folder / "cache")
    for linter in found.values():  # what is read once is read
        [said(linter, json.loads(text)) for text in texts.values()]
    peers = {f"{name}, from text": linter for name, linter in found.items() if name != "comfyproof"}
    with contextlib.redirect_stdout(io.StringIO()):
        seconds = least(
            {
                "json.loads": lambda: [json.loads(text) for text in texts.values()],
                "comfyproof, from text": lambda: [examiner.text("x.json", text) for text in texts.values()],
                **{name: lambda of=of: [of(json.loads(text)) for text in texts.values()] for name, of in peers.items()},
                "comfyproof, from disk": lambda: [examiner.file(str(file)) for file in files.values()],
                "comfy-lint, from disk": lambda: [
                    found["comfy-lint"](load_workflow(str(file))) for file in files.values()
                ],
                "comfyproof, from disk, cached": lambda: [caching.file(str(file)) for file in files.values()],
                "of these, the clean ones": lambda: [caching.file(file) for file in clean],
            }
        )
    alone = least({"": lambda: [json.loads(text) for text in texts.values()]})[""]
    print(f"{'json.loads, with nothing between':32}{len(texts) / alone:10,.0f} a CPU second")
    for name, least_of in seconds.items():
        share = len(clean) / len(texts) if name.startswith("of these") else 1.0
        ratio = least_of / (seconds["json.loads"] * share)
        print(f"{name:32}{len(texts) * share / least_of:10,.0f} a CPU second{ratio:8.1f} x json.loads")


def cold(folder: Path, text: str) -> None:
    """Prints what one process costs beside a click program that does nothing."""
    (folder / "bare.py").write_text(BARE, encoding="utf-8")
    (folder / "one.json").write_text(text, encoding="utf-8")
    lint = ["-m", "comfyproof", "lint", "--fail-on", "error"]
    spec = str(ROOT / "specs" / "production_upscale_enhance.yaml")
    peer = f"import sys; sys.path.append({str(PEERS)!r}); from comfy_lint.cli import main; main()"
    (folder / "nodes.json").write_text(json.dumps(dict(built_in().raw)))
    found = best_of(
        9,
        {
            "a bare click program": [str(folder / "bare.py")],
            "comfyproof lint one.json": [*lint, str(folder / "one.json")],
            "comfyproof lint spec.yaml": [*lint, spec],
            "comfy-lint one.json": ["-c", peer, "--schema-cache", str(folder / "nodes.json"), str(folder / "one.json")],
        },
    )
    for name, seconds in found.items():
        print(f"{name:32}{seconds * 1000:8.1f} ms{seconds / found['a bare click program']:8.2f} x bare click")


def main() -> None:
    """Prints the tables."""
    if not list(PACKAGES.glob("comfyui_workflow_templates-0.1.95-*.whl")):
        print("linting: left out, since build/packages has no comfyui-workflow-templates: run make packages")
        return
    if not PEERS.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--target", str(PEERS), *INSTALLED], check=True)
    texts = templates()
    prompts = {name: json.loads(text) for name, text in texts.items()}
    found = linters(machine([*prompts.values(), *(base for base, _ in defects())]))
    compare(found, {name: prompt for name, prompt in prompts.items() if name not in WRONG})
    with tempfile.TemporaryDirectory() as folder:
        measure(found, texts, Path(folder))
        cold(Path(folder), texts["default"])


if __name__ == "__main__":
    main()
