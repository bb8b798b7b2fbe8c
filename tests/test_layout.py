"""Where boxes stand: none on another, each in its group's frame, and the same every time."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.layout import Box, Layout, Spot, Wire, arrange

SIDES = st.integers(1, 600)
IDS = st.integers(0, 24).map(str)
BOXES = st.dictionaries(IDS, st.builds(Box, SIDES, SIDES, st.sampled_from(["", "", "a", "b", "c c"])), max_size=25)
WIRES = st.lists(
    st.builds(Wire, IDS, IDS, st.integers(0, 300), st.integers(0, 300), st.sampled_from([1, 3])), max_size=50
)


def meet(one: Spot, other: Spot) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def within(spot: Spot, frame: Spot) -> bool:
    right, bottom = spot.x + spot.width, spot.y + spot.height
    return (
        frame.x <= spot.x and frame.y <= spot.y and right <= frame.x + frame.width and bottom <= frame.y + frame.height
    )


def collisions(layout: Layout) -> list[tuple[str, str]]:
    """The pairs of boxes that stand on each other, found from left to right."""
    spots = sorted(layout.boxes.items(), key=lambda item: item[1].x)
    found = []
    for n, (id, spot) in enumerate(spots):
        for other, beside in spots[n + 1 :]:
            if beside.x >= spot.x + spot.width:
                break
            if meet(spot, beside):
                found.append((id, other))
    return found


@given(BOXES, WIRES)
def test_every_box_has_room_of_its_own(boxes: dict[str, Box], wires: list[Wire]) -> None:
    layout = arrange(boxes, wires)
    assert list(layout.boxes) == list(boxes)
    assert collisions(layout) == []
    for id, box in boxes.items():
        spot = layout.boxes[id]
        assert spot.width >= box.width
        assert spot.height >= box.height


@given(BOXES, WIRES)
def test_a_frame_holds_its_own_boxes_and_no_others(boxes: dict[str, Box], wires: list[Wire]) -> None:
    layout = arrange(boxes, wires)
    assert list(layout.frames) == list(dict.fromkeys(box.group for box in boxes.values() if box.group))
    for group, frame in layout.frames.items():
        for id, box in boxes.items():
            assert within(layout.boxes[id], frame) if box.group == group else not meet(layout.boxes[id], frame)
        for other, beside in layout.frames.items():
            assert other == group or not meet(frame, beside)


@given(BOXES, WIRES)
def test_the_same_boxes_stand_in_the_same_places(boxes: dict[str, Box], wires: list[Wire]) -> None:
    assert arrange(dict(boxes), list(wires)) == arrange(boxes, wires)


def test_what_feeds_stands_to_the_left_next_to_its_first_consumer() -> None:
    names = ["a", "b", "c", "d", "late"]
    chain = [Wire("a", "b"), Wire("b", "c"), Wire("c", "d"), Wire("late", "d")]
    layout = arrange({name: Box(100, 50) for name in names}, chain)
    columns = [layout.boxes[name].x for name in ("a", "b", "c", "d")]
    assert columns == sorted(set(columns))
    assert layout.boxes["late"].x == layout.boxes["c"].x


def test_a_straight_chain_is_straight() -> None:
    layout = arrange({str(n): Box(100, 50) for n in range(6)}, [Wire(str(n), str(n + 1)) for n in range(5)])
    assert {spot.y for spot in layout.boxes.values()} == {0}


def test_a_frame_is_as_wide_as_what_it_holds() -> None:
    boxes = {"thin": Box(100, 50, "a"), "wide": Box(300, 50, "b"), "end": Box(100, 50, "c")}
    layout = arrange(boxes, [Wire("thin", "end"), Wire("wide", "end")])
    assert layout.frames["a"].x == layout.frames["b"].x
    for id, box in boxes.items():
        around = 2 * (layout.boxes[id].x - layout.frames[box.group].x)
        assert layout.frames[box.group].width == box.width + around


def test_rows_follow_the_slots_they_feed() -> None:
    boxes = {name: Box(100, 50) for name in ("low", "high", "taker")}
    layout = arrange(boxes, [Wire("low", "taker", 20, 80), Wire("high", "taker", 20, 20)])
    assert layout.boxes["high"].y < layout.boxes["low"].y


@pytest.mark.parametrize("count", [1000, 5000])
@pytest.mark.parametrize("shape", ["chain", "random", "star", "cycles", "loose", "wide", "groups"])
def test_large_graphs_take_little_time(shape: str, count: int) -> None:
    pick = random.Random(count)
    group = 40 if shape == "groups" else 0
    boxes = {str(n): Box(270, pick.randint(60, 400), f"g{n // group}" if group else "") for n in range(count)}
    wires = {
        "chain": lambda: [(n, n + 1) for n in range(count - 1)],
        "random": lambda: [(pick.randrange(n), n) for n in range(1, count) for _ in range(3)],
        "star": lambda: [(0, n) for n in range(1, count)],
        "cycles": lambda: [(pick.randrange(count), pick.randrange(count)) for _ in range(3 * count)],
        "loose": list,
        "wide": lambda: [(n, n + 10) for n in range(count - 10)] + [(0, n) for n in range(count)],
        "groups": lambda: [(pick.randrange(n), n) for n in range(1, count) for _ in range(3)],
    }[shape]()
    started = time.process_time()
    layout = arrange(boxes, [Wire(str(source), str(target)) for source, target in wires])
    assert time.process_time() - started < 5
    assert len(layout.boxes) == count
    assert collisions(layout) == []
