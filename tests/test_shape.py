"""The shape of the code: which way imports go, what start-up loads, and how large things may get."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx
import pytest

from conftest import ROOT

PACKAGE = ROOT / "compiler" / "comfyproof"

# From the bottom to the top; modules of one line don't import each other.
LAYERS = """
diagnostics
texts
source
weights
catalog file_names files graph layout patterns png
containers edits selecting
baseline canonical config embedded gathering ignores
stages validators
validation
spec verdict facts
plan verify python
lower lift passes formats rules
workflow
diff
report
driver
importing moulds
ordering fusing variants
lint converting lock run emulator pipeline
remembered
caching fixing fleet rulebook
batch
cli
"""
EMULATOR_KNOWS = {"diagnostics", "catalog", "graph", "png", "verdict", "emulator"}
MAX_FUNCTION = 60
MAX_FILE = 500


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


def imports(name: str, path: Path) -> Iterator[str]:
    """The modules of the package that a module imports, inside functions too."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    known = modules()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                full = ".".join([*base, alias.name])
                yield full if full in known else ".".join(base)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "comfyproof":
            yield node.module.removeprefix("comfyproof").removeprefix(".")
        elif isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "comfyproof" for alias in node.names), (
                f"{name}: import relatively"
            )


def layer_of(name: str) -> int | None:
    rows = [row.split() for row in LAYERS.strip().splitlines()]
    return next((n for n, row in enumerate(rows) if name.split(".")[0] in row), None)


def test_imports_go_down() -> None:
    wrong = []
    for name, path in modules().items():
        if name in ("", "__main__"):
            continue
        assert layer_of(name) is not None, f"{name} is in no layer"
        for target in imports(name, path):
            own, other = name.split(".")[0], target.split(".")[0]
            if other in ("", own):
                continue
            if layer_of(target) is None or layer_of(target) >= layer_of(name):
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_the_emulator_shares_no_code_with_the_client() -> None:
    for name, path in modules().items():
        if name.split(".")[0] == "emulator":
            assert {target.split(".")[0] for target in imports(name, path)} <= EMULATOR_KNOWS, name


def test_no_import_cycles() -> None:
    graph = networkx.DiGraph(
        (name, target) for name, path in modules().items() if name for target in imports(name, path) if target
    )
    assert list(networkx.simple_cycles(graph)) == []


def test_functions_and_files_stay_small() -> None:
    large = []
    for name, path in modules().items():
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > MAX_FILE:
            large.append(f"{name}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                doc = ast.get_docstring(node, clean=False)
                lines = (node.end_lineno or 0) - node.lineno + 1 - (doc.count("\n") + 1 if doc else 0)
                if lines > MAX_FUNCTION:
                    large.append(f"{name}.{node.name}: {lines} lines")
    assert large == []


def test_folders_are_at_most_two_deep() -> None:
    assert [str(p) for p in PACKAGE.rglob("*.py") if len(p.relative_to(PACKAGE).parts) > 2] == []


def loaded(code: str) -> set[str]:
    """The top-level modules that a new process has loaded after some code."""
    program = f"import sys\n{code}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {
    "av",
    "pydantic",
    "jsonschema",
    "networkx",
    "rich",
    "requests",
    "numpy",
    "yaml",
    "PIL",
    "skimage",
    "aiohttp",
    "websocket",
    "picklescan",
}
CLI = """
from comfyproof.cli.main import main
try:
    main([{}])
except SystemExit as end:
    assert end.code == 0, end.code
"""


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import comfyproof", set()),
        (CLI.format("'--help'"), set()),
        (CLI.format("'--version'"), set()),
        (CLI.format("'catalog', 'show', 'KSampler'"), set()),
        (CLI.format("'lint', 'specs/production_upscale_enhance.yaml'"), {"pydantic", "yaml"}),
        (CLI.format("'compile', 'specs/production_upscale_enhance.yaml', '-o', '-'"), {"pydantic", "yaml"}),
        (CLI.format("'lint', 'workflows/production_upscale_enhance.ui.json'"), set()),
        (CLI.format("'compile', 'workflows/production_upscale_enhance.ui.json', '-o', '-'"), set()),
    ],
)
def test_start_up_loads_nothing_heavy(code: str, allowed: set[str]) -> None:
    assert loaded(code) & HEAVY <= allowed
