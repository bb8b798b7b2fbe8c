"""ComfyUI 0.3.64's validation of a prompt: two passes, in its own order, with its own words.

The second pass is recursive there, node by node against the links. In a cycle it goes round until Python's recursion
limit stops it. What is raised at the bottom is reported one level up, and overwritten as each level above ends, so that
in the end every node of the cycle, and all that hangs on it, is refused without a word; only what else is wrong with
those nodes is told. Here a node that is met again on the way up is taken as refused at once, which comes to the same.

What another run of the same server could answer otherwise, because its sets have another order, comes in the order in
which inputs are declared and nodes listed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .catalog.files import NO_FILES
from .catalog.nodes import Input, NodeType
from .catalog.pinned import Catalog
from .files import IO_FOLDERS, Files, Unsure
from .graph import MAX_CHAIN
from .validators import VALIDATORS

# As MAX_CHAIN, for classes written against the newer node interface; and how many nodes up the failure goes before the
# server can report it.
MAX_NEW_CHAIN, UNREPORTED = 978, 5
# A server shows a combo's options in an error only up to this many.
MAX_OPTIONS_SHOWN = 20
# What Python raises over odd prompts; the server catches all and tells the text.
PYTHON_ERRORS = (TypeError, KeyError, IndexError, ValueError, AttributeError, ArithmeticError, RecursionError)

Error: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What validation found of one node: valid itself and upstream, and its own errors."""

    valid: bool
    errors: tuple[Error, ...] = ()


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception in the server's own validation of a node: its Python type and its text."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A node with errors of its own, and the outputs that fail over them."""

    node: str
    kind: str
    errors: tuple[Error, ...]
    failed: Sequence[str]
    since: int

    @property
    def outputs(self) -> Sequence[str]:
        """The outputs that fail over it."""
        return self.failed[self.since :]


Visit: TypeAlias = Generator[str, "Outcome | Raised | None", Outcome]
VALID, INVALID = Outcome(True), Outcome(False)


def is_link(value: Any) -> bool:
    """Whether the server runs a value as a link: a node id and a slot number."""
    if not isinstance(value, list) or len(value) != 2:
        return False
    return isinstance(value[0], str) and isinstance(value[1], (int, float))


def error_of(kind: str, message: str, details: str, extra: Mapping[str, Any] | None = None) -> Error:
    """An error as the server's answers hold it."""
    return {"type": kind, "message": message, "details": details, "extra_info": dict(extra or {})}


def first_pass(prompt: Any, catalog: Catalog, targets: Any) -> tuple[Error | None, list[str]]:
    """The first node without a known class, or the outputs to run. Raises what escapes in the server."""
    outputs = []
    for id in prompt:
        node = prompt[id]
        if "class_type" not in node:
            message = "Cannot execute because a node is missing the class_type property."
            return error_of("invalid_prompt", message, f"Node ID '#{id}'"), []
        kind = node["class_type"]
        hash(kind)
        known = catalog.get(kind) if isinstance(kind, str) else None
        if known is None:
            message = f"Cannot execute because node {text_of(kind)} does not exist."
            return error_of("invalid_prompt", message, f"Node ID '#{id}'"), []
        if known.is_output and (targets is None or id in targets):
            outputs.append(id)
    if not outputs:
        return error_of("prompt_no_outputs", "Prompt has no outputs", ""), []
    return None, outputs


@dataclass
class Judge:
    """The second pass: outputs and all that feeds them, each node once. The prompt becomes what the server keeps."""

    prompt: dict[str, Any]
    catalog: Catalog
    files: Files | None
    validated: dict[str, Outcome] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    not_examined: list[dict[str, Any]] = field(default_factory=list)
    _since: dict[str, int] = field(default_factory=dict)
    _fresh: list[str] = field(default_factory=list)
    _changed: set[str] = field(default_factory=set)
    # by class, and by the identity of what the catalog declares: it outlives this
    _slots: dict[str, Sequence[Any]] = field(default_factory=dict)
    _configs: dict[int, list[Any]] = field(default_factory=dict)
    _clashes: dict[tuple[int, int], str | None] = field(default_factory=dict)

    def judge(self, outputs: Sequence[str]) -> tuple[list[str], list[Error]]:
        """The outputs that would run, and the errors of those that would not."""
        good: list[str] = []
        errors: list[Error] = []
        for output in outputs:
            outcome = self._output(output)
            if outcome.valid:
                good.append(output)
                continue
            errors += outcome.errors
            for id in self._fresh:
                if self.validated[id].errors:
                    self._since.setdefault(id, len(self.failed))
            self._fresh.clear()
            self.failed.append(output)
        return good, errors

    def faults(self) -> list[Fault]:
        """The nodes that are at fault themselves, after `judge`."""
        return [
            Fault(id, self.prompt[id]["class_type"], self.validated[id].errors, self.failed, since)
            for id, since in self._since.items()
        ]

    def _settle(self, id: str, outcome: Outcome) -> Outcome:
        self.validated[id] = outcome
        if outcome.errors:
            self._fresh.append(id)
        return outcome

    def _output(self, id: str) -> Outcome:
        answer = self._walk(id)
        if isinstance(answer, Outcome):
            return answer
        extra = {"exception_type": answer.kind, "traceback": []}
        error = error_of("exception_during_validation", "Exception when validating node", answer.text, extra)
        return self._settle(id, Outcome(False, (error,)))

    def _walk(self, output: str) -> Outcome | Raised:
        """The outcome of a node, upstream first, without recursion: prompts come from outside."""
        if output in self.validated:
            return self.validated[output]
        stack = [(output, self._visit(output))]
        under_way = {output}
        answer: Outcome | Raised | None = None
        while True:
            id, visit = stack[-1]
            try:
                wanted = visit.send(answer)
            except StopIteration as stopped:
                answer = self._settle(id, stopped.value)
            except PYTHON_ERRORS as problem:
                answer = Raised(type(problem).__name__, str(problem))
            else:
                answer = self.validated.get(wanted)
                if answer is None and wanted in under_way:
                    answer = INVALID  # a cycle: see the module's text
                elif answer is None and len(stack) >= MAX_NEW_CHAIN and len(stack) >= self._deepest(wanted):
                    lost = self._deepest(wanted) - UNREPORTED
                    under_way.difference_update(id for id, _ in stack[lost:])
                    del stack[lost:]
                    answer = Raised("RecursionError", "maximum recursion depth exceeded while calling a Python object")
                elif answer is None:
                    stack.append((wanted, self._visit(wanted)))
                    under_way.add(wanted)
                continue
            stack.pop()
            under_way.discard(id)
            if not stack:
                return answer

    def _deepest(self, id: str) -> int:
        raw = self.catalog.raw[self.prompt[id]["class_type"]]
        return MAX_NEW_CHAIN if _is_new_style(raw) else MAX_CHAIN

    def _visit(self, node: str) -> Visit:
        """Validates one node: yields each node it links to, is sent what came of that one, returns its own outcome.

        Odd inputs make it raise what they make the server raise: these are the server's own steps.
        """
        inputs = self.prompt[node]["inputs"]
        kind = self.catalog.get(self.prompt[node]["class_type"])
        assert kind is not None  # the first pass has seen to it
        special = VALIDATORS.get(kind.name)
        errors: list[Error] = []
        sound = True
        received: dict[str, Any] = {}
        for name, declared in kind.inputs.items():
            if name not in inputs:
                if declared.required:
                    errors.append(_of_input("required_input_missing", "Required input is missing", name, name))
                continue
            value = inputs[name]
            if not isinstance(value, list):
                error = self._literal(node, declared, value, special is not None and name in special.inputs)
            elif len(value) != 2:
                error = self._bad_link(declared, value)
            else:
                given = received[name] = self._given_by(value)
                fits = special.takes_types if special else given == declared.type and not declared.checked
                error = None if fits else self._mismatch(declared, given, value)
                if error is None:
                    answer = yield value[0]
                    if isinstance(answer, Raised):
                        self._blame(value[0], answer, declared, value)
                    sound = sound and isinstance(answer, Outcome) and answer.valid
            if error is not None:
                errors.append(error)
        if special is not None:
            errors += self._special(node, kind, received)
        if errors:
            return Outcome(False, tuple(errors))
        return VALID if sound else INVALID

    def _blame(self, source: str, raised: Raised, declared: Input, link: Any) -> None:
        """An exception within a node is caught by the node it feeds, and told under the id of the one it was in."""
        extra = {
            "input_config": self._config(declared),
            "exception_message": raised.text,
            "exception_type": raised.kind,
            "traceback": [],
            "linked_node": link,
        }
        message = "Exception when validating inner node"
        error = _of_input("exception_during_inner_validation", message, raised.text, declared.name, extra)
        self._settle(source, Outcome(False, (error,)))

    def _given_by(self, link: list[Any]) -> Any:
        """The type that a link's slot gives."""
        name = self.prompt[link[0]]["class_type"]
        slots = self._slots.get(name)
        if slots is None:
            raw = self.catalog.raw[name]
            types = raw.get("output") or []
            slots = self._slots[name] = types if _is_new_style(raw) else tuple(types)
        return slots[link[1]]

    def _mismatch(self, declared: Input, received: Any, link: Any) -> Error | None:
        config, pair = self._config(declared), (id(declared), id(received))
        if pair not in self._clashes:
            clash = f"{declared.name}, received_type({received}) mismatch input_type({config[0]})"
            self._clashes[pair] = None if _match(received, config[0]) else clash
        details = self._clashes[pair]
        if details is None:
            return None
        extra = {"input_config": config, "received_type": received, "linked_node": link}
        message = "Return type mismatch between linked nodes"
        return _of_input("return_type_mismatch", message, details, declared.name, extra)

    def _bad_link(self, declared: Input, value: Any) -> Error:
        message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
        extra = {"input_config": self._config(declared), "received_value": value}
        return _of_input("bad_linked_input", message, declared.name, declared.name, extra)

    def _literal(self, node: str, declared: Input, value: Any, skip: bool) -> Error | None:
        """Coerces a value as the server does, and keeps it; the first thing wrong with it."""
        kept = value
        if isinstance(value, dict) and "__value__" in value:
            value = value["__value__"]
        coerce = _COERCIONS.get(declared.type)
        if coerce is not None:
            try:
                value = coerce(value)
            except PYTHON_ERRORS as problem:
                self._keep(node, declared.name, value)
                return self._unconverted(declared, value, problem)
        if value is not kept:
            self._keep(node, declared.name, value)
        if skip:
            return None
        config = declared.config
        if "min" in config and value < config["min"]:
            message = f"Value {value} smaller than min of {config['min']}"
            return self._out_of_bounds("value_smaller_than_min", message, declared, value)
        if "max" in config and value > config["max"]:
            message = f"Value {value} bigger than max of {config['max']}"
            return self._out_of_bounds("value_bigger_than_max", message, declared, value)
        return self._not_in_list(node, declared, value) if declared.checked else None

    def _keep(self, node: str, name: str, value: Any) -> None:
        """Puts a value into the prompt, whose nodes are the caller's until they are first changed."""
        if node not in self._changed:
            self._changed.add(node)
            old = self.prompt[node]
            self.prompt[node] = {**old, "inputs": old["inputs"].copy()}
        self.prompt[node]["inputs"][name] = value

    def _unconverted(self, declared: Input, value: Any, problem: Exception) -> Error:
        extra = {
            "input_config": self._config(declared),
            "received_value": value,
            "exception_message": str(problem),
        }
        message = f"Failed to convert an input value to a {declared.type} value"
        details = f"{declared.name}, {text_of(value)}, {problem}"
        return _of_input("invalid_input_type", message, details, declared.name, extra)

    def _out_of_bounds(self, kind: str, message: str, declared: Input, value: Any) -> Error:
        extra = {"input_config": self._config(declared), "received_value": value}
        return _of_input(kind, message, declared.name, declared.name, extra)

    def _not_in_list(self, node: str, declared: Input, value: Any) -> Error | None:
        options, listed = self._options(declared)
        if value in options or self._fits(declared, value):
            return None
        if not listed:
            if declared.folder is not None:
                self._leave(node, declared.name, value, self.catalog.unlisted)
            return None
        short = len(options) <= MAX_OPTIONS_SHOWN
        shown = str(list(options)) if short else f"(list of length {len(options)})"
        details = f"{declared.name}: '{text_of(value)}' not in {shown}"
        extra = {"input_config": self._config(declared) if short else None, "received_value": value}
        return _of_input("value_not_in_list", "Value not in list", details, declared.name, extra)

    def _fits(self, declared: Input, value: Any) -> bool:
        endings = self.files.endings.get(declared.folder or "", ()) if self.files else ()
        return isinstance(value, str) and value.lower().endswith(endings) if endings else False

    def _options(self, declared: Input) -> tuple[Sequence[Any], bool]:
        """The options of a combo, and whether these are all. What a server lists itself goes before other listings."""
        folder = declared.folder if declared.folder not in IO_FOLDERS else None
        if self.catalog.unlisted and self.files is not None and folder is not None and folder in self.files.names:
            return [*self.files.names[folder], *NO_FILES.get(declared.name, ())], True
        return declared.options or (), declared.options is not None or not self.catalog.unlisted

    def _special(self, node: str, kind: NodeType, received: Mapping[str, Any]) -> list[Error]:
        """What the class's own validation finds; it sees links as None."""
        special = VALIDATORS[kind.name]
        inputs = self.prompt[node]["inputs"]
        values = {name: inputs[name] for name in inputs}
        given = {n: None if is_link(v) else v for n, v in values.items() if n in special.inputs and n in kind.inputs}
        try:
            complaint = special.complaint(received if special.takes_types else given, self.files)
        except Unsure as unsure:
            for name, value in given.items():
                if value not in (kind.inputs[name].options or ()):
                    self._leave(node, name, value, str(unsure))
            return []
        if complaint is None:
            return []
        message = "Custom validation failed for node"
        named = ["input_types"] if special.takes_types else list(given)
        return [_of_input("custom_validation_failed", message, f"{name} - {complaint}", name) for name in named]

    def _leave(self, node: str, name: str, value: Any, reason: str) -> None:
        self.not_examined.append({"node": node, "input": name, "value": value, "reason": reason})

    def _config(self, declared: Input) -> list[Any]:
        """The declared type and its settings as the server spells them."""
        if id(declared) not in self._configs:
            kind = list(self._options(declared)[0]) if declared.checked else declared.type
            self._configs[id(declared)] = [kind, dict(declared.config)]
        return self._configs[id(declared)]


def _of_input(kind: str, message: str, details: str, name: str, extra: Mapping[str, Any] | None = None) -> Error:
    return error_of(kind, message, details, {"input_name": name, **(extra or {})})


def _is_new_style(raw: Mapping[str, Any]) -> bool:
    """Whether a class is written against the newer node interface: those always say all three."""
    return "deprecated" in raw and "experimental" in raw and "api_node" in raw


def _match(received: Any, wanted: Any) -> bool:
    """Whether a slot of one type may feed an input of another; both may name several, with commas between."""
    if received == wanted or wanted == "*" or received == "*":
        return True
    return isinstance(received, str) and isinstance(wanted, str) and not _types(received).isdisjoint(_types(wanted))


def _types(joined: str) -> set[str]:
    return {part.strip() for part in joined.split(",")}


_COERCIONS: Mapping[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


def text_of(value: Any) -> str:
    """A value as the server prints it, or a stand-in where that is beyond printing."""
    try:
        return f"{value}"
    except (ValueError, RecursionError):
        return f"<{type(value).__name__}>"
