"""What a ComfyUI 0.3.64 server would answer to a raw prompt, decided without a server."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn, TypeAlias, TypedDict

from .catalog.nodes import Input, NodeType
from .catalog.pinned import Catalog
from .validators import IO_FOLDERS, VALIDATORS, Files, Unsure

__all__ = ["SERVER_TROUBLE", "Files", "Verdict", "is_link", "server_verdict"]

SERVER_TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"

# Where a chain of nodes is longer than this, ComfyUI's own recursion gives up.
MAX_CHAIN = 985
# A server shows a combo's options in an error only up to this many.
MAX_OPTIONS_SHOWN = 20

Error: TypeAlias = dict[str, Any]


class Verdict(TypedDict):
    """The answer of a server; `status` and `body` as HTTP gives them, `prompt` as the server then keeps it.

    A body that is text (status 500) stands for an exception that escaped; `exception` names it.
    `not_examined` lists values that only that server can judge: their node, input, value and why.
    """

    accepted: bool
    good_outputs: list[str]
    error: Error | None
    node_errors: dict[str, dict[str, Any]]
    exception: str | None
    not_examined: list[dict[str, Any]]
    status: int
    body: dict[str, Any] | str
    prompt: Any


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What validation found of one node: valid itself and upstream, and its own errors."""

    valid: bool
    errors: tuple[Error, ...] = ()


class _Raised(Exception):
    """An exception in the server's own validation of a node: its Python type and its text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind, self.text = kind, text


def server_verdict(prompt: Any, catalog: Catalog, files: Files | None = None, *, targets: Any = None) -> Verdict:
    """What the server answers to a prompt in API format; never raises and leaves the prompt as it is.

    `files` says which files the server has (None: unknown, such names are taken as present and
    listed in `not_examined`); `targets` is the request's `partial_execution_targets`.
    """
    copied = _copied(prompt)
    try:
        refusal, outputs = _first_pass(copied, catalog, targets)
    except (TypeError, AttributeError, KeyError, IndexError, RecursionError) as problem:
        return _verdict(copied, 500, None, exception=type(problem).__name__)
    if refusal is not None:
        return _verdict(copied, 400, refusal)
    judge = _Judge(copied, catalog, files)
    good, failed = judge.judge(outputs)
    if good:
        return _verdict(copied, 200, None, good, judge)
    lines = [f"{error['message']}: {error['details']}" for errors in failed for error in errors]
    refusal = _error("prompt_outputs_failed_validation", "Prompt outputs failed validation", "\n".join(lines))
    return _verdict(copied, 400, refusal, good, judge)


def is_link(value: Any) -> bool:
    """Whether the server runs a value as a link: a node id and a slot number."""
    if not isinstance(value, list) or len(value) != 2:
        return False
    return isinstance(value[0], str) and isinstance(value[1], (int, float))


def _copied(prompt: Any) -> Any:
    """The prompt with containers of its own down to the inputs, so that coercion stays in here."""
    if not isinstance(prompt, dict):
        return prompt
    copied: dict[Any, Any] = {}
    for id, node in prompt.items():
        if isinstance(node, dict):
            node = dict(node)
            if isinstance(node.get("inputs"), (dict, list)):
                node["inputs"] = node["inputs"].copy()
        copied[id] = node
    return copied


def _verdict(
    prompt: Any,
    status: int,
    error: Error | None,
    good: Sequence[str] = (),
    judge: _Judge | None = None,
    exception: str | None = None,
) -> Verdict:
    node_errors = judge.node_errors if judge else {}
    body: dict[str, Any] | str = SERVER_TROUBLE
    if status == 200:
        body = {"node_errors": node_errors}
    elif status == 400:
        body = {"error": error, "node_errors": node_errors}
    return Verdict(
        accepted=status == 200,
        good_outputs=list(good),
        error=error,
        node_errors=node_errors,
        exception=exception,
        not_examined=judge.not_examined if judge else [],
        status=status,
        body=body,
        prompt=prompt,
    )


def _error(kind: str, message: str, details: str, extra: Mapping[str, Any] | None = None) -> Error:
    return {"type": kind, "message": message, "details": details, "extra_info": dict(extra or {})}


def _first_pass(prompt: Any, catalog: Catalog, targets: Any) -> tuple[Error | None, list[str]]:
    """The first node without a known class, or the outputs to run. Raises what escapes in the server."""
    outputs = []
    for id in prompt:
        node = prompt[id]
        if "class_type" not in node:
            message = "Cannot execute because a node is missing the class_type property."
            return _error("invalid_prompt", message, f"Node ID '#{id}'"), []
        kind = node["class_type"]
        hash(kind)
        known = catalog.get(kind) if isinstance(kind, str) else None
        if known is None:
            return _error(
                "invalid_prompt", f"Cannot execute because node {kind} does not exist.", f"Node ID '#{id}'"
            ), []
        if known.is_output and (targets is None or id in targets):
            outputs.append(id)
    if not outputs:
        return _error("prompt_no_outputs", "Prompt has no outputs", ""), []
    return None, outputs


@dataclass
class _Judge:
    """The second pass: outputs and all that feeds them, each node once."""

    prompt: dict[str, Any]
    catalog: Catalog
    files: Files | None
    validated: dict[str, _Outcome] = field(default_factory=dict)
    node_errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    not_examined: list[dict[str, Any]] = field(default_factory=list)

    def judge(self, outputs: Sequence[str]) -> tuple[list[str], list[tuple[Error, ...]]]:
        """The outputs that would run, and the errors of each that would not."""
        good, failed = [], []
        for output in outputs:
            outcome = self._output(output)
            if outcome.valid:
                good.append(output)
                continue
            failed.append(outcome.errors)
            for id, seen in self.validated.items():
                if not seen.valid and seen.errors:
                    self._note(id, seen.errors)["dependent_outputs"].append(output)
        return good, failed

    def _note(self, id: str, errors: tuple[Error, ...]) -> dict[str, Any]:
        if id not in self.node_errors:
            self.node_errors[id] = {
                "errors": list(errors),
                "dependent_outputs": [],
                "class_type": self.prompt[id]["class_type"],
            }
        return self.node_errors[id]

    def _output(self, id: str) -> _Outcome:
        try:
            return self._walk(id)
        except _Raised as raised:
            extra = {"exception_type": raised.kind, "traceback": []}
            error = _error("exception_during_validation", "Exception when validating node", raised.text, extra)
            self.validated[id] = _Outcome(False, (error,))
            return self.validated[id]

    def _walk(self, output: str) -> _Outcome:
        """The outcome of a node, upstream first, without recursion: prompts come from outside."""
        if output in self.validated:
            return self.validated[output]
        stack = [(output, self._node(output))]
        under_way = {output}
        answer: _Outcome | _Raised | None = None
        while True:
            id, visit = stack[-1]
            try:
                wanted = visit.throw(answer) if isinstance(answer, _Raised) else visit.send(answer)
            except StopIteration as stopped:
                answer = self.validated[id] = stopped.value
            except _Raised as raised:
                answer = raised
            else:
                answer = self._known(wanted, under_way, len(stack))
                if answer is None:
                    stack.append((wanted, self._node(wanted)))
                    under_way.add(wanted)
                continue
            stack.pop()
            under_way.discard(id)
            if not stack:
                if isinstance(answer, _Raised):
                    raise answer
                return answer

    def _known(self, id: str, under_way: set[str], depth: int) -> _Outcome | _Raised | None:
        if id in self.validated:
            return self.validated[id]
        if id in under_way:  # a cycle: the server's recursion fails, and says nothing of it
            return _Outcome(False)
        if depth >= MAX_CHAIN:
            return _Raised("RecursionError", "maximum recursion depth exceeded")
        return None

    def _node(self, id: str) -> Generator[str, _Outcome | None, _Outcome]:
        """Validates one node: yields each node it links to, is sent that one's outcome, returns its own."""
        node = self.prompt[id]
        kind = self.catalog.get(node["class_type"])
        assert kind is not None  # the first pass has seen to it
        inputs = _try(lambda: node["inputs"])
        errors: list[Error] = []
        sound = True
        received: dict[str, Any] = {}
        special = VALIDATORS.get(kind.name)
        for declared in kind.inputs.values():
            name = declared.name
            if not _try(partial(_has, inputs, name)):
                if declared.required:
                    errors.append(_of_input("required_input_missing", "Required input is missing", name, name))
                continue
            value = _try(partial(_item, inputs, name))
            if not isinstance(value, list):
                skip = special is not None and name in special.inputs
                errors += self._literal(id, kind, declared, inputs, value, skip)
            elif len(value) != 2:
                message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
                extra = {"input_config": self._config(kind, declared), "received_value": value}
                errors.append(_of_input("bad_linked_input", message, name, name, extra))
            else:
                source, received[name] = self._received(value)
                if not (special and special.takes_types) and (
                    mismatch := self._mismatch(kind, declared, received[name], value)
                ):
                    errors.append(mismatch)
                    continue
                try:
                    outcome = yield source
                except _Raised as raised:
                    self._blame(source, raised, kind, declared, value)
                    sound = False
                else:
                    sound = sound and outcome is not None and outcome.valid
        if special is not None:
            errors += self._special(id, kind, inputs, received)
        return _Outcome(sound and not errors, tuple(errors))

    def _blame(self, source: str, raised: _Raised, kind: NodeType, declared: Input, link: Any) -> None:
        """An exception within a node is reported by the node it feeds, under its own id."""
        extra = {
            "input_config": self._config(kind, declared),
            "exception_message": raised.text,
            "exception_type": raised.kind,
            "traceback": [],
            "linked_node": link,
        }
        message = "Exception when validating inner node"
        error = _of_input("exception_during_inner_validation", message, raised.text, declared.name, extra)
        self.validated[source] = _Outcome(False, (error,))

    def _received(self, link: list[Any]) -> tuple[str, Any]:
        """The node a link names and the type its slot gives. Raises as the server does."""
        source = _try(lambda: self.prompt[link[0]])
        raw = self.catalog.raw[source["class_type"]]
        types = raw.get("output") or []
        slots: Any = types if _is_new_style(raw) else tuple(types)
        return link[0], _try(lambda: slots[link[1]])

    def _mismatch(self, kind: NodeType, declared: Input, received: Any, link: Any) -> Error | None:
        wanted, config = self._config(kind, declared)
        if received == wanted or wanted == "*" or received == "*":
            return None
        if isinstance(received, str) and isinstance(wanted, str) and _types(received) & _types(wanted):
            return None
        details = f"{declared.name}, received_type({received}) mismatch input_type({wanted})"
        extra = {"input_config": [wanted, config], "received_type": received, "linked_node": link}
        message = "Return type mismatch between linked nodes"
        return _of_input("return_type_mismatch", message, details, declared.name, extra)

    def _literal(self, id: str, kind: NodeType, declared: Input, inputs: Any, value: Any, skip: bool) -> list[Error]:
        """Coerces a value in place as the server does, and the first thing wrong with it."""
        name = declared.name
        if isinstance(value, dict) and "__value__" in value:
            value = value["__value__"]
            _try(lambda: inputs.__setitem__(name, value))
        try:
            value = _coerced(declared.type, value)
        except (TypeError, ValueError, OverflowError, RecursionError) as problem:
            details = f"{name}, {_text(value)}, {problem}"
            extra = {
                "input_config": self._config(kind, declared),
                "received_value": value,
                "exception_message": str(problem),
            }
            message = f"Failed to convert an input value to a {declared.type} value"
            return [_of_input("invalid_input_type", message, details, name, extra)]
        _try(lambda: inputs.__setitem__(name, value))
        if skip:
            return []
        found = self._out_of_bounds(kind, declared, value) or self._not_in_list(id, kind, declared, value)
        return [found] if found else []

    def _out_of_bounds(self, kind: NodeType, declared: Input, value: Any) -> Error | None:
        config = declared.config
        extra = {"input_config": self._config(kind, declared), "received_value": value}
        if "min" in config and _try(lambda: value < config["min"]):
            message = f"Value {_text(value)} smaller than min of {config['min']}"
            return _of_input("value_smaller_than_min", message, declared.name, declared.name, extra)
        if "max" in config and _try(lambda: value > config["max"]):
            message = f"Value {_text(value)} bigger than max of {config['max']}"
            return _of_input("value_bigger_than_max", message, declared.name, declared.name, extra)
        return None

    def _not_in_list(self, id: str, kind: NodeType, declared: Input, value: Any) -> Error | None:
        if declared.type != "COMBO":
            return None
        options, listed = self._options(declared)
        if value in options or self._fits(declared, value):
            return None
        if not listed or not declared.checked:
            if declared.folder is not None and not listed:
                self._leave(id, declared.name, value, self.catalog.unlisted)
            return None
        shown = str(list(options))
        config: Any = [list(options), dict(declared.config)]
        if len(options) > MAX_OPTIONS_SHOWN:
            shown, config = f"(list of length {len(options)})", None
        details = f"{declared.name}: '{_text(value)}' not in {shown}"
        extra = {"input_config": config, "received_value": value}
        return _of_input("value_not_in_list", "Value not in list", details, declared.name, extra)

    def _fits(self, declared: Input, value: Any) -> bool:
        endings = self.files.endings.get(declared.folder or "", ()) if self.files else ()
        return isinstance(value, str) and value.lower().endswith(endings) if endings else False

    def _options(self, declared: Input) -> tuple[Sequence[Any], bool]:
        """The options of a combo, and whether these are all."""
        folder = declared.folder if declared.folder not in IO_FOLDERS else None
        if self.files is not None and folder is not None and folder in self.files.names:
            return self.files.names[folder], True
        return declared.options or (), declared.options is not None or not self.catalog.unlisted

    def _special(self, id: str, kind: NodeType, inputs: Any, received: Mapping[str, Any]) -> list[Error]:
        """What the class's own validation finds; it sees links as None."""
        special = VALIDATORS[kind.name]
        given = {
            name: None if is_link(inputs[name]) else inputs[name]
            for name in special.inputs
            if _try(partial(_has, inputs, name))
        }
        try:
            complaint = special.complaint(received if special.takes_types else given, self.files)
        except Unsure as unsure:
            for name in given:
                self._leave(id, name, given[name], str(unsure))
            return []
        except (TypeError, AttributeError, KeyError, ValueError) as problem:
            raise _Raised(type(problem).__name__, str(problem)) from None
        if complaint is None:
            return []
        message = "Custom validation failed for node"
        named = ["input_types"] if special.takes_types else list(given)
        return [_of_input("custom_validation_failed", message, f"{name} - {complaint}", name) for name in named]

    def _leave(self, id: str, name: str, value: Any, reason: str) -> None:
        self.not_examined.append({"node": id, "input": name, "value": value, "reason": reason})

    def _config(self, kind: NodeType, declared: Input) -> list[Any]:
        """The declared type and its settings as the server spells them."""
        if not (declared.type == "COMBO" and declared.checked):
            return [declared.type, dict(declared.config)]
        return [list(self._options(declared)[0]), dict(declared.config)]


def _of_input(kind: str, message: str, details: str, name: str, extra: Mapping[str, Any] | None = None) -> Error:
    return _error(kind, message, details, {"input_name": name, **(extra or {})})


def _try(step: Any) -> Any:
    """The result of one step of the server's validation, its exception as _Raised."""
    try:
        return step()
    except (TypeError, KeyError, IndexError, ValueError, AttributeError, RecursionError) as problem:
        _fail(problem)


def _has(inputs: Any, name: str) -> bool:
    return name in inputs


def _item(inputs: Any, name: str) -> Any:
    return inputs[name]


def _fail(problem: Exception) -> NoReturn:
    raise _Raised(type(problem).__name__, str(problem)) from None


def _is_new_style(raw: Mapping[str, Any]) -> bool:
    """Whether a class is written against the newer node interface: those always say all three."""
    return all(key in raw for key in ("deprecated", "experimental", "api_node"))


def _types(joined: str) -> set[str]:
    return {part.strip() for part in joined.split(",")}


def _coerced(kind: str, value: Any) -> Any:
    if kind == "INT":
        return int(value)
    if kind == "FLOAT":
        return float(value)
    if kind == "STRING":
        return str(value)
    return bool(value) if kind == "BOOLEAN" else value


def _text(value: Any) -> str:
    """A value as the server prints it, or a stand-in where that is beyond printing."""
    try:
        return f"{value}"
    except (ValueError, RecursionError):
        return f"<{type(value).__name__}>"
