"""The page of a plan: it is sound HTML, has the plan's figures, and nothing in it runs or stands in the wrong place."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright

from comfyproof.catalog.pinned import built_in
from comfyproof.graph import Graph, Node
from comfyproof.plan.contract import clock, gib
from comfyproof.plan.gpus import gpu_named, machine_with
from comfyproof.plan.machine import GIB, Machine
from comfyproof.plan.predict import Plan, Stage, predict
from comfyproof.report.text import clean
from comfyproof.report.timeline import timeline
from comfyproof.workflow import WorkflowReader
from conftest import ROOT
from editor_page import browser

HTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
NODE = Node("1", "KSampler", {})
HOSTILE = "</svg></style><script>alert(1)</script><img src=x onerror=alert(1)>&amp;'\"\x00\x1b[2J\u202e\ud800\n]]>"


@cache
def seed(workflow: str = "production_upscale_enhance") -> Graph:
    graph = WorkflowReader(built_in()).read(str(ROOT / "workflows" / f"{workflow}.api.json")).graph
    assert graph is not None
    return graph


def planned(machine: Machine, workflow: str = "production_upscale_enhance") -> Plan:
    return predict(seed(workflow), built_in(), machine)


def card(name: str) -> Machine:
    return machine_with(gpu_named(name))


def small(gib: float, **rest: object) -> Machine:
    return Machine(int(gib * GIB), name="rtx-2060", **rest)  # type: ignore[arg-type]


MACHINES = {"3090": card("rtx-3090"), "3060": card("rtx-3060"), "unnamed": Machine(8 * GIB), "stops": small(2.2)}


def page(plan: Plan, title: str = "a pipeline", seconds: float | None = None) -> Element:
    """The page, parsed: it is XML too, so that nothing in it can be half open."""
    return ElementTree.fromstring(timeline(plan, title, seconds))


def chart(plan: Plan) -> Element:
    found = [svg for svg in page(plan).iter(f"{SVG}svg") if svg.get("class") == "timeline"]
    assert len(found) == 1
    return found[0]


def words(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def rows(plan: Plan) -> list[list[str]]:
    return [[words(cell) for cell in row] for row in page(plan).iter(f"{HTML}tr")]


def texts(svg: Element, kind: str) -> list[str]:
    return [text.text or "" for text in svg.iter(f"{SVG}text") if kind in text.get("class", "").split()]


def number(element: Element, name: str) -> float:
    return float(element.get(name, ""))


@pytest.mark.parametrize("name", MACHINES)
def test_the_page_is_whole_and_stands_alone(name: str) -> None:
    text = timeline(planned(MACHINES[name]), "a pipeline")
    found = ElementTree.fromstring(text)
    tags = {element.tag.rpartition("}")[2] for element in found.iter()}
    assert text.startswith("<!DOCTYPE html>\n")
    assert text.endswith("</html>\n")
    assert not tags & {"script", "link", "img", "iframe", "object", "use", "image", "foreignObject"}
    assert "@import" not in text
    assert "url(http" not in text
    assert "@font-face" not in text
    outside = set(re.findall(r"https?://[^\"]+", text))
    assert outside == {HTML[1:-1], SVG[1:-1]}  # names of languages, which nothing fetches
    ids = [element.get("id") for element in found.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in found.iter():
        assert all(id in ids for id in element.get("aria-labelledby", "").split())
        assert not any(attribute.startswith("on") for attribute in element.attrib)
    used = set(re.findall(r"url\(#(\w+)\)", text))
    assert used <= set(ids)


@pytest.mark.parametrize("name", MACHINES)
def test_the_table_has_the_figures_of_the_plan(name: str) -> None:
    plan = planned(MACHINES[name])
    head, *found = rows(plan)
    assert len(head) == 8
    assert len(found) == len(plan.stages)
    for stage, (called, happens, held, peak, left, prompts, times, time) in zip(plan.stages, found, strict=True):
        assert called == stage.name
        assert happens.startswith(stage.kind)
        for model, size in stage.resident.items():
            told = f"{Path(model).stem}{gib(size)}"
            assert (told in held) == (size >= GIB // 20), (told, held)
        assert peak in (f"{gib(stage.low)}–{gib(stage.high)}", gib(stage.low))
        assert peak != gib(stage.low) or gib(stage.low) == gib(stage.high)
        assert left == (gib(stage.offloaded) if stage.offloaded >= GIB // 20 else "–")
        assert prompts == {2: "both at once", 1: "one by one"}.get(stage.batch, "–")
        assert times == str(stage.times)
        if stage.seconds is None:
            assert time == "?"
        else:
            assert time in (clock(stage.seconds), "under 0.1 s")


@pytest.mark.parametrize("name", MACHINES)
def test_every_stage_is_in_the_drawing(name: str) -> None:
    plan = planned(MACHINES[name])
    svg = chart(plan)
    bars = [group for group in svg.iter(f"{SVG}g") if "bar" in group.get("class", "").split()]
    assert len(bars) == len(plan.stages)
    assert len(texts(svg, "figure")) == len(plan.stages) + sum(stage.offloaded >= GIB // 20 for stage in plan.stages)
    foot = " ".join(texts(svg, "kind"))
    for stage in plan.stages:
        assert stage.times == 1 or f"×{stage.times}" in foot
    told = words(next(svg.iter(f"{SVG}desc")))
    assert all(f"{stage.name}, {stage.kind}" in told for stage in plan.stages)
    assert len(texts(svg, "marked")) == 1


@pytest.mark.parametrize("name", MACHINES)
def test_what_is_drawn_is_as_tall_as_it_is_large(name: str) -> None:
    plan = planned(MACHINES[name])
    svg = chart(plan)
    line, zero = level(svg, "card"), level(svg, "zero")
    pixel = (zero - line) / plan.machine.vram
    bars = [group for group in svg.iter(f"{SVG}g") if "bar" in group.get("class", "").split()]
    for stage, bar in zip(plan.stages, bars, strict=True):
        tall = {}
        for rect in bar.iter(f"{SVG}rect"):
            if rect.get("class") not in ("over-it", "over"):
                tall[words(rect)] = number(rect, "height")
        up = sum(height for told, height in tall.items() if not told.startswith("left in RAM"))
        assert up == pytest.approx(stage.high * pixel, abs=0.5)
        for model, size in stage.resident.items():
            told = f"{Path(model).stem}: {gib(size)} GiB"
            assert tall[told] == pytest.approx(size * pixel, abs=0.3)
        if stage.offloaded >= GIB // 20:
            assert tall[f"left in RAM: {gib(stage.offloaded)} GiB"] == pytest.approx(stage.offloaded * pixel, abs=0.3)


def level(svg: Element, kind: str) -> float:
    """How high a line across the drawing is."""
    path = next(path for path in svg.iter(f"{SVG}path") if path.get("class") == kind)
    return float(re.split(r"[ H]", path.get("d", ""))[1])


def test_columns_are_the_wider_the_longer_they_take() -> None:
    widths = bar_widths(planned(card("rtx-3090")))
    stages = planned(card("rtx-3090")).stages
    longest = max(range(len(stages)), key=lambda at: stages[at].seconds or 0)
    assert widths[longest] == max(widths) > 1.5 * min(widths)
    assert len(set(bar_widths(planned(Machine(8 * GIB))))) == 1


def bar_widths(plan: Plan) -> list[float]:
    bars = [group for group in chart(plan).iter(f"{SVG}g") if "bar" in group.get("class", "").split()]
    return [number(next(bar.iter(f"{SVG}rect")), "width") for bar in bars]


# Verdicts


@pytest.mark.parametrize(
    ("machine", "kind", "said"),
    [
        (card("rtx-3090"), "fits", "It fits"),
        (card("rtx-3060"), "short", "It fits with 3.9 GiB of weights left in RAM"),
        (small(2.2), "stops", "It does not fit: "),
    ],
)
def test_the_verdict_is_said_in_words(machine: Machine, kind: str, said: str) -> None:
    found = page(planned(machine))
    verdict = next(p for p in found.iter(f"{HTML}p") if "verdict" in p.get("class", ""))
    assert verdict.get("class") == f"verdict {kind}"
    assert words(verdict)[1:].startswith(said)
    assert "prediction" in words(found)
    assert "nothing was run" in words(found)
    assert machine.name in words(found)


def test_the_stage_that_decides_is_marked() -> None:
    plan = planned(card("rtx-3060"))
    assert texts(chart(plan), "marked") == ["decides"]
    marked = [row for row in page(plan).iter(f"{HTML}tr") if row.get("class") == "decider"]
    assert [words(row[0]) for row in marked] == [plan.decides.name if plan.decides else None]


def test_what_comes_after_the_end_of_a_run_is_not_reached() -> None:
    plan = planned(small(2.2))
    stop = next(at for at, stage in enumerate(plan.stages) if stage.stops)
    assert texts(chart(plan), "marked") == ["ends here"]
    assert texts(chart(plan), "muted").count("not reached") == len(plan.stages) - stop - 1 > 0
    happens = [row[1] for row in rows(plan)[1:]]
    assert "out of memory" in happens[stop]
    assert [("not reached" in told) for told in happens] == [at > stop for at in range(len(happens))]
    assert "the run doesn't get to its end" in words(page(plan))


def test_windows_pages_where_linux_stops() -> None:
    plan = planned(small(2.2, windows=True))
    assert texts(chart(plan), "marked") == ["pages"]
    assert "not reached" not in words(page(plan))


def test_a_run_that_takes_too_long_is_told() -> None:
    plan = planned(card("rtx-3090"))
    found = [small for small in page(plan, seconds=60).iter(f"{HTML}small") if small.get("class") == "bad"]
    assert [words(small) for small in found] == ["without loading from disk; 60 s allowed"]
    assert not [small for small in page(plan, seconds=6000).iter(f"{HTML}small") if small.get("class") == "bad"]


def test_a_machine_that_swaps_is_told() -> None:
    plan = planned(replace(card("rtx-3090"), ram=8 * GIB))
    assert "it will swap" in words(page(plan))


def test_what_is_not_known_is_told() -> None:
    plan = replace(planned(card("rtx-3090")), unknown=("odd.safetensors",))
    told = words(page(plan))
    assert "as far as its files are known" in told
    assert "odd.safetensors" in told
    assert "flux1-krea-dev_fp8_scaled.safetensors" in told


def test_a_plan_without_stages() -> None:
    for machine in (Machine(8 * GIB), card("rtx-3090")):
        found = page(Plan(machine, ()), seconds=5)
        assert "No stage of it runs a model" in words(found)
        assert not list(found.iter(f"{HTML}table"))
        assert not list(found.iter(f"{SVG}svg"))


# Whatever a plan holds


def made(
    name: str = "refine",
    resident: dict[str, int] | None = None,
    top: int = GIB,
    offloaded: int = 0,
    **rest: object,
) -> Stage:
    held = resident or {}
    static = GIB // 2 + sum(held.values())
    low, high = static + top, static + top + top // 4
    return Stage(name, "sample", NODE, low, low, high, static, held, offloaded, **rest)  # type: ignore[arg-type]


def test_names_from_outside_are_no_markup() -> None:
    stages = (made(HOSTILE, {HOSTILE: GIB, f"x/{HOSTILE}.gguf": GIB}), made("b", {f"{HOSTILE} (VAE)": GIB}))
    machine = Machine(8 * GIB, name=HOSTILE)
    text = timeline(Plan(machine, stages, (HOSTILE,), (HOSTILE,)), HOSTILE)
    found = ElementTree.fromstring(text)
    text.encode()
    assert "<script" not in text
    assert "<img" not in text
    assert not set(text) & {"\x00", "\x1b", "\u202e", "\ud800"}
    assert words(next(found.iter(f"{HTML}h1"))) == " ".join(clean(HOSTILE).split())


SIZES = st.integers(0, 200 * GIB)
STAGES = st.builds(
    made,
    st.text(max_size=30),
    st.dictionaries(st.text(max_size=30), SIZES, max_size=5),
    SIZES,
    SIZES,
    times=st.integers(1, 10**6),
    batch=st.integers(0, 2),
    seconds=st.none() | st.floats(0, 1e7),
    oom=st.sampled_from(["", "", "weights", "activations"]),
    tiled=st.booleans(),
    ram=SIZES,
    whole=SIZES,
)
PLANS = st.builds(
    Plan,
    st.builds(Machine, st.integers(GIB, 200 * GIB), name=st.text(max_size=20), windows=st.booleans()),
    st.lists(STAGES, max_size=8).map(tuple),
    st.lists(st.text(max_size=20), max_size=2).map(tuple),
    st.lists(st.text(max_size=20), max_size=2).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(PLANS, st.text(max_size=30), st.none() | st.floats(0.1, 1e6))
def test_any_plan_makes_a_sound_page(plan: Plan, title: str, seconds: float | None) -> None:
    text = timeline(plan, title, seconds)
    assert text == timeline(replace(plan), title, seconds)
    found = ElementTree.fromstring(text)
    assert len(list(found.iter(f"{HTML}tr"))) == (len(plan.stages) + 1 if plan.stages else 0)
    if plan.stages:
        assert_within(chart(plan))


def assert_within(svg: Element) -> None:
    """Nothing is drawn beyond the drawing, and no bar beside its column or over the names above."""
    width, height = number(svg, "width"), number(svg, "height")
    assert svg.get("viewBox") == f"0 0 {svg.get('width')} {svg.get('height')}"
    for rect in svg.iter(f"{SVG}rect"):
        x, y = number(rect, "x"), number(rect, "y")
        assert x >= 44
        assert x + number(rect, "width") <= width - 104 + 0.5
        assert y > 42
        assert y + number(rect, "height") <= height
    for text in svg.iter(f"{SVG}text"):
        assert 0 <= number(text, "x") < width
        assert 12 <= number(text, "y") < height
    line = level(svg, "card")
    for text in svg.iter(f"{SVG}text"):
        assert text.get("class") != "figure" or not line - 3.5 < number(text, "y") < line + 11.5, "struck out"
    bars = [group for group in svg.iter(f"{SVG}g") if "bar" in group.get("class", "").split()]
    spans = [
        (min(number(rect, "x") for rect in bar), max(number(rect, "x") + number(rect, "width") for rect in bar))
        for bar in bars
        if len(bar)
    ]
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


# How it looks


def test_colours_can_be_read_in_the_light_and_in_the_dark() -> None:
    style = timeline(planned(card("rtx-3090")), "a pipeline")
    light, dark = (
        dict(re.findall(r"--([\w-]+):(#[0-9a-f]{3,8})\b", block))
        for block in (style.split("@media screen and (prefers-color-scheme:dark)")[0], style.split("dark){:root")[1])
    )
    for colours in (light, dark):
        for ink, ground in (
            *((ink, ground) for ink in ("ink", "muted") for ground in ("ground", "sheet")),
            *((ink, "ground") for ink in ("accent", "good", "warn", "bad")),
            ("accent-ink", "accent"),
            ("bad-ink", "bad"),
        ):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    fills = re.findall(r"\.m\d\{fill:(#\w+)\}", style)
    assert len(fills) == 6
    assert all(contrast("#101216", fill) >= 4.5 for fill in fills)


def contrast(one: str, other: str) -> float:
    """WCAG's measure: 4.5 is what text needs."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) > 4 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


_OVERLAPS = """() => {
  const texts = [...document.querySelectorAll('.timeline text')].map(text => [text.textContent, text.getBBox()]);
  const within = (a, b) => a.x < b.x + b.width && a.y + 3 < b.y + b.height;
  return texts.flatMap(([said, a], at) => texts.slice(at + 1)
    .filter(([_, b]) => within(a, b) && within(b, a)).map(([other]) => [said, other]));
}"""


def test_in_a_browser_no_words_overlap_and_a_small_screen_is_enough(tmp_path: Path) -> None:
    plans = {name: planned(machine) for name, machine in MACHINES.items()}
    plans["video"] = planned(card("rtx-4070"), "text_to_video")
    long = "a rather long name of a stage with 漢字 in it"
    plans["long"] = Plan(
        small(8), tuple(made(f"{long} {at}", {f"{long} {at % 3}.gguf": 2 * GIB}, seconds=0.1) for at in range(8))
    )
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=browser(), args=arguments)
        try:
            view = started.new_page()
            for name, plan in plans.items():
                file = tmp_path / f"{name}.html"
                file.write_text(timeline(plan, name), encoding="utf-8")
                view.goto(file.as_uri())
                for width in (360, 1280):
                    view.set_viewport_size({"width": width, "height": 800})
                    assert view.evaluate("document.documentElement.scrollWidth") == width, name
                assert view.evaluate(_OVERLAPS) == [], name
        finally:
            started.close()
