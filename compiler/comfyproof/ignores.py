"""Ignores in the text itself: comments in YAML and Python, entries of nodes in JSON, and those that are of no use."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from .diagnostics import (
    Diagnostic,
    Edit,
    Fix,
    Path,
    Place,
    Removed,
    Rule,
    Severity,
    Span,
    Spot,
    Text,
    in_reading_order,
    nearest,
)
from .selecting import KnownRules, Selection, code_of, is_fixed, nearest_rule
from .source import Source
from .texts.composed import LINE_END, Json

UNUSED_IGNORE = Rule(
    "CP191",
    "unused-ignore",
    Severity.WARNING,
    "An ignore stands where its rule finds nothing: the mistake was mended or has moved, and the ignore would hide the "
    "next one. Take it out. Nothing is said of it where the rule is not selected, or the file could not be read.",
)
BROKEN_IGNORE = Rule(
    "CP192",
    "broken-ignore",
    Severity.WARNING,
    "An ignore names no rule, one that there is not, or one that cannot be ignored, and so ignores nothing.\n\n"
    "In YAML and Python it is a comment on the line, or alone on the line above: "
    "`# comfyproof: ignore[CP403] why`, or `# comfyproof: ignore-file[CP403] why` for the whole file. In API JSON it "
    "is in the node's `_meta`, in the editor's JSON in the node's `properties`: "
    '`"comfyproof": {"ignore": ["CP403"], '
    '"reason": "why"}`; for a whole workflow of the editor\'s in `extra`.',
)
RULES = (UNUSED_IGNORE, BROKEN_IGNORE)

_FORMS = ("ignore", "ignore-file")
_WITH_COMMENTS = (".yaml", ".yml", ".py")
_COMMENT = re.compile(r"(?<!\S)#[ \t]*comfyproof:[ \t]*([A-Za-z_-]+)[ \t]*(\[[^\]\r\n]*\]?)?")
_NAMED = re.compile(r"[^\s,\[\]]+")
_KEPT = ("_meta", "properties", "extra")
MAX_IGNORES = 1000  # in one text; more are a file's that wants to keep us busy
_FAR = 100
_WRITTEN = 'write "# comfyproof: ignore[CP403] why"'
_WRITTEN_JSON = 'write {"ignore": ["CP403"], "reason": "why"}'
# What a part of a picture's own text is called behind the picture's name.
_PART = re.compile(r" \((?:prompt|workflow)\)$")


class Ignore(NamedTuple):
    """One rule that is ignored: at a line, or below a path; everywhere in its file where it has neither."""

    word: str
    place: Place
    line: int | None = None
    path: Path = ()

    def covers(self, place: Place, line: int) -> bool:
        """Whether something at this place, in the same file, is ignored, if it is of this rule."""
        return self.line in (None, line) and place.path[: len(self.path)] == self.path


class Judged(NamedTuple):
    """What is to be reported of one file's findings, and which were ignored by the text itself."""

    kept: tuple[Diagnostic, ...]
    ignored: tuple[Diagnostic, ...] = ()


def judge(
    findings: Sequence[Diagnostic],
    texts: Iterable[Text],
    selection: Selection,
    rules: KnownRules,
    undecided: Sequence[str] = (),
) -> Judged:
    """The findings of one file that count, with those about its ignores, in reading order.

    `texts` are what was read of it; what its findings stand in is looked at, too. `undecided` are codes and families
    of which this run could not tell all, so that an ignore of them may be of use elsewhere.
    """
    notes: list[Diagnostic] = []
    codes = {file: found for file, text in _by_file(findings, texts) if (found := _resolved(text, rules, notes))}
    used: set[Ignore] = set()
    kept: list[Diagnostic] = [] if codes else list(findings)
    ignored: list[Diagnostic] = []
    for finding in findings if codes else ():
        ignoring = _ignores_of(finding, codes)
        used.update(ignoring)
        (ignored if ignoring else kept).append(finding)
    if codes and not any(is_fixed(finding.rule) for finding in findings):
        decided = _Decided(selection, rules(), tuple(undecided))
        notes += [
            _unused(ignore)
            for file, pairs in codes.items()
            for ignore, code in pairs
            if ignore not in used and decided.of(code, file)
        ]
    kept = in_reading_order([*kept, *notes]) if notes else kept
    return Judged(tuple(f for f in kept if selection.counts(f.rule, _file_of(f))), tuple(ignored))


def _by_file(findings: Sequence[Diagnostic], texts: Iterable[Text]) -> Iterator[tuple[str, Text]]:
    """The texts by their files, each as a Source where it was read as far as that."""
    named: dict[str, Text] = {}
    for text in (*texts, *(finding.place.source for finding in findings if finding.place)):
        if text.file not in named or (isinstance(text, Source) and not isinstance(named[text.file], Source)):
            named[text.file] = text
    yield from named.items()


_Codes = Mapping[str, list[tuple[Ignore, str]]]  # by file, each with what its rule's code begins with


def _ignores_of(finding: Diagnostic, codes: _Codes) -> list[Ignore]:
    place = finding.place
    if place is None or is_fixed(finding.rule) or not (pairs := codes.get(place.source.file)):
        return []
    own = [ignore for ignore, code in pairs if finding.rule.code.startswith(code)]
    if not own:
        return []
    line = place.span().line
    return [ignore for ignore in own if ignore.covers(place, line)]


class _Decided(NamedTuple):
    """Of which rules a run can say that they find nothing: those that are selected and could look at everything."""

    selection: Selection
    rules: Sequence[Rule]
    undecided: tuple[str, ...]

    def of(self, code: str, file: str) -> bool:
        meant = [rule for rule in self.rules if rule.code.startswith(code)]
        return any(self.selection.counts(rule, _PART.sub("", file)) for rule in meant) and not any(
            rule.code.startswith(self.undecided) for rule in meant
        )


def _file_of(finding: Diagnostic) -> str:
    return _PART.sub("", finding.place.source.file) if finding.place else ""


def _unused(ignore: Ignore) -> Diagnostic:
    where = "in this file" if ignore.line is None and not ignore.path else "here"
    said = UNUSED_IGNORE.at(ignore.place, f'"{ignore.word}" is ignored, but not found {where}', "take the ignore out")
    return replace(said, fix=_without(ignore.place))


def _without(place: Place) -> Fix | None:
    """The fix that takes an ignore out: in JSON its entry, or all of it where no other rule is named."""
    if place.source.file.endswith(".py") or _PART.search(place.source.file):
        return None
    if isinstance(place.source, Source):
        path, held = place.path, place.source.data
        around = path[: path.index("ignore", path.index("comfyproof"))]
        for step in around:
            held = held[step]  # type: ignore[index]
        words = held["ignore"] if isinstance(held, dict) else None
        if not isinstance(words, list) or len(words) == 1:
            place = Place(place.source, around)
    return Fix((Edit(place, Removed),), True, "take the ignore out")


def _resolved(text: Text, rules: KnownRules, notes: list[Diagnostic]) -> list[tuple[Ignore, str]]:
    """The ignores of a text that name a rule which can be ignored."""
    found: list[tuple[Ignore, str]] = []
    for ignore in islice(read_ignores(text, notes), MAX_IGNORES):
        code = code_of(ignore.word, rules())
        if code is None:
            help = nearest_rule(ignore.word, rules())
            notes.append(BROKEN_IGNORE.at(ignore.place, f'there is no rule "{ignore.word}" to ignore', help))
        elif any(rule.code == code and is_fixed(rule) for rule in rules()):
            message = f'"{ignore.word}" cannot be ignored: it says that the file cannot be read as it stands'
            notes.append(BROKEN_IGNORE.at(ignore.place, message, "mend the file, or exclude it"))
        else:
            found.append((ignore, code))
    return found


def read_ignores(text: Text, notes: list[Diagnostic]) -> Iterator[Ignore]:
    """The ignores of a text; what is wrong with how they are written goes to `notes`."""
    if "comfyproof" not in text.text:
        return
    if text.text.lstrip()[:1] in ("{", "[") and not text.file.casefold().endswith(_WITH_COMMENTS):
        if isinstance(text, Source) and '"ignore"' in text.text:
            yield from _of_nodes(text, notes)
    elif _COMMENT.search(text.text):
        yield from _of_comments(text, notes)


def _of_comments(text: Text, notes: list[Diagnostic]) -> Iterator[Ignore]:
    rows = LINE_END.split(text.text)
    strings = _strings(text)
    for line, row in enumerate(rows, 1):
        for found in _COMMENT.finditer(row):
            # What looks like a comment may stand in a text that someone wrote, such as a prompt.
            if not strings.holds((line, found.start() + 1)):
                at = _line_meant(rows, line, found.start())
                yield from _of_comment(text, found, line, at, notes)


def _of_comment(text: Text, found: re.Match[str], line: int, meant: int, notes: list[Diagnostic]) -> Iterator[Ignore]:
    form, words = found[1], found[2] or ""
    place = _spot(text, line, found.start(), found.end())
    if form not in _FORMS:
        if words and (near := nearest(form, _FORMS)):
            notes.append(BROKEN_IGNORE.at(place, f'"{form}" is nothing to write here', f'did you mean "{near}"?'))
    elif words and not words.endswith("]"):
        notes.append(BROKEN_IGNORE.at(place, "this ignore has no closing bracket, and ignores nothing", _WRITTEN))
    elif not (named := list(_NAMED.finditer(words))):
        notes.append(BROKEN_IGNORE.at(place, "this ignore names no rule, and ignores nothing", _WRITTEN))
    else:
        for word in named:
            start, end = (found.start(2) + at for at in word.span())
            yield Ignore(word[0], _spot(text, line, start, end), None if form == "ignore-file" else meant)


def _line_meant(rows: Sequence[str], line: int, column: int) -> int:
    """The line that a comment is for: its own, or where it stands alone, the next one with something on it."""
    if rows[line - 1][:column].strip():
        return line
    below = (n for n in range(line, min(line + _FAR, len(rows))) if rows[n].strip() and rows[n].lstrip()[0] != "#")
    return next(below, line - 1) + 1


def _spot(text: Text, line: int, start: int, end: int) -> Place:
    return Place(Spot(text.file, text.text, Span(line, start + 1, line, end + 1)))


_At = tuple[int, int]  # line and column, from 1


class _Strings(NamedTuple):
    """Where the texts in a file begin and end, in order."""

    stretches: list[tuple[_At, _At]]

    def holds(self, at: _At) -> bool:
        n = bisect_right(self.stretches, at, key=lambda stretch: stretch[0]) - 1
        return n >= 0 and at < self.stretches[n][1]


def _strings(text: Text) -> _Strings:
    if text.file.casefold().endswith(".py"):
        return _Strings(list(_strings_of_python(text.text)))
    return _Strings(list(_strings_of_yaml(text.text)))


def _strings_of_yaml(text: str) -> Iterator[tuple[_At, _At]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            start, end = event.start_mark, event.end_mark
            if isinstance(event, yaml.ScalarEvent) and start and end:
                yield (start.line + 1, start.column + 1), (end.line + 1, end.column + 1)
    except (yaml.YAMLError, ValueError):
        return  # that is told where it is read


def _strings_of_python(text: str) -> Iterator[tuple[_At, _At]]:
    import io
    import tokenize

    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.STRING:
                yield (token.start[0], token.start[1] + 1), (token.end[0], token.end[1] + 1)
    except (tokenize.TokenError, SyntaxError):
        return  # that is told where it is read


def _of_nodes(source: Source, notes: list[Diagnostic]) -> Iterator[Ignore]:
    for path, entry in _entries(source.data):
        if not isinstance(entry, Mapping) or "ignore" not in entry:
            continue  # something else of ours
        words = entry["ignore"]
        given: list[tuple[Path, Json]] = [((*path, "ignore"), words)] if isinstance(words, str) else []
        if isinstance(words, list):
            given = [((*path, "ignore", n), word) for n, word in enumerate(words)]
        named = [(at, word) for at, word in given if isinstance(word, str)]
        if not named or len(named) < len(given):
            place = Place(source, (*path, "ignore"))
            notes.append(BROKEN_IGNORE.at(place, "this ignore names no rule, and ignores nothing", _WRITTEN_JSON))
            continue
        for at, word in named:
            yield Ignore(word, Place(source, at), path=path[:-2])


def _entries(data: Json) -> Iterator[tuple[Path, Json]]:
    """What stands under "comfyproof" in the entries that ComfyUI keeps without reading them, with its path."""
    waiting: list[tuple[Path, Json]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        parts: Iterable[tuple[str | int, Json]] = enumerate(value) if isinstance(value, list) else ()
        if isinstance(value, dict):
            parts = value.items()
            for key in _KEPT:
                held = value.get(key)
                if isinstance(held, dict) and "comfyproof" in held:
                    yield (*path, key, "comfyproof"), held["comfyproof"]
        waiting += [((*path, step), each) for step, each in parts if isinstance(each, dict | list)]
