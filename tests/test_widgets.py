"""Sockets and widgets of node classes, held against what two generations of ComfyUI's editor made of each class.

`editor_nodes.jsonl.gz` has a line for each of the 505 classes of the built-in catalog, and for classes made up
to show one rule each, which bring their description: its sockets, widgets and least size as the editor had them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in, from_object_info
from comfyproof.catalog.widgets import NEWER, OLDER, Editor, Face, Widget, read_face, widgets

PACKED = Path(__file__).with_name("editor_nodes.jsonl.gz").read_bytes()
RECORDED = [json.loads(line) for line in gzip.decompress(PACKED).splitlines()]
# Sockets that stand for a widget that is not there: the editor has them among its widgets.
SHIMS = {"A_multi"}


def unfolded(face: Face) -> Iterator[Widget]:
    """The widgets as they are at first, each combo at the first of its choices."""
    for widget in face.widgets:
        yield widget
        if widget.choices:
            yield from unfolded(widget.choices[widget.default])


def unfolded_sockets(face: Face) -> Iterator[tuple[str, str, bool]]:
    for socket in face.sockets:
        yield socket.name, socket.type, socket.optional
    for widget in face.widgets:
        if widget.choices:
            yield from unfolded_sockets(widget.choices[widget.default])


@pytest.mark.parametrize("editor", [OLDER, NEWER])
def test_every_class_has_the_sockets_and_widgets_that_the_editor_gives_it(editor: Editor) -> None:
    compared = 0
    for row in RECORDED:
        seen = row[editor]
        if seen is None or row["class"] in SHIMS:
            continue
        if "widgets" not in seen:
            seen = row[NEWER]
        face = read_face(row.get("raw") or built_in().raw[row["class"]], editor)
        # The newer editor numbers names that it has had; only the first of a name is ever sent.
        assert [[w.name.partition("#")[0], w.saved, w.default] for w in unfolded(face)] == [
            [name.partition("#")[0], saved, default] for name, saved, default in seen["widgets"]
        ], row["class"]
        assert sorted(unfolded_sockets(face)) == sorted(map(tuple, seen["sockets"])), row["class"]
        compared += 1
    assert compared > 580


def test_widgets_say_what_is_sent() -> None:
    sampler = {widget.name: widget.sent for widget in widgets(built_in().raw["KSampler"])}
    assert sampler == {
        "seed": True, "control_after_generate": False, "steps": True, "cfg": True,
        "sampler_name": True, "scheduler": True, "denoise": True,
    }  # fmt: skip
    assert [w.name for w in widgets(built_in().raw["PreviewAny"], OLDER) if w.sent] == ["preview"]
    assert [w.name for w in widgets(built_in().raw["PreviewAny"], NEWER) if w.sent] == []


def test_a_catalog_remembers_a_class_by_editor() -> None:
    catalog = built_in()
    assert catalog.face("LoadImage") is catalog.face("LoadImage", NEWER)
    assert catalog.face("PreviewAny", OLDER) != catalog.face("PreviewAny", NEWER)
    assert catalog.face("NoSuchClass") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
WORDS = ["options", "default", "template", "input", "required", "optional", "names", "min", "max", "key", "inputs",
         "remote", "refresh_button", "control_after_generate", "multi_select", "widgetType", "prefix"]  # fmt: skip
TYPES = ["INT", "FLOAT", "COMBO", "STRING", "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3", "COMFY_MATCHTYPE_V3", "CURVE",
         "BOUNDING_BOX", "LOAD_3D", "COLOR"]  # fmt: skip
CONFIGS = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["a", "seed", "image", "audio"]),
        st.tuples(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(WORDS), CONFIGS)).map(list),
    ),
    CONFIGS,
    st.sampled_from([OLDER, NEWER]),
)
def test_any_description_that_a_catalog_reads_has_a_face(required: Any, order: Any, editor: Editor) -> None:
    node = {"input": {"required": required}, "input_order": order, "output": ["IMAGE"], "name": "Odd"}
    catalog = from_object_info({"Odd": node, "Plain": {"input": {}, "output": []}}, "test")
    face = catalog.face("Odd", editor)
    assert (face is None) == ("Odd" in catalog.left_out)
