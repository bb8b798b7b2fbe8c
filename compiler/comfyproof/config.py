"""Settings: what the flags say, else comfyproof.toml, else [tool.comfyproof] in pyproject.toml."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .catalog.pinned import BUILT_IN_NAME
from .diagnostics import Diagnostic, Place, Rule, Severity, Span, Spot, did_you_mean
from .patterns import Pattern, Patterns, read_patterns
from .selecting import KnownRules, Selection, code_of, nearest_rule
from .source import Words, read_text

BROKEN_SETTINGS = Rule(
    "CP190",
    "broken-settings",
    Severity.ERROR,
    "The settings in `comfyproof.toml`, in `[tool.comfyproof]` of `pyproject.toml`, or on the command line hold "
    "something that is not known. Nothing is examined then, since a setting that is passed over would be taken for one "
    "that holds.",
)
RULES = (BROKEN_SETTINGS,)

OWN_FILE, SHARED_FILE = "comfyproof.toml", "pyproject.toml"
MAX_BYTES = 2**20
DEFAULTS: Mapping[str, Any] = {
    "select": [],
    "ignore": [],
    "per-file-ignores": {},
    "exclude": [],
    "catalog": "",
    "fail-on": "error",
    "strict": False,
    "servers": {},
}
_CHOICES = ("error", "warning", "info")
# What a server's table may have, and what each must be.
_OF_SERVER: Mapping[str, str] = {
    "url": 'an address such as "http://host:8188"',
    "token": 'a text such as "${env:TOKEN}"',
    "basic": 'a text such as "name:${env:PASSWORD}"',
    "headers": "headers, each with a text",
    "certificate": "the name of a file",
    "labels": "a list of texts",
    "models": "the name of a folder",
    "gpu": 'a card such as "rtx-3090"',
    "vram": 'an amount of memory such as "24 GiB"',
    "allow-http": "true or false",
}
_SERVER_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,62}")
_MANY_SECRETS = 100
_SECRET = ("token", "basic", "headers")
_VARIABLE = re.compile(r"\$\{env:[^}]*\}")
# The words that stand before a secret in a header, and are none.
_SCHEMES = ("", "basic", "bearer", "token")
# Where a secret may stand in a text that is no TOML.
_SECRET_LINE = re.compile(r"(?im)^([^=\n]*(?:token|basic|headers|secret|password|key|auth|cookie|@)[^=\n]*=)(.*)$")


class Setting(NamedTuple):
    """A value, and where it comes from; `find` finds the place of it, or of a text in it, if someone wrote it."""

    value: Any
    origin: str = "default"
    find: Callable[[Sequence[str]], Place] | None = None

    def place(self, path: Sequence[str] = ()) -> Place | None:
        """Where it stands, or a text in it; None for a default."""
        return self.find(path) if self.find else None


@dataclass(frozen=True)
class Settings:
    """What holds for a command in a folder: every setting by its name. Paths in files start from `root`."""

    folder: Path
    root: Path
    given: Mapping[str, Setting] = field(default_factory=dict)
    selection: Selection = field(default_factory=Selection)
    excluded: Patterns = field(default_factory=Patterns)

    def __getitem__(self, name: str) -> Setting:
        return self.given.get(name) or Setting(DEFAULTS[name])

    @property
    def catalog(self) -> str | None:
        """The catalog's file or name; None for the built-in one, which other classes may stand beside."""
        setting = self["catalog"]
        if not setting.value or setting.value == BUILT_IN_NAME or setting.origin.startswith("--"):
            return setting.value or None
        return str(self.root / setting.value)  # what a file says is meant from where it stands

    @property
    def exclude(self) -> tuple[Path, Patterns, str]:
        """Which files to pass over: patterns, the folder that they start from, and where they come from."""
        setting = self["exclude"]
        typed = setting.origin.startswith("--")
        return self.folder if typed else self.root, self.excluded, setting.origin

    @property
    def servers(self) -> Mapping[str, Mapping[str, Any]]:
        """The tables of servers by their names; a bare address is a table with that alone."""
        return {name: _as_table(value) for name, value in self["servers"].value.items()}

    def shown(self, name: str) -> Any:
        """The value of a setting without the secrets that stand in it."""
        return _without_secrets(self[name].value) if name == "servers" else self[name].value

    @property
    def fail_on(self) -> Severity:
        """From how bad a finding on a command fails."""
        return Severity(self["fail-on"].value)

    @property
    def strict(self) -> bool:
        """Whether a command fails on a node that could not be examined."""
        return bool(self["strict"].value)


def read_settings(
    folder: Path, flags: Mapping[str, Any], rules: KnownRules
) -> tuple[Settings | None, list[Diagnostic]]:
    """The settings for work in a folder, or all that is wrong with them.

    They are those of the nearest folder, up to the top of the repository, that has some. `flags` are settings by name
    as options gave them; None and empty ones say nothing.
    """
    findings: list[Diagnostic] = []
    found = _nearest(folder.absolute(), findings)
    root, given = (folder.absolute(), {}) if found is None else found
    for name, value in flags.items():
        if value not in (None, (), [], False):
            shown = ",".join(value) if isinstance(value, list | tuple) else str(value)
            place = Place(Words(f"--{name}", shown))
            value = list(value) if isinstance(value, tuple) else value
            given[name] = Setting(value, f"--{name}", partial(_typed, place))
    settings = _Reading(folder.absolute(), root, given, rules, findings).settings()
    return (None, findings) if findings else (settings, [])


def _typed(place: Place, path: Sequence[str]) -> Place:
    return place


_Given = dict[str, Setting]


@dataclass(frozen=True)
class _Reading:
    """Settings as they were given, on their way to what they mean; what is wrong goes to `findings`."""

    folder: Path
    root: Path
    given: _Given
    rules: KnownRules
    findings: list[Diagnostic]

    def settings(self) -> Settings:
        for name, setting in self.given.items():
            if name not in DEFAULTS:
                self._refuse(setting, f'"{name}" is no setting', did_you_mean(name, DEFAULTS, "settings"))
            elif problem := _wrong_kind(name, setting.value):
                self._refuse(setting, f'"{name}" must be {problem}', _HELP.get(name, ""))
        if not self.findings and "servers" in self.given:
            self._servers(self.given["servers"])
        if self.findings:
            return Settings(self.folder, self.root)
        per_file = self.given.get("per-file-ignores", Setting({}))
        selection = Selection(
            self._codes("select"),
            self._codes("ignore"),
            tuple(self._per_file(pattern, per_file) for pattern in per_file.value),
            str(self.root),
        )
        exclude = self.given.get("exclude", Setting([]))
        return Settings(self.folder, self.root, self.given, selection, read_patterns(exclude.value))

    def _codes(self, name: str) -> tuple[str, ...]:
        setting = self.given.get(name, Setting([]))
        return tuple(filter(None, (self._code(word, setting, ()) for word in setting.value)))

    def _code(self, word: str, setting: Setting, path: Sequence[str]) -> str | None:
        code = code_of(word, self.rules())
        if code is None:
            self._refuse(setting, f'there is no rule "{word}"', nearest_rule(word, self.rules()), (*path, word))
        return code

    def _per_file(self, text: str, setting: Setting) -> tuple[Pattern, tuple[str, ...]]:
        found = read_patterns([text]).patterns
        if not found or found[0].negated:
            self._refuse(setting, f'"{text}" stands for no files', 'write a pattern such as "old/*.json"', (text,))
            return Pattern("", ()), ()
        words = setting.value[text]
        return found[0], tuple(filter(None, (self._code(word, setting, (text, word)) for word in words)))

    def _servers(self, setting: Setting) -> None:
        for name, value in setting.value.items():
            if not _SERVER_NAME.fullmatch(name):
                help = "write letters, digits, -, _ and ."
                self._refuse(setting, f'"{name}" is no name for a server', help, (name,))
            elif not isinstance(value, dict | str):
                self._refuse(setting, f'"{name}" must be a table with a "url"', "", (name,))
            elif "url" not in _as_table(value):
                self._refuse(setting, f'the server "{name}" has no "url"', 'write url = "http://host:8188"', (name,))
            else:
                for key, said in _as_table(value).items():
                    self._of_server(setting, name, key, said)

    def _of_server(self, setting: Setting, name: str, key: str, value: Any) -> None:
        if key not in _OF_SERVER:
            help = did_you_mean(key, _OF_SERVER, "settings of a server")
            self._refuse(setting, f'"{key}" is no setting of a server', help, (name, key))
        elif _wrong_in_server(key, value):
            self._refuse(setting, f'"{key}" of the server "{name}" must be {_OF_SERVER[key]}', "", (name, key))

    def _refuse(self, setting: Setting, message: str, help: str, path: Sequence[str] = ()) -> None:
        self.findings.append(BROKEN_SETTINGS.at(setting.place(path), message, help))


_HELP = {
    "select": 'write ["CP3", "value-range"]',
    "ignore": 'write ["CP3", "value-range"]',
    "exclude": 'write ["old/", "*.draft.json"]',
    "per-file-ignores": 'write {"old/*.json" = ["CP3"]}',
}


def _wrong_kind(name: str, value: Any) -> str:
    """What a setting must be, nothing where it is that."""
    if name == "strict":
        return "" if isinstance(value, bool) else "true or false"
    if name == "fail-on":
        return "" if value in _CHOICES else "one of error, warning, info"
    if name == "catalog":
        return "" if isinstance(value, str) else "the name of a file"
    if name == "servers":
        return "" if isinstance(value, dict) else "tables, one for each server"
    if name == "per-file-ignores":
        lists = value.values() if isinstance(value, dict) else [None]
        return "" if all(_is_list_of_texts(each) for each in lists) else "patterns, each with a list of rules"
    return "" if _is_list_of_texts(value) else f"a list of {'patterns' if name == 'exclude' else 'rules'}"


def _wrong_in_server(key: str, value: Any) -> bool:
    if key == "allow-http":
        return not isinstance(value, bool)
    if key == "labels":
        return not _is_list_of_texts(value)
    if key == "headers":
        return not (isinstance(value, dict) and all(isinstance(each, str) for each in value.values()))
    return not isinstance(value, str)


def _as_table(value: Any) -> Mapping[str, Any]:
    return {"url": value} if isinstance(value, str) else value


def is_literal(secret: str) -> bool:
    """Whether a secret itself stands in a text, where variables of the environment should."""
    return any(word.casefold() not in _SCHEMES for word in _VARIABLE.sub(" ", secret).split())


def _without_secrets(servers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The tables of servers as they may be shown."""

    def shown(key: str, value: Any) -> Any:
        if key == "headers":
            return {name: shown("token", each) for name, each in value.items()}
        secret = value.partition(":")[2] if key == "basic" else value
        hide = (key in _SECRET and is_literal(secret)) or (key == "url" and "@" in value)
        return "..." if hide else value

    return {
        name: value
        if isinstance(value, str) and "@" not in value
        else {k: shown(k, v) for k, v in _as_table(value).items()}
        for name, value in servers.items()
    }


def _secrets_in(data: Any) -> Iterator[str]:
    """The texts in settings of servers that may be secrets, also where they stand under a name that is none."""
    servers = data.get("servers") if isinstance(data, dict) else None
    for value in servers.values() if isinstance(servers, dict) else ():
        for key, said in _as_table(value).items() if isinstance(value, dict | str) else ():
            if key in _SECRET or key not in _OF_SERVER or (key == "url" and "@" in str(said)):
                yield from _texts(said)


def _texts(data: Any) -> Iterator[str]:
    waiting = [data]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict | list):
            waiting += each.values() if isinstance(each, dict) else each
        elif not isinstance(each, bool):
            yield str(each)


def _masked(text: str, secrets: Iterable[str]) -> str:
    """A text of the same shape without these secrets: a line of it is shown where something on it is wrong."""

    def stars(found: re.Match[str]) -> str:
        return found[1] + "*" * len(found[2])

    known = sorted({each for each in secrets if is_literal(each)}, key=len, reverse=True)
    if len(known) > _MANY_SECRETS or any(each not in text for each in known):  # one is written with escapes
        return re.sub(r"(=)(.*)", stars, text)
    for secret in known:
        text = text.replace(secret, "*" * len(secret))
    return text


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _nearest(folder: Path, findings: list[Diagnostic]) -> tuple[Path, _Given] | None:
    """The settings in files, and the folder that they are in."""
    for each in (folder, *folder.parents):
        tables = [_read(each / SHARED_FILE, "tool.comfyproof", findings), _read(each / OWN_FILE, "", findings)]
        if any(table is not None for table in tables):
            return each, {name: setting for table in tables if table for name, setting in table.items()}
        if (each / ".git").exists():
            return None
    return None


def _read(file: Path, table: str, findings: list[Diagnostic]) -> _Given | None:
    """The settings of a file, None where it has none."""
    if not file.is_file():
        return None
    name = _shown(file)
    text, said = read_text(file, MAX_BYTES)
    if text is None:
        findings += said
        return {}
    if table and "comfyproof" not in text:
        return None  # it is another program's, and so are its mistakes
    import tomllib  # here, since most runs find no settings

    try:
        data: Any = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        masked = _SECRET_LINE.sub(lambda found: found[1] + "*" * len(found[2]), text)
        findings.append(_not_toml(name, masked, problem))
        return {}
    for part in table.split(".") if table else ():
        data = data.get(part) if isinstance(data, dict) else None
    if data is None:
        return None
    lines = _Lines(name, text, table)
    lines.text = _masked(text, _secrets_in(data))
    if not isinstance(data, dict):
        findings.append(BROKEN_SETTINGS.at(lines.place(()), f'"{table}" is no table of settings'))
        return {}
    return {key: _written(key, value, lines) for key, value in data.items()}


def _not_toml(name: str, text: str, problem: Exception) -> Diagnostic:
    message = "it nests too deeply" if isinstance(problem, RecursionError) else str(problem)
    what, _, where = message.rpartition(" (at ")
    at = re.fullmatch(r"line (\d+), column (\d+)\)", where)
    rows = text.splitlines() or [""]
    line, column = (int(at[1]), int(at[2])) if at else (len(rows), len(rows[-1]) + 1) if what else (1, 1)
    place = Place(Spot(name, text, Span(line, column, line, column)))
    return BROKEN_SETTINGS.at(place, f"this is not valid TOML: {what or message}")


def _written(key: str, value: Any, lines: _Lines) -> Setting:
    place = lines.place((key,))
    return Setting(value, f"{lines.name}:{place.span().line}", lambda path: lines.place((key, *path)))


def _shown(file: Path) -> str:
    """A file's name from where we are, if it lies below."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)


class _Lines:
    """Where the keys of a table stand in a TOML text, which its reader does not tell."""

    def __init__(self, name: str, text: str, table: str) -> None:
        self.name, self.text = name, text
        self.table = tuple(table.split(".")) if table else ()
        self.keys: dict[tuple[str, ...], tuple[int, int]] = {}
        inside: tuple[str, ...] = ()
        start = 0
        for line in text.splitlines(keepends=True):
            bare = line.strip()
            if bare.startswith("["):
                inside = _key(bare.strip("[] \t").split("]")[0])
                self._note(inside, start, line)
            elif "=" in bare and (inside[: len(self.table)] == self.table or "comfyproof" in bare):
                self._note((*inside, *_key(bare.split("=")[0])), start, line)
            start += len(line)

    def _note(self, key: tuple[str, ...], start: int, line: str) -> None:
        begin = start + len(line) - len(line.lstrip())
        for depth in range(1, len(key) + 1):
            self.keys.setdefault(key[:depth], (begin, begin + len(line.strip().split("=")[0].rstrip())))

    def place(self, path: Sequence[str]) -> Place:
        """Where the last of these keys, or a text in its value, stands, or else what is round it."""
        full = (*self.table, *path)
        known = next((full[:n] for n in range(len(full), 0, -1) if full[:n] in self.keys), ())
        start, end = self.keys.get(known, (0, 0))
        for step in full[len(known) :]:
            quoted = (self.text.find(f"{sign}{step}{sign}", start) for sign in "\"'")
            at = min((at for at in quoted if at >= 0), default=-1)
            if at >= 0:
                start, end = at, at + len(step) + 2
        before = self.text[:start]
        line, column = before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1
        return Place(Spot(self.name, self.text, Span(line, column, line, column + end - start)))


def _key(text: str) -> tuple[str, ...]:
    """The parts of a dotted key, nothing where it is none."""
    import tomllib

    try:
        value: Any = tomllib.loads(f"{text} = 0")
    except (tomllib.TOMLDecodeError, RecursionError):
        return ()
    parts: list[str] = []
    while isinstance(value, dict) and value:
        key, value = next(iter(value.items()))
        parts.append(key)
    return tuple(parts)
