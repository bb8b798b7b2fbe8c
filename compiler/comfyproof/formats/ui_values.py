"""Which value of a node in the editor's JSON belongs to which input: they are kept by position, not by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

from ..catalog.files import FILE_INPUTS
from ..catalog.nodes import split_spec
from ..catalog.widgets import DYNAMIC_COMBO, FILLED_PREFIX, NEWER, Editor, Face, Widget, declared_inputs, read_face

# Names of classes that files of older days still use.
RENAMED = {
    "T2IAdapterLoader": "ControlNetLoader",
    "ConditioningAverage ": "ConditioningAverage",
    "SDV_img2vid_Conditioning": "SVD_img2vid_Conditioning",
}
_SAMPLERS = ("KSampler", "KSamplerAdvanced")
CONTROLS = ("fixed", "increment", "decrement", "randomize")


@dataclass(frozen=True, slots=True)
class Seat:
    """A place in widgets_values: the widget that sits there, and what its values go through.

    `sent` says that its value goes to the server, `plain` that it does so as it is. `types` are those that fit the
    widget, None where any may, and `options` the values that a combo has, None where they are not known.
    """

    name: str
    widget: Widget
    sent: bool
    plain: bool
    types: frozenset[type] | None
    options: frozenset[Any] | None

    def takes(self, value: Any) -> bool:
        """Whether a value is one that the widget can show."""
        if self.types is not None and type(value) not in self.types:
            return False
        if self.options is None:
            return True
        return isinstance(value, str | int | float) and value in self.options


@dataclass(frozen=True, slots=True)
class Plan:
    """How to read the nodes of one class.

    `seats` are the places in widgets_values; `rest` the widgets that are sent without one, at their defaults;
    `forced` marks the places of old files, in which an input that is only a socket had one too (None where
    there is no such input) and `holes` in the same way those of files that keep one for what is only shown;
    `slots` are the types of its inputs in the editor's order. `dynamic` says that a combo brings inputs of its
    own, `own` that the class may come with its own code for the editor.
    """

    type: str
    title: str
    seats: tuple[Seat, ...]
    rest: tuple[tuple[str, Any], ...]
    widgets: frozenset[str]
    forced: tuple[bool, ...] | None
    slots: Mapping[str, str]
    outputs: tuple[str, ...]
    dynamic: bool
    own: bool
    holes: tuple[bool, ...] | None


@dataclass(frozen=True, slots=True)
class Seated:
    """A node's values: the seats, the value in each, and its position in the file, None where it is a default.

    `surplus` counts the values that no widget takes.
    """

    seats: Sequence[Seat]
    values: Sequence[Any]
    positions: Sequence[int | str | None]
    surplus: int = 0


def plan_of(name: str, raw: Mapping[str, Any], editor: Editor) -> Plan:
    """The plan of a class out of an /object_info answer."""
    face = read_face(raw, editor)
    seats = tuple(_seat(name, each, editor) for each in face.widgets if each.saved)
    rest = tuple((each.name, each.default) for each in face.widgets if each.sent and not each.saved)
    slots = {each.name: each.type for each in face.sockets}
    slots.update((each.name, each.type) for each in face.widgets if each.declared and not _socketless(each))
    kinds = raw.get("output")
    listed = kinds if isinstance(kinds, list) else []
    outputs = tuple("COMBO" if isinstance(kind, list) else str(kind) for kind in listed)
    return Plan(
        name,
        str(raw.get("display_name") or name),
        seats,
        rest,
        frozenset(each.name for each in face.widgets if each.declared),
        _forced(raw, face),
        slots,
        outputs,
        any(each.choices or each.type == DYNAMIC_COMBO for each in face.widgets),
        str(raw.get("python_module", "")).startswith("custom_nodes"),
        tuple(each.saved for each in face.widgets) if not all(each.saved for each in face.widgets) else None,
    )


def _seat(name: str, widget: Widget, editor: Editor) -> Seat:
    plain = not (
        widget.multiline
        or widget.dynamic
        or (widget.type == "COMBO" and editor == NEWER)
        or (widget.name == "filename_prefix" and name in FILLED_PREFIX)
        or (widget.name == "sampler_name" and name in _SAMPLERS)
    )
    return Seat(widget.name, widget, widget.sent, plain, _types(widget), _options(name, widget))


_NUMBER = frozenset({int, float})
_TYPES = {"INT": _NUMBER, "FLOAT": _NUMBER, "BOOLEAN": frozenset({bool}), "STRING": frozenset({str})}


def _types(widget: Widget) -> frozenset[type] | None:
    return None if widget.multiline else _TYPES.get(widget.type)


def _options(name: str, widget: Widget) -> frozenset[Any] | None:
    """A combo's values, where nobody's files are among them."""
    listed = widget.options
    if widget.type != "COMBO" or widget.several or not listed or widget.name in FILE_INPUTS.get(name, {}):
        return None
    return frozenset(listed) if all(isinstance(each, str | int | float) for each in listed) else None


def _socketless(widget: Widget) -> bool:
    return bool(widget.config.get("socketless"))


def _forced(raw: Mapping[str, Any], face: Face) -> tuple[bool, ...] | None:
    """The places of an old file: True for a widget's, False for that of an input which is only a socket now."""
    declared = declared_inputs(raw)
    own = {name for name, spec, _ in declared if split_spec(spec)[1].get("forceInput")}
    if not own:
        return None
    by_name: dict[str, int] = {}
    last = ""
    for each in face.widgets:
        last = each.name if each.declared else last
        by_name[last] = by_name.get(last, 0) + (1 if each.saved else 0)
    places: list[bool] = []
    for name, _, _ in declared:
        if name in own:
            places += [False] * (2 if name in ("seed", "noise_seed") else 1)
        else:
            places += [True] * by_name.get(name, 0)
    return tuple(places)


def seated(plan: Plan, values: Any) -> Seated:
    """The values of a node by widget; what the file does not say is at its default.

    A mapping is read by name where the class comes with its own editor code; the editor ignores others.
    """
    positions: Sequence[int] = ()
    if type(values) is list:
        positions = _positions(plan, values)
    elif type(values) is dict:
        known = {seat.name: values[seat.name] for seat in plan.seats if seat.name in values} if plan.own else {}
        return _with_defaults(plan, known, len(values) - len(known))
    seats = _unfolded(plan.seats, [values[n] for n in positions])
    count = min(len(seats), len(positions))
    return Seated(
        seats,
        [values[n] for n in positions[:count]] + [seat.widget.default for seat in seats[count:]],
        [*positions[:count], *(None for _ in seats[count:])],
        len(positions) - count,
    )


def _positions(plan: Plan, values: list[Any]) -> Sequence[int]:
    """Which of the values belong to widgets: old files have some for inputs that are only sockets now."""
    if plan.forced is not None and len(values) == len(plan.forced) != len(plan.seats):
        return [n for n, kept in enumerate(plan.forced) if kept]
    if plan.holes is not None and len(values) == len(plan.holes):
        empty = all(value is None for value, saved in zip(values, plan.holes, strict=True) if not saved)
        if empty:
            return [n for n, saved in enumerate(plan.holes) if saved]
    return range(len(values))


def _unfolded(seats: Iterable[Seat], values: Sequence[Any]) -> list[Seat]:
    """The seats, with those that a combo's value brings put in behind it."""
    waiting = list(seats)[::-1]
    found: list[Seat] = []
    while waiting:
        seat = waiting.pop()
        value = values[len(found)] if len(found) < len(values) else seat.widget.default
        found.append(seat)
        waiting += _brought(seat, value)
    return found


def _brought(seat: Seat, value: Any) -> list[Seat]:
    """The seats that a combo's value brings, the last first."""
    face = seat.widget.choices.get(value) if isinstance(value, str) else None
    return [_seat("", each, NEWER) for each in reversed(face.widgets) if each.saved] if face else []


def _with_defaults(plan: Plan, values: Mapping[str, Any], surplus: int) -> Seated:
    waiting = list(plan.seats)[::-1]
    seats: list[Seat] = []
    while waiting:
        seat = waiting.pop()
        seats.append(seat)
        waiting += _brought(seat, values.get(seat.name, seat.widget.default))
    return Seated(
        seats,
        [values.get(seat.name, seat.widget.default) for seat in seats],
        [seat.name if seat.name in values else None for seat in seats],
        surplus,
    )


def held(widget: Widget, value: Any) -> Any:
    """A number as the editor's widget holds it once it is set by hand: within its bounds, rounded to its step."""
    if isinstance(value, bool) or not isinstance(value, int | float) or widget.type not in ("INT", "FLOAT"):
        return value
    least, most = widget.config.get("min"), widget.config.get("max")
    if isinstance(least, int | float):
        value = max(value, least)
    if isinstance(most, int | float):
        value = min(value, most)
    step = _rounding(widget)
    if not step:
        return value
    rounded = floor(value / step + 0.5) * step
    return int(rounded) if widget.type == "INT" else float(f"{rounded:.10g}")


def _rounding(widget: Widget) -> float:
    if widget.type == "INT":
        return 1
    step, rounding = widget.config.get("step"), widget.config.get("round")
    if isinstance(rounding, int | float) and not isinstance(rounding, bool):
        return float(rounding)
    return float(step) if rounding is None and isinstance(step, int | float) else 0.0
