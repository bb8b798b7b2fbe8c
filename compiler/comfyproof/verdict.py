"""What a ComfyUI 0.3.64 server would answer to a raw prompt, decided without a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from .catalog.pinned import Catalog
from .files import Files, KnownFiles, known_files
from .validation import PYTHON_ERRORS, Error, Fault, Judge, error_of, first_pass, is_link

__all__ = ["SERVER_TROUBLE", "Answer", "Files", "Verdict", "answer", "is_link", "server_verdict"]

SERVER_TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"


class Verdict(TypedDict):
    """What a server makes of a prompt, with nothing in it that its hash order decides.

    `error` is null or `{type, message, details}`, its details the text's lines, sorted. `node_errors` maps a
    node's id to `{class_type, errors}`, errors a sorted list of `{type, input, details}`. `exception` names what
    escaped (HTTP 500). `not_examined` lists what only that server can judge: node, input, value and reason.
    """

    accepted: bool
    good_outputs: list[str]
    error: dict[str, Any] | None
    node_errors: dict[str, dict[str, Any]]
    exception: str | None
    exception_message: str | None
    not_examined: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What HTTP gives for a prompt: its status and body, and the prompt as the server then keeps it,
    which shares with the one that was given what is the same in both.

    A body that is text (status 500) stands for an exception that escaped.
    """

    status: int
    body: dict[str, Any] | str
    prompt: Any
    good_outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """What validation found, before it is put in anybody's words."""

    prompt: Any
    good: tuple[str, ...] = ()
    error: Error | None = None
    faults: Sequence[Fault] = ()
    not_examined: Sequence[dict[str, Any]] = ()
    exception: Exception | None = None


def server_verdict(prompt: Any, catalog: Catalog, files: KnownFiles | None = None, *, targets: Any = None) -> Verdict:
    """What the server makes of a prompt in API format; no prompt makes it raise, and none is changed.

    `files` says which files the server has: a folder that holds `input`, `output` and `temp`; or names by folder,
    model folders too; or plain names, in `input` unless they begin with `output/` or `temp/`. None: unknown, such
    names are taken as present and listed in `not_examined`. `targets` is the request's `partial_execution_targets`.
    """
    found = _found(prompt, catalog, known_files(files), targets)
    error = found.error
    return Verdict(
        accepted=bool(found.good),
        good_outputs=sorted(found.good, key=str),
        error=error
        and {
            "type": error["type"],
            "message": error["message"],
            "details": sorted(error["details"].splitlines()),
        },
        node_errors={
            fault.node: {"class_type": fault.kind, "errors": sorted(map(_plain, fault.errors), key=_order)}
            for fault in found.faults
        },
        exception=type(found.exception).__name__ if found.exception else None,
        exception_message=str(found.exception) if found.exception else None,
        not_examined=list(found.not_examined),
    )


def answer(prompt: Any, catalog: Catalog, files: Files | None = None, *, targets: Any = None) -> Answer:
    """What the server answers to a prompt over HTTP; no prompt makes it raise, and none is changed."""
    found = _found(prompt, catalog, files, targets)
    if found.exception is not None:
        return Answer(500, SERVER_TROUBLE, found.prompt)
    node_errors = {
        fault.node: {"errors": list(fault.errors), "dependent_outputs": list(fault.outputs), "class_type": fault.kind}
        for fault in found.faults
    }
    if found.error is not None:
        return Answer(400, {"error": found.error, "node_errors": node_errors}, found.prompt)
    return Answer(200, {"node_errors": node_errors}, found.prompt, found.good)


def _found(prompt: Any, catalog: Catalog, files: Files | None, targets: Any) -> _Found:
    try:
        refusal, outputs = first_pass(prompt, catalog, targets)
    except PYTHON_ERRORS as problem:
        return _Found(prompt, exception=problem)
    if refusal is not None:
        return _Found(prompt, error=refusal)
    judge = Judge(dict(prompt), catalog, files)
    good, errors = judge.judge(outputs)
    if good:
        return _Found(judge.prompt, tuple(good), None, judge.faults(), judge.not_examined)
    lines = "\n".join(f"{error['message']}: {error['details']}" for error in errors)
    refusal = error_of("prompt_outputs_failed_validation", "Prompt outputs failed validation", lines)
    return _Found(judge.prompt, (), refusal, judge.faults(), judge.not_examined)


def _plain(error: Error) -> dict[str, Any]:
    return {"type": error["type"], "input": error["extra_info"].get("input_name"), "details": error["details"]}


def _order(error: dict[str, Any]) -> tuple[str, str, str]:
    return error["type"], error["input"] or "", error["details"]
