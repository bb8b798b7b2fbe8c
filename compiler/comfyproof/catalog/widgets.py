"""What ComfyUI's web editor makes of a node class: its sockets, and its widgets in the order that files keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypeAlias

from .nodes import split_spec

# The generations of the editor whose exports are known: the one of ComfyUI 0.3.64, and the newest.
Editor: TypeAlias = Literal["1.27", "1.58"]
NEWER: Editor = "1.58"
OLDER: Editor = "1.27"

DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
AUTOGROW = "COMFY_AUTOGROW_V3"
MATCH = "COMFY_MATCHTYPE_V3"
# Classes in whose filename_prefix the editor puts values in place of %...% when it exports.
FILLED_PREFIX = frozenset(
    {"SaveImage", "SaveAnimatedWEBP", "SaveWEBM", "SaveAnimatedPNG", "SaveAudio", "SaveGLB", "SaveLatent"}
    | {"CLIPSave", "VAESave", "ModelSave", "LoraSave"}
)
# How many inputs may grow out of one: ComfyUI's own bound.
MAX_GROWN = 100

# Widgets of a type that need no more than a value to start with.
_SIMPLE: Mapping[str, Any] = {
    "MARKDOWN": "",
    "COLOR": "#000000",
    "CHART": {},
    "GALLERIA": [],
    "TEXTAREA": "",
    "WEBCAM": "",
}
_SIMPLE_BY_EDITOR: Mapping[str, Mapping[str, Any]] = {
    OLDER: {
        **_SIMPLE,
        "FILEUPLOAD": "",
        "IMAGECOMPARE": ["", ""],
        "TREESELECT": "",
        "MULTISELECT": [],
        "SELECTBUTTON": "",
    },
    NEWER: {
        **_SIMPLE,
        "CURVE": {"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"},
        "BOUNDING_BOX": {"x": 0, "y": 0, "width": 512, "height": 512},
        "BOUNDING_BOXES": [],
        "COLORS": [],
        "PAINTER": None,
        "RANGE": {"min": 0, "max": 1},
        "COMFY_BRANCH_SELECTOR": "",
        "COMFY_BRANCH_INPUT_NAMES": [],
        "IMAGECOMPARE": ["", ""],
    },
}
_NUMBERS = frozenset({"INT", "FLOAT"})
_SEEDS = frozenset({"seed", "noise_seed"})
_UPLOADS = ("image_upload", "animated_image_upload", "video_upload")
# What the editor itself adds to the required inputs of some classes.
_ADDED: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("LoadAudio", "SaveAudio", "PreviewAudio"), ("audioUI", "AUDIO_UI")),
    **dict.fromkeys(("SaveAudioMP3", "SaveAudioOpus"), ("audioUI", "AUDIO_UI")),
    **dict.fromkeys(("SaveGLB", "Preview3D"), ("image", "PREVIEW_3D")),
    "Preview3DAnimation": ("image", "PREVIEW_3D_ANIMATION"),
}
_BUTTONS_3D = (
    ("upload 3d model", "upload3dmodel"),
    ("upload extra resources", "uploadExtraResources"),
    ("clear", "clear"),
)


class Socket(NamedTuple):
    """An input that only a link can fill.

    `grown` are the names that further sockets of it may have, in order, and `least` how many there always are.
    """

    name: str
    type: str
    optional: bool = False
    grown: tuple[str, ...] = ()
    least: int = 0


@dataclass(frozen=True, slots=True)
class Widget:
    """A value of a node that a person can set.

    `saved` says that it has a place in a file's widgets_values, `sent` that it goes to the server, and `declared`
    that it is an input of the class, so that a link can take its place. `options` are a combo's values, None where
    it is none or they are not listed. `choices` holds, for a combo of the newer schema that brings inputs of its
    own, what each of its values brings: its widgets come right after it.
    """

    name: str
    type: str
    default: Any
    sent: bool = True
    saved: bool = True
    declared: bool = True
    optional: bool = False
    options: tuple[Any, ...] | None = None
    choices: Mapping[str, Face] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def multiline(self) -> bool:
        """Whether it is an area of text, which takes any value as text."""
        return self.type == "MARKDOWN" or (self.type == "STRING" and bool(self.config.get("multiline")))

    @property
    def dynamic(self) -> bool:
        """Whether the editor takes comments out of its text and chooses among {a|b} when it exports."""
        return self.type == "STRING" and bool(self.config.get("dynamicPrompts"))

    @property
    def several(self) -> bool:
        """Whether it is a combo that takes a list of its values."""
        return self.type == "COMBO" and _true(self.config.get("multi_select"))


class Face(NamedTuple):
    """A node class as the editor shows it: sockets and widgets, each in the editor's order."""

    sockets: tuple[Socket, ...] = ()
    widgets: tuple[Widget, ...] = ()


def widgets(raw_node: Mapping[str, Any], editor: Editor = NEWER) -> tuple[Widget, ...]:
    """The widgets of a class out of an /object_info answer, in the order of widgets_values."""
    return read_face(raw_node, editor).widgets


def read_face(raw_node: Mapping[str, Any], editor: Editor = NEWER) -> Face:
    """The sockets and widgets of a class out of an /object_info answer. Catalog.face remembers them."""
    name = str(raw_node.get("name") or "")
    sections = raw_node.get("input")
    required, optional = (dict(_mapping(_mapping(sections).get(part))) for part in ("required", "optional"))
    _add_editor_inputs(name, required, editor)
    face = _face(_in_order(required, optional, _mapping(raw_node.get("input_order"))), "", editor)
    before = _BUTTONS_3D if name == "Load3D" and editor == NEWER else ()
    after = (("waiting for camera...", "capture"),) if name == "WebcamCapture" else ()
    if before:
        found = [*face.widgets[:1], *map(_button, before), *face.widgets[1:]]
        face = Face(face.sockets, tuple(found))
    if name == "PreviewAny":
        shown = (("preview", ""),) if editor == OLDER else (("preview_text", ""), ("preview_mode", False))
        extra = tuple(_shown(each, value, editor) for each, value in shown)
        face = Face(face.sockets, (*face.widgets, *extra))
    return Face(face.sockets, (*face.widgets, *map(_button, after))) if after else face


def declared_inputs(raw_node: Mapping[str, Any]) -> list[tuple[str, Any, bool]]:
    """Each input that a class declares, in the editor's order: its name, its declaration, whether it is optional."""
    sections = _mapping(raw_node.get("input"))
    required, optional = (_mapping(sections.get(part)) for part in ("required", "optional"))
    return list(_in_order(required, optional, _mapping(raw_node.get("input_order"))))


def _add_editor_inputs(name: str, required: dict[str, Any], editor: Editor) -> None:
    """What the editor adds to the required inputs, which puts it behind all that a class declares."""
    if name in _ADDED and not (name == "Preview3DAnimation" and editor == NEWER):
        added, kind = _ADDED[name]
        required[added] = [kind, {}]
    declared = [(each, *split_spec(spec)) for each, spec in required.items()]
    combos = [(each, config) for each, kind, config in declared if isinstance(kind, list) or kind == "COMBO"]
    if any(_true(config.get(option)) for _, config in combos for option in _UPLOADS):
        required["upload"] = ["IMAGEUPLOAD", {}]
    elif any(each == "audio" and _true(config.get("audio_upload")) for each, config in combos):
        required["upload"] = ["AUDIOUPLOAD", {}]


_Declared: TypeAlias = tuple[str, Any, bool]


def _in_order(
    required: Mapping[str, Any], optional: Mapping[str, Any], order: Mapping[str, Any]
) -> Iterator[_Declared]:
    """Each input's name, declaration, and whether it is optional: as input_order has them, then what it leaves out."""
    listed = [name for part in ("required", "optional") for name in _names(order.get(part))]
    for name in dict.fromkeys((*listed, *required, *optional)):
        if name in required:
            yield name, required[name], False
        elif name in optional:
            yield name, optional[name], True


def _face(declared: Iterable[_Declared], prefix: str, editor: Editor) -> Face:
    sockets: list[Socket] = []
    shown: list[Widget] = []
    for name, spec, optional in declared:
        kind, config = split_spec(spec)
        options = kind if isinstance(kind, list) else config.get("options")
        kind = "COMBO" if isinstance(kind, list) else kind if isinstance(kind, str) else "*"
        full = prefix + name
        wanted = config.get("widgetType") if isinstance(config.get("widgetType"), str) else kind
        listed = tuple(options) if isinstance(options, list) else None
        found = None if config.get("forceInput") else _widgets(full, str(wanted), listed, config, optional, editor)
        if kind == AUTOGROW and editor == NEWER:
            grown = _grown(full, config, optional, editor)
            sockets += grown.sockets
            shown += grown.widgets
        elif found is None:
            allowed = _mapping(config.get("template")).get("allowed_types") if kind == MATCH else None
            sockets.append(Socket(full, allowed if isinstance(allowed, str) and editor == NEWER else kind, optional))
        else:
            shown += found
    return Face(tuple(sockets), tuple(shown))


def _widgets(
    name: str,
    kind: str,
    options: tuple[Any, ...] | None,
    config: Mapping[str, Any],
    optional: bool,
    editor: Editor,
) -> list[Widget] | None:
    """The widgets of one input, its own first; None where it has none and is a socket."""
    own = Widget(name, kind, None, optional=optional, config=config)
    if kind == "COMBO":
        return _combo(own, options)
    if kind in _NUMBERS:
        return _number(own, editor)
    if kind in ("STRING", "BOOLEAN"):
        default = config.get("default")
        if kind == "STRING":
            default = "" if default is None else str(default)
        return [replace(own, default=False if default is None else default)]
    if kind == DYNAMIC_COMBO and editor == NEWER:
        return [_dynamic(own, options, editor)]
    if kind in ("IMAGEUPLOAD", "AUDIOUPLOAD"):
        return [replace(own, default="image" if kind == "IMAGEUPLOAD" else "", sent=False, declared=False)]
    if kind == "AUDIO_UI":
        return [_shown(name, "", editor)]
    if kind == "AUDIO_RECORD":
        second = name if editor == OLDER else f"{name}#1"
        return [replace(own, default=""), Widget(second, "BUTTON", "", sent=False, declared=False)]
    if kind in ("LOAD_3D", "PREVIEW_3D") or (kind in ("LOAD_3D_ANIMATION", "PREVIEW_3D_ANIMATION") and editor == OLDER):
        picture = Widget("image", kind, "", declared=name == "image", optional=optional)
        buttons = _BUTTONS_3D if kind.startswith("LOAD") and editor == OLDER else ()
        return [*map(_button, buttons), picture]
    return _simple(own, editor)


def _simple(own: Widget, editor: Editor) -> list[Widget] | None:
    known = _SIMPLE_BY_EDITOR[editor]
    if own.type not in known:
        return None
    default = own.config.get("default") if editor == NEWER or own.type != "COLOR" else None
    first = replace(own, default=known[own.type] if default is None else default)
    if own.type == "IMAGECOMPARE" and editor == NEWER:
        return [replace(first, sent=False, saved=False)]
    if own.type == "BOUNDING_BOX":
        sides = _mapping(first.default)
        return [first, *(Widget(side, "INT", sides.get(side, 0), False, declared=False) for side in _SIDES)]
    return [replace(first, declared=own.type != "COMFY_BRANCH_INPUT_NAMES")]


_SIDES = ("x", "y", "width", "height")


def _number(own: Widget, editor: Editor) -> list[Widget]:
    default, control = own.config.get("default"), own.config.get("control_after_generate")
    first = replace(own, default=0 if default is None else default)
    if own.type == "INT" and control is None:
        control = own.name in _SEEDS
    if not _true(control) or (own.type == "FLOAT" and editor == OLDER):
        return [first]
    return [first, _control(control, "randomize" if own.type == "INT" else "fixed")]


def _combo(own: Widget, options: tuple[Any, ...] | None) -> list[Widget]:
    default, config = own.config.get("default"), own.config
    if own.several:
        return [replace(own, default=default if isinstance(default, list) else [], options=options)]
    if not _true(default):
        default = options[0] if options else None
    found = [replace(own, default=default, options=options)]
    if _true(config.get("remote")):
        found.append(Widget("Auto-refresh after generation", "BOOLEAN", False, sent=False, declared=False))
        if _true(_mapping(config.get("remote")).get("refresh_button")):
            found.append(_button(("refresh", "refresh")))
    control = config.get("control_after_generate")
    if _true(control):
        found.append(_control(control, "randomize"))
        found.append(Widget("control_filter_list", "STRING", "", sent=False, declared=False))
    return found


def _dynamic(own: Widget, options: tuple[Any, ...] | None, editor: Editor) -> Widget:
    choices: dict[str, Face] = {}
    for option in options or ():
        key, inputs = _mapping(option).get("key"), _mapping(_mapping(option).get("inputs"))
        if isinstance(key, str):
            parts = _mapping(inputs.get("required")), _mapping(inputs.get("optional"))
            choices[key] = _face(_in_order(*parts, {}), f"{own.name}.", editor)
    keys = tuple(choices)
    return replace(own, default=keys[0] if keys else None, options=keys, choices=choices)


def _grown(name: str, config: Mapping[str, Any], optional: bool, editor: Editor) -> Face:
    """The sockets that an input that grows starts with: as many as it must have, and one to go on with."""
    template = _mapping(config.get("template"))
    inner = _mapping(template.get("input"))
    declared = list(_in_order(_mapping(inner.get("required")), _mapping(inner.get("optional")), {}))
    names = _names(template.get("names"))
    least, most = (_count(template.get(key), start) for key, start in (("min", 1), ("max", MAX_GROWN)))
    stem = str(template.get("prefix") or "")
    sockets: list[Socket] = []
    shown: list[Widget] = []
    for each, spec, inner_optional in declared:
        given = names or [f"{each if len(declared) > 1 else stem or each}{n}" for n in range(most)]
        for n, own in enumerate(given[: least + 1]):
            spare = optional or inner_optional or n >= least
            face = _face([(own, spec, spare)], f"{name}.", editor)
            full = tuple(f"{name}.{each}" for each in given)
            sockets += [Socket(s.name, s.type, s.optional, full, least) for s in face.sockets]
            shown += face.widgets
    return Face(tuple(sockets), tuple(shown))


def _control(wanted: Any, default: str) -> Widget:
    name = wanted if isinstance(wanted, str) else "control_after_generate"
    return Widget(name, "CONTROL", default, sent=False, declared=False)


def _button(named: tuple[str, str]) -> Widget:
    """A button that the editor keeps the name of as a value, and sends."""
    return Widget(named[0], "BUTTON", named[1], declared=False)


def _shown(name: str, value: Any, editor: Editor) -> Widget:
    """What only shows something: no file has it, and the newer editor does not send it."""
    return Widget(name, "SHOWN", value, sent=editor == OLDER, saved=False, declared=False)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _count(value: Any, start: int) -> int:
    return max(0, min(value, MAX_GROWN)) if isinstance(value, int) else start


def _true(value: Any) -> bool:
    """Whether JavaScript takes a value for true: empty lists and mappings are."""
    return isinstance(value, list | dict) or bool(value)
