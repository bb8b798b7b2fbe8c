"""nodes.pyi: a catalog's node classes as typed signatures, so that editors complete and check nodes by their inputs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..catalog.nodes import Input, NodeType
from ..catalog.pinned import Catalog
from .calls import plain_name
from .stubs import Argument, argument_name, header, method, shown_default

_IMPORTS = (
    "from collections.abc import Callable",
    "from typing import Any, Literal",
    "",
    "from comfyproof.python.handles import Handle, Node",
)
_PLAIN = {"INT": "int", "FLOAT": "float", "STRING": "str", "BOOLEAN": "bool"}
_INIT = "    def __init__(self, add: Callable[..., Node]) -> None: ...\n"
# Names that the annotations use, and that a method of the same name would hide.
_TAKEN = {*_PLAIN.values(), "Any", "Literal", "Handle", "Node"}
_MOST_OPTIONS = 50


def node_stubs(catalog: Catalog) -> str:
    """The text of a stub with the class Nodes, the same every time for the same catalog."""
    methods, others = [], []
    for name in catalog.names():
        node = catalog.get(name)
        assert node is not None
        if name == argument_name(name) and _is_argument(name) and not name.startswith("_") and name not in _TAKEN:
            methods.append(_method(node))
        else:
            others.append(name)
    what = f"The node classes of {_plain(catalog.id)}."
    note = f"    # By node(...) alone: {', '.join(map(ascii, others))}\n\n" if others else ""
    body = "\n".join([_INIT, *methods])
    return f"{header('comfyproof catalog stubs', what, _IMPORTS)}\nclass Nodes:\n{note}{body}"


def _method(node: NodeType) -> str:
    arguments = {}
    for declared in node.inputs.values():
        if _is_argument(declared.name):
            arguments[declared.name] = _argument(declared)
    rest = "Any" if len(arguments) < len(node.inputs) else ""
    given = [*arguments.values(), Argument("as_", "str | None", "None")]
    outputs = ", ".join(
        output.name if output.name == output.type else f"{output.name} ({output.type})" for output in node.outputs
    )
    title = f"{node.display_name} ({node.category})" if node.category else node.display_name
    return method(node.name, given, "Node", [_plain(f"{title}; gives {outputs or 'nothing'}")], rest)


def _argument(declared: Input) -> Argument:
    """An input; what the node has a default for can be left out."""
    default = None
    if declared.default is not None:
        default = shown_default(declared.default) if _fits(declared) else "..."
    elif not declared.required:
        default = "..."
    return Argument(argument_name(declared.name), " | ".join(_types(declared)), default)


def _fits(declared: Input) -> bool:
    """Whether a node's default is of the type it declares: some are not, and work."""
    if declared.type == "COMBO":
        return declared.default in (declared.options or ())
    return type(declared.default).__name__ in {_PLAIN.get(declared.type), "int" if declared.type == "FLOAT" else ""}


def _types(declared: Input) -> Iterator[str]:
    if declared.type == "COMBO":
        options = declared.options or ()
        listed = all(isinstance(option, str | bool | int) for option in options) and len(options) <= _MOST_OPTIONS
        if listed and options and declared.folder is None:
            yield f"Literal[{', '.join(map(ascii, dict.fromkeys(options)))}]"
        else:
            yield "str" if all(isinstance(option, str) for option in options) else "Any"
    elif declared.type in _PLAIN:
        yield _PLAIN[declared.type]
    elif declared.type == "*":
        yield "Any"
        return
    yield "Handle"


def _is_argument(name: str) -> bool:
    """Whether an input can be given by its name; if not, it still can with `**{name: value}`."""
    word = argument_name(name)
    return word.isascii() and word.isidentifier() and plain_name(word) == name and word not in ("self", "as_")


def _plain(text: str) -> str:
    """A text from outside in one line of a comment or docstring."""
    return re.sub(r"[^ -~]", "?", text)
