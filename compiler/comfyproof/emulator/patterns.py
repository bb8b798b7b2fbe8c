"""Regular expressions, in a process of their own: some take longer than anybody waits, and nothing else would run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from .values import MAX_TEXT, Run, TooLarge

SECONDS = 3
# What the other process does: it reads what to look for, and tells what it found or why it could not.
_PROGRAM = """
import json, re, sys
asked = json.load(sys.stdin)
string, left = asked["string"], asked["most"]
def put(match):
    global left
    text = match.expand(asked["replace"])
    left -= len(text)
    if left < 0:
        raise OverflowError
    return text
try:
    pattern = re.compile(asked["pattern"], asked["flags"])
    if asked["replace"] is None:
        found = [[match.group(0), *match.groups()] for match in pattern.finditer(string)]
    else:
        pattern.sub(asked["replace"], "")
        found = pattern.sub(put, string, asked["count"])
    answer = {"found": found}
except OverflowError:
    answer = {"much": True}
except (re.error, IndexError) as problem:
    answer = {"wrong": str(problem), "group": isinstance(problem, IndexError)}
sys.stdout.write(json.dumps(answer))
"""


def _asked(string: str, pattern: str, flags: Mapping[str, bool], replace: str | None = None, count: int = 0) -> Any:
    """What a pattern finds: for each match its text and groups; with `replace` the new text.

    Raises re.error, IndexError for a pattern that is wrong, TimeoutError, TooLarge.
    """
    named = {"case_insensitive": re.IGNORECASE, "multiline": re.MULTILINE, "dotall": re.DOTALL}
    bits = sum(flag.value for name, flag in named.items() if flags[name])
    asked = {"string": string, "pattern": pattern, "replace": replace, "count": count, "flags": bits, "most": MAX_TEXT}
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM]
    try:
        done = subprocess.run(  # noqa: S603 - what it runs is written above
            command, input=json.dumps(asked), capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"the pattern took longer than {SECONDS} seconds") from None
    if done.returncode:
        raise RuntimeError("the pattern could not be looked for")
    answer = json.loads(done.stdout)
    if "much" in answer:
        raise TooLarge("a text is longer than the emulator holds")
    if "wrong" in answer:
        raise (IndexError if answer["group"] else re.error)(answer["wrong"])
    return answer["found"]


def regex_match(run: Run, *, string: str, regex_pattern: str, **flags: bool) -> tuple[bool]:
    """Whether a pattern is found in a text; one that is wrong is not."""
    try:
        return (bool(_asked(string, regex_pattern, flags)),)
    except re.error:
        return (False,)


def regex_extract(
    run: Run, *, string: str, regex_pattern: str, mode: str, group_index: int, **flags: bool
) -> tuple[str | None]:
    """What a pattern finds in a text, the first or all of it; nothing for a pattern that is wrong."""
    try:
        matches = _asked(string, regex_pattern, flags)
    except re.error:
        return ("",)
    if mode == "First Match":
        return (matches[0][0] if matches else "",)
    if mode == "First Group":
        return (matches[0][group_index] if matches and group_index < len(matches[0]) else "",)
    if mode == "All Matches":  # the first group stands for a match where there is one
        return ("\n".join(match[min(1, len(match) - 1)] or "" for match in matches),)
    return ("\n".join(match[group_index] for match in matches if 1 < len(match) > group_index),)


def regex_replace(
    run: Run, *, string: str, regex_pattern: str, replace: str, case_insensitive: bool = True,
    multiline: bool = False, dotall: bool = False, count: int = 0,
) -> tuple[str]:  # fmt: skip
    """A text in which what a pattern finds is replaced. Raises re.error for a pattern that is wrong."""
    flags = {"case_insensitive": case_insensitive, "multiline": multiline, "dotall": dotall}
    return (_asked(string, regex_pattern, flags, replace, count),)
