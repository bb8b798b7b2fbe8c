"""The Python form of a spec: the same data, the same graph, to the byte, as the YAML form."""

from __future__ import annotations

import json
import keyword
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from comfyproof import NotCompiled, Pipeline
from comfyproof.catalog.pinned import Catalog, built_in, from_object_info
from comfyproof.driver import compile_spec
from comfyproof.python.file import RULES as PYTHON_RULES
from comfyproof.python.node_stubs import node_stubs
from comfyproof.python.stage_stubs import stage_stubs
from comfyproof.rulebook import RULES
from comfyproof.source import parse_source
from comfyproof.spec.pipeline import Changes
from comfyproof.stages.models import MODEL_KINDS
from comfyproof.stages.vocabulary import STAGES
from conftest import ROOT, Command

SPECS = sorted((ROOT / "specs").glob("*.yaml"))
TWINS = ROOT / "tests" / "python_specs"
PACKAGE = ROOT / "compiler" / "comfyproof" / "python"


def test_every_spec_has_a_twin() -> None:
    assert [path.stem for path in sorted(TWINS.glob("*.py"))] == [path.stem for path in SPECS]


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_both_forms_give_the_same_bytes(spec: Path) -> None:
    base = compile_spec(spec, built_in(), Changes({}))
    assert base.spec is not None
    for variant in (None, *base.spec.variants):
        changes = Changes({}, variant=variant)
        ours = compile_spec(TWINS / f"{spec.stem}.py", built_in(), changes).program
        theirs = compile_spec(spec, built_in(), changes).program
        assert ours is not None
        assert theirs is not None
        assert ours.text() == theirs.text()


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_any_spec_can_be_written_in_python(spec: Path) -> None:
    """By a rule, and so for specs that are yet to come, too."""
    source = parse_source(spec.name, spec.read_text())[0]
    assert source is not None
    assert written(source.data).source().data == source.data


WORDS = st.sampled_from(["a", "from", "with", "as", "denoise", "class", "steps", "model", "use", "to", "x_y"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FIELDS = st.dictionaries(WORDS, VALUES, max_size=4)
NAMED = st.dictionaries(st.text("abc-_ü", min_size=1, max_size=3), FIELDS, min_size=1, max_size=2)
TREES = st.fixed_dictionaries(
    {"comfyproof": st.just(1)},
    optional={
        "name": VALUES,
        "target": VALUES,
        "each": FIELDS,
        "inputs": NAMED,
        "models": NAMED,
        "stages": st.lists(
            st.dictionaries(st.sampled_from([*STAGES, "unheard-of"]), FIELDS, min_size=1, max_size=1),
            min_size=1, max_size=3,
        ),
        "nodes": st.dictionaries(
            st.text("abc-_ü", min_size=1, max_size=3),
            st.dictionaries(st.sampled_from(["KSampler", "Epsilon Scaling"]), FIELDS, min_size=1, max_size=1),
            min_size=1, max_size=2,
        ),
        "verify": FIELDS,
        "variants": NAMED,
    },
)  # fmt: skip


def spelled(fields: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}_" if keyword.iskeyword(name) else name: value for name, value in fields.items()}


def written(tree: dict[str, Any]) -> Pipeline:
    """A tree written down call by call."""
    made = ("comfyproof", "inputs", "models", "stages", "nodes", "verify", "variants")
    p = Pipeline(**{key: value for key, value in tree.items() if key not in made})
    for name, fields in tree.get("inputs", {}).items():
        p.input(name, **spelled(fields))
    for name, fields in tree.get("models", {}).items():
        p.model(name, **spelled(fields))
    for stage in tree.get("stages", []):
        for kind, fields in ({stage: {}} if isinstance(stage, str) else stage).items():
            getattr(p, kind)(**spelled(fields))
    for name, node in tree.get("nodes", {}).items():
        for type, inputs in node.items():
            p.node(type, as_=name, **{key: value for key, value in spelled(inputs).items() if key != "as_"})
    if "verify" in tree:
        p.verify(**spelled(tree["verify"]))
    for name, changes in tree.get("variants", {}).items():
        p.variant(name, changes)
    return p


@given(TREES)
def test_generated_specs_have_the_same_data(tree: dict[str, Any]) -> None:
    for node in tree.get("nodes", {}).values():
        for inputs in node.values():
            inputs.pop("as", None)  # in a node's call, as_ is the node's own name
    text = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)
    source, findings = parse_source("spec.yaml", text)
    p = written(tree)
    assert source is not None
    assert findings == []
    assert p.read()[1] == []
    written_down = p.source()
    assert written_down.data == source.data
    for path in written_down.marks:  # every path has a place, whatever the text
        for key in (False, True):
            span = written_down.at(path, key=key)
            assert (span.line, span.column) <= (span.end_line, span.end_column)


def small() -> Pipeline:
    p = Pipeline("small")
    p.generate(model=p.model("m", checkpoint="sd_xl_base_1.0.safetensors"), positive=p.input("prompt", type="text"))
    p.save()
    return p


def test_compiling_in_process() -> None:
    types = [node["class_type"] for node in small().compile(inputs={"prompt": "a bee"}).values()]
    assert types.count("KSampler") == 1
    changed = small().compile(inputs={"prompt": "a bee"}, settings={"generate.steps": 7, "save.prefix": "b"})
    assert {node["inputs"].get("steps") for node in changed.values()} == {None, 7}
    with pytest.raises(NotCompiled, match='the input "prompt" has no value') as refusal:
        small().compile()
    assert [finding.rule.code for finding in refusal.value.findings] == ["CP221"]
    assert f"{Path(__file__).name}:" in str(refusal.value)
    assert small().findings() == ()  # a run may yet give the prompt


def test_a_pipeline_grows_after_it_was_compiled() -> None:
    p = small()
    before = p.compile(inputs={"prompt": ""})
    p.preview()
    assert len(p.compile(inputs={"prompt": ""})) == len(before) + 1


def stages(p: Pipeline) -> Any:
    return p.source().data["stages"]  # type: ignore[index, call-overload]


def test_handles_of_stages_without_a_name() -> None:
    p = Pipeline()
    only = p.generate(steps=1)
    first = p.refine(denoise=0.1, from_=only)
    second = p.refine(denoise=0.2, like=first)
    p.save(from_=first)
    p.save(from_=second.latent)
    assert stages(p) == [
        {"generate": {"steps": 1}},
        {"refine": {"as": "refine-1", "denoise": 0.1, "from": "$generate"}},
        {"refine": {"as": "refine-2", "denoise": 0.2, "like": "$refine-1"}},
        {"save": {"from": "$refine-1"}},
        {"save": {"from": "$refine-2.latent"}},
    ]


def test_a_name_that_means_something_else_is_not_taken() -> None:
    p = Pipeline()
    p.input("load", type="image")
    loaded = p.load()
    p.refine(as_="load-2", from_=loaded)
    assert stages(p)[0] == {"load": {"as": "load-1"}}
    blurred = [p.nodes.ImageBlur(image=loaded) for _ in range(3)]
    assert [each.name for each in blurred] == ["ImageBlur", "ImageBlur-2", "ImageBlur-3"]
    assert p.node("Epsilon Scaling", model=loaded).name == "Epsilon_Scaling"
    assert p.node("3D", model=loaded).name == "node_3D"


def test_handles_in_texts_and_outputs() -> None:
    p = Pipeline()
    prompt, mood = p.input("prompt", type="text"), p.input("mood", type="text")
    loaded = p.load()
    m = p.model("m", checkpoint="x")
    node = p.nodes.Any(mask=loaded.MASK, first=loaded.output(0), name=loaded.output("name"), vae=m.vae, model=m)
    p.refine(positive=f"{prompt}, {mood}!", negative=prompt, model=m, from_=node)
    data: Any = p.source().data
    assert data["stages"][1]["refine"] == {
        "positive": "${prompt}, ${mood}!", "negative": "$prompt", "model": "m", "from": "$Any"
    }  # fmt: skip
    assert data["nodes"]["Any"]["Any"] == {
        "mask": "$load.MASK", "first": "$load.0", "name": "$load.name", "vae": "$m.vae", "model": "$m"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda p: p.save("x"), "takes its fields by name"),
        (lambda p: p.nodes.ImageBlur("x"), "takes its inputs by name"),
        (lambda p: p.save(prefix=object()), '"prefix" is of the type object'),
        (lambda p: p.save(prefix={1: 2}), "must be text"),
        (lambda p: p.input(3), "a name is text"),
        (lambda p: p.node(3), "class is text"),
        (lambda p: p.save(from_=Pipeline().load()), "belongs to another pipeline"),
        (lambda p: f"{p.input('x'):>3}", "cannot be formatted"),
        (lambda p: p.input("x").MASK, "is one value"),
        (lambda p: Pipeline(stages=[]), '"stages" is not given here'),
        (lambda p: p._repr_html_, "no attribute"),
        (lambda p: p.nodes._x, "no node class"),
        (lambda p: p.load()._x, "no attribute"),
    ],
)
def test_misuse_is_an_exception(wrong: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError), match=said):
        wrong(Pipeline("x"))


def test_what_nests_too_deeply_or_holds_too_much_is_an_exception() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="nests deeper"):
        Pipeline(target=circle)
    with pytest.raises(ValueError, match="at most 50,000 values"):
        Pipeline(target=list(range(60_000)))


def test_values_of_other_types_that_are_plain_at_heart() -> None:
    import enum

    import numpy

    word = enum.Enum("word", {"A": "a"}, type=str)
    p = Pipeline(target={"a": numpy.int64(3), "b": numpy.float64(0.5), "c": word.A, "d": Path("x/y"), "e": (1, 2)})
    data: Any = p.source().data
    assert data["target"] == {"a": 3, "b": 0.5, "c": "a", "d": "x/y", "e": [1, 2]}
    assert [type(value) for value in data["target"].values()] == [int, float, str, str, list]


def test_no_stage_is_hidden_by_a_method() -> None:
    assert not set(STAGES) & {name for name in dir(Pipeline) if not name.startswith("_")}


def test_the_rules_are_known_to_explain_and_rules() -> None:
    assert set(PYTHON_RULES) <= set(RULES)
    assert [rule.code for rule in PYTHON_RULES] == ["CP106", "CP107", "CP108", "CP109"]


# --- Signatures for editors ---


def test_the_signatures_are_fresh() -> None:
    assert (PACKAGE / "methods.pyi").read_text() == stage_stubs(), "run: make stubs"
    assert (PACKAGE / "nodes.pyi").read_text() == node_stubs(built_in()), "run: make stubs"


def test_the_signatures_name_every_field() -> None:
    text = stage_stubs()
    compile(text, "methods.pyi", "exec")
    for kind, block in {**STAGES, **MODEL_KINDS}.items():
        for name, info in block.model_fields.items():
            field = info.alias or name
            assert f"        {field}_: " if keyword.iskeyword(field) else f"{field}: " in text, f"{kind}.{field}"


def odd_catalog() -> Catalog:
    """Nodes whose names and values are none of Python's."""
    inputs = {
        "class": ["INT", {"default": 3}],
        "blocks.0.": ["FLOAT", {"default": 1.0}],
        "self": ["*"],
        "as": ["STRING", {"default": 'a"""\\'}],
        "how": [["a'b", "\u00fc\n", "c\\"], {}],
        "many": [[str(n) for n in range(200)], {}],
        "wrong": ["INT", {"default": "three"}],
        "truth": [[True, False], {}],
        "mixed": [["a", 1.5], {}],
        "none": [[], {}],
        "huge": ["FLOAT", {"default": float("inf")}],
    }
    node = {"input": {"required": inputs}, "output": ["IMAGE", "*"], "output_name": ["a", "b"], "output_node": False,
            "display_name": 'Odd """ \\ \u202e', "category": "x"}  # fmt: skip
    names = ["Odd", "class", "Two Words", "str", "Literal", "_hidden", "3D", "\u00fcber"]
    return from_object_info(dict.fromkeys(names, node), 'odd"""')


def test_signatures_of_odd_nodes_are_valid_python(tmp_path: Path) -> None:
    text = node_stubs(odd_catalog())
    compile(text, "odd.pyi", "exec")
    assert text == node_stubs(odd_catalog())
    assert "def Odd(" in text
    assert "class_: int | Handle = 3" in text
    assert text.count("def ") == 2  # the others are no names that Python could call
    assert "**others: Any" in text
    (tmp_path / "odd.pyi").write_text(text)
    assert mypy(tmp_path / "odd.pyi").returncode == 0


def mypy(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_specs_in_python_are_typed(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(
        "from comfyproof import Pipeline\n"
        'p = Pipeline("x")\n'
        "p.generate(stepz=3)\n"
        'p.upscale(method="ultimat")\n'
        'p.nodes.ImageBlur(blur_radius="x")\n'
        'p.input("x", type="picture")\n'
    )
    assert mypy(*sorted(TWINS.glob("*.py"))).stdout == ""
    lines = mypy(tmp_path / "wrong.py").stdout.splitlines()
    assert {line.split(":")[1] for line in lines if ": error: " in line} == {"3", "4", "5", "6"}


def test_the_command_writes_the_signatures(comfyproof: Command, tmp_path: Path) -> None:
    assert comfyproof("catalog", "stubs").stdout == (PACKAGE / "nodes.pyi").read_text()
    assert comfyproof("catalog", "stubs", "-o", tmp_path).returncode == 0
    assert (tmp_path / "nodes.pyi").read_text() == (PACKAGE / "nodes.pyi").read_text()
    pinned = ROOT / "compiler/comfyproof/catalog/comfyui-0.3.64.json.gz"
    assert comfyproof("catalog", "stubs", pinned, "-o", "mine.pyi").returncode == 0
    assert (tmp_path / "mine.pyi").read_text() == (PACKAGE / "nodes.pyi").read_text()
    assert comfyproof("catalog", "stubs", "none.json").returncode == 3


# --- The guide ---

GUIDE = (ROOT / "docs/python.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    """A folder with every file of the guide."""
    for example in blocks("python"):
        name = re.match(r"# (\S+\.py)\n", example)
        assert name, "an example begins with its file's name"
        (tmp_path / name[1]).write_text(example)
    shutil.copy(ROOT / "specs/photograph.jpg", tmp_path)
    used = ("LoadImage", "ImageInvert", "SaveImage")
    (tmp_path / "object_info.json").write_text(json.dumps({name: built_in().raw[name] for name in used}))
    return tmp_path


def test_every_example_of_the_guide_compiles(guide: Path, comfyproof: Command) -> None:
    for line in "".join(blocks("sh")).splitlines():
        done = comfyproof(*line.split()[1:], cwd=guide)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    for name in ("enlarge", "passes", "soft", "program"):
        found = comfyproof("compile", f"{name}.py", "--input", "prompt=x", cwd=guide) if name == "program" else None
        found = found or comfyproof("compile", f"{name}.py", cwd=guide)
        assert found.returncode == 0, found.stderr
    assert mypy(guide / "mine.py", guide / "enlarge.py").stdout == ""


def test_the_guide_shows_what_is_said(guide: Path, comfyproof: Command) -> None:
    assert comfyproof("compile", "mistaken.py", cwd=guide).stderr.startswith(blocks("text")[0])


def test_the_guide_s_program(guide: Path) -> None:
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=guide)
    assert done.returncode == 0, done.stderr
    assert 'the input "prompt" has no value' in done.stdout
    assert '"a lighthouse"' in done.stdout
