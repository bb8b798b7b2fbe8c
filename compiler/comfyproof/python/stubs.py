"""What the typed signatures for editors share: how a call with named arguments is written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from keyword import iskeyword

WIDTH = 120
_LONGEST_DEFAULT = 60


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument, given by name; without a default where it has to be given."""

    name: str
    type: str
    default: str | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.type}" + ("" if self.default is None else f" = {self.default}")


def argument_name(name: str) -> str:
    """A field's name as an argument: what Python keeps for itself gets an underscore."""
    return f"{name}_" if iskeyword(name) else name


def shown_default(value: object) -> str:
    """A default as an editor shows it; an ellipsis for what would take too much room."""
    text = ascii(value)
    plain = value is None or isinstance(value, bool | int | float | str | tuple)
    return text if plain and len(text) <= _LONGEST_DEFAULT and text not in ("inf", "-inf", "nan") else "..."


def header(command: str, what: str, imports: Iterable[str]) -> str:
    """How a generated file begins. Its lines are as long as its signatures."""
    first = f'"""{_quoted(what)} Written by `{command}`."""'
    return "\n".join(["# ruff: noqa", "# fmt: off", first, "", "from __future__ import annotations", "", *imports, ""])


def method(name: str, arguments: Iterable[Argument], returns: str, doc: Iterable[str], rest: str = "") -> str:
    """A method of which all arguments are given by name; `rest` is the type of any others."""
    given = sorted(arguments, key=lambda argument: argument.default is not None)
    words = [*map(str, given), *([f"**others: {rest}"] if rest else [])]
    front = ["self", *(["*"] if given else [])]
    line = f"    def {name}({', '.join([*front, *words])}) -> {returns}:"
    if len(line) > WIDTH:
        inside = "".join(f"        {word},\n" for word in [*front, *words])
        line = f"    def {name}(\n{inside}    ) -> {returns}:"
    lines = list(doc)
    end = '"""' if len(lines) == 1 else '\n        """'
    text = _quoted("\n".join(f"        {each}".rstrip() for each in lines).strip())
    return f'{line}\n        """{text}{end}\n'


def _quoted(text: str) -> str:
    """A text as it can stand in a docstring."""
    return text.replace("\\", "\\\\").replace('"', "'")
