"""The drawing of a plan: what is on the card in each stage, under a line where the card ends."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from math import log10

from ..plan.contract import clock, gib
from ..plan.machine import GIB
from ..plan.predict import Plan, Stage
from .text import clean

HUES, TEXTURES = 6, 4  # colours and patterns that models take in turn
WORTH = GIB // 20  # bytes below which a part is no word worth
OTHER = "other weights"  # those of which ComfyUI keeps no books, such as an upscale model's
_SUFFIX = re.compile(r"\.(safetensors|sft|gguf|ckpt|pth|pt|bin)(?=$| )", re.IGNORECASE)

_LEFT, _RIGHT = 44, 104  # room for the scale, and for what the line of the card is called
_TOP, _TALL, _TALLER = 78, 330, 430
_COLUMN, _SPREAD, _WIDE = 82, 210, 1030
_HEADROOM = 1.08
_EM = 12  # the size of all letters, in pixels
_LINE = 15
_NOTCH = 19  # how tall a part must be to carry its name
_GAP = 1.5
_BOLD = 0.9  # how much of a text fits where it is bold


@dataclass(frozen=True, slots=True)
class Names:
    """How the models of a plan are called, and in which order they come to the card."""

    shown: Mapping[str, str]
    places: Mapping[str, int]

    def hue(self, model: str) -> int:
        """Which of the colours a model has."""
        return self.places[model] % HUES

    def texture(self, model: str) -> int:
        """Which of the patterns a model has; 0 is none."""
        return self.places[model] % TEXTURES


def names_of(plan: Plan) -> Names:
    """The models of a plan by their files' names, without folder and ending where that is clear."""
    models = list(dict.fromkeys(name for stage in plan.stages for name, size in stage.resident.items() if size))
    short = {name: _SUFFIX.sub("", clean(name.replace("\\", "/").rpartition("/")[2])) or clean(name) for name in models}
    taken = Counter(short.values())
    shown = {name: word if taken[word] == 1 else clean(name) for name, word in short.items()}
    return Names(shown, {name: place for place, name in enumerate(models)})


def what(stage: Stage) -> str:
    """What happens in a stage, in words."""
    return stage.kind + (" in tiles" if stage.tiled else "")


def duration(seconds: float) -> str:
    """Seconds as people say them, also where they are next to none."""
    return clock(seconds) if seconds >= 0.05 else "under 0.1 s"


def band(stage: Stage) -> str:
    """The band of a stage's peak in GiB."""
    low, high = gib(stage.low), gib(stage.high)
    return low if low == high else f"{low}–{high}"


def reached(plan: Plan) -> int:
    """How many stages a run gets to, the one in which it ends among them."""
    if plan.pages:
        return len(plan.stages)
    return next((at for at, stage in enumerate(plan.stages, 1) if stage.stops), len(plan.stages))


@dataclass(frozen=True, slots=True)
class _Column:
    """A stage in the drawing: where it begins and how wide it is, and its parts from the ground up."""

    stage: Stage
    x: float
    width: float
    parts: Mapping[str, tuple[int, int]]  # bytes from and to, by model, "" for CUDA's context


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where bytes are in the drawing: `zero` is the ground, the card grows upwards and RAM downwards."""

    zero: float
    pixel: float  # of a byte
    right: float

    def y(self, amount: float) -> float:
        return self.zero - amount * self.pixel


def drawing(plan: Plan, names: Names) -> str:
    """The drawing as an SVG element that takes its colours from the page; "" without stages."""
    if not plan.stages:
        return ""
    columns, end = _columns(plan, names), reached(plan)
    right = columns[-1].x + columns[-1].width
    up = max(plan.machine.vram, *(stage.high for stage in plan.stages)) * _HEADROOM
    down = max(stage.offloaded for stage in plan.stages)
    down = down if down >= WORTH else 0
    tall = _TALLER if down else _TALL
    scale = _Scale(_TOP + tall * up / (up + down), tall / (up + down), right)
    ground = _TOP + tall + (22 if down else 0)
    feet = [_wrapped(_foot(column.stage), column.width - 14) for column in columns]
    rows = max(map(len, feet))
    timed = end < len(columns) or any(stage.seconds is not None for stage in plan.stages)
    width, height = right + _RIGHT, ground + 12 + (rows + timed) * _LINE + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline" role="img" aria-labelledby="drawn told" '
        f'width="{_n(width)}" height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}">',
        '<title id="drawn">Memory of the card, stage by stage</title>',
        f'<desc id="told">{_said(_description(plan))}</desc>',
        *_patterns(),
        *_grid(scale, up, down),
        *_groups(columns),
        *_marks(plan, columns, ground),
    ]
    for at, column in enumerate(columns):
        lines += _bar(plan, column, scale, names, dim=at >= end)
    lines += _labels(columns, scale, names)
    lines += _line_of_the_card(plan, scale)
    for at, (column, foot) in enumerate(zip(columns, feet, strict=True)):
        lines += _figures(column, scale, plan.machine.vram)
        lines += _feet(column, foot, ground, rows, late=at >= end)
    return "\n".join([*lines, "</svg>"])


def swatch(kind: str, texture: int = 0) -> str:
    """A little piece of a pattern, for a legend: `kind` is the class of its colour."""
    over = f'<rect width="22" height="14" fill="url(#t{texture})"/>' if texture else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="swatch" width="22" height="14" aria-hidden="true">'
        f'<rect class="{kind}" width="22" height="14"/>{over}</svg>'
    )


# Where things are


def _columns(plan: Plan, names: Names) -> list[_Column]:
    stages, total = plan.stages, plan.seconds
    wide = max(_WIDE, len(stages) * _COLUMN + (_SPREAD if total else 0))
    spread = wide - len(stages) * _COLUMN
    found, x = [], float(_LEFT)
    for stage in stages:
        share = (stage.seconds or 0.0) / total if total else 1 / len(stages)
        width = _COLUMN + spread * share
        found.append(_Column(stage, x, width, _parts(plan, stage, names)))
        x += width
    return found


def _parts(plan: Plan, stage: Stage, names: Names) -> dict[str, tuple[int, int]]:
    top = min(plan.machine.context, stage.static)
    found = {"": (0, top)}
    for model in sorted(filter(stage.resident.get, stage.resident), key=names.places.__getitem__):
        size = stage.resident[model]
        found[model] = (top, top + size)
        top += size
    if stage.static > top:
        found[OTHER] = (top, stage.static)
    return found


def _grid(scale: _Scale, up: float, down: float) -> Iterator[str]:
    """Lines at round numbers of GiB; above the ground what is on the card, below it what is in RAM."""
    step = _step((up + down) / GIB / 8)
    for side, most in ((1, up), (-1, down)):
        for number in range(1, int(most / GIB / step) + 1):
            y = scale.y(side * number * step * GIB)
            yield f'<path class="grid" d="M{_LEFT} {_n(y)}H{_n(scale.right)}"/>'
            yield _text(_LEFT - 8, y + 4, f"{number * step:g}", "muted", "end")
    yield f'<path class="zero" d="M{_LEFT} {_n(scale.zero)}H{_n(scale.right)}"/>'
    yield _text(_LEFT - 8, scale.zero + 4, "0", "muted", "end")
    yield _text(_LEFT - 8, _TOP - 6, "GiB", "muted", "end")
    if down:
        yield _text(scale.right + 10, scale.zero + 16, "left in RAM", "muted")


def _step(rough: float) -> float:
    """The round number next above."""
    size = 10.0 ** int(log10(rough)) if rough >= 1 else 10.0 ** (int(log10(rough)) - 1)
    return next(size * part for part in (1, 2, 5, 10, 20) if size * part >= rough)


def _groups(columns: Sequence[_Column]) -> Iterator[str]:
    """The names of the stages of a spec, each over all that it does."""
    for name, members in groupby(columns, lambda column: column.stage.name):
        held = list(members)
        x, end = held[0].x + 3, held[-1].x + held[-1].width - 3
        yield f'<path class="brace" d="M{_n(x)} 42v-6H{_n(end)}v6"/>'
        room = (end - x - 4) * _BOLD
        words = _wrapped(name, room)
        words = words if len(words) <= 2 else [words[0], _cut(" ".join(words[1:]), room)]
        for line, word in enumerate(reversed(words)):
            yield _text((x + end) / 2, 28 - line * _LINE, word, "stage", "middle")


def _marks(plan: Plan, columns: Sequence[_Column], ground: float) -> Iterator[str]:
    """The stage that decides, in its own shade and with a word over it."""
    decides = plan.decides
    for column in columns:
        if column.stage is not decides:
            continue
        word, kind = ("decides", "mark") if not decides.stops else ("ends here", "mark bad")
        if decides.stops and plan.pages:
            word = "pages"
        middle = column.x + column.width / 2
        yield (
            f'<rect class="decides" x="{_n(column.x)}" y="{_TOP - 20}" width="{_n(column.width)}" '
            f'height="{_n(ground - _TOP + 20)}"/>'
        )
        yield f'<rect class="{kind}" x="{_n(middle - 37)}" y="{_TOP - 30}" width="74" height="19" rx="9.5"/>'
        yield _text(middle, _TOP - 16, word, "marked", "middle")


# What is drawn


def _bar(plan: Plan, column: _Column, scale: _Scale, names: Names, *, dim: bool) -> Iterator[str]:
    stage = column.stage
    yield f'<g class="{"bar dim" if dim else "bar"}">'
    for model, (low, high) in column.parts.items():
        kind, texture = ("context", 0) if not model else ("other", 0)
        if model in names.shown:
            kind, texture = f"m{names.hue(model)}", names.texture(model)
        told = names.shown.get(model, model) or "CUDA and the desktop"
        yield from _rect(column, scale, low, high, kind, f"{told}: {gib(high - low)} GiB", texture)
    work = f"working memory: {gib(stage.low - stage.static)} to {gib(stage.high - stage.static)} GiB"
    yield from _rect(column, scale, stage.static, stage.low, "work", work)
    yield from _rect(column, scale, stage.low, stage.high, "band", f"the peak lies here: {band(stage)} GiB", 4)
    if stage.high > plan.machine.vram:
        told = f"beyond the card: {gib(stage.high - plan.machine.vram)} GiB"
        yield from _rect(column, scale, plan.machine.vram, stage.high, "over", told, 5)
    if stage.offloaded >= WORTH:
        yield from _rect(column, scale, -stage.offloaded, 0, "ram", f"left in RAM: {gib(stage.offloaded)} GiB", 6)
    yield "</g>"


def _rect(
    column: _Column, scale: _Scale, low: float, high: float, kind: str, told: str, texture: int = 0
) -> Iterator[str]:
    """A part of a bar, with a pattern over it; nothing where there is nothing of it."""
    tall = (high - low) * scale.pixel
    if tall <= 0:
        return
    place = (
        f'x="{_n(column.x + _GAP)}" y="{scale.y(high):.2f}" width="{_n(column.width - 2 * _GAP)}" height="{tall:.2f}"'
    )
    yield f'<rect class="{kind}" {place}><title>{_said(told)}</title></rect>'
    if texture:
        yield f'<rect class="over-it" {place} fill="url(#t{texture})"/>'


def _labels(columns: Sequence[_Column], scale: _Scale, names: Names) -> Iterator[str]:
    """The names of the models in their bars: in one that is wide enough, else over all that lie at one height."""
    for model, told in names.shown.items():
        for run in _runs(columns, model, scale):
            widest = max(run, key=lambda column: column.width)
            low = max(column.parts[model][0] for column in run)
            high = min(column.parts[model][1] for column in run)
            if widest.width - 14 >= sum(map(_wide, told)):
                run, (low, high) = [widest], widest.parts[model]
            x = run[0].x + _GAP + 6
            room = run[-1].x + run[-1].width - x - 6
            yield _text(x, scale.y((low + high) / 2) + 4, _cut(told, room), f"name h{names.hue(model)}")


def _runs(columns: Sequence[_Column], model: str, scale: _Scale) -> Iterator[list[_Column]]:
    """Neighbours in which a line of text fits a model's parts, all at one height."""
    run: list[_Column] = []
    low, high = 0, 0
    for column in columns:
        part = column.parts.get(model)
        if part and run and (min(high, part[1]) - max(low, part[0])) * scale.pixel >= _NOTCH:
            run.append(column)
            low, high = max(low, part[0]), min(high, part[1])
            continue
        if run:
            yield run
        run = [column] if part and (part[1] - part[0]) * scale.pixel >= _NOTCH else []
        low, high = part or (0, 0)
    if run:
        yield run


def _line_of_the_card(plan: Plan, scale: _Scale) -> Iterator[str]:
    y = scale.y(plan.machine.vram)
    yield f'<path class="card" d="M{_LEFT} {_n(y)}H{_n(scale.right + _RIGHT - 8)}"/>'
    name = _cut(clean(plan.machine.name), (_RIGHT - 18) * _BOLD) or "the card"
    yield _text(scale.right + 10, y - 20, name, "budget")
    yield _text(scale.right + 10, y - 6, f"{gib(plan.machine.vram)} GiB", "budget")


def _figures(column: _Column, scale: _Scale, vram: int) -> Iterator[str]:
    """The band of the peak over a bar, and under the ground what is in RAM."""
    stage, middle = column.stage, column.x + column.width / 2
    y, card = scale.y(stage.high) - 6, scale.y(vram)
    if card - 4 < y < card + _EM:  # the line of the card would strike it out
        y = card - 6
    yield _text(middle, y, band(stage), "figure", "middle")
    if stage.offloaded >= WORTH:
        yield _text(middle, scale.y(-stage.offloaded) + 16, gib(stage.offloaded), "figure", "middle")


def _foot(stage: Stage) -> str:
    return what(stage) + (f" ×{stage.times}" if stage.times > 1 else "")


def _feet(column: _Column, foot: Sequence[str], ground: float, rows: int, *, late: bool) -> Iterator[str]:
    middle, y = column.x + column.width / 2, ground + 12 + _EM
    for row, line in enumerate(foot):
        yield _text(middle, y + row * _LINE, line, "kind", "middle")
    seconds = column.stage.seconds
    told = "not reached" if late else "" if seconds is None else duration(seconds)
    if told:
        yield _text(middle, y + rows * _LINE, told, "muted", "middle")


def _description(plan: Plan) -> str:
    parts = [
        f"{stage.name}, {_foot(stage)}: {band(stage)} GiB"
        + (f", {gib(stage.offloaded)} left in RAM" if stage.offloaded >= WORTH else "")
        for stage in plan.stages
    ]
    return f"A bar for each stage; the card ends at {gib(plan.machine.vram)} GiB. {'; '.join(parts)}."


def _patterns() -> Iterator[str]:
    """Dots, slants and grids, so that no part is told by its colour alone."""
    yield "<defs>"
    for number, side, drawn in (
        (1, 8, '<circle cx="2" cy="2" r="1.3" class="dot"/><circle cx="6" cy="6" r="1.3" class="dot"/>'),
        (2, 8, '<path class="line" d="M-2 6L6 -2M2 10L10 2"/>'),
        (3, 8, '<path class="line" d="M4 0V8"/>'),
        (4, 6, '<path class="hatch" d="M-1 1L1 -1M0 6L6 0M5 7L7 5"/>'),
        (6, 8, '<path class="hatch" d="M0 0L8 8M-1 7L1 9M7 -1L9 1"/>'),
        (5, 7, '<path class="cross" d="M0 0L7 7M7 0L0 7"/>'),
    ):
        yield (
            f'<pattern id="t{number}" width="{side}" height="{side}" patternUnits="userSpaceOnUse">{drawn}</pattern>'
        )
    yield "</defs>"


# Text


def _text(x: float, y: float, text: str, kind: str, anchor: str = "") -> str:
    at = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}"{at}>{_said(text)}</text>'


def _said(text: str) -> str:
    return escape(clean(text))


def _wide(sign: str) -> float:
    """About how wide a letter is, in pixels: on the safe side, for which font there is nobody knows."""
    if unicodedata.east_asian_width(sign) in "WF":
        return _EM * 1.05
    return _EM * (0.78 if sign.isupper() or sign in "mw@%—" else 0.32 if sign in "ijl.,:;|'! " else 0.58)


def _cut(text: str, room: float) -> str:
    """As much of a text as there is room for."""
    if sum(map(_wide, text)) <= room:
        return text
    kept, left = "", room - _EM
    for sign in text:
        left -= _wide(sign)
        if left < 0:
            break
        kept += sign
    return f"{kept.rstrip()}…" if kept else ""


def _wrapped(text: str, room: float) -> list[str]:
    """A text in lines, between its words."""
    lines: list[str] = []
    for word in clean(text).split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and sum(map(_wide, longer)) <= room:
            lines[-1] = longer
        else:
            lines.append(_cut(word, room))
    return lines


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
