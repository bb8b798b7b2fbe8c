"""A spec read whole: its models, stages, nodes and checks, each value with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from ..diagnostics import Diagnostic, Path, Rule, Severity, did_you_mean
from ..graph import Asset
from ..source import Source
from ..stages.blocks import Block
from ..stages.models import MODEL_KINDS, ModelBlock
from ..stages.save import Save
from ..stages.site import UNKNOWN_NAME, UNTOLD
from ..stages.verification import Times, Verification
from ..stages.vocabulary import STAGES, AnyStage
from .changes import Filling, normalized, stages_of, with_likes, with_settings, with_variant
from .document import Document
from .inputs import InputValue, read_inputs
from .problems import MISSING_FIELD, UNKNOWN_FIELD, WRONG_TYPE, WRONG_VALUE, describe, read_block

UNSUPPORTED = Rule(
    "CP209", "unsupported", Severity.ERROR, "A part of the language that this version does not know yet."
)
UNKNOWN_STAGE = Rule("CP215", "unknown-stage", Severity.ERROR, "A stage is of a kind that the language does not have.")
NAME_TWICE = Rule("CP216", "name-twice", Severity.ERROR, "Two things have the same name, so that it means neither.")
RULES = (UNSUPPORTED, UNKNOWN_STAGE, NAME_TWICE)

FIELDS = ("comfyproof", "name", "target", "inputs", "models", "stages", "nodes", "verify", "variants")
LATER = ("use", "each", "matrix")


class Target(Block):
    """The machine that a pipeline is meant for."""

    gpu: str | None = Field(default=None, description="a graphics card, such as rtx-3090")
    vram: str | None = Field(default=None, description="its memory, such as 24 GiB")
    ram: str | None = Field(default=None, description="the machine's memory, such as 32 GiB")
    time: str | None = Field(default=None, description="how long a run may take, such as 5 min")


@dataclass(frozen=True, slots=True)
class Step:
    """One stage, read; a hole, without a block, where it could not be."""

    name: str
    path: Path
    block: AnyStage | None


@dataclass(frozen=True, slots=True)
class RawNode:
    """One node of ComfyUI's own, by class and inputs."""

    name: str
    type: str
    inputs: Mapping[str, Any]
    path: Path


@dataclass(frozen=True)
class Spec:
    """A pipeline as its author means it, with one variant's changes and one run's inputs in it."""

    document: Document
    name: str
    variant: str | None
    variants: tuple[str, ...]
    inputs: Mapping[str, InputValue]
    models: Mapping[str, ModelBlock]
    steps: tuple[Step, ...]
    nodes: tuple[RawNode, ...]
    verify: Verification
    target: Target | None


@dataclass(frozen=True)
class Changes:
    """What a run wants otherwise than the spec says."""

    inputs: Mapping[str, str]
    settings: Sequence[tuple[str, str]] = ()
    variant: str | None = None


def read_spec(source: Source, changes: Changes, findings: list[Diagnostic]) -> Spec | None:
    """The spec that a source holds, changed as wanted. What is wrong is added to `findings`."""
    document = Document(source, source.data)
    if not isinstance(source.data, Mapping) or not _begins_well(document, findings):
        if not isinstance(source.data, Mapping):
            findings.append(
                WRONG_TYPE.at(
                    document.place(()),
                    f"a spec is a mapping, and this is {describe(source.data)}",
                    'begin with "comfyproof: 1"',
                )
            )
        return None
    document = normalized(document)
    document = with_variant(document, changes.variant, findings)
    document = with_settings(document, changes.settings, findings)
    inputs = read_inputs(document, changes.inputs, findings)
    _check_names(document, findings)
    holes: list[Path] = []
    names = frozenset([*_keys(document, "models"), *_keys(document, "nodes"), *(s.name for s in stages_of(document))])
    filling = Filling(inputs, frozenset(_keys(document, "inputs")) - set(inputs), names, findings, holes)
    for section in ("models", "stages", "nodes", "verify", "target"):
        document = filling.fill(document, (section,))
    document = with_likes(document, findings)
    verify = read_block(Verification, document, ("verify",), findings, holes)
    target = document.get(("target",)) is not None
    variants = document.get(("variants",))
    steps = tuple(_steps(document, findings, holes))
    for path, each in [((), verify), *((s.path, s.block.verify) for s in steps if isinstance(s.block, Save))]:
        if each is not None:
            _check_reference(document, (*path, "verify"), each, inputs, findings)
    return Spec(
        document=document,
        name=_name(document, findings),
        variant=changes.variant,
        variants=tuple(variants) if isinstance(variants, Mapping) else (),
        inputs=inputs,
        models=dict(_models(document, findings, holes)),
        steps=steps,
        nodes=tuple(_nodes(document, findings)),
        verify=verify or Verification(),
        target=read_block(Target, document, ("target",), findings, holes) if target else None,
    )


def _begins_well(document: Document, findings: list[Diagnostic]) -> bool:
    """Whether the text is a spec at all, and of this version; its unknown parts are reported either way."""
    data = document.data
    version = data.get("comfyproof")
    if version != 1 or isinstance(version, bool):
        if "comfyproof" not in data:
            looks_like_prompt = any(isinstance(v, Mapping) and "class_type" in v for v in data.values())
            what = "this is API JSON, not a spec" if looks_like_prompt else 'a spec begins with "comfyproof: 1"'
            findings.append(
                MISSING_FIELD.at(document.place(()), what, "" if looks_like_prompt else 'add "comfyproof: 1"')
            )
        else:
            findings.append(
                WRONG_VALUE.at(
                    document.place(("comfyproof",)), f"the version is {describe(version)}; this is version 1"
                )
            )
        return False
    for key in data:
        if key in LATER:
            findings.append(UNSUPPORTED.at(document.place((key,), key=True), f'"{key}" is not supported yet'))
        elif key not in FIELDS:
            findings.append(
                UNKNOWN_FIELD.at(
                    document.place((key,), key=True), f'unknown field "{key}"', did_you_mean(key, FIELDS, "fields")
                )
            )
    for key in ("inputs", "models", "nodes"):
        if data.get(key) is not None and not isinstance(data[key], Mapping):
            findings.append(
                WRONG_TYPE.at(document.place((key,)), f'"{key}" should be a mapping, not {describe(data[key])}')
            )
    if not data.get("stages") and not data.get("nodes"):
        findings.append(MISSING_FIELD.at(document.place(()), 'the spec has no "stages"', 'add "stages"'))
    elif not isinstance(data.get("stages") or [], list):
        findings.append(
            WRONG_TYPE.at(document.place(("stages",)), f'"stages" should be a list, not {describe(data["stages"])}')
        )
    return True


def _name(document: Document, findings: list[Diagnostic]) -> str:
    name = document.get(("name",))
    if isinstance(name, str) and name:
        return name
    if name is not None:
        findings.append(WRONG_TYPE.at(document.place(("name",)), f'"name" should be text, not {describe(name)}'))
    return document.source.file.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0] or "pipeline"


def _keys(document: Document, section: str) -> list[str]:
    data = document.get((section,))
    return list(data) if isinstance(data, Mapping) else []


def _check_names(document: Document, findings: list[Diagnostic]) -> None:
    """Inputs, models, stages and nodes share one space of names: `$name` must mean one thing."""
    seen: dict[str, str] = {}
    named: list[tuple[str, str, Path]] = [(name, "an input", ("inputs", name)) for name in _keys(document, "inputs")]
    named += [(name, "a model", ("models", name)) for name in _keys(document, "models")]
    for stage in stages_of(document):
        wanted = (document.get(stage.path) or {}) if isinstance(document.get(stage.path), Mapping) else {}
        if wanted.get("as") is not None:
            named.append((str(wanted["as"]), "a stage", (*stage.path, "as")))
    named += [(name, "a node", ("nodes", name)) for name in _keys(document, "nodes")]
    for name, what, path in named:
        if name in seen:
            place = document.place(path, key=path[-1] == name)
            findings.append(
                NAME_TWICE.at(place, f'"{name}" is the name of {seen[name]} already', "give one of them another name")
            )
        seen.setdefault(name, what)


def _models(document: Document, findings: list[Diagnostic], holes: list[Path]) -> Iterator[tuple[str, ModelBlock]]:
    for name in _keys(document, "models"):
        path: Path = ("models", name)
        data = document.get(path)
        kinds = [key for key in MODEL_KINDS if isinstance(data, Mapping) and key in data]
        if len(kinds) != 1:
            near = (
                [did_you_mean(key, MODEL_KINDS) for key in data if key not in kinds]
                if isinstance(data, Mapping)
                else []
            )
            help = next((text for text in near if text), f"give it one of {', '.join(MODEL_KINDS)}")
            findings.append(
                MISSING_FIELD.at(
                    document.place(path, key=True), f'"{name}" does not say what kind of model it is', help
                )
            )
        elif block := read_block(MODEL_KINDS[kinds[0]], document, path, findings, holes):
            yield name, block


def _steps(document: Document, findings: list[Diagnostic], holes: list[Path]) -> Iterator[Step]:
    stages = document.get(("stages",))
    for n, item in enumerate(stages if isinstance(stages, list) else ()):
        if not isinstance(item, Mapping) or len(item) != 1:
            what = "several" if isinstance(item, Mapping) and item else "none"
            findings.append(
                WRONG_TYPE.at(
                    document.place(("stages", n)),
                    f"each stage is one kind with its fields, and this has {what}",
                    "write it as - kind: {field: value}",
                )
            )
    for stage in stages_of(document):
        if stage.kind not in STAGES:
            place = document.place(stage.path, key=True)
            findings.append(
                UNKNOWN_STAGE.at(place, f'there is no stage "{stage.kind}"', did_you_mean(stage.kind, STAGES, "stages"))
            )
        known = STAGES.get(stage.kind)
        yield Step(stage.name, stage.path, read_block(known, document, stage.path, findings, holes) if known else None)


def _check_reference(
    document: Document, path: Path, wanted: Verification, inputs: Mapping[str, InputValue], findings: list[Diagnostic]
) -> None:
    """Whether what a picture is to be measured by is a picture."""
    pictures = [name for name, found in inputs.items() if isinstance(found.value, Asset)]
    if isinstance(wanted.size, Times) and wanted.size.of not in pictures:
        help = did_you_mean(wanted.size.of, pictures, "inputs of that type")
        message = f'"{wanted.size.of}" is no input of the type image'
        findings.append(UNKNOWN_NAME.at(document.place((*path, "size")), message, help))
    elif wanted.aspect is not None and not pictures:
        findings.append(
            UNTOLD.at(
                document.place((*path, "aspect")), "there is no picture whose aspect could be kept", 'remove "aspect"'
            )
        )


def _nodes(document: Document, findings: list[Diagnostic]) -> Iterator[RawNode]:
    for name in _keys(document, "nodes"):
        path: Path = ("nodes", name)
        data = document.get(path)
        if not isinstance(data, Mapping) or len(data) != 1:
            findings.append(
                WRONG_TYPE.at(
                    document.place(path, key=True),
                    f'"{name}" should be one node class with its inputs',
                    f"write it as {name}: {{ClassName: {{input: value}}}}",
                )
            )
            continue
        type, inputs = next(iter(data.items()))
        if inputs is not None and not isinstance(inputs, Mapping):
            findings.append(
                WRONG_TYPE.at(
                    document.place((*path, type)), f'the inputs of "{name}" should be a mapping, not {describe(inputs)}'
                )
            )
            continue
        yield RawNode(name, type, inputs or {}, (*path, type))
