"""Rules on what a workflow gives away: all of it stands in the metadata of each picture that it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..catalog.nodes import RawNodes
from ..catalog.pinned import Catalog, built_in
from ..diagnostics import NotExamined, Severity
from ..graph import Graph, Node, Value
from ..texts.keys import KEY, SHOWN
from .rule import Problem, kept, rule

_USER = re.compile(
    r"(?:^|(?<=[\s\"'=:;,(\[]))(?:/home/|/Users/|[A-Za-z]:[/\\]+Users[/\\]+)(?!Shared\b|Public\b|runner\b)([^/\\\s:*?\"<>|]+)[/\\]"
)
_CODE = re.compile(r"(?:code|script|python|javascript|expression|eval|command)", re.IGNORECASE)
_PROGRAM = re.compile(
    r"(?:^|\n)\s*(?:import\s+\w|from\s+[\w.]+\s+import\s|def\s+\w+\s*\()|\b(?:exec|eval|__import__)\s*\(|\bos\.(?:system|popen)\b"
    r"|\bsubprocess\."
)
_SHORTEST = 9
# What each of these has, for a quick look first.
_KEY_MARKS = (
    "sk-",
    "hf_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "AKIA",
    "ASIA",
    "AIza",
    "r8_",
    "comfyui-",
    "xox",
    "eyJ",
    "-----BEGIN",
)
_USER_MARKS = ("/home/", "Users")
_CODE_MARKS = ("import ", "def ", "(", "os.", "subprocess")


@rule("CP651", "key-in-workflow", Severity.WARNING, of_all=True)
def key_in_workflow(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A value has the form of somebody's key or token, and everybody who gets the workflow or a picture of it has it.

    ComfyUI writes all that was sent into every PNG, and nodes that nothing runs are sent as well.

    Source: ComfyUI 0.3.64, `SaveImage` in `nodes.py`.

    Bad:

        nodes: {ask: {SomeoneElsesNode: {image: $load, token: hf_abcdefghijklmnopqrstuvwxyzABCDEFGH}}}

    Good:

        nodes: {ask: {SomeoneElsesNode: {image: $load, token_file: hugging_face.token}}}
    """
    for node, name, text in _texts(graph, catalog, _KEY_MARKS):
        if found := KEY.search(text):
            owner = (found.lastgroup or "").replace("_", " ")
            looks = f'looks like a key of {owner}, "{found[0][:SHOWN]}..."'
            message = f'"{name}" holds what {looks}, and each picture will have it'
            yield Problem(node, name, message, "make the key invalid, and keep the new one on the server")


@rule("CP652", "user-name-in-path", Severity.INFO, of_all=True)
def user_name_in_path(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A path of somebody's own folder stands in the workflow, with their name, and so in every picture.

    ComfyUI writes all that was sent into every PNG; and the path leads nowhere on another machine.

    Source: ComfyUI 0.3.64, `SaveImage` in `nodes.py`.

    Bad:

        nodes: {ask: {SomeoneElsesNode: {image: $load, folder: /home/jane/pictures}}}

    Good:

        nodes: {ask: {SomeoneElsesNode: {image: $load, folder: pictures}}}
    """
    for node, name, text in _texts(graph, catalog, _USER_MARKS):
        if found := _USER.search(text):
            message = f'"{found[0]}" names a user, and each picture will have it'
            yield Problem(node, name, message, "name the file from a folder that every server has")


@rule("CP653", "code-in-workflow", Severity.INFO, of_all=True)
def code_in_workflow(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A node is given a program, which runs on the server with all that the server may do.

    Look at it before you run a workflow of somebody else's. No class of ComfyUI's own takes programs.

    Source: the classes of ComfyUI 0.3.64.

    Bad:

        nodes: {ask: {SomeoneElsesNode: {image: $load, code: "import os; os.system('ls')"}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load}}}
    """
    if all(node.type in _core() for node in graph.nodes.values()):
        return
    for node, name, text in _texts(graph, catalog, _CODE_MARKS):
        if node.type not in _core() and _CODE.search(name) and _PROGRAM.search(text):
            message = f'"{name}" of "{node.type}" is a program, which the server will run'
            yield Problem(node, name, message, "read it before you run the workflow")


SECURITY_RULES = (key_in_workflow, user_name_in_path, code_in_workflow)


def _core() -> RawNodes:
    return built_in().raw


def _texts(graph: Graph, catalog: Catalog, marks: tuple[str, ...]) -> list[tuple[Node, str, str]]:
    """The texts in a graph, those inside of lists and mappings too; none where no text has any of the marks."""
    found, together = kept(graph, catalog, _all_texts)
    return found if any(mark in together for mark in marks) else []


def _all_texts(graph: Graph, catalog: Catalog) -> tuple[list[tuple[Node, str, str]], str]:
    found: list[tuple[Node, str, str]] = []
    for node in graph.nodes.values():
        for name, value in node.inputs.items():
            if type(value) is str:
                if len(value) >= _SHORTEST:
                    found.append((node, name, value))
            elif isinstance(value, list | dict):
                found += [(node, name, text) for text in _inside(value)]
    return found, "\n".join([text for _, _, text in found])


def _inside(value: Value) -> Iterator[str]:
    level: list[Any] = [value]
    while level:
        each = level.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, list):
            level += each
        elif isinstance(each, dict):
            level += each.values()
