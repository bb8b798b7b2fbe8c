"""Text with positions: what YAML says, where it stands, and what is refused in bounded time and memory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from comfyproof.diagnostics import Path as DataPath
from comfyproof.source import MAX_BYTES, parse_source, read_source
from comfyproof.texts.composed import LINE_END

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=20
)


def leaves(data: Any, path: DataPath = ()) -> list[tuple[DataPath, Any]]:
    if isinstance(data, dict):
        return [leaf for key, value in data.items() for leaf in leaves(value, (*path, key))]
    if isinstance(data, list):
        return [leaf for n, value in enumerate(data) for leaf in leaves(value, (*path, n))]
    return [(path, data)]


def at(text: str, line: int, column: int, end_line: int, end_column: int) -> str:
    rows = LINE_END.split(text)
    assert line == end_line
    return rows[line - 1][column - 1 : end_column - 1]


@given(TREES)
@example({"k" * 2000: None})
def test_reads_all_json_and_knows_where_it_stands(tree: Any) -> None:
    text = json.dumps(tree, indent=1)
    source, findings = parse_source("x.yaml", text)
    assert findings == []
    assert source is not None
    assert source.data == tree
    for path, value in leaves(tree):
        span = source.at(path)
        assert json.loads(at(text, span.line, span.column, span.end_line, span.end_column)) == value
        if path and isinstance(path[-1], str):
            key = source.at(path, key=True)
            assert json.loads(at(text, key.line, key.column, key.end_line, key.end_column)) == path[-1]


@given(st.text() | st.text(alphabet="-:[]{}&*!|>'\"#%@`,? \n\tabc01~.$<="))
def test_any_text_gives_data_or_a_reason(text: str) -> None:
    source, findings = parse_source("x.yaml", text)
    assert source is not None or findings
    for finding in findings:
        assert finding.place is not None
        assert finding.place.span().line >= 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("012", 12), ("0o17", 15), ("0x1F", 31), ("1e3", 1000.0), ("1_000", "1_000"),
        ("12:30:45", "12:30:45"), ("2024-01-01", "2024-01-01"), ("~", None), ("TRUE", True), (".5", 0.5), ("'1'", "1"),
        ("+3", 3), ("=", "="), ("<<", "<<"), ("18446744073709551615", 2**64 - 1), ("1.", 1.0),
    ],
)  # fmt: skip
def test_yaml_1_2_without_surprises(text: str, value: Any) -> None:
    source, findings = parse_source("x.yaml", f"- {text}\n")
    assert findings == []
    assert source is not None
    assert source.data == [value]
    assert type(source.data[0]) is type(value)


def bomb() -> str:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (bomb(), "CP105"),
        ("[" * 100_000, "CP105"),
        ("{a: " * 100_000, "CP105"),
        ("9" * 5000, "CP105"),
        ("- x\n" * 200_000, "CP105"),
        ("a: *nobody", "CP102"),
        ("a: &x [*x]", "CP102"),
        ("a: 1\na: 2", "CP103"),
        ("!!python/object/apply:os.system [true]", "CP104"),
        ("a: !secret x", "CP104"),
        ("a: 1\n---\nb: 2", "CP104"),
        ("? [a, b]\n: c", "CP104"),
        ("a: .nan", "CP104"),
        ("a: 1e999", "CP104"),
        ("a:\n\t- b", "CP102"),
        ("a: 'open", "CP102"),
        ("a: \x07", "CP102"),
        ("a: b: c", "CP102"),
    ],
)
def test_refused_with_a_reason(text: str, code: str) -> None:
    _, findings = parse_source("x.yaml", text)
    assert [finding.rule.code for finding in findings] == [code]


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ('{"a": 1, "a": 2}', "CP103", '"a"'),
        ('{"a": NaN}', "CP104", "NaN"),
        ('{"a": -Infinity}', "CP104", "-Infinity"),
        ('{"a": 1e999}', "CP104", "1e999"),
        ('{"a": "\\ud83d"}', "CP104", '"\\ud83d"'),
        ("[" * 100_000, "CP105", "["),
        ("[" * 66 + "]" * 66, "CP105", "["),
        (f"[{'9' * 5000}]", "CP105", "9" * 5000),
        (f"[0.{'9' * 5000}]", "CP105", f"0.{'9' * 5000}"),
        ('{"a": 1,}', "CP102", ""),
        ('{"a" 1}', "CP102", ""),
        ('{"a": 01}', "CP102", ""),
        ("{a: 1}", "CP102", ""),
        ('["open', "CP102", ""),
        ('["a\tb"]', "CP102", ""),
        ("[1] 2", "CP102", ""),
        ("", "CP102", ""),
        ('["\u2028", NaN]', "CP104", "NaN"),
    ],
)
def test_json_refused_at_its_place(text: str, code: str, marked: str) -> None:
    _, findings = parse_source("x.json", text)
    assert [finding.rule.code for finding in findings] == [code]
    assert findings[0].place is not None
    span = findings[0].place.span()
    assert at(text, span.line, span.column, span.end_line, span.end_column) == marked


@given(TREES, st.integers(0, 200), st.text(alphabet='{}[]",:0-1.e+tn \n\\', max_size=3))
def test_places_are_of_the_very_text_that_was_read(tree: Any, where: int, put: str) -> None:
    """The library reads, our own walk says where: on a text cut and changed at random both say the same."""
    text = json.dumps(tree)
    text = text[:where] + put + text[where + 1 :]
    source, findings = parse_source("x.json", text)
    try:
        data = json.loads(text)
    except ValueError:
        assert findings
        return
    if source is not None and not findings:
        assert source.data == data
        for path, value in leaves(data):
            span = source.at(path)
            shown = "\n".join(text.split("\n")[span.line - 1 : span.end_line])
            if span.line == span.end_line:
                assert json.loads(shown[span.column - 1 : span.end_column - 1]) == value


def test_a_flow_mapping_that_is_no_json_is_yaml_and_judged_once() -> None:
    source, findings = parse_source("x.yaml", '{"a": 1, "a": 2, b: 3}')
    assert [finding.rule.code for finding in findings] == ["CP103"]
    assert source is not None
    assert source.data == {"a": 1, "b": 3}


def test_an_alias_is_its_anchor_s_value_at_its_own_place() -> None:
    source, findings = parse_source("x.yaml", "a: &x {b: 1}\nc: *x\n")
    assert findings == []
    assert source is not None
    assert source.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert source.at(("c",)).line == 2
    assert source.at(("c", "b")).line == 2


def test_a_path_that_is_not_there_has_the_place_of_what_is_round_it() -> None:
    source, _ = parse_source("x.yaml", "a:\n  b: 1\n")
    assert source is not None
    assert source.at(("a", "z", 3)) == source.at(("a",))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfea\x00", "UTF-16"),
        (b"\xff\xff", "not UTF-8"),
        (b"a: \x00", "NUL"),
        (b"#" * (MAX_BYTES + 1), "over the limit"),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    source, findings = read_source(tmp_path / "x.yaml")
    assert source is None
    assert reason in findings[0].message


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, reason in (
        ("pipe", "not a regular file"),
        ("", "a folder"),
        ("none", "No such file"),
        ("loop", "symbolic links"),
        ("a\0b", "null"),
    ):
        source, findings = read_source(f"{tmp_path}/{name}")
        assert source is None
        assert reason in findings[0].message


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    source, findings = read_source(tmp_path / "x.yaml")
    assert findings == []
    assert source is not None
    assert source.data == {"a": 1}
    assert source.at(("a",)).column == 4
