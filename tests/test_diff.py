"""What differs between two graphs: cases in `diff/`, properties, and the command.

`python tests/test_diff.py` writes what the cases are to come to anew, for a reader to judge.
"""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from comfyproof.canonical import fingerprint
from comfyproof.catalog.pinned import built_in
from comfyproof.diff.compare import Difference, compare
from comfyproof.diff.words import MAX_WORDS, shortened, word_changes
from comfyproof.formats.api import from_api
from comfyproof.graph import Graph, Link, Node, Value
from comfyproof.report.changes import as_json, as_markdown, as_text
from conftest import ROOT, Command
from test_canonical import graphs, shuffled

CASES = sorted((Path(__file__).parent / "diff").glob("*.json"))
WORKFLOWS = sorted((ROOT / "workflows").glob("*.api.json"))
FILES = ("before.json", "after.json")
WRITERS: dict[str, Callable[[Difference], str]] = {
    ".txt": lambda difference: as_text(difference, FILES, built_in()),
    ".md": lambda difference: as_markdown(difference, FILES, built_in()),
}


def read_case(file: Path) -> Difference:
    case = json.loads(file.read_text(encoding="utf-8"))
    return compare(from_api(case["before"]), from_api(case["after"]), built_in())


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_cases(file: Path, suffix: str) -> None:
    assert WRITERS[suffix](read_case(file)) == file.with_suffix(suffix).read_text(encoding="utf-8")


def test_the_page_shows_what_is_shown() -> None:
    shown = (Path(__file__).parent / "diff" / "together.txt").read_text(encoding="utf-8")
    assert f"```\n{shown}```" in (ROOT / "docs" / "diff.md").read_text(encoding="utf-8")


def size(difference: Difference) -> int:
    """How much a difference says."""
    inputs = sum(len(change.inputs) + change.replaced for change in difference.changed)
    return len(difference.added) + len(difference.removed) + inputs


@given(graphs(), graphs(), st.integers())
def test_no_difference_means_the_same_fingerprint(one: Graph, other: Graph, seed: int) -> None:
    assert compare(one, shuffled(one, seed)).equal
    difference = compare(one, other)
    assert difference.equal == (fingerprint(one) == fingerprint(other))
    assert len(difference.pairs) + len(difference.removed) == len(one.nodes) or difference.equal
    assert len(difference.pairs) + len(difference.added) == len(other.nodes) or difference.equal
    assert compare(one, other) == difference


@given(graphs(), st.data())
@settings(max_examples=50)
def test_every_form_can_write_every_difference(one: Graph, data: st.DataObject) -> None:
    other = Graph({
        id: replace(node, title=data.draw(st.text(max_size=5))) for id, node in data.draw(graphs()).nodes.items()
    })  # fmt: skip
    difference = compare(one, other)
    for color in (False, True):
        text = as_text(difference, FILES, built_in(), color=color)
        assert all(c.isprintable() for c in re.sub(r"\x1b\[[0-9;]+m", "", text).replace("\n", ""))
    as_markdown(difference, FILES, built_in())
    assert json.loads(as_json(difference, FILES))["equal"] == difference.equal


def workflow(file: Path) -> Graph:
    return from_api(json.loads(file.read_text(encoding="utf-8")))


def with_value(graph: Graph, chance: random.Random) -> tuple[Graph, int]:
    """One value is another."""
    numbers = [(n, k) for n in graph.nodes.values() for k, v in n.inputs.items() if isinstance(v, int | float | str)]
    node, name = chance.choice(numbers)
    value = node.inputs[name]
    inputs = {**node.inputs, name: f"{value} or so" if isinstance(value, str) else 7919}
    return Graph({**graph.nodes, node.id: replace(node, inputs=inputs)}), 1


def with_node_between(graph: Graph, chance: random.Random) -> tuple[Graph, int]:
    """A link goes through a node of its own."""
    node, name, link = chance.choice([(n, name, link) for n in graph.nodes.values() for name, link in n.links()])
    inputs = {**node.inputs, name: Link("new", 0)}
    new = Node("new", "Passing", {"any": link})
    return Graph({**graph.nodes, "new": new, node.id: replace(node, inputs=inputs)}), 2


def without_end(graph: Graph, chance: random.Random) -> tuple[Graph, int]:
    """A node that feeds no other is gone."""
    end = chance.choice([id for id in graph.nodes if not graph.consumers[id]])
    return Graph({id: node for id, node in graph.nodes.items() if id != end}), 1


def with_other_link(graph: Graph, chance: random.Random) -> tuple[Graph, int]:
    """A link comes from another output."""
    node, name, link = chance.choice([(n, name, link) for n in graph.nodes.values() for name, link in n.links()])
    inputs = {**node.inputs, name: replace(link, output=link.output + 5)}
    return Graph({**graph.nodes, node.id: replace(node, inputs=inputs)}), 1


def with_other_class(graph: Graph, chance: random.Random) -> tuple[Graph, int]:
    """A node of another class stands where one stood."""
    node = chance.choice([*graph.nodes.values()])
    return Graph({**graph.nodes, node.id: replace(node, type=f"{node.type}Advanced")}), 1


@pytest.mark.parametrize("edit", [with_value, with_node_between, without_end, with_other_link, with_other_class])
@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name.split(".")[0])
def test_one_edit_is_told_as_one(
    file: Path, edit: Callable[[Graph, random.Random], tuple[Graph, int]]
) -> None:  # fmt: skip
    """Also in a copy with other ids, another order and other titles."""
    before = workflow(file)
    for seed in range(3):
        after, told = edit(before, random.Random(seed))
        for copy in (after, shuffled(after, seed)):
            assert size(compare(before, copy, built_in())) == told


def test_an_insertion_is_undone_by_the_difference_the_other_way() -> None:
    before = workflow(WORKFLOWS[0])
    after, _ = with_node_between(before, random.Random(1))
    there, back = compare(before, after), compare(after, before)
    assert [node.type for node in there.added] == [node.type for node in back.removed] == ["Passing"]
    assert there.between.keys() == back.bypassed.keys() == {"new"}


def chain(length: int, changed: int, first: int = 0) -> Graph:
    """A loader that all take from, each also from the one before; every so often a value of its own."""
    nodes = {"loader": Node("loader", "Loader", {"name": "x"})}
    for n in range(length):
        before = Link(f"{n + first - 1}" if n else "loader", 0)
        value = 99 if n % changed == changed // 2 else n % 7
        inputs: dict[str, Value] = {"model": Link("loader", 0), "x": before, "v": value}
        nodes[f"{n + first}"] = Node(f"{n + first}", "AB"[n % 2], inputs)
    return Graph(nodes)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (chain(2000, 10**6), chain(2000, 50, 7)),
        (chain(2000, 10**6), chain(2000, 1, 7)),
        (Graph({str(n): Node(str(n), "N", {}) for n in range(2000)}),
         Graph({str(n): Node(str(n), "N", {}) for n in range(5, 2008)})),
        (Graph({str(n): Node(str(n), "N", {"x": Link(str((n + 1) % 2000), 0)}) for n in range(2000)}),
         Graph({str(n): Node(str(n), "N", {"x": Link(str((n + 1) % 1999), 0)}) for n in range(1999)})),
    ],
    ids=["some changed", "all changed", "all alike", "a ring"],
)  # fmt: skip
def test_two_thousand_nodes_take_little_time(before: Graph, after: Graph) -> None:
    begun = time.process_time()
    assert not compare(before, after).equal
    assert time.process_time() - begun < 20


@given(st.text(max_size=60), st.text(max_size=60))
def test_both_texts_are_in_their_changes(before: str, after: str) -> None:
    parts = word_changes(before, after)
    assert "".join(text for kind, text in parts if kind != "new") == before
    assert "".join(text for kind, text in parts if kind != "gone") == after
    assert [kind for kind, _ in shortened(parts)] == [kind for kind, _ in parts]


def test_a_long_text_is_compared_by_lines() -> None:
    lines = [f"line {n} of a long text" for n in range(MAX_WORDS)]
    changed = [f"{line}!" if n % 100 == 50 else line for n, line in enumerate(lines)]
    begun = time.process_time()
    parts = word_changes("\n".join(lines), "\n".join(changed))
    assert sum(kind == "new" for kind, _ in parts) == MAX_WORDS / 100
    assert word_changes("x " * 10**6 + "a" * 9, "y\n" * 10**6 + "b") == [
        ("gone", "x " * 10**6 + "a" * 9), ("new", "y\n" * 10**6 + "b"),
    ]  # fmt: skip
    assert time.process_time() - begun < 20


@given(st.text(max_size=80).filter(lambda text: text != "x" * 80))
def test_no_text_is_markup(text: str) -> None:
    before = Graph({"1": Node("1", "N", {"t": "x" * 80, "u": "cat " * 30 + text})})
    after = Graph({"1": Node("1", "N", {"t": text, "u": "cat " * 30}, text)})
    markdown = as_markdown(compare(before, after), FILES, built_in())
    own = re.sub(r"</?(code|ins|del)>|<br>|&#\d+;", "", markdown)
    assert not re.search(r"[<>&`_*\[\]@#\\~]", own.replace("**1 node changed**", ""))
    assert all(row.count("|") == 5 for row in own.splitlines()[2:])


def test_colors_stand_for_the_marks() -> None:
    text = as_text(read_case(Path(__file__).parent / "diff" / "values.json"), FILES, built_in(), color=True)
    assert "\x1b[31mstormy\x1b[0m\x1b[32mcalm\x1b[0m" in text
    assert "[-" not in text


def test_json_has_a_stated_form() -> None:
    document = json.loads(as_json(read_case(Path(__file__).parent / "diff" / "otherwise.json"), FILES))
    assert {key: document[key] for key in ("schema", "before", "after", "equal", "removed", "unchanged")} == {
        "schema": "comfyproof/diff/1", "before": "before.json", "after": "after.json", "equal": False,
        "removed": [], "unchanged": 4,
    }  # fmt: skip
    assert document["added"] == [
        {"id": "12", "class": "PrimitiveInt", "title": "", "inputs": {"value": {"value": 768}}}
    ]
    latent = {"id": "5", "class": "EmptyLatentImage", "title": ""}
    change = {"name": "width", "before": {"value": 512}, "after": {"node": "12", "output": 0}}
    assert {"before": latent, "after": latent, "inputs": [change]} in document["changed"]


def test_the_command(comfyproof: Command, tmp_path: Path) -> None:
    case = json.loads((Path(__file__).parent / "diff" / "values.json").read_text(encoding="utf-8"))
    for name in ("before", "after"):
        (tmp_path / f"{name}.json").write_text(json.dumps(case[name]), encoding="utf-8")
    for form, suffix in (("text", ".txt"), ("markdown", ".md")):
        done = comfyproof("diff", "before.json", "after.json", "--format", form)
        expected = (Path(__file__).parent / "diff" / f"values{suffix}").read_text(encoding="utf-8")
        assert (done.returncode, done.stdout, done.stderr) == (1, expected, "")
    done = comfyproof("diff", "before.json", "before.json", "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["equal"] is True
    done = comfyproof("diff", "/dev/null", "before.json")
    assert done.returncode == 1
    assert done.stdout.endswith("7 nodes added\n")


def picture(prompt: dict[str, Any]) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", json.dumps(prompt))
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def test_files_of_any_kind(comfyproof: Command, tmp_path: Path) -> None:
    spec, compiled = ROOT / "specs" / "text_to_image.yaml", ROOT / "workflows" / "text_to_image.api.json"
    (tmp_path / "photo.png").write_bytes(picture(json.loads(compiled.read_text(encoding="utf-8"))))
    for file in (spec, tmp_path / "photo.png"):
        done = comfyproof("diff", file, compiled)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("no difference")


@pytest.mark.parametrize("text", ["{", "[]", '{"1": {"class_type": "KSampler"}}', "", '{"a": "' + "x" * 100])
def test_what_cannot_be_compared(comfyproof: Command, tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.json").write_text(text, encoding="utf-8")
    done = comfyproof("diff", "/dev/null", "broken.json")
    assert (done.returncode, done.stdout) == (3, "")
    assert 'error: "broken.json" cannot be compared' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_missing(comfyproof: Command) -> None:
    done = comfyproof("diff", "none.json", "/dev/null")
    assert (done.returncode, done.stdout) == (3, "")
    assert '"none.json" cannot be read: No such file or directory' in done.stderr


def test_git_shows_it(tmp_path: Path) -> None:
    """With the settings that docs/diff.md tells, for a file that changed, one that came, and a picture."""
    docs = (ROOT / "docs" / "diff.md").read_text(encoding="utf-8")
    attributes = re.search(r"```gitattributes\n(.*?)```", docs, re.DOTALL)
    command = re.search(r"git config diff\.comfyproof\.command '(.*)'", docs)
    assert attributes
    assert command
    git = shutil.which("git")
    assert git
    program = command[1].replace("comfyproof diff", f'"{sys.executable}" -m comfyproof diff')

    def run(*arguments: str) -> str:
        author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        done = subprocess.run([git, *author, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout

    case = json.loads((Path(__file__).parent / "diff" / "values.json").read_text(encoding="utf-8"))
    (tmp_path / ".gitattributes").write_text(attributes[1], encoding="utf-8")
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "sea.json").write_text(json.dumps(case["before"]), encoding="utf-8")
    (tmp_path / "photo.png").write_bytes(picture(case["before"]))
    run("init", "-q")
    run("config", "diff.comfyproof.command", program)
    run("add", ".")
    run("commit", "-qm", "before")
    (tmp_path / "workflows" / "sea.json").write_text(json.dumps(case["after"]), encoding="utf-8")
    (tmp_path / "photo.png").write_bytes(picture(case["after"]))
    (tmp_path / "workflows" / "new.json").write_text(json.dumps(case["after"]), encoding="utf-8")
    run("add", ".")
    said = run("--no-pager", "diff", "--cached")
    assert said.count("steps: 20 -> 30") == 2
    assert "7 nodes added" in said


if __name__ == "__main__":
    for case_file in CASES:
        for ending, write in WRITERS.items():
            case_file.with_suffix(ending).write_text(write(read_case(case_file)), encoding="utf-8")
