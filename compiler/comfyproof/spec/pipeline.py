"""A spec read whole: its models, stages, nodes and checks, each value with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from ..diagnostics import Diagnostic, NotExamined, Path, Rule, Severity, did_you_mean
from ..graph import Asset
from ..source import Source
from ..stages.blocks import Block
from ..stages.models import MODEL_KINDS, ModelBlock
from ..stages.save import Save
from ..stages.site import UNKNOWN_NAME, UNTOLD
from ..stages.verification import Times, Verification
from ..stages.vocabulary import STAGES, AnyStage
from .changes import normalized, with_settings, with_variant
from .document import Document
from .filling import Filling
from .inputs import Inputs, InputValue
from .likes import with_likes
from .names import Stages, check_names, stages_of
from .problems import MISSING_FIELD, UNKNOWN_FIELD, WRONG_TYPE, WRONG_VALUE, describe, read_block

UNSUPPORTED = Rule(
    "CP209", "unsupported", Severity.ERROR, "A part of the language that this version does not know yet."
)
UNKNOWN_STAGE = Rule("CP215", "unknown-stage", Severity.ERROR, "A stage is of a kind that the language does not have.")
RULES = (UNSUPPORTED, UNKNOWN_STAGE)

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
    """A pipeline as its author means it, with one variant's changes and one run's inputs in it.

    `holes` are the paths of which a finding has said that nothing can be made of them.
    """

    document: Document
    name: str
    changes: Changes
    variants: tuple[str, ...]
    inputs: Mapping[str, InputValue]
    models: Mapping[str, ModelBlock]
    steps: tuple[Step, ...]
    nodes: tuple[RawNode, ...]
    verify: Verification
    target: Target | None
    holes: frozenset[Path]
    not_examined: tuple[NotExamined, ...]


@dataclass(frozen=True)
class Changes:
    """What a run wants otherwise than the spec says; without `needed`, inputs may lack a value."""

    inputs: Mapping[str, str]
    settings: Sequence[tuple[str, str]] = ()
    variant: str | None = None
    needed: bool = True


def read_spec(source: Source, changes: Changes, findings: list[Diagnostic]) -> Spec | None:
    """The spec that a source holds, changed as wanted. What is wrong is added to `findings`."""
    document = Document(source, source.data)
    if not _is_spec(document, findings):
        return None
    document = normalized(document)
    document = with_variant(document, changes.variant, findings)
    document = with_settings(document, changes.settings, findings)
    document = normalized(document)
    _check_sections(document, findings)
    not_examined: list[NotExamined] = []
    inputs = Inputs(document, changes.inputs, changes.needed, findings, not_examined).read()
    stages = Stages(stages_of(document))
    check_names(document, stages.all, findings)
    unset = frozenset(document.keys("inputs")) - set(inputs)
    others = frozenset([*document.keys("models"), *document.keys("nodes")])
    filling = Filling(document, inputs, unset, others, stages, findings)
    document = filling.filled(("models", "stages", "nodes", "verify", "target"))
    holes = filling.holes
    document = with_likes(document, stages, holes, findings)
    models = dict(_models(document, findings, holes))
    steps = tuple(_steps(document, stages, findings, holes))
    nodes = tuple(_nodes(document, findings, holes))
    verify = read_block(Verification, document, ("verify",), findings, holes)
    for path, each in [((), verify), *((s.path, s.block.verify) for s in steps if isinstance(s.block, Save))]:
        if each is not None:
            _check_reference(document, (*path, "verify"), each, inputs, unset, findings)
    target = document.get(("target",)) is not None
    variants = document.get(("variants",))
    return Spec(
        document=document,
        name=_name(document, findings),
        changes=changes,
        variants=tuple(variants) if isinstance(variants, Mapping) else (),
        inputs=inputs,
        models=models,
        steps=steps,
        nodes=nodes,
        verify=verify or Verification(),
        target=read_block(Target, document, ("target",), findings, holes) if target else None,
        holes=frozenset(holes),
        not_examined=tuple(not_examined),
    )


def _is_spec(document: Document, findings: list[Diagnostic]) -> bool:
    """Whether the text is a spec at all, and of this version."""
    data, place = document.data, document.place(())
    if not isinstance(data, Mapping):
        message = f"a spec is a mapping, and this is {describe(data)}"
        findings.append(WRONG_TYPE.at(place, message, 'begin with "comfyproof: 1"'))
        return False
    version = data.get("comfyproof")
    if version == 1 and not isinstance(version, bool):
        return True
    if "comfyproof" in data:
        message = f"the version is {describe(version)}; this is version 1"
        findings.append(WRONG_VALUE.at(document.place(("comfyproof",)), message))
    elif any(isinstance(value, Mapping) and "class_type" in value for value in data.values()):
        findings.append(MISSING_FIELD.at(place, "this is API JSON, which a server takes, and not a spec"))
    elif isinstance(data.get("nodes"), list) and "links" in data:
        findings.append(MISSING_FIELD.at(place, "this is a workflow of ComfyUI's editor, and not a spec"))
    else:
        findings.append(MISSING_FIELD.at(place, 'a spec begins with "comfyproof: 1"', 'add "comfyproof: 1"'))
    return False


def _check_sections(document: Document, findings: list[Diagnostic]) -> None:
    data = document.data
    for key in data:
        if key in LATER:
            findings.append(UNSUPPORTED.at(document.place((key,), key=True), f'"{key}" is not supported yet'))
        elif key not in FIELDS:
            help = did_you_mean(key, FIELDS, "fields")
            findings.append(UNKNOWN_FIELD.at(document.place((key,), key=True), f'unknown field "{key}"', help))
    for key in ("inputs", "models", "nodes"):
        if data.get(key) is not None and not isinstance(data[key], Mapping):
            message = f'"{key}" should be a mapping, not {describe(data[key])}'
            findings.append(WRONG_TYPE.at(document.place((key,)), message))
    if not isinstance(data.get("stages") or [], list):
        message = f'"stages" should be a list, not {describe(data["stages"])}'
        findings.append(WRONG_TYPE.at(document.place(("stages",)), message))
    elif not data.get("stages") and not data.get("nodes"):
        findings.append(MISSING_FIELD.at(document.place(()), 'the spec has no "stages"', 'add "stages"'))


def _name(document: Document, findings: list[Diagnostic]) -> str:
    name = document.get(("name",))
    if isinstance(name, str) and name:
        return name
    if name is not None:
        findings.append(WRONG_TYPE.at(document.place(("name",)), f'"name" should be text, not {describe(name)}'))
    return document.source.file.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0] or "pipeline"


def _models(document: Document, findings: list[Diagnostic], holes: set[Path]) -> Iterator[tuple[str, ModelBlock]]:
    for name in document.keys("models"):
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


def _steps(document: Document, stages: Stages, findings: list[Diagnostic], holes: set[Path]) -> Iterator[Step]:
    items = document.get(("stages",))
    for n, item in enumerate(items if isinstance(items, list) else ()):
        if not isinstance(item, Mapping) or len(item) != 1:
            what = "several" if isinstance(item, Mapping) and item else "none"
            message = f"each stage is one kind with its fields, and this has {what}"
            place = document.place(("stages", n))
            findings.append(WRONG_TYPE.at(place, message, "write it as - kind: {field: value}"))
    for stage in stages.all:
        if stage.kind not in STAGES:
            place = document.place(stage.path, key=True)
            help = did_you_mean(stage.kind, STAGES, "stages")
            findings.append(UNKNOWN_STAGE.at(place, f'there is no stage "{stage.kind}"', help))
        known = STAGES.get(stage.kind)
        block = read_block(known, document, stage.path, findings, holes) if known else None
        yield Step(stage.name, stage.path, block)


def _check_reference(
    document: Document, path: Path, wanted: Verification, inputs: Mapping[str, InputValue],
    unset: frozenset[str], findings: list[Diagnostic],
) -> None:  # fmt: skip
    """Whether what a picture is to be measured by is a picture."""
    pictures = [n for n, found in inputs.items() if isinstance(found.value, Asset) and found.value.kind == "image"]
    if isinstance(wanted.size, Times) and wanted.size.of not in pictures:
        if wanted.size.of not in unset:
            help = did_you_mean(wanted.size.of, pictures, "inputs of that type")
            message = f'"{wanted.size.of}" is no input of the type image'
            findings.append(UNKNOWN_NAME.at(document.place((*path, "size")), message, help))
    elif wanted.aspect is not None and not pictures and not unset:
        place = document.place((*path, "aspect"))
        findings.append(UNTOLD.at(place, "there is no picture whose aspect could be kept", 'remove "aspect"'))


def _nodes(document: Document, findings: list[Diagnostic], holes: set[Path]) -> Iterator[RawNode]:
    for name in document.keys("nodes"):
        path: Path = ("nodes", name)
        data = document.get(path)
        if not isinstance(data, Mapping) or len(data) != 1:
            message = f'"{name}" should be one node class with its inputs'
            help = f"write it as {name}: {{ClassName: {{input: value}}}}"
            findings.append(WRONG_TYPE.at(document.place(path, key=True), message, help))
            holes.add(path)
            continue
        type, inputs = next(iter(data.items()))
        if inputs is not None and not isinstance(inputs, Mapping):
            message = f'the inputs of "{name}" should be a mapping, not {describe(inputs)}'
            findings.append(WRONG_TYPE.at(document.place((*path, type)), message))
            holes.add(path)
            continue
        yield RawNode(name, type, inputs or {}, (*path, type))
