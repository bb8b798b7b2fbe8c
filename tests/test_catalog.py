"""Catalogs: the built-in one, pinning, and answers that are none."""

from __future__ import annotations

import contextlib
import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.files import FILE_INPUTS
from comfyproof.catalog.pinned import (
    BUILT_IN,
    Catalog,
    CatalogError,
    built_in,
    from_object_info,
    pack,
    parse_catalog,
    pin,
    read_catalog,
    search,
    sha256_of,
    without_files,
)
from comfyproof.graph import Graph, Link, Node, Value
from comfyproof.passes.pipeline import run_passes
from comfyproof.rules.registry import check
from conftest import ROOT, Command

NODE = {
    "input": {
        "required": {
            "old": [["a", "b"], {"tooltip": "long prose"}],
            "new": ["COMBO", {"options": ["a", "b"], "tooltip": "long prose"}],
            "image": ["IMAGE"],
        },
        "optional": {"size": ["INT", {"default": 3, "min": 1}]},
        "hidden": {"unique_id": "UNIQUE_ID"},
    },
    "output": ["IMAGE", ["a", "b"]],
    "output_name": ["picture", "choice"],
    "output_node": True,
    "description": "long prose",
}


def test_the_built_in_catalog_is_what_its_hash_says() -> None:
    stored = json.loads(gzip.decompress(BUILT_IN.read_bytes()))
    assert stored["sha256"] == sha256_of(stored["nodes"]) == built_in().sha256
    assert built_in().raw == stored["nodes"]
    assert len(built_in().names()) == 505
    assert built_in().provenance["comfyui"] == "0.3.64"
    assert not built_in().complete


def test_the_built_in_catalog_lists_nobody_s_files() -> None:
    for name, inputs in FILE_INPUTS.items():
        node = built_in().get(name)
        assert node is not None
        for each in inputs:
            if each in node.inputs:  # clip_name3 is not an input of every loader in the table
                assert node.inputs[each].options is None
                assert node.inputs[each].folder is not None
    text = gzip.decompress(BUILT_IN.read_bytes()).decode()
    assert ".safetensors" not in text


def test_both_spellings_of_a_combo() -> None:
    catalog = parse_catalog(json.dumps({"Both": NODE}).encode(), "x")
    node = catalog.get("Both")
    assert node is not None
    old, new = node.inputs["old"], node.inputs["new"]
    assert (old.type, new.type) == ("COMBO", "COMBO")
    assert old.options == new.options == ("a", "b")
    assert (old.checked, new.checked) == (True, False)  # a server compares the old spelling alone
    assert [o.type for o in node.outputs] == ["IMAGE", "COMBO"]
    assert node.inputs["image"].takes_link
    assert not node.inputs["size"].required
    assert "unique_id" not in node.inputs
    assert node.is_output


def test_pinning_is_stable_and_reads_back() -> None:
    packed = pin(from_object_info({"B": NODE, "A": NODE}, "x"), "mine", {"source": "test"})
    assert packed == pin(from_object_info({"A": NODE, "B": NODE}, "y"), "mine", {"source": "test"})
    assert b"long prose" not in packed
    assert [line[:4] for line in packed.splitlines()[1:]] == [b'"A":', b'"B":', b"}}"]  # a line for each class
    for form in (packed, pack(packed)):
        catalog = parse_catalog(form, "file")
        assert (catalog.id, catalog.names(), catalog.complete, catalog.unlisted) == ("mine", ["A", "B"], True, "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"A": 3}',
        b'{"A": {"input": {}}}',
        b'{"A": {"input": [], "output": []}}',
        b'{"A": {"input": {"required": 3}, "output": []}}',
        b'{"3": {"class_type": "X", "inputs": {}}}',
        b"\x1f\x8b garbage",
        b'{"format": "comfyproof/catalog/9"}',
        b'{"format": "comfyproof/catalog/1", "nodes": {}}',
    ],
)
def test_what_is_no_catalog(data: bytes) -> None:
    with pytest.raises(CatalogError):
        parse_catalog(data, "x")


def test_a_changed_catalog_is_refused(tmp_path: Path) -> None:
    packed = pin(from_object_info({"A": NODE}, "x"), "mine", {}).replace(b'"default":3', b'"default":4')
    with pytest.raises(CatalogError, match="changed after it was pinned"):
        parse_catalog(packed, "x")


def test_a_gzip_bomb_is_refused() -> None:
    with pytest.raises(CatalogError, match="larger than"):
        parse_catalog(gzip.compress(b" " * (70 * 2**20), 1), "x")


def test_pin_show_search(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text(json.dumps({"Mine": NODE}))
    assert comfyproof("catalog", "pin", "answer.json", "-o", "mine.json").returncode == 0
    assert read_catalog(tmp_path / "mine.json").names() == ["Mine"]
    shown = comfyproof("catalog", "show", "Mine", "--catalog", "mine.json").stdout
    assert "old: COMBO  one of a, b" in shown
    assert "out  1 choice: COMBO" in shown
    assert comfyproof("catalog", "search", "upscale", "model", "loader").stdout.startswith("UpscaleModelLoader")
    done = comfyproof("catalog", "show", "KSamplr")
    assert done.returncode == 1
    assert 'did you mean "KSampler"?' in done.stderr
    assert comfyproof("catalog", "show", "--catalog", "none.json").returncode == 3


def with_models(names: list[str]) -> Any:
    nodes = json.loads(gzip.decompress(BUILT_IN.read_bytes()))["nodes"]
    nodes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = names
    return nodes


def test_a_catalog_with_files_finds_the_missing_one(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(
        json.dumps(with_models(["sdxl/sd_xl_base_1.0.safetensors", "sd_xl_base_1.0_0.9vae.safetensors"]))
    )
    done = comfyproof("lint", ROOT / "specs/text_to_image.yaml", "--catalog", "mine.json")
    assert done.returncode == 1
    assert 'error[CP571]: "sd_xl_base_1.0.safetensors" is not among the server\'s checkpoints' in done.stdout
    assert "sdxl: {checkpoint: sd_xl_base_1.0.safetensors}" in done.stdout
    (tmp_path / "mine.json").write_text(json.dumps(with_models(["sd_xl_base_1.0.safetensors"])))
    done = comfyproof("lint", ROOT / "specs/text_to_image.yaml", "--catalog", "mine.json")
    assert (done.returncode, done.stdout) == (0, "no findings\n")


def test_an_unknown_class_is_an_error_with_a_catalog_of_one_s_own(
    comfyproof: Command, tmp_path: Path, root: Path
) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(with_models([])))
    spec = root / "tests/cases/good_foreign.yaml"
    assert comfyproof("lint", spec).returncode == 0
    assert comfyproof("lint", spec, "--strict").returncode == 3
    assert 'there is no node "SomeoneElsesNode"' in comfyproof("lint", spec, "--catalog", "mine.json").stdout


def node(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(NODE), **changes}


def with_input(spec: Any) -> dict[str, Any]:
    return node(input={"required": {"odd": spec}})


UNREADABLE = {
    "options": with_input(["COMBO", {"options": 5}]),
    "minimum": with_input(["INT", {"min": "0"}]),
    "type": with_input([{"a": 1}]),
    "deep": with_input(["INT", {"default": json.loads("[" * 500 + "]" * 500)}]),
    "section": node(input={"required": {}, "dynamic": 5}),
    "output": node(output="IMAGE"),
    "outputs": node(output=[5]),
    "names": node(output_name=5),
    "named": node(output_name="picture"),
    "title": node(display_name=5),
    "category": node(category=["a"]),
    "number": 5,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_class_that_cannot_be_read_is_left_out_and_the_rest_kept(name: str) -> None:
    catalog = parse_catalog(json.dumps({"Odd": UNREADABLE[name], "Good": NODE}).encode(), "x")
    assert (catalog.names(), catalog.left_out) == (["Good"], ("Odd",))
    again = parse_catalog(pin(catalog, "mine", {}), "x")
    assert (again.names(), again.left_out) == (["Good"], ("Odd",))
    findings, unknown = check(Graph({"1": Node("1", "Odd", {}, "soft"), "2": Node("2", "Good", {})}), again)
    assert "CP301" not in {finding.rule.code for finding in findings}
    assert [(each.what, each.kind) for each in unknown] == [('node "soft" of the class "Odd"', "node")]
    assert unknown[0].reason == "the catalog describes it in a way that cannot be read"
    with pytest.raises(CatalogError, match='no class in it can be read; of "Odd"'):
        parse_catalog(json.dumps({"Odd": UNREADABLE[name]}).encode(), "x")


def test_a_pinned_catalog_s_own_odd_classes_are_left_out() -> None:
    nodes = {"Odd": UNREADABLE["output"], "Good": NODE}
    pinned = {"format": "comfyproof/catalog/1", "nodes": nodes, "sha256": sha256_of(nodes)}
    assert parse_catalog(json.dumps(pinned).encode(), "x").left_out == ("Odd",)
    for wrong in ({"provenance": [1]}, {"left_out": 5}, {"nodes": []}):
        with pytest.raises(CatalogError):
            parse_catalog(json.dumps(pinned | wrong).encode(), "x")


def test_odd_but_readable_descriptions() -> None:
    bare = {"required": {"bare": ["COMBO"], "plain": "IMAGE", "empty": []}}
    odd = from_object_info({"Odd": node(input=bare, output=["A", "B"], output_name=["only"])}, "x").get("Odd")
    assert odd is not None
    assert odd.inputs["bare"].options is None  # nothing is said of its values
    assert (odd.inputs["plain"].type, odd.inputs["empty"].type) == ("IMAGE", "*")
    assert [(o.name, o.type) for o in odd.outputs] == [("only", "A"), ("B", "B")]
    loader = node(input={"required": {"ckpt_name": ["COMBO"]}})
    catalog = without_files(from_object_info({"CheckpointLoaderSimple": loader}, "x"), "why")
    read = catalog.get("CheckpointLoaderSimple")
    assert read is not None
    assert read.inputs["ckpt_name"].options is None


def test_every_class_of_the_built_in_catalog_can_be_read() -> None:
    assert read_catalog(BUILT_IN).left_out == ()


def test_which_classes_are_told_their_own_id() -> None:
    hidden = [{"hidden": {"me": spec}} for spec in ("UNIQUE_ID", ["UNIQUE_ID"], "PROMPT")]
    classes = [from_object_info({"X": node(input=each)}, "x").get("X") for each in hidden]
    assert [each.own_id if each else None for each in classes] == [True, True, False]


def test_an_output_is_found_by_name_type_and_in_other_letter_case() -> None:
    loader = built_in().get("CheckpointLoaderSimple")
    assert loader is not None
    assert [loader.output_index(name) for name in ("VAE", "vae", "Clip", "vea")] == [2, 2, 1, None]
    twice = from_object_info({"X": node(output=["MASK", "IMAGE"], output_name=["image", "b"])}, "x").get("X")
    assert twice is not None
    assert [twice.output_index(name) for name in ("image", "IMAGE", "Image", "B")] == [0, 1, None, 1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["COMBO", "INT"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def paths(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(path for key, child in inner for path in paths(child, (*at, key)))]


@st.composite
def mutated(draw: Any) -> Any:
    """A description of a node class in which a few things were replaced or dropped."""
    holder = {"it": copy.deepcopy(draw(st.sampled_from([NODE, *(built_in().raw[n] for n in KINDS)])))}
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from([path for path in paths(holder) if path]))
        parent: Any = holder
        for step in way:
            parent = parent[step]
        if way and draw(st.booleans()):
            del parent[last]
        else:
            parent[last] = draw(JSON)
    return holder["it"]


KINDS = ("KSampler", "LoadImage", "CheckpointLoaderSimple", "SaveImage", "LoadVideo", "ImageBlur")


@given(st.sampled_from(KINDS), mutated(), JSON)
def test_no_description_breaks_anything_but_itself(name: str, description: Any, value: Any) -> None:
    with contextlib.suppress(CatalogError):
        parse_catalog(json.dumps({name: description}).encode(), "x")
    catalog = parse_catalog(json.dumps({name: description, "Good": NODE}).encode(), "x")
    assert {*catalog.names(), *catalog.left_out} == {name, "Good"}
    for each in (catalog, without_files(catalog, "why"), parse_catalog(pin(catalog, "y", {}), "x")):
        use(each, name, value)


def use(catalog: Catalog, name: str, value: Any) -> None:
    search(catalog, ["a"])
    declared = catalog.get(name)
    names = [*declared.inputs, "other"] if declared else ["other"]
    for given_value in (value, 5, Link("good", 0)):
        inputs: dict[str, Value] = dict.fromkeys(names, given_value)
        nodes = {"odd": Node("odd", name, inputs), "good": Node("good", "Good", {"image": Link("odd", 0)})}
        bare = Node("bare", name, {"x": Link("odd", 1)})
        graph = Graph({**nodes, "bare": bare})
        check(graph, catalog)
        run_passes(graph, catalog)


def test_odd_catalogs_in_commands(comfyproof: Command, tmp_path: Path) -> None:
    title = node(display_name="\x1b[2Jwiped", output_name=["\x1b]0;x\x07", "b"], category="\ud800")
    (tmp_path / "odd.json").write_text(json.dumps({"Odd": UNREADABLE["output"], "Good": title}))
    done = comfyproof("catalog", "pin", "odd.json", "-o", "mine.json")
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, "note: 1 class cannot be read and is left out: Odd")
    for command in (("show", "Good"), ("show",), ("search", "good")):
        done = comfyproof("catalog", *command, "--catalog", "mine.json")
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        assert "Good" in done.stdout or "1 nodes" in done.stdout
    done = comfyproof("catalog", "show", "Odd", "--catalog", "mine.json")
    assert (done.returncode, "in a way that cannot be read" in done.stderr) == (3, True)


def test_pinning_what_lists_no_files_does_not_say_that_it_does(comfyproof: Command, tmp_path: Path) -> None:
    assert comfyproof("catalog", "pin", BUILT_IN, "-o", "mine.json").returncode == 0
    assert read_catalog(tmp_path / "mine.json").unlisted
    assert not read_catalog(tmp_path / "mine.json").left_out


@pytest.mark.parametrize("address", ["http://", "http://[", "http://host:0", "https://me:secret@host"])
def test_pinning_from_an_address_that_is_none(comfyproof: Command, address: str) -> None:
    done = comfyproof("catalog", "pin", address)
    assert done.returncode == 2
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
