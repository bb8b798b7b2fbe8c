"""Headers of PyTorch's pickles: what they would build, found out without building anything.

A pickle is a program. This reads it with a machine of its own that calls nothing: a name stands for itself, a call
is noted, and only PyTorch's own ways to put a tensor together are understood.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from .header import BadHeader, Header, Tensor

_MOST_PICKLE = 64 << 20
_MOST_STEPS = 1_000_000  # a model of 2,500 tensors takes 80,000
_MOST_ENTRIES = 200_000
_ZIP_END = 66_000  # the last record and the longest comment after it
_MOST_NAMES = 1000
_MOST_DIMENSIONS = 16
_MOST_DEPTH = 4
_MOST_EXTENT = 1 << 48
_MOST_NAME = 400
_STORAGES = {
    **{"Float": "F32", "Half": "F16", "BFloat16": "BF16", "Double": "F64", "Long": "I64", "Int": "I32"},
    **{"Short": "I16", "Char": "I8", "Byte": "U8", "Bool": "BOOL", "Float8_e4m3fn": "F8_E4M3"},
    **{"Float8_e5m2": "F8_E5M2", "ComplexFloat": "C64", "ComplexDouble": "C128", "Untyped": "U8"},
}
_DTYPES = {
    **{"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64", "int64": "I64", "int32": "I32"},
    **{"int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL", "float8_e4m3fn": "F8_E4M3"},
    **{"float8_e5m2": "F8_E5M2", "uint16": "U16", "uint32": "U32", "uint64": "U64", "complex64": "C64"},
}
_TENSORS = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3")
_PARAMETERS = ("_rebuild_parameter", "_rebuild_parameter_with_state")
# What PyTorch looks up when it loads weights only, and what ComfyUI 0.3.64 adds to it; it refuses all else.
_HARMLESS = frozenset(
    {
        *(f"torch._utils.{name}" for name in (*_TENSORS, *_PARAMETERS, "_rebuild_sparse_tensor", "_rebuild_qtensor")),
        *("torch._utils._rebuild_meta_tensor_no_storage", "torch._utils._rebuild_nested_tensor"),
        *("torch._utils._rebuild_device_tensor_from_numpy", "torch._utils._rebuild_device_tensor_from_cpu_tensor"),
        *("torch._utils._rebuild_wrapper_subclass", "torch._tensor._rebuild_from_type_v2", "torch.Tensor"),
        *("torch.nn.parameter.Parameter", "torch._tensor.Tensor", "torch.Size", "torch.device"),
        *("torch.serialization._get_layout", "collections.OrderedDict", "collections.Counter", "_codecs.encode"),
        *("builtins.bytearray", "builtins.complex", "builtins.set"),
        *("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype"),
        *("numpy.dtypes.Float64DType", "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"),
    }
)
_WRAPS = ("params_ema", "params-ema", "params", "model", "model_state_dict", "net")


@dataclass(frozen=True, slots=True)
class _Name:
    """A name in a module, which is never looked up."""

    name: str


@dataclass(slots=True)
class _Thing:
    """What a call that isn't understood would give."""

    made_by: str
    items: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Tensor:
    dtype: str
    shape: tuple[int, ...]
    storage: str


@dataclass(frozen=True, slots=True)
class _Storage:
    dtype: str
    key: str


def read_pickle(stream: IO[bytes], size: int) -> Header:
    """The tensors of an open file of torch.save, zipped or not. Raises BadHeader."""
    stream.seek(0)
    if stream.read(2) == b"PK":
        return _read_zip(stream, size)
    stream.seek(0)
    machine = _Machine()
    legacy = machine.run(bounded := _Bounded(stream))
    if type(legacy) is int and legacy == 0x1950A86A20F9469CFC6C:  # the files of PyTorch before 1.6
        machine.run(bounded)
        machine.run(bounded)
        legacy = machine.run(bounded)
    return _header(legacy, machine, size)


def _directory_size(stream: IO[bytes], size: int) -> int:
    """The bytes of a zip file's list of contents, all of which are read at once."""
    stream.seek(max(0, size - _ZIP_END))
    tail = stream.read(_ZIP_END)
    at, far = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x07")
    if far >= 0:
        stream.seek(int.from_bytes(tail[far + 8 : far + 16], "little"))
        return int.from_bytes(stream.read(56)[40:48], "little")
    return int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0


def _read_zip(stream: IO[bytes], size: int) -> Header:
    try:
        if _directory_size(stream, size) > _MOST_PICKLE:
            raise BadHeader("header_too_large", "is a zip file with a list of contents that no model has")
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_ENTRIES:
                raise BadHeader("header_too_large", f"is a zip file of {len(entries)} files, which no model has")
            pickles = [each for each in entries if each.filename.rpartition("/")[2] == "data.pkl"]
            if not pickles:
                raise BadHeader("no_pickle", "is a zip file without the data of a model in it")
            if pickles[0].file_size > _MOST_PICKLE:
                raise BadHeader("zip_bomb", f"unpacks to {pickles[0].file_size >> 20} MiB where its names should be")
            with archive.open(pickles[0]) as packed:
                text = packed.read(_MOST_PICKLE + 1)
    except (
        zipfile.BadZipFile,
        EOFError,
        OverflowError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        _zlib_error(),
    ) as problem:
        what = "is cut off, or" if isinstance(problem, (zipfile.BadZipFile, EOFError)) else "is"
        raise BadHeader("truncated", f"{what} no zip file that can be read") from None
    if len(text) > _MOST_PICKLE:
        raise BadHeader("zip_bomb", "unpacks to more than it says where its names should be")
    machine = _Machine()
    return _header(machine.run(io.BytesIO(text)), machine, size)


def _zlib_error() -> type[Exception]:
    """What unpacking raises for data that is broken."""
    import zlib

    return zlib.error


def _header(top: Any, machine: _Machine, size: int) -> Header:
    calls = tuple(sorted(name for name in machine.named if not _is_harmless(name)))
    state, wrap = _unwrapped(top)
    tensors: dict[str, Tensor] = {}
    shared: dict[str, str] = {}
    owners: dict[str, tuple[str, int]] = {}
    for name, tensor in _flat(state):
        tensors[name] = (tensor.dtype, tensor.shape)
        owner = owners.setdefault(tensor.storage, (name, 0))
        if owner[0] != name and tensors[owner[0]] == tensors[name]:
            shared[name] = owner[0]
    return Header("pth", tensors, shared=shared, calls=calls, wrap=wrap, size=size)


def dangers(calls: tuple[str, ...]) -> tuple[str, ...]:
    """Which of the names that a pickle uses are known to do harm, by picklescan's list."""
    if not calls:
        return ()
    from picklescan import scanner

    marked = _pickle_of(calls)
    found = scanner.scan_pickle_bytes(io.BytesIO(marked), "names").globals
    bad = {f"{each.module}.{each.name}" for each in found if each.safety is scanner.SafetyLevel.Dangerous}
    return tuple(name for name in calls if name in bad)


def _pickle_of(names: tuple[str, ...]) -> bytes:
    """A pickle that uses names and does nothing else, for a scanner of pickles to judge."""
    lines = (name.rpartition(".") for name in names if "\n" not in name and name.isascii())
    return b"".join(f"c{module}\n{last}\n0".encode() for module, _, last in lines) + b"N."


def _is_harmless(name: str) -> bool:
    module, _, last = name.rpartition(".")
    storage = last.removesuffix("Storage")
    plain = module in ("torch", "torch.storage") and (last in _DTYPES or (storage != last and storage in _STORAGES))
    return plain or name in _HARMLESS


def _unwrapped(top: Any) -> tuple[dict[Any, Any], str]:
    """The dict with the tensors and the key that it is under; ComfyUI looks for one, the upscalers for the others."""
    items = _items(top)
    if _items(items.get("state_dict")):
        return _items(items["state_dict"]), "state_dict"
    only = next(iter(items)) if len(items) == 1 else None
    if only is not None and _items(items[only]):
        return _items(items[only]), str(only)
    for wrap in _WRAPS:
        if _items(items.get(wrap)) and any(isinstance(each, _Tensor) for each in _items(items[wrap]).values()):
            return _items(items[wrap]), wrap
    return items, ""


def _items(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else value.items if isinstance(value, _Thing) else {}


def _flat(items: dict[Any, Any]) -> Iterator[tuple[str, _Tensor]]:
    """The tensors in a dict and in the dicts in it; of a dict that is in several places those of the first."""
    waiting, met = deque([(items, "", 0)]), {id(items)}
    while waiting:
        items, stem, depth = waiting.popleft()
        for name, value in items.items():
            if not isinstance(name, str) and not (isinstance(name, int) and abs(name) < _MOST_EXTENT):
                continue
            below = _items(value)
            if isinstance(value, _Tensor):
                yield f"{stem}{name}", value
            elif below and depth < _MOST_DEPTH and id(below) not in met:
                met.add(id(below))
                waiting.append((below, f"{stem}{name}/"[:_MOST_NAME], depth + 1))


class _Bounded:
    """A stream that ends where no header would go on, so that no step of a pickle reads a whole file."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = _MOST_PICKLE

    def read(self, count: int) -> bytes:
        data = self._stream.read(min(count, self._left))
        self._left -= len(data)
        return data

    def readline(self) -> bytes:
        data = self._stream.readline(self._left)
        self._left -= len(data)
        return data

    def tell(self) -> int:
        return self._stream.tell()


_MARK = object()


class _Machine:
    """Reads a pickle's opcodes; the stack holds plain values, names and what calls would give."""

    def __init__(self) -> None:
        self.named: set[str] = set()
        self.steps = 0

    def run(self, stream: Any) -> Any:
        """What one pickle in a stream stands for. Raises BadHeader."""
        stack: list[Any] = []
        memo: dict[int, Any] = {}
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                self._charge(1)
                self._step(opcode.name, argument, stack, memo)
        except (
            IndexError,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            OverflowError,
            MemoryError,
            RecursionError,
        ):
            raise BadHeader("bad_pickle", "is no pickle that can be followed, or is cut off") from None
        return stack[-1] if stack else None

    def _charge(self, steps: int) -> None:
        """Counts steps, so that a pickle ends whose every step makes the work of the next larger."""
        self.steps += steps
        if self.steps > _MOST_STEPS:
            raise BadHeader("header_too_large", "is a pickle of more steps than any model takes")

    def _step(self, name: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
        if name in _PUSHES:
            stack.append(_PUSHES[name]() if argument is None else argument)
        elif name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            memo[len(memo) if argument is None else argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[argument])
        elif name in ("TUPLE", "LIST", "DICT", "FROZENSET"):
            stack.append(_gathered(name, _since_mark(stack)))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name in ("SETITEM", "SETITEMS", "APPEND", "APPENDS", "ADDITEMS", "BUILD"):
            self._charge(len(_items(stack[-1])) if name == "BUILD" else 0)
            _fill(name, stack)
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            self._name(argument, stack)
        elif name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"):
            self._call(name, argument, stack)
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name in ("POP", "POP_MARK", "DUP", "PERSID", "EXT1", "EXT2", "EXT4"):
            _rare(name, stack)
        # What is left frames the pickle and changes nothing.

    def _name(self, argument: Any, stack: list[Any]) -> None:
        if argument is None:
            last, module = stack.pop(), stack.pop()
            if not isinstance(last, str) or not isinstance(module, str):
                raise ValueError  # as text, a list of lists of lists could fill the memory
            argument = f"{module}.{last}"
        stack.append(self._noted(str(argument)))

    def _noted(self, name: str) -> _Name:
        name = name.replace(" ", ".", 1)[:_MOST_NAME]
        found = _Name(f"builtins.{name.removeprefix('__builtin__.')}" if name.startswith("__builtin__.") else name)
        if len(self.named) < _MOST_NAMES:
            self.named.add(found.name)
        return found

    def _call(self, name: str, argument: Any, stack: list[Any]) -> None:
        if name == "INST":
            given, what = tuple(_since_mark(stack)), self._noted(str(argument))
        elif name == "OBJ":
            what, *rest = _since_mark(stack)
            given = tuple(rest)
        else:
            if name == "NEWOBJ_EX":
                stack.pop()
            given, what = stack.pop(), stack.pop()
        self._charge(len(given[0]) if isinstance(given, tuple) and given and isinstance(given[0], (list, tuple)) else 0)
        stack.append(_made(what.name if isinstance(what, _Name) else "", given))


_PUSHES: dict[str, Any] = {
    **dict.fromkeys(("NONE",), lambda: None),
    **{"NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "EMPTY_TUPLE": tuple, "EMPTY_LIST": list},
    **{"EMPTY_DICT": dict, "EMPTY_SET": list, "MARK": lambda: _MARK, "NEXT_BUFFER": lambda: None},
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"), int),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"), str),
    **dict.fromkeys(("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), bytes),
    **dict.fromkeys(("FLOAT", "BINFLOAT"), float),
}


def _since_mark(stack: list[Any]) -> list[Any]:
    at = len(stack) - 1
    while stack[at] is not _MARK:
        at -= 1
        if at < 0:
            raise IndexError
    taken = stack[at + 1 :]
    del stack[at:]
    return taken


def _gathered(name: str, taken: list[Any]) -> Any:
    if name == "DICT":
        return _pairs(taken)
    return tuple(taken) if name == "TUPLE" else taken


def _pairs(taken: list[Any]) -> dict[Any, Any]:
    keys = (key if isinstance(key, (str, int, float, bytes)) else id(key) for key in taken[::2])
    return dict(zip(keys, taken[1::2], strict=False))


def _fill(name: str, stack: list[Any]) -> None:
    """Puts what lies on the stack into the dict or list below it; other things keep nothing but a dict's items."""
    if name == "SETITEM":
        value, key = stack.pop(), stack.pop()
        taken = [key, value]
    elif name in ("APPEND", "BUILD"):
        taken = [stack.pop()]
    else:
        taken = _since_mark(stack)
    below = stack[-1]
    if name.startswith("SETITEM"):
        _items(below).update(_pairs(taken))
    elif name != "BUILD" and isinstance(below, list):
        below.extend(taken)
    elif name == "BUILD" and isinstance(below, _Thing) and isinstance(taken[0], dict):
        below.items.update(taken[0])


def _rare(name: str, stack: list[Any]) -> None:
    if name == "POP":
        stack.pop()
    elif name == "POP_MARK":
        _since_mark(stack)
    elif name == "DUP":
        stack.append(stack[-1])
    else:
        stack.append(_Thing(name))


def _storage(named: Any) -> Any:
    """The storage that a persistent id names: ("storage", its type, its key, its device, its size)."""
    if not isinstance(named, tuple) or len(named) < 5 or named[0] != "storage":
        return _Thing("a persistent id")
    kind = named[1].name if isinstance(named[1], _Name) else named[1]
    if not isinstance(kind, str) or not isinstance(named[2], str):
        raise ValueError
    return _Storage(_STORAGES.get(kind.rpartition(".")[2].removesuffix("Storage"), "U8"), named[2])


def _made(called: str, given: Any) -> Any:
    last = called.rpartition(".")[2]
    given = given if isinstance(given, tuple) else ()
    if called.startswith("torch._utils.") and last in _TENSORS and isinstance(given[0], _Storage):
        shape = tuple(given[2][:_MOST_DIMENSIONS])
        if len(given[2]) > len(shape) or any(type(each) is not int or not 0 <= each < _MOST_EXTENT for each in shape):
            raise ValueError
        named = given[-1].name.rpartition(".")[2] if isinstance(given[-1], _Name) else ""
        return _Tensor(_DTYPES.get(named, given[0].dtype), shape, given[0].key)
    if called.startswith("torch._utils.") and last in _PARAMETERS and isinstance(given[0], _Tensor):
        return given[0]
    if called == "torch._tensor._rebuild_from_type_v2" and isinstance(given[2], tuple):
        return _made(given[0].name, given[2])
    if called == "collections.OrderedDict":
        pairs = [pair for pair in given[0] if isinstance(pair, (list, tuple)) and len(pair) == 2] if given else []
        return _pairs([each for pair in pairs for each in pair])
    if called == "torch.Size":
        return given[0]
    return _Thing(called)
