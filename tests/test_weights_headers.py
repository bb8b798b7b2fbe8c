"""Headers of model files: read by hand, bounded, and nothing in a file executed."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import threading
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from comfyproof.weights import BadHeader, Header, identify, read_header


def packed(entries: Any, data: int | None = None) -> bytes:
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    if data is None:
        data = (
            0
            if isinstance(entries, bytes)
            else max((entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"), default=0)
        )
    return len(text).to_bytes(8, "little") + text + b"\0" * data


def tensor(dtype: str, shape: list[Any], first: Any, last: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


def written(folder: Path, data: bytes, name: str = "x.safetensors") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def problem_of(path: Path) -> str:
    with pytest.raises(BadHeader) as caught:
        read_header(path)
    assert str(caught.value)
    return caught.value.problem


def outcome(path: Path) -> str:
    try:
        identify(read_header(path), path.name)
    except BadHeader as problem:
        return problem.problem
    return ""


def test_a_safetensors_file(tmp_path: Path) -> None:
    entries = {"__metadata__": {"a": "b"}, "one": tensor("F16", [2, 3], 0, 12), "none": tensor("F32", [0], 12, 12)}
    path = written(tmp_path, packed(entries))
    for _ in range(2):  # the second time its tensors are known
        header = read_header(path)
        assert header.tensors == {"one": ("F16", (2, 3)), "none": ("F32", (0,))}
        assert (header.metadata, header.parameters, header.stored, header.size) == (
            {"a": "b"},
            6,
            12,
            path.stat().st_size,
        )
    entries["__metadata__"] = {"c": "d"}
    assert read_header(written(tmp_path, packed(entries))).metadata == {"c": "d"}


def test_the_numbers_that_comfyui_looks_at(tmp_path: Path) -> None:
    text = json.dumps(
        {"edm_vpred.sigma_max": tensor("F32", [], 0, 4), "control_type": tensor("BF16", [1], 4, 6)}
    ).encode()
    data = len(text).to_bytes(8, "little") + text + struct.pack("<f", 120.0) + struct.pack("<f", 3.0)[2:]
    assert read_header(written(tmp_path, data)).values == {"edm_vpred.sigma_max": (120.0,), "control_type": (3.0,)}


ONE = tensor("F16", [2], 0, 4)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty"),
        (b"\1\0", "truncated"),
        (b"<!DOCTYPE html><html></html>", "web_page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "lfs_pointer"),
        ((1 << 40).to_bytes(8, "little") + b"{" * 40, "no_safetensors"),
        ((90_000_000).to_bytes(8, "little") + b"{" * 40, "truncated"),
        (packed(b'{"a": not json  '), "bad_header"),
        (packed(b"[" * 100_000), "bad_header"),
        (packed(b"[1, 2]"), "bad_header"),
        (packed(b'{"a": 3}'), "bad_entry"),
        (packed({"a": {**ONE, "dtype": "F17"}}), "bad_entry"),
        (packed({"a": {**ONE, "dtype": ["F16"]}}), "bad_entry"),
        (packed({"a": tensor("F16", [-2], 0, 4)}), "bad_shape"),
        (packed({"a": tensor("F16", [2.0], 0, 4)}), "bad_shape"),
        (packed({"a": tensor("F16", [True, 2], 0, 4)}), "bad_shape"),
        (packed({"a": tensor("F16", [2], 0, 6)}), "bad_offsets"),
        (packed({"a": tensor("F16", [2], 4, 0)}, 4), "bad_offsets"),
        (packed({"a": tensor("F16", [2], -4, 0)}, 4), "bad_offsets"),
        (packed({"a": tensor("F16", [10**40], 0, 2 * 10**40)}, 4), "truncated"),
        (packed({"a": ONE, "b": tensor("F16", [2], 2, 6)}), "bad_offsets"),
        (packed({"a": ONE, "b": tensor("F16", [2], 6, 10)}), "bad_offsets"),
        (packed({"a": ONE, "b": tensor("F16", [2], 4, 8)}, 7), "truncated"),
        (packed({"a": ONE}, 5), "too_long"),
        (packed(b'{"a":%b,"a":%b}' % ((json.dumps(ONE).encode(),) * 2), 4), "name_twice"),
        (packed(b'{"__metadata__":3,"a":%b}' % json.dumps(ONE).encode(), 4), "bad_header"),
        (b"PK\3\4" + b"\0" * 60, "wrong_suffix"),
        (pickle.dumps({"a": 1}), "wrong_suffix"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, data: bytes, problem: str) -> None:
    assert problem_of(written(tmp_path, data)) == problem


def test_a_file_that_is_cut_off_still_says_what_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, packed({"shared.weight": tensor("F16", [2], 0, 4)})[:-1])
    with pytest.raises(BadHeader, match="1 of its 4 bytes") as caught:
        read_header(path)
    assert caught.value.header is not None
    assert caught.value.header.tensors == {"shared.weight": ("F16", (2,))}


def test_a_header_of_many_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.safetensors"
    with path.open("wb") as stream:
        stream.write((95_000_000).to_bytes(8, "little") + b"{")
        stream.truncate(96_000_000)
    assert problem_of(path) == "header_too_large"
    assert problem_of(written(tmp_path, packed(b"[" + b"[]," * 5_000_000 + b"[]]"))) == "header_too_large"
    entry = b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    many = b"{" + b",".join(entry % number for number in range(100_001)) + b"}"
    assert problem_of(written(tmp_path, packed(many))) == "header_too_large"


def test_what_is_no_plain_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "away.safetensors").symlink_to(tmp_path / "nowhere")
    (tmp_path / "round.safetensors").symlink_to(tmp_path / "round.safetensors")
    assert problem_of(tmp_path / "pipe.safetensors") == "no_file"
    assert problem_of(tmp_path) == "no_file"
    assert problem_of(Path("/dev/zero")) == "no_file"
    assert problem_of(tmp_path / "away.safetensors") == "missing"
    assert problem_of(tmp_path / "round.safetensors") == "unreadable"
    assert problem_of(tmp_path / "not there") == "missing"
    assert problem_of(tmp_path / "n\0ul") == "unreadable"


def test_a_file_that_changes_all_the_time_has_an_outcome(tmp_path: Path) -> None:
    path = written(tmp_path, packed({"a": ONE}))
    stopped = threading.Event()

    def churn() -> None:
        size = 0
        while not stopped.is_set():
            size = (size + 7) % 60
            path.write_bytes(packed({"a": ONE})[:size])

    writer = threading.Thread(target=churn)
    writer.start()
    try:
        seen = {outcome(path) for _ in range(200)}
    finally:
        stopped.set()
        writer.join()
    assert seen <= {"", "changed", "truncated", "empty", "bad_header", "no_safetensors"}


def gguf(tensors: dict[str, tuple[int, tuple[int, ...]]], keys: dict[str, Any], version: int = 3) -> bytes:
    def text(value: str) -> bytes:
        return len(value.encode()).to_bytes(8, "little") + value.encode()

    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    for key, value in keys.items():
        out += text(key)
        if isinstance(value, str):
            out += struct.pack("<I", 8) + text(value)
        elif isinstance(value, list) and value and isinstance(value[0], str):
            out += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
        elif isinstance(value, list):
            out += struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
        else:
            out += struct.pack("<II", 4, value)
    sizes = {0: (4, 1), 1: (2, 1), 8: (34, 32), 12: (144, 256), 30: (2, 1)}
    place = 0
    for name, (kind, shape) in tensors.items():
        out += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, place)
        count = 1
        for extent in shape:
            count *= extent
        place += -(-(count * sizes[kind][0] // sizes[kind][1]) // 32) * 32
    return out + b"\0" * (-len(out) % 32) + b"\0" * place


def test_a_gguf_file(tmp_path: Path) -> None:
    keys = {"general.architecture": "flux", "words": ["a"] * 1000, "comfy.gguf.orig_shape.b": [2, 3, 16], "n": 7}
    data = gguf({"a": (12, (4, 256)), "b": (1, (6, 16)), "c": (8, (2, 32))}, keys)
    header = read_header(written(tmp_path, data, "x.gguf"))
    assert header.tensors == {"a": ("Q4_K", (4, 256)), "b": ("F16", (2, 3, 16)), "c": ("Q8_0", (2, 32))}
    assert (header.metadata["general.architecture"], header.metadata["n"]) == ("flux", 7)
    assert header.stored == 4 * 144 + 96 * 2 + 2 * 34
    for cut in (2, 10, 30, 100, 2000, len(data) - 40):
        problem = problem_of(written(tmp_path, data[:cut], "cut.gguf"))
        assert problem in ("truncated", "no_gguf"), cut


def test_what_a_gguf_file_says_of_its_true_shapes_may_be_anything(tmp_path: Path) -> None:
    for true in (["x", "y"], [-2, -3], [], 7, "x", [2, 4]):
        data = gguf({"b": (1, (2, 3))}, {"comfy.gguf.orig_shape.b": true})
        assert read_header(written(tmp_path, data, "x.gguf")).tensors == {"b": ("F16", (2, 3))}
    wide = gguf({"b": (1, (0, 3))}, {}).replace(struct.pack("<QQ", 3, 0), struct.pack("<QQ", 1 << 63, 1 << 63))
    assert problem_of(written(tmp_path, wide, "x.gguf")) == "bad_shape"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "no_gguf"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "no_gguf"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "header_too_large"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60), "header_too_large"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 60), "header_too_large"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + gguf({}, {"a": ["x"] * 3})[24:40] + b"\xff" * 40, "bad_header"),
        (b"\0" * 64, "no_gguf"),
    ],
)
def test_a_gguf_file_that_lies(tmp_path: Path, data: bytes, problem: str) -> None:
    assert problem_of(written(tmp_path, data, "x.gguf")) in (problem, "header_too_large")


class Named:
    """Stands for a name of another module in a pickle."""

    def __init__(self, name: str, *given: Any) -> None:
        self.name, self.given = name, given


class Storage:
    """A storage, which a pickle of PyTorch's names by a persistent id."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind, self.key = kind, key


class Writer(pickle._Pickler):
    """Writes pickles as PyTorch does, without PyTorch."""

    def persistent_id(self, value: Any) -> Any:
        return (
            ("storage", Named(f"torch {value.kind}Storage"), value.key, "cpu", 6)
            if isinstance(value, Storage)
            else None
        )

    def save(self, value: Any, *more: Any, **most: Any) -> None:
        if not isinstance(value, Named):
            return super().save(value, *more, **most)
        self.write(b"c" + value.name.replace(" ", "\n").encode() + b"\n")
        if value.given:
            super().save(value.given)
            self.write(pickle.REDUCE)
        return None


def torch_tensor(kind: str, shape: tuple[int, ...], key: str = "0") -> Named:
    return Named(
        "torch._utils _rebuild_tensor_v2", Storage(kind, key), 0, shape, (1,) * len(shape), False, OrderedDict()
    )


def pickled(value: Any) -> bytes:
    stream = io.BytesIO()
    Writer(stream, 2).dump(value)
    return stream.getvalue()


def zipped(value: Any, how: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        archive.writestr("archive/data.pkl", value if isinstance(value, bytes) else pickled(value))
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


@pytest.mark.parametrize("make", [zipped, pickled])
def test_the_tensors_of_a_pickle(tmp_path: Path, make: Any) -> None:
    state = OrderedDict(a=torch_tensor("Half", (2, 3)), b=torch_tensor("BFloat16", (6,), "1"))
    state["tied"] = torch_tensor("Half", (2, 3))
    for value, wrap in ((state, ""), ({"state_dict": state, "epoch": 3}, "state_dict"), ({"params": state}, "params"),
                        ({"params_ema": state, "iter": 5}, "params_ema")):  # fmt: skip
        header = read_header(written(tmp_path, make(value), "x.pth"))
        assert header.tensors == {"a": ("F16", (2, 3)), "b": ("BF16", (6,)), "tied": ("F16", (2, 3))}
        assert (header.wrap, header.shared, header.calls, header.format) == (wrap, {"tied": "a"}, (), "pth")
        assert header.parameters == 12


@pytest.mark.parametrize("make", [zipped, pickled])
@pytest.mark.parametrize("name", ["os system", "builtins eval", "posix system", "subprocess Popen"])
def test_a_pickle_that_runs_code_is_told_and_not_run(tmp_path: Path, make: Any, name: str) -> None:
    mark = tmp_path / "ran"
    data = make({"w": torch_tensor("Float", (2,)), "x": Named(name, f"touch {mark}")})
    found = identify(read_header(written(tmp_path, data, "x.pth")))
    assert found.calls == (name.replace(" ", "."),)
    assert found.dangers == found.calls
    assert not mark.exists()


def test_a_pickle_of_a_class_is_refused_but_no_danger(tmp_path: Path) -> None:
    data = zipped({"w": torch_tensor("Float", (2,)), "x": Named("torch.nn.modules.linear Linear", 1)})
    found = identify(read_header(written(tmp_path, data, "x.pth")))
    assert (found.calls, found.dangers) == (("torch.nn.modules.linear.Linear",), ())


def test_pickles_that_would_fill_the_memory(tmp_path: Path) -> None:
    bomb = zipped(b"\0" * (80 << 20), zipfile.ZIP_DEFLATED)
    assert problem_of(written(tmp_path, bomb, "x.pth")) == "zip_bomb"
    doubling = b"\x80\x02]q\x00" + b"".join(b"]q%c(h%ch%ce" % (n, n - 1, n - 1) for n in range(1, 60)) + b"."
    assert read_header(written(tmp_path, zipped(doubling), "x.pth")).tensors == {}
    deep = zipped(b"\x80\x02" + b"(" * 200_000 + b"l" * 200_000 + b".")
    assert read_header(written(tmp_path, deep, "x.pth")).tensors == {}
    lists = b"".join(b"]q%c(" % n + b"h%c" % (n - 1) * 50 + b"e" for n in range(1, 9))
    as_text = b"\x80\x02]q\x00" + lists + b"h\x08h\x08\x93."
    assert problem_of(written(tmp_path, zipped(as_text), "x.pth")) == "bad_pickle"
    dicts = b"".join(b"}q%c(" % n + b"".join(b"K%ch%c" % (k, n - 1) for k in range(99)) + b"u" for n in range(1, 9))
    assert read_header(written(tmp_path, zipped(b"\x80\x02}q\x00" + dicts + b"."), "x.pth")).tensors == {}
    calls = b"ccollections\nOrderedDict\nq\x01h\x00\x85R0" * 3000
    again = b"\x80\x02](" + b"N" * 3000 + b"eq\x00" + calls + b"N."
    assert problem_of(written(tmp_path, zipped(again), "x.pth")) == "header_too_large"
    line = tmp_path / "line.pth"
    with line.open("wb") as stream:
        stream.write(b"c")
        stream.truncate(1 << 34)
    assert problem_of(line) == "bad_pickle"
    endless = b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s."
    assert read_header(written(tmp_path, zipped(endless), "x.pth")).tensors == {}
    huge = zipped(b"\x80\x02X\xff\xff\xff\x7f" + b"a" * 100)
    assert problem_of(written(tmp_path, huge, "x.pth")) == "bad_pickle"


def test_zip_files_that_are_no_models(tmp_path: Path) -> None:
    data = zipped({"w": torch_tensor("Float", (2,))})
    assert problem_of(written(tmp_path, data[: len(data) // 2], "x.pth")) == "truncated"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert problem_of(written(tmp_path, stream.getvalue(), "x.pth")) == "no_pickle"
    assert problem_of(written(tmp_path, gzip.compress(b"x" * 100), "x.pth")) == "bad_pickle"
    assert problem_of(written(tmp_path, packed({"a": ONE}), "x.pth")) == "wrong_suffix"


_NAMES = some.text(max_size=8)
_EXTENTS = some.lists(some.integers(0, 5), max_size=3)


@given(some.dictionaries(_NAMES.filter(lambda name: name != "__metadata__"), _EXTENTS, max_size=6))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, shapes: dict[str, list[int]]) -> None:
    entries, end = {}, 0
    for name, shape in shapes.items():
        size = 2
        for extent in shape:
            size *= extent
        entries[name] = tensor("BF16", shape, end, end + size)
        end += size
    path = written(tmp_path_factory.getbasetemp(), packed(entries))
    assert read_header(path).tensors == {name: ("BF16", tuple(shape)) for name, shape in shapes.items()}


SAMPLES = {
    "x.safetensors": packed({"__metadata__": {"a": "b"}, "a": ONE, "b": tensor("F32", [1], 4, 8)}),
    "x.gguf": gguf({"a": (12, (4, 256))}, {"general.architecture": "flux", "w": ["a", "b"]}),
    "x.pth": zipped({"state_dict": OrderedDict(a=torch_tensor("Half", (2, 3)))}),
    "legacy.pth": pickled({"state_dict": OrderedDict(a=torch_tensor("Half", (2, 3)))}),
}


@given(some.sampled_from(sorted(SAMPLES)), some.data())
def test_a_damaged_file_has_an_outcome(tmp_path_factory: pytest.TempPathFactory, name: str, data: Any) -> None:
    whole = bytearray(SAMPLES[name])
    for _ in range(data.draw(some.integers(0, 4))):
        whole[data.draw(some.integers(0, len(whole) - 1))] = data.draw(some.integers(0, 255))
    cut = data.draw(some.integers(0, len(whole)))
    path = written(tmp_path_factory.getbasetemp(), bytes(whole[:cut] if data.draw(some.booleans()) else whole), name)
    assert outcome(path).replace("_", "").isalpha() or outcome(path) == ""


_SHAPES = some.lists(some.integers(0, 9000), max_size=5)
_ENDS = some.sampled_from(
    [
        *(
            "input_blocks.0.0.weight",
            "double_blocks.0.img_attn.norm.key_norm.scale",
            "img_in.weight",
            "head.modulation",
        ),
        *("joint_blocks.0.context_block.attn.qkv.weight", "clf.1.weight", "cap_embedder.1.weight", "x_embedder.weight"),
        *(
            "conv_in.weight",
            "down_blocks.0.resnets.0.norm1.weight",
            "txt_norm.weight",
            "mlp_t5.0.weight",
            "clip_mapper.weight",
        ),
        *(
            "adaln_single.emb.timestep_embedder.linear_1.bias",
            "pos_embed.proj.bias",
            "latent_in.weight",
            "a.lora_up.weight",
        ),
        *(
            "shared.weight",
            "decoder.conv_in.weight",
            "zero_convs.0.0.weight",
            "blocks.0.mlp.layer1.weight",
            "emb_params",
        ),
        *(
            "blocks.block0.blocks.0.block.attn.to_q.0.weight",
            "vision_model.encoder.layers.0.mlp.fc1.weight",
            "scaled_fp8",
        ),
        *(
            "label_emb.0.0.weight",
            "txt_in.individual_token_refiner.blocks.0.norm1.weight",
            "model.0.weight",
            "99999999.a",
        ),
        *(
            "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight",
            "input_blocks.1.0.in_layers.0.weight",
            "pos_embed",
        ),
    ]
)


@given(
    some.dictionaries(_ENDS, _SHAPES, max_size=7),
    some.sampled_from(["", "model.diffusion_model.", "model."]),
    some.sampled_from(["safetensors", "gguf", "pth"]),
    some.dictionaries(some.just("config"), _NAMES),
)
def test_any_header_has_an_answer(
    names: dict[str, list[int]], prefix: str, format: str, metadata: dict[str, str]
) -> None:
    found = identify(Header(format, {prefix + name: ("F16", shape) for name, shape in names.items()}, metadata), "x")
    assert found.kind
