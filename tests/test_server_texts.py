"""Whatever a server writes can be read without a mishap and shown without harm."""

from __future__ import annotations

import json
import math
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.run.answers import Failed, read_outcome, read_refusal
from comfyproof.run.events import Progress, Story, read_message
from comfyproof.run.problems import clean

SHOWN = {
    "\x1b[31mred\x1b[0m": "red",
    "\x1b]0;title\x07after": "after",
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\": "link",
    "\x9b2Jgone\x9d0;t\x9crest": "gonerest",
    "\x1bPq\x1b\\pic\x1b(0": "pic",
    "\x1b]52;c;never ended": "",
    "two\r\nlines\tand\u2028more": "two lines and more",
    "bidi \u202egnp.exe\u2066": "bidi gnp.exe",
    "nul\0 bell\x07 \ud800": "nul bell",
    "::error file=a::no": ": :error file=a::no",
    "a ##[group]b ##vso[task.x]c": "a # #[group]b # #vso[task.x]c",
    "Größe 4×": "Größe 4×",
}


@pytest.mark.parametrize("text", SHOWN)
def test_a_text_is_shown_without_what_moves_the_cursor_or_commands_a_runner(text: str) -> None:
    assert clean(text) == SHOWN[text]


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), ([1], ""), ({}, ""), (5, "5"), (True, "True"), (b"a\xff", "a�")]
)
def test_what_is_no_text_is_shown_as_little(value: Any, shown: str) -> None:
    assert clean(value) == shown


@given(st.text(st.characters(), max_size=300), st.integers(1, 50))
def test_a_shown_text_is_one_short_harmless_line(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert len(shown) <= limit + 4  # what keeps a command apart comes on top
    assert all(unicodedata.category(letter)[0] != "C" and (letter == " " or not letter.isspace()) for letter in shown)
    assert clean(shown, limit + 4) == shown


WORDS = """
error errors node_errors type message details extra_info node_id class_type invalid_prompt outputs status messages
status_str success execution_error execution_interrupted traceback filename images data prompt_id progress
progress_state executing nodes node state running finished value max exception_type execution_cached executed
"""


def values() -> st.SearchStrategy[Any]:
    """JSON of any shape, in which the words that servers use are frequent."""
    words = st.sampled_from(WORDS.split())
    texts = words | st.text(max_size=5)
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=5), max_leaves=20
    )


@given(values(), values(), values())
def test_any_answer_can_be_read(first: Any, second: Any, third: Any) -> None:
    refusal = read_refusal({"error": first, "node_errors": {"2": {"errors": [second], "class_type": third}}})
    assert refusal is not None
    read_refusal(first)
    read_refusal({"error": {"type": "missing_node_type", "extra_info": first, "details": second}, "node_errors": third})
    status = {"messages": [["execution_error", second]], "status_str": third}
    for entry in ({"outputs": first, "status": status}, {"outputs": {"1": first}, "status": third}):
        assert read_outcome(entry) is not None


@given(
    st.text(max_size=10) | st.sampled_from(["progress", "progress_state", "executing", "execution_cached"]), values()
)
def test_any_message_can_be_read_and_is_news_only_once(kind: str, data: Any) -> None:
    message = json.dumps({"type": kind, "data": {**(data if isinstance(data, dict) else {}), "prompt_id": "p"}})
    prompt_id, told = read_message(message)
    assert prompt_id == "p"
    story = Story()
    progress = {event.node_id: event for event in told if isinstance(event, Progress) and story.is_news(event)}
    assert all(math.isfinite(event.value) and 0 <= event.value <= event.max for event in progress.values())
    fresh = Story()
    once = [event for event in told if fresh.is_news(event)]
    assert not any(fresh.is_news(event) for event in told if event in once and not isinstance(event, Progress))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_none(data: bytes) -> None:
    read_message(data)


def test_a_long_traceback_keeps_its_end() -> None:
    error = {"traceback": [f"  line {n}\n" for n in range(900)]}
    outcome = read_outcome({"status": {"messages": [["execution_error", error]]}})
    assert isinstance(outcome, Failed)
    assert len(outcome.traceback) == 200
    assert outcome.traceback[-1] == "  line 899"
