"""The language as a JSON Schema, for completion and checking in editors.

It is of draft 7: every release of the YAML language server, which most editors share, reads that one (later
drafts since its 1.20 alone), and so do the editors that bring a reader of their own.

What the schema refuses, the language refuses. The reverse cannot be: a schema knows nothing of which names there
are, and of what one field means for another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..catalog.files import FILE_INPUTS
from ..catalog.nodes import Input, NodeType
from ..catalog.pinned import Catalog, built_in
from ..stages.blocks import MAX_SEED, SAMPLING_FIELDS
from ..stages.families import FAMILIES
from ..stages.models import MODEL_KINDS
from ..stages.verification import Verification
from ..stages.vocabulary import STAGES
from .inputs import InputBlock
from .naming import MAX_TEMPLATE
from .pipeline import Target
from .series import MAX_VALUES
from .written import FILLED, INPUT, NAME, OUTPUT, Schema, blocks_schema, one_of, or_name, or_null

DRAFT = "http://json-schema.org/draft-07/schema#"
_NAMED = {
    "pattern": NAME,
    "patternErrorMessage": "a name begins with a letter, and goes on with letters, digits, - and _",
}
# Fields of a stage by the input of KSampler that lists their values.
_SAMPLED = {"sampler": "sampler_name", "scheduler": "scheduler"}
_FOLDER = re.compile(r"\bmodels/(\w+)")
_NUMBERS = {
    "INT": ("integer", "a whole number"),
    "FLOAT": ("number", "a number"),
    "BOOLEAN": ("boolean", "true or false"),
}


def language_schema(catalog: Catalog, *, nodes: bool = False) -> Schema:
    """The schema of a spec, with a catalog's samplers; with `nodes`, also with its node classes and files.

    Model files are offered and never refused, since they may come later. Nothing but the version is required: a
    file without stages may be a part of others.
    """
    return {
        "$schema": DRAFT,
        "description": "A pipeline for ComfyUI: what a picture goes through, and what must hold of it.",
        "type": "object",
        "required": ["comfyproof"],
        "properties": _sections(catalog, nodes),
        "additionalProperties": False,
    }


def as_text(schema: Schema) -> str:
    """A schema as a file, the same bytes every time."""
    return json.dumps(schema, indent=2) + "\n"


def _sections(catalog: Catalog, nodes: bool) -> dict[str, Schema]:
    target, verify = blocks_schema([Target, Verification], filled=True)
    return {
        "comfyproof": {"description": "the version of the language", "const": 1},
        "name": {
            "description": "the pipeline's name; the file's, unless given",
            "type": ["string", "null"],
            "minLength": 1,
        },
        "use": {
            "description": "files from which this takes over what it does not say itself",
            "type": ["string", "array", "null"],
            "minLength": 1,
            "items": {"type": ["string", "null"], "minLength": 1},
        },
        "target": {**or_null(target), "description": "the machine it is meant for"},
        "inputs": _by_name("what a run may set", _input_schema()),
        "models": _by_name("every model file, named once", _model_schema(_files(catalog) if nodes else {})),
        "stages": {
            "description": "what the picture goes through, in order",
            "type": ["array", "null"],
            "items": _stage_schema(catalog),
        },
        "nodes": _by_name("any ComfyUI node, by its class and inputs", _node_schema(catalog if nodes else None)),
        "verify": {**or_null(verify), "description": "what must hold of every saved picture"},
        "variants": {
            "description": "named sets of changes",
            "type": ["object", "null"],
            "additionalProperties": _changes(),
        },
        "each": _each_schema(),
        "matrix": _matrix_schema(),
        "names": {
            "description": "what the forms are called, such as {row}-{variant}-{refine.seed:04}",
            "type": ["string", "null"],
            "minLength": 1,
            "maxLength": MAX_TEMPLATE,
        },
    }


def _changes() -> Schema:
    return {"description": "values by their paths, such as refine.denoise", "type": ["object", "null"]}


def _each_schema() -> Schema:
    file: Schema = {
        "properties": {
            "file": {"description": "a file named after the row's, such as {image.stem}.txt", "type": "string"}
        },
        "additionalProperties": False,
    }
    return {
        "description": "one run a row: a list of values for each input, or a file of rows",
        "type": ["object", "null"],
        "minProperties": 1,
        "properties": {
            "rows": {"description": "a CSV or JSONL file, its columns named as inputs are", "type": ["string", "array"]}
        },
        "additionalProperties": {
            "description": "a list, a pattern of names such as photos/*.png, a file that holds the text, or numbers",
            "type": ["array", "string", "object"],
            "pattern": r"[*?\[]",
            "patternErrorMessage": "it should be a list, a pattern such as photos/*.png, {file: ...} or {from: 1}",
            "if": {"required": ["file"]},
            "then": file,
            "else": _series_schema(),
        },
    }


def _series_schema() -> Schema:
    """Numbers that are counted up, or drawn from a hash."""
    number = {"type": "number", "minimum": -(2**64), "maximum": 2**64}
    return {
        "properties": {
            "from": {"description": "the first number", **number},
            "to": {"description": "the last number", **number},
            "step": {"description": "how far they are apart, 1 unless given", **number},
            "count": {"description": "how many there are", "type": "integer", "minimum": 1, "maximum": MAX_VALUES},
            "hash": {"description": "what seeds are drawn from, a number or text", "type": ["integer", "string"]},
        },
        "anyOf": [{"type": ["array", "string"]}, {"required": ["from"]}, {"required": ["hash"]}],
        "additionalProperties": False,
    }


def _matrix_schema() -> Schema:
    listed = {"type": ["array", "null"], "items": {**_changes(), "type": "object"}}
    return {
        "description": "every combination of some values",
        "type": ["object", "null"],
        "properties": {
            "exclude": {"description": "combinations to leave out", **listed},
            "include": {"description": "combinations to add", **listed},
        },
        "additionalProperties": {
            "description": "the values of a path, such as refine.denoise: a list, or {from: 1, count: 20}",
            "type": ["array", "object"],
            "minItems": 1,
            **_series_schema(),
        },
    }


def _by_name(description: str, each: Schema) -> Schema:
    """A section of things under names of their author's."""
    return {
        "description": description,
        "type": ["object", "null"],
        "propertyNames": _NAMED,
        "additionalProperties": each,
    }


def _input_schema() -> Schema:
    """An input, with a default of its type."""
    (block,) = blocks_schema([InputBlock], filled=False)
    defaults: Mapping[str, Schema] = {
        "int": or_name({"type": "integer"}, INPUT, "a whole number"),
        "seed": or_name({"type": "integer", "minimum": 0, "maximum": MAX_SEED}, INPUT, "a whole number"),
        "float": or_name({"type": "number"}, INPUT, "a number"),
        "bool": or_name({"type": "boolean"}, INPUT, "true or false"),
        "choice": {"type": ["string", "number", "boolean"]},
    }
    cases = [
        {
            "if": {"required": ["type"], "properties": {"type": {"const": kind}}},
            "then": {"properties": {"default": or_null(defaults.get(kind, {"type": "string"}))}},
        }
        for kind in block["properties"]["type"]["enum"]
    ]
    return {**block, "allOf": cases}


def _model_schema(files: Mapping[str, list[str]]) -> Schema:
    """A model, its kind chosen by the field that makes it that kind, so that a mistake is one of that kind alone."""
    blocks = dict(zip(MODEL_KINDS, blocks_schema(MODEL_KINDS.values(), filled=True), strict=True))
    chosen: Schema = {
        "type": "object",
        "properties": {kind: {"description": block["description"]} for kind, block in blocks.items()},
        "required": list(blocks)[:1],
        "errorMessage": f"a model is one of {', '.join(blocks)}",
    }
    for kind, block in reversed(blocks.items()):
        is_kind = {"type": "object", "required": [kind]}
        chosen = {"if": is_kind, "then": _offering(block, files), "else": chosen}
    return chosen


def _offering(block: Schema, files: Mapping[str, list[str]]) -> Schema:
    """A model's block whose fields offer the files of the folder that their description names, and families."""
    fields = {}
    for name, field in block["properties"].items():
        folder = _FOLDER.search(field.get("description", ""))
        offered = list(FAMILIES) if name == "family" else files.get(folder[1], []) if folder else []
        if "properties" in field:
            field = _offering(field, files)
        elif offered and "items" in field:
            field = {**field, "items": _offered(field["items"], offered)}
        elif offered:
            field = _offered(field, offered)
        fields[name] = field
    return {**block, "properties": fields}


def _offered(field: Schema, values: Iterable[Any]) -> Schema:
    """A field for which an editor offers some values, and takes any. Its `examples` would all be shown on hovering."""
    said = {key: field[key] for key in field if key in ("description", "default")}
    rest = {key: field[key] for key in field if key not in said}
    return {**said, "anyOf": [{"enum": list(dict.fromkeys(values))}, rest]}


def _files(catalog: Catalog) -> dict[str, list[str]]:
    """The files that a catalog lists, by folder."""
    found: dict[str, set[str]] = {}
    for name in FILE_INPUTS:
        node = catalog.get(name)
        for each in node.inputs.values() if node else ():
            if each.folder and each.options:
                found.setdefault(each.folder, set()).update(o for o in each.options if isinstance(o, str))
    return {folder: sorted(files) for folder, files in found.items()}


def _stage_schema(catalog: Catalog) -> Schema:
    """A stage: one kind with its fields, or the kind alone where it needs none."""
    blocks = dict(zip(STAGES, blocks_schema(STAGES.values(), filled=True), strict=True))
    return {
        "if": {"type": "string"},
        "then": {"enum": [kind for kind, block in blocks.items() if not block.get("required")]},
        "else": {
            "type": "object",
            "properties": {kind: _body_schema(block, catalog) for kind, block in blocks.items()},
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        },
    }


def _body_schema(block: Schema, catalog: Catalog) -> Schema:
    """The fields of a stage; what `like` can take from another stage is required only without it."""
    fields = {name: _listed(name, field, catalog) for name, field in block["properties"].items()}
    required = block.get("required", [])
    likable = [name for name in required if name in SAMPLING_FIELDS and "like" in fields]
    whole = {**block, "properties": {**fields, "as": {**fields["as"], **_NAMED}}}
    if likable:
        whole |= {
            "required": [name for name in required if name not in likable],
            "if": {"required": ["like"]},
            "else": {"required": likable},
        }
    return whole if required else or_null(whole)


def _listed(name: str, field: Schema, catalog: Catalog) -> Schema:
    """A field; where KSampler lists its values, one of these."""
    sampler = catalog.get("KSampler")
    wanted = sampler.inputs.get(_SAMPLED.get(name, "")) if sampler else None
    if wanted is None or not wanted.options:
        return field
    listed, other = one_of(wanted.options, FILLED)["anyOf"]
    return {"description": field["description"], "anyOf": [listed, or_null(other)]}


def _node_schema(catalog: Catalog | None) -> Schema:
    """A node: its class with its inputs."""
    anything = {"description": "the node's inputs", "type": ["object", "null"]}
    one: Schema = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": anything}
    if catalog is None:
        return one
    given = {str(kind) for node in catalog.raw.values() for kind in node["output"]}
    known = {name: _class_schema(node, given) for name in catalog.names() if (node := catalog.get(name))}
    unread = dict.fromkeys(catalog.left_out, anything)
    return {**one, "properties": {**known, **unread}, "additionalProperties": False if catalog.complete else anything}


def _class_schema(node: NodeType, given: Collection[str]) -> Schema:
    gives = ", ".join(f"{each.name} ({each.type})" if each.name != each.type else each.type for each in node.outputs)
    schema: Schema = {
        "description": f"{node.display_name} in {node.category or 'no category'}; gives {gives or 'nothing'}",
        "type": ["object", "null"],
        "properties": {each.name: _value_schema(each, given) for each in node.inputs.values()},
    }
    # Of other packs it is not known whether they take more inputs than they declare.
    return {**schema, "additionalProperties": False} if node.name in built_in().raw else schema


def _value_schema(wanted: Input, given: Collection[str]) -> Schema:
    """What an input takes; a link where some node gives its type, else a value or a link."""
    words = "" if wanted.required else "; optional"
    said: Schema = {"description": f"{wanted.type}{f': a file in {wanted.folder}' if wanted.folder else ''}{words}"}
    if _is_plain(wanted.default):
        said["default"] = wanted.default
    if wanted.type in given and wanted.takes_link:
        message = f"it should name what gives {wanted.type}, such as $load"
        return {**said, "type": "string", "pattern": OUTPUT, "patternErrorMessage": message}
    if wanted.type in _NUMBERS:
        kind, kind_words = _NUMBERS[wanted.type]
        bounds = {key: wanted.config.get(bound) for key, bound in (("minimum", "min"), ("maximum", "max"))}
        known = {key: bound for key, bound in bounds.items() if kind != "boolean" and _is_plain(bound)}
        return {**said, **or_name({"type": kind, **known}, OUTPUT, kind_words)}
    if wanted.type == "STRING":
        return {**said, "type": "string"}
    if wanted.options is None or not all(_is_plain(option) for option in wanted.options):
        return said
    if wanted.folder or wanted.config.get("multiselect"):
        return _offered(said, wanted.options)
    return {**said, **one_of(wanted.options, rf"{OUTPUT}|\$\{{")}


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and value - value == 0)
