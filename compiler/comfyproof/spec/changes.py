"""Changes to a spec before it is read: a variant's and a run's own, by path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, did_you_mean
from ..source import Words, parse_source
from ..stages.vocabulary import STAGES
from .document import Document
from .names import Stages, stages_of
from .problems import WRONG_TYPE, fields_at

UNKNOWN_PATH = Rule("CP206", "unknown-path", Severity.ERROR, "A variant or option sets a path that leads nowhere.")
UNKNOWN_VARIANT = Rule(
    "CP208", "unknown-variant", Severity.ERROR, "A run asks for a variant that the spec does not have."
)
RULES = (UNKNOWN_PATH, UNKNOWN_VARIANT)

SECTIONS = ("inputs", "models", "nodes", "verify", "target", "name")
# Blocks that a path may lead into though the spec has none.
OPTIONAL = ("verify", "target", "ssim", "delta_e")


def normalized(document: Document) -> Document:
    """The document with the short forms written out, so that paths lead into them.

    `- preview` is `- preview: {}`, and `loras: [turbo]` is `loras: [{use: turbo}]`.
    """
    stages = document.get(("stages",))
    if not isinstance(stages, list):
        return document
    whole = []
    for item in stages:
        item = {item: {}} if isinstance(item, str) else item
        if isinstance(item, Mapping):
            item = {kind: {} if body is None else _written_out(body) for kind, body in item.items()}
        whole.append(item)
    return Document(document.source, {**document.data, "stages": whole}, document.moved)


def _written_out(body: Any) -> Any:
    loras = body.get("loras") if isinstance(body, Mapping) else None
    if not isinstance(loras, list):
        return body
    return {**body, "loras": [{"use": each} if isinstance(each, str) else each for each in loras]}


def with_variant(document: Document, name: str | None, findings: list[Diagnostic]) -> Document:
    """The document with a named variant's changes made to it; without a name, those of all variants are checked."""
    variants = {} if (found := document.get(("variants",))) is None else found
    if not isinstance(variants, Mapping):
        place = document.place(("variants",))
        message = '"variants" should be a mapping of names to changes'
        findings.append(WRONG_TYPE.at(place, message, "write it as name: {path: value}"))
        return document
    for each, changes in variants.items() if name is None else [(name, variants.get(name))]:
        changed, stages = document, Stages(stages_of(document))
        if not isinstance(changes, Mapping) and changes is not None:
            place = document.place(("variants", each))
            message = f'"{each}" should be a mapping of paths to values'
            findings.append(WRONG_TYPE.at(place, message, "write it as {path: value}"))
            continue
        for text, value in (changes or {}).items():
            place = document.place(("variants", each, text))
            key = document.place(("variants", each, text), key=True)
            if path := address(changed, stages, text, key, findings):
                changed = normalized(changed.put(path, value, place, named=True))
        if each == name:
            document = changed
    if name is not None and name not in variants:
        place = Place(Words("--variant", name))
        help = did_you_mean(name, variants, "variants")
        findings.append(UNKNOWN_VARIANT.at(place, f'the spec has no variant "{name}"', help))
    return document


def with_settings(document: Document, settings: Iterable[tuple[str, str]], findings: list[Diagnostic]) -> Document:
    """The document with `--set path=value` changes made to it; values are read as YAML."""
    stages = Stages(stages_of(document))
    for text, written in settings:
        place = Place(Words("--set", f"{text}={written}"))
        source, problems = parse_source("--set", written)
        if source is None or problems:
            findings += [problem.rule.at(place, problem.message, problem.help) for problem in problems]
            continue
        path = address(document, stages, text, Place(place.source, (), key=True), findings)
        document = document.put(path, source.data, place, named=True) if path else document
    return document


def address(document: Document, stages: Stages, text: str, place: Place, findings: list[Diagnostic]) -> Path | None:
    """The path that a dotted address such as refine.loras.turbo.strength means; None, with a finding, if none."""
    first, *rest = text.split(".")
    before = len(findings)
    stage = stages.meant(first, place, findings)
    inputs = document.keys("inputs")
    if stage is None and first not in SECTIONS and not (first in inputs and not rest):
        if len(findings) == before:
            message = f'"{text}" leads nowhere: there is no "{first}"'
            known = [*stages.words, *SECTIONS, *inputs]
            findings.append(UNKNOWN_PATH.at(place, message, did_you_mean(first, known, "names")))
        return None
    path: Path = stage.path if stage else (first,)
    if stage is None and first in inputs:
        path = ("inputs", first, "default")
    for n, step in enumerate(rest):
        value = document.get(path)
        key = _step(value, step) if value is not None else step if path[-1] in OPTIONAL else None
        new = n == len(rest) - 1 or step in OPTIONAL
        if key is None or not (new or value is None or document.get((*path, key)) is not None):
            message = f'"{text}" leads nowhere: there is no "{step}" in it'
            help = did_you_mean(step, _known(value), "names") or "put it there first"
            findings.append(UNKNOWN_PATH.at(place, message, help))
            return None
        path = (*path, key)
    fields = fields_at(STAGES[stage.kind], path[3:-1]) if stage and rest and stage.kind in STAGES else None
    if fields is not None and isinstance(path[-1], str) and path[-1] not in fields:
        message = f'"{text}" leads nowhere: there is no field "{path[-1]}"'
        findings.append(UNKNOWN_PATH.at(place, message, did_you_mean(path[-1], fields, "fields")))
        return None
    return path


def _known(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [str(key) for key in value]
    items = value if isinstance(value, list) else ()
    return [str(item["use"]).removeprefix("$") for item in items if isinstance(item, Mapping) and "use" in item]


def _step(value: Any, step: str) -> str | int | None:
    if isinstance(value, Mapping):
        return step
    if not isinstance(value, list):
        return None
    if step.isascii() and step.isdecimal() and len(step) < 9:
        return int(step) if int(step) < len(value) else None
    found = [n for n, item in enumerate(value) if isinstance(item, Mapping) and item.get("use") in (step, f"${step}")]
    return found[0] if len(found) == 1 else None
