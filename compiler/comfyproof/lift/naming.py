"""Names for what a graph leaves without: from titles, files and classes, each a word of the language."""

from __future__ import annotations

import re

from ..catalog.pinned import Catalog
from ..graph import Node
from ..spec.names import distinct
from ..stages.vocabulary import STAGES
from .found import ModelFound, StageFound

MAX_LENGTH = 40
# What a compiled node is called: the stage or model, and which part of it.
_PART = re.compile(r"([A-Za-z_][\w-]*): ([a-zA-Z][\w #-]*)")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[0-9])(?=[A-Z][a-z])|(?<=[A-Z]{2})(?=[A-Z][a-z])")
# Words in a file's name that say how it is stored, and not what it is.
_STORED = re.compile(
    r"[-_. ](?:(?:t5)?fp(?:8|16|32)|bf16|e4m3fn|e5m2|scaled|pruned|emaonly|ema|safetensors|q\d(?:_[k0-9](?:_[sml])?)?)"
    r"(?=[-_. ]|$)",
    re.IGNORECASE,
)


def word(text: str, otherwise: str = "node") -> str:
    """A text as a name: it begins with a letter, and goes on with letters, digits, - and _."""
    name = re.sub(r"[^\w-]+", "_", text).strip("_-")[:MAX_LENGTH].strip("_-")
    if not name:
        return otherwise
    return name if re.match(r"[A-Za-z]", name) else f"{otherwise}_{name}"


def of_class(type: str) -> str:
    """A node class as a name: image_blur of ImageBlur."""
    return word(_HUMP.sub("_", type)).casefold()


def own_title(node: Node, catalog: Catalog) -> str:
    """The title that a person gave a node; nothing where it is the class's."""
    declared = catalog.get(node.type)
    usual = {node.type, declared.display_name if declared else "", _HUMP.sub(" ", node.type)}
    given = node.title.strip()
    return "" if given.casefold() in {each.casefold() for each in usual} else given


class Names:
    """One space of names, for inputs, models, stages and nodes."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.taken = set(STAGES)

    def model(self, model: ModelFound) -> str:
        """A model's name: the one that it was compiled with, else from its file."""
        part = _PART.fullmatch(model.title)
        if part and model.kind == "lora":
            found = re.fullmatch(r"LoRA ([\w-]+?)(?: #\d+)?(?: high| low)?", part[2])
            part = found and re.fullmatch(r"(.*)", found[1])
        if part:
            return distinct(word(part[1], "model"), self.taken)
        block = model.fields
        file = block["experts"]["high"] if model.kind == "experts" else block[model.kind]
        stem = re.sub(r"\.\w{1,11}$", "", str(file).replace("\\", "/").rsplit("/", 1)[-1])
        while (shorter := _STORED.sub("", stem)) != stem and shorter:
            stem = shorter
        return distinct(word(stem.replace(".", "-"), "model").casefold(), self.taken)

    def stage(self, stage: StageFound, node: Node) -> str:
        """The name that a stage has of its own; nothing where its kind will do."""
        title = own_title(node, self.catalog)
        if part := _PART.fullmatch(title):
            title = "" if re.fullmatch(rf"{stage.kind}(-\d+)?", part[1]) else part[1]
        elif stage.kind == "load":
            title = ""  # it is the file's, and so the input's
        else:
            title = title.casefold()
        return distinct(word(title, stage.kind), self.taken) if title and stage.flow is not None else ""

    def numbered(self, kind: str) -> str:
        """A name for a stage that others of its kind must be told from."""
        return distinct(kind, self.taken)

    def node(self, node: Node, role: str) -> str:
        """A node's name: its title, else what it is taken for, else its class."""
        title = own_title(node, self.catalog)
        return distinct(word(title).casefold() if title else role or of_class(node.type), self.taken)

    def input(self, wanted: str, title: str) -> str:
        """An input's name: its title where it is short, else what it is."""
        name = word(title, wanted).casefold() if title and len(title) <= MAX_LENGTH and ":" not in title else wanted
        return distinct(name, self.taken)
