"""What differs between two graphs, as text for a terminal, as JSON, and as Markdown for a pull request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..catalog.pinned import Catalog
from ..diff.compare import Difference, InputChange, Left, NodeChange
from ..diff.words import Part, shortened, word_changes
from ..graph import Asset, Graph, Link, Node, Secret, Value
from .text import clean

SCHEMA = "comfyproof/diff/1"
MAX_SHOWN = 100  # letters of a value
MAX_ROWS = 25  # of a table that is open at once
_PLAIN_TEXT = 20  # letters of a text that is shown as two, whatever they share
_COLORS = {"~": "33;1", "+": "32;1", "-": "31;1", "gone": "31", "new": "32"}


@dataclass(frozen=True, slots=True)
class Names:
    """What nodes, outputs and values are called; a catalog knows the outputs."""

    catalog: Catalog

    def node(self, node: Node, id: str = "") -> str:
        """A node by its class, its title if it has one of its own, and its id."""
        declared = self.catalog.get(node.type)
        usual = ("", node.type, declared.display_name if declared else "")
        title = "" if node.title in usual else f' "{_cut(node.title)}"'
        return f"{node.type}{title} ({id or node.id})"

    def link(self, link: Link, graph: Graph) -> str:
        """Where a link comes from."""
        node = graph.nodes.get(link.node)
        if node is None:
            return f'output {link.output} of the node "{link.node}", which is missing'
        outputs = declared.outputs if (declared := self.catalog.get(node.type)) else ()
        known = isinstance(link.output, int) and 0 <= link.output < len(outputs)
        return f"{outputs[link.output].name if known else f'output {link.output}'} of {self.node(node)}"

    def value(self, value: Value | Left, graph: Graph) -> str:
        """A value, or where it comes from."""
        if isinstance(value, Link):
            return self.link(value, graph)
        return "left out" if isinstance(value, Left) else _cut(_json(value))

    def standing(self, node: Node, difference: Difference) -> str:
        """Between which nodes an added one was put, or which do without a removed one."""
        nodes = difference.after.nodes
        for phrase, pairs in (
            (", between {} and {}", difference.between.get(node.id, ())),
            (", so that {1} takes from {0}", difference.bypassed.get(node.id, ())),
        ):
            if pairs:
                more = f", and {len(pairs) - 1} more so" if len(pairs) > 1 else ""
                return phrase.format(*(self.node(nodes[id]) for id in pairs[0])) + more
        return ""

    def change(self, change: NodeChange) -> str:
        """A node that differs, with both classes where another stands in its place."""
        return (
            f"{self.node(change.before)} -> {self.node(change.after)}" if change.replaced else self.node(change.after)
        )


def summary(difference: Difference) -> str:
    """In one line, how much differs."""
    if difference.equal:
        return f"no difference: {_counted(difference.unchanged)}"
    counts = [
        (len(difference.added), "added"),
        (len(difference.removed), "removed"),
        (len(difference.changed), "changed"),
        (difference.unchanged, "unchanged"),
    ]
    first, *rest = [(count, what) for count, what in counts if count]
    return ", ".join([f"{_counted(first[0])} {first[1]}", *(f"{count} {what}" for count, what in rest)])


def _counted(count: int) -> str:
    return f"{count} node{'' if count == 1 else 's'}"


def as_text(difference: Difference, files: tuple[str, str], catalog: Catalog, *, color: bool = False) -> str:
    """The difference between two files, a block for each node, and a line that sums it up."""
    names = Names(catalog)
    lines = [] if difference.equal else [f"--- {clean(files[0])}", f"+++ {clean(files[1])}"]
    for change in difference.changed:
        lines.append(_headline("~", names.change(change), color))
        lines += (f"    {_input_line(each, difference, names, color)}" for each in change.inputs)
    for node in difference.added:
        lines.append(_headline("+", names.node(node) + names.standing(node, difference), color))
        lines += (f"    {clean(n)}: {clean(names.value(v, difference.after))}" for n, v in node.inputs.items())
    for node in difference.removed:
        lines.append(_headline("-", names.node(node) + names.standing(node, difference), color))
    return "".join(f"{line}\n" for line in (*lines, summary(difference)))


def _headline(sign: str, text: str, color: bool) -> str:
    return _paint(f"{sign} {clean(text)}", _COLORS[sign], color)


def _input_line(change: InputChange, difference: Difference, names: Names, color: bool) -> str:
    if (parts := _parts(change)) is not None:
        said = "".join(_marked(kind, clean(_visible(text)), color) for kind, text in shortened(parts))
        return f"{clean(change.name)}: {said}"
    before = clean(names.value(change.before, difference.before))
    after = clean(names.value(change.after, difference.after))
    return f"{clean(change.name)}: {_paint(before, _COLORS['gone'], color)} -> {_paint(after, _COLORS['new'], color)}"


def _parts(change: InputChange) -> list[Part] | None:
    """The change of a text, or of a value that is long as one, in which some is the same."""
    before, after = change.before, change.after
    if isinstance(before, Link | Left) or isinstance(after, Link | Left):
        return None
    if not isinstance(before, str) or not isinstance(after, str):
        before, after = _json(before), _json(after)
        if max(len(before), len(after)) <= MAX_SHOWN:
            return None
    parts = word_changes(before, after) if max(len(before), len(after)) > _PLAIN_TEXT else []
    return parts if any(kind == "same" for kind, _ in parts) else None


def _marked(kind: str, text: str, color: bool) -> str:
    if kind == "same":
        return text
    if color:
        return _paint(text, _COLORS[kind], color)
    return f"[-{text}-]" if kind == "gone" else f"{{+{text}+}}"


def _visible(text: str) -> str:
    return text.replace("\n", "\\n")


def as_json(difference: Difference, files: tuple[str, str]) -> str:
    """The difference between two files as one JSON document."""
    document = {
        "schema": SCHEMA,
        "before": files[0],
        "after": files[1],
        "equal": difference.equal,
        "added": [_node_entry(node) for node in difference.added],
        "removed": [_node_entry(node) for node in difference.removed],
        "changed": [
            {
                "before": _name_entry(change.before),
                "after": _name_entry(change.after),
                "inputs": [
                    {"name": each.name, "before": _value_entry(each.before), "after": _value_entry(each.after)}
                    for each in change.inputs
                ],
            }
            for change in difference.changed
        ],
        "unchanged": difference.unchanged,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _name_entry(node: Node) -> dict[str, Any]:
    return {"id": node.id, "class": node.type, "title": node.title}


def _node_entry(node: Node) -> dict[str, Any]:
    return {**_name_entry(node), "inputs": {name: _value_entry(value) for name, value in node.inputs.items()}}


def _value_entry(value: Value | Left) -> dict[str, Any] | None:
    """A value, a link, or nothing."""
    if isinstance(value, Left):
        return None
    return {"node": value.node, "output": value.output} if isinstance(value, Link) else {"value": _plain(value)}


def _plain(value: Value) -> Any:
    """A value as a server gets it."""
    return value.name if isinstance(value, Asset) else str(value) if isinstance(value, Secret) else value


def as_markdown(difference: Difference, files: tuple[str, str], catalog: Catalog) -> str:
    """The difference between two files as tables, long ones folded. No text in it can be taken for markup."""
    names = Names(catalog)
    blocks = [f"**{summary(difference)}** ({_code(files[0])} → {_code(files[1])})"]
    blocks += _table("changed", ("Changed node", "Input", "Before", "After"), _changed_rows(difference, names))
    for what, nodes, graph in (
        ("added", difference.added, difference.after),
        ("removed", difference.removed, difference.before),
    ):
        rows = [
            (_code(names.node(node) + names.standing(node, difference)), _inputs(node, graph, names)) for node in nodes
        ]
        blocks += _table(what, (f"{what.capitalize()} node", "Inputs"), rows)
    return "\n\n".join(blocks) + "\n"


def _changed_rows(difference: Difference, names: Names) -> Iterator[Sequence[str]]:
    for change in difference.changed:
        name = _code(names.change(change))
        if not change.inputs:
            yield name, "", "", ""
        for each in change.inputs:
            if (parts := _parts(each)) is None:
                before, after = (
                    _shown(value, graph, names)
                    for value, graph in ((each.before, difference.before), (each.after, difference.after))
                )
            else:
                before, after = _side(parts, "gone", "del"), _side(parts, "new", "ins")
            yield name, _code(each.name), before, after
            name = ""


def _side(parts: Sequence[Part], own: str, tag: str) -> str:
    """One of two texts, with what the other lacks marked."""
    shown = (part for part in shortened(parts) if part[0] in ("same", own))
    said = "".join(_said(text) if kind == "same" else f"<{tag}>{_said(text)}</{tag}>" for kind, text in shown)
    return f"<code>{said}</code>"


def _inputs(node: Node, graph: Graph, names: Names) -> str:
    return "<br>".join(f"{_code(name)}: {_shown(value, graph, names)}" for name, value in node.inputs.items())


def _shown(value: Value | Left, graph: Graph, names: Names) -> str:
    return "left out" if isinstance(value, Left) else _code(names.value(value, graph))


def _table(what: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table with these columns, folded where it has many rows; nothing where it has none."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return []
    table = "\n".join((f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines))
    if len(lines) <= MAX_ROWS:
        return [table]
    return [f"<details><summary>What was {what}: {len(lines)} rows</summary>", table, "</details>"]


def _code(text: str) -> str:
    return f"<code>{_said(text)}</code>"


def _said(text: str) -> str:
    """Text from outside of which nothing is markup: every sign that could be stands as its number."""
    lines = (re.sub(r"[^a-zA-Z0-9 ,.()=/-]", _as_number, clean(line)) for line in text.split("\n"))
    return "<br>".join(lines)


def _as_number(sign: re.Match[str]) -> str:
    return sign[0] if sign[0].isalnum() else f"&#{ord(sign[0])};"


def _json(value: Value) -> str:
    try:
        return json.dumps(_plain(value), ensure_ascii=False)
    except RecursionError:
        return "a value that nests deeply"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def _paint(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color and text else text
