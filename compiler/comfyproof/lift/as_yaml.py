"""A spec's data as YAML, laid out as a person would: short things on one line, long texts as blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 110
_SECTIONS = ("inputs", "models", "stages", "nodes")
# Words that another YAML reader takes for something else than text.
_WORDS = re.compile(r"(?:true|false|null|yes|no|on|off|~)?", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:\.?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|0[ox][0-9a-fA-F_]+|[0-9]{4}-[0-9-]+)")
_PLAIN = re.compile(r"[\w$](?:[\w ./+()%*$'@=~!;&^|<>?-]*[\w./+()%*$'@=~!;&^|<>?-])?")
_PLAIN_IN_BLOCK = re.compile(r"[\w$](?:[\w ,./+()%*$'@=~!;&^|<>?-]*[\w,./+()%*$'@=~!;&^|<>?-])?")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def dump_yaml(data: Mapping[str, Any], comments: Sequence[str] = ()) -> str:
    """The text of a spec, with comments at its top."""
    lines = [f"# {seen(comment)}" for comment in comments]
    for name, value in data.items():
        if name in _SECTIONS:
            lines += ["", f"{name}:"]
            entries = value if isinstance(value, list) else list(value.items())
            for entry in entries:
                key, inner = next(iter(entry.items())) if isinstance(entry, Mapping) else entry
                lines += _entry(key, inner, 2, dash=isinstance(entry, Mapping))
        else:
            lines.append(f"{_scalar(name)}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _entry(key: str, value: Any, indent: int, *, dash: bool = False) -> list[str]:
    """The lines of a key and its value; with a dash before it, what belongs to it stands below the key."""
    lead = " " * indent + ("- " if dash else "") + _scalar(key) + ":"
    flow = _flow(value)
    if not isinstance(value, str):
        if not isinstance(value, Mapping | list) or not value or (_short(value) and len(lead) + len(flow) < WIDTH):
            return [f"{lead} {flow}"]
        return [lead, *_block(value, indent + (4 if dash else 2))]
    if _PLAIN_IN_BLOCK.fullmatch(value) and not _misread(value) and len(lead) + len(value) < WIDTH:
        return [f"{lead} {value}"]
    if len(lead) + len(flow) >= WIDTH or "\n" in value:
        text = _text_block(value, indent + (4 if dash else 2))
        if text is not None:
            return [f"{lead} {text[0]}", *text[1:]]
    return [f"{lead} {flow}"]


def _block(value: Mapping[str, Any] | list[Any], indent: int) -> list[str]:
    if isinstance(value, Mapping):
        return [line for key, inner in value.items() for line in _entry(key, inner, indent)]
    return [line for inner in value for line in _item(inner, indent)]


def _item(value: Any, indent: int) -> list[str]:
    flow = _flow(value)
    if not isinstance(value, Mapping | list) or not value or (_short(value) and indent + 2 + len(flow) < WIDTH):
        return [" " * indent + f"- {flow}"]
    inner = _block(value, indent + 2)
    return [" " * indent + "- " + inner[0][indent + 2 :], *inner[1:]]


def _short(value: Any) -> bool:
    """Whether a value reads well on one line: nothing in it has lines of its own."""
    if isinstance(value, str):
        return "\n" not in value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return all(_short(each) for each in inner)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    if isinstance(value, str):
        return _scalar(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return ".nan" if value != value else ".inf" if value > 0 else "-.inf"
    return repr(value)


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and not _misread(text) else quoted(text)


def _misread(text: str) -> bool:
    """Whether a text without quotes would be read as something else, by this reader or another."""
    return bool(_WORDS.fullmatch(text) or _NUMBER.fullmatch(text)) or not text.isprintable()


def seen(text: str) -> str:
    """A text as a comment holds it: in one line, with nothing in it that cannot be seen."""
    return "".join(c if c.isprintable() else " " for c in text)


def quoted(text: str) -> str:
    """A text in double quotes, what cannot be seen in it as escapes."""
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _escape(ord(c))) for c in text) + '"'


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _text_block(text: str, indent: int) -> list[str] | None:
    """A long text as a block: its lines as they are, or one long line folded; None where a block would change it."""
    margin = " " * indent
    lines = text.split("\n")
    if any(not line.isprintable() for line in lines) or text[:1] in (" ", "\n", ""):
        return None
    if len(lines) > 1:
        body = lines[:-1] if text.endswith("\n") else lines
        if not body[-1] or any(line and not line.strip(" ") for line in body):
            return None
        return ["|" if text.endswith("\n") else "|-", *(margin + line if line else "" for line in body)]
    words = text.split(" ")
    if "" in words:
        return None
    rows = [words[0]]
    for word in words[1:]:
        if len(margin) + len(rows[-1]) + 1 + len(word) < WIDTH:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    return [">-", *(margin + row for row in rows)]
