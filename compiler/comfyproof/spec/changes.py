"""Changes to a spec before it is read: variants and settings by path, then inputs by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..diagnostics import Diagnostic, Path, Place, Rule, Severity, did_you_mean
from ..source import Words, parse_source
from ..stages.blocks import SAMPLING_FIELDS
from ..stages.site import UNKNOWN_NAME
from ..stages.vocabulary import STAGES
from .document import Document
from .inputs import InputValue
from .problems import WRONG_TYPE

UNKNOWN_PATH = Rule("CP206", "unknown-path", Severity.ERROR, "A variant or option sets a path that leads nowhere.")
AMBIGUOUS_PATH = Rule(
    "CP207", "ambiguous-path", Severity.ERROR, "A path or name could mean several stages; `as` gives each its own name."
)
UNKNOWN_VARIANT = Rule(
    "CP208", "unknown-variant", Severity.ERROR, "A run asks for a variant that the spec does not have."
)
LIKE_CYCLE = Rule("CP210", "like-cycle", Severity.ERROR, "Stages take their settings from each other in a circle.")
RULES = (UNKNOWN_PATH, AMBIGUOUS_PATH, UNKNOWN_VARIANT, LIKE_CYCLE)

SECTIONS = ("inputs", "models", "nodes", "verify", "target", "name")
_WHOLE = re.compile(r"\$([A-Za-z_]\w*)(?:\.(\w[\w ]*))?")
_INSIDE = re.compile(r"\$\$|\$\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Reference:
    """An output of a stage, node or model, wired by name."""

    name: str
    output: str | None


@dataclass(frozen=True, slots=True)
class StageAt:
    """A stage's name, kind, and path in the data."""

    name: str
    kind: str
    path: Path


def normalized(document: Document) -> Document:
    """The document with each stage a mapping of one kind to its fields: `- preview` is `- preview: {}`."""
    stages = document.get(("stages",))
    if not isinstance(stages, list):
        return document
    whole = [{item: {}} if isinstance(item, str) else item for item in stages]
    whole = [
        {k: {} if v is None else v for k, v in item.items()} if isinstance(item, Mapping) else item for item in whole
    ]
    return Document(document.source, {**document.data, "stages": whole}, document.moved)


def stages_of(document: Document) -> list[StageAt]:
    """The stages that can be recognized, each under a name of its own."""
    found: list[StageAt] = []
    taken: set[str] = set()
    stages = document.get(("stages",))
    for n, item in enumerate(stages if isinstance(stages, list) else ()):
        if not isinstance(item, Mapping) or len(item) != 1:
            continue
        kind, body = next(iter(item.items()))
        wanted = body.get("as") if isinstance(body, Mapping) else None
        name = base = wanted if isinstance(wanted, str) else kind
        count = 1
        while name in taken:
            count += 1
            name = f"{base}-{count}"
        taken.add(name)
        found.append(StageAt(name, kind, ("stages", n, kind)))
    return found


def address(document: Document, text: str, place: Place, findings: list[Diagnostic]) -> Path | None:
    """The path that a dotted address such as refine.loras.turbo.strength means; None, with a finding, if none."""
    stages = stages_of(document)
    first, *rest = text.split(".")
    candidates = [stage for stage in stages if first in (stage.name, stage.kind)]
    exact = [stage for stage in candidates if stage.name == first and stage.name != stage.kind]
    if len(exact or candidates) > 1:
        names = ", ".join(stage.name for stage in candidates)
        findings.append(
            AMBIGUOUS_PATH.at(
                place,
                f'"{first}" could be any of {len(candidates)} stages: {names}',
                'give the stage you mean a name of its own with "as"',
            )
        )
        return None
    if not candidates and first not in SECTIONS:
        known = [*(stage.name for stage in stages), *SECTIONS]
        findings.append(
            UNKNOWN_PATH.at(
                place, f'"{text}" leads nowhere: there is no "{first}"', did_you_mean(first, known, "names")
            )
        )
        return None
    path: Path = (exact or candidates)[0].path if candidates else (first,)
    for n, step in enumerate(rest):
        value = document.get(path)
        key = _step(value, step)
        last = n == len(rest) - 1
        if key is None or not (last or document.get((*path, key)) is not None):
            known = [str(k) for k in value] if isinstance(value, Mapping) else _uses(value)
            findings.append(
                UNKNOWN_PATH.at(
                    place, f'"{text}" leads nowhere: there is no "{step}" in it', did_you_mean(step, known, "names")
                )
            )
            return None
        path = (*path, key)
    return path


def _uses(value: Any) -> list[str]:
    return (
        [str(item["use"]) for item in value if isinstance(item, Mapping) and "use" in item]
        if isinstance(value, list)
        else []
    )


def _step(value: Any, step: str) -> str | int | None:
    if isinstance(value, Mapping):
        return step
    if isinstance(value, list):
        if step.isdigit() and int(step) < len(value):
            return int(step)
        found = [n for n, item in enumerate(value) if isinstance(item, Mapping) and item.get("use") == step]
        return found[0] if len(found) == 1 else None
    return None


def with_variant(document: Document, name: str | None, findings: list[Diagnostic]) -> Document:
    """The document with a named variant's changes made to it."""
    variants = document.get(("variants",)) or {}
    if not isinstance(variants, Mapping):
        findings.append(
            WRONG_TYPE.at(document.place(("variants",)), '"variants" should be a mapping of names to changes')
        )
        return document
    for each, changes in variants.items():
        if not isinstance(changes, Mapping) and changes is not None:
            findings.append(
                WRONG_TYPE.at(document.place(("variants", each)), f'"{each}" should be a mapping of paths to values')
            )
            return document
        for path in changes or ():  # paths of the other variants are checked too: a typo in them is one as well
            address(document, path, document.place(("variants", each, path), key=True), findings)
    if name is None:
        return document
    if name not in variants:
        place = Place(Words("--variant", name))
        findings.append(
            UNKNOWN_VARIANT.at(place, f'the spec has no variant "{name}"', did_you_mean(name, variants, "variants"))
        )
        return document
    for text, value in (variants[name] or {}).items():
        place = document.place(("variants", name, text))
        path = address(document, text, place, [])
        document = document.put(path, value, place, named=True) if path else document
    return document


def with_settings(document: Document, settings: Iterable[tuple[str, str]], findings: list[Diagnostic]) -> Document:
    """The document with `--set path=value` changes made to it; values are read as YAML."""
    for text, written in settings:
        place = Place(Words("--set", f"{text}={written}"))
        source, problems = parse_source("--set", written)
        if source is None or problems:
            findings += [problem.rule.at(place, problem.message, problem.help) for problem in problems]
            continue
        path = address(document, text, Place(place.source, (), key=True), findings)
        document = document.put(path, source.data, place, named=True) if path else document
    return document


@dataclass
class Filling:
    """Putting inputs and references where `$name` stands; `holes` are the paths where nothing could be put."""

    inputs: Mapping[str, InputValue]
    unset: frozenset[str]
    names: frozenset[str]
    findings: list[Diagnostic]
    holes: list[Path]

    def fill(self, document: Document, path: Path) -> Document:
        """The document with all names below a path replaced."""
        value = document.get(path)
        if isinstance(value, str):
            return self._fill_text(document, path, value)
        steps: Iterable[str | int] = (
            value if isinstance(value, Mapping) else range(len(value)) if isinstance(value, list) else ()
        )
        for step in steps:
            document = self.fill(document, (*path, step))
        return document

    def _fill_text(self, document: Document, path: Path, text: str) -> Document:
        whole = _WHOLE.fullmatch(text)
        if whole and whole[1] in self.inputs and not whole[2]:
            found = self.inputs[whole[1]]
            return document.put(path, found.value, found.place, named=False)
        if whole:
            place = document.place(path)
            if whole[1] in self.names:
                return document.put(path, Reference(whole[1], whole[2]), place, named=False)
            self._unknown(whole[1], document, path)
            return document
        filled = _INSIDE.sub(lambda found: self._inside(found, document, path), text)
        return document if filled == text else document.put(path, filled, document.place(path), named=False)

    def _inside(self, found: re.Match[str], document: Document, path: Path) -> str:
        if found[0] == "$$":
            return "$"
        name = found[1].strip()
        if name in self.inputs:
            return str(self.inputs[name].value)
        self._unknown(name, document, path)
        return found[0]

    def _unknown(self, name: str, document: Document, path: Path) -> None:
        self.holes.append(path)
        if name not in self.unset:
            help = did_you_mean(name, [*self.inputs, *self.unset, *self.names], "names") or "define it under inputs"
            self.findings.append(
                UNKNOWN_NAME.at(document.place(path), f'"${name}" names no input, stage or node', help)
            )


def with_likes(document: Document, findings: list[Diagnostic]) -> Document:
    """The document with the settings that each `like` names put into its stage, where it has none of its own."""
    stages = stages_of(document)
    done: set[Path] = set()
    for stage in stages:
        document = _with_like(document, stage, stages, done, (), findings)
    return document


def _with_like(
    document: Document,
    stage: StageAt,
    stages: list[StageAt],
    done: set[Path],
    chain: tuple[Path, ...],
    findings: list[Diagnostic],
) -> Document:
    body = document.get(stage.path)
    wanted = body.get("like") if isinstance(body, Mapping) else None
    if stage.path in done or not isinstance(wanted, str) or stage.kind not in STAGES:
        return document
    done.add(stage.path)
    place = document.place((*stage.path, "like"))
    others = [s for s in stages if wanted in (s.name, s.kind) and s.path != stage.path]
    exact = [s for s in others if s.name == wanted]
    if not others:
        known = [s.name for s in stages if s.path != stage.path]
        findings.append(
            UNKNOWN_NAME.at(place, f'no other stage is named "{wanted}"', did_you_mean(wanted, known, "stages"))
        )
        return document
    if len(exact) != 1 and len(others) != 1:
        findings.append(
            AMBIGUOUS_PATH.at(
                place,
                f'"{wanted}" could be any of {len(others)} stages',
                'give the stage you mean a name of its own with "as"',
            )
        )
        return document
    other = exact[0] if len(exact) == 1 else others[0]
    if other.path in chain:
        findings.append(LIKE_CYCLE.at(place, f'"{stage.name}" and "{other.name}" take their settings from each other'))
        return document
    document = _with_like(document, other, stages, done, (*chain, stage.path), findings)
    taken = document.get(other.path)
    for name in SAMPLING_FIELDS:
        if isinstance(taken, Mapping) and name in taken and name not in body:
            place = document.place((*other.path, name))
            document = document.put((*stage.path, name), taken[name], place, named=False)
    return document
