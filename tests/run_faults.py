"""What can go wrong with one job, and what a person must then read: a table for test_run_faults.py."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy
from PIL import Image

from comfyproof.png import SIGNATURE
from misbehaving import (
    ALWAYS,
    Passing,
    chunk,
    chunks_without_end,
    drops_after,
    in_history,
    message,
    messages,
    noisy,
    pours,
    recoded,
    rewrites,
    silent_after,
    upside_down,
)
from scripted_server import (
    Call,
    Play,
    does_and_resets,
    does_but_says,
    dribbles,
    hangs,
    normally,
    resets,
    says,
    truncates,
)

Script = Mapping[str, Sequence[Play]]
SECRET = "s3cr3t-0451-canary"
# All that could command a terminal or a CI run, and a secret that the server was given.
EVIL = f"\x1b[2J\x1b]0;taken\x07\x9b31m\r\n::error file=x::no\n##vso[task.complete]\u202e{SECRET}\x00"
# PHOTO stands for a file that the test makes.
SMALL = """comfyproof: 1
inputs: {image: {type: image, default: PHOTO}}
stages:
  - load: {image: $image}
  - save: {prefix: kept}
nodes:
  told: {PreviewAny: {source: $text}}
  text: {PrimitiveString: {value: "${env:PROOF_KEY}"}}
"""
TWO = f"{SMALL}  more: {{SaveImage: {{images: $load, filename_prefix: more}}}}\n"
BUSY = """comfyproof: 1
models: {m: {checkpoint: sd_xl_base_1.0.safetensors}}
stages:
  - generate: {model: m, size: 1024x1024, steps: 10000, batch: 4}
  - save: {prefix: kept}
"""
KEPT = ("kept.png", "run.json")
RECORD = ("run.json",)
# So long any one answer may take then, and the job.
QUICKLY = ("--timeout", "2")


@dataclass(frozen=True)
class Case:
    """One fault: what the server does, and what must come of it.

    `number` is that of the fault in the list that the project set out with. `says` is what must be on stderr, `given`
    how many prompts may reach the server, `files` what must lie in the folder of the run, and nothing else anywhere.
    """

    number: int
    name: str
    script: Script
    exit: int = 0
    says: tuple[str, ...] = ()
    given: int = 1
    files: tuple[str, ...] = KEPT
    spec: str = SMALL
    options: tuple[str, ...] = ()


def untouched(number: int, name: str, script: Script, *says: str, **more: Any) -> Case:
    """Before anything was sent it is clear that this will not do."""
    return Case(number, name, script, 4, says, given=0, files=(), **more)


def unsent(number: int, name: str, script: Script, *says: str, **more: Any) -> Case:
    """The prompt does not get through."""
    return Case(number, name, script, 4, says, given=0, files=RECORD, **more)


def unfetched(number: int, name: str, script: Script, *says: str, **more: Any) -> Case:
    """What was made cannot be had."""
    return Case(number, name, script, 4, says, files=RECORD, **more)


def failed(number: int, name: str, script: Script, *says: str, **more: Any) -> Case:
    """The job comes to nothing."""
    return Case(number, name, script, 1, says, files=RECORD, **more)


def wrong(number: int, name: str, script: Script, *says: str, **more: Any) -> Case:
    """What came is not what was promised."""
    return Case(number, name, script, 1, says, **more)


def unknown(number: int, name: str, script: Script, *says: str, **more: Any) -> Case:
    """What came cannot be examined."""
    return Case(number, name, script, 3, says, **more)


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def always(play: Play) -> list[Play]:
    return [play] * ALWAYS


# Websockets: a hint, never more.
SOCKETS = [
    Case(4, "websocket refused", {"GET /ws": always(says(403))}),
    Case(4, "websocket redirects", {"GET /ws": always(says(302, b"", Location="ws://169.254.169.254/"))}),
    Case(5, "websocket drops in the middle", {"GET /ws": always(drops_after(2))}),
    Case(6, "websocket goes silent", {"GET /ws": always(silent_after(2))}),
    Case(7, "websocket is half open", {"GET /ws": always(silent_after(0))}),
    Case(
        23,
        "events twice, foreign, unknown, binary, broken",
        {
            "GET /ws": always(
                noisy(
                    message("execution_success", {"prompt_id": "somebody-elses"}),
                    message("executed", {"prompt_id": "somebody-elses", "output": {"images": [{"filename": "x"}]}}),
                    message("never.heard.of", {"prompt_id": None}),
                    message("progress", {"value": float("nan"), "max": float("inf"), "prompt_id": "x"}),
                    (
                        1,
                        rb'{"type": "progress", "data": {"value": 1e400, "max": 1, "value": 2, "prompt_id": "\ud800"}}',
                    ),
                    (1, b"\xff\xfe\x00"),
                    (1, b"[" * 10_000),
                    (2, struct.pack(">II", 1, 2) + b"\xff\xd8\xff"),
                    (2, b""),
                    message(EVIL, {"node": EVIL, "prompt_id": EVIL}),
                )
            )
        },
    ),
    Case(23, "events in another order", {"GET /ws": always(upside_down)}),
]

# Asking and answering.
ANSWERS = [
    Case(8, "reset after the prompt was taken", {"POST /prompt": [does_and_resets]}),
    Case(8, "no answer after the prompt was taken", {"POST /prompt": [does_but_says(504)]}),
    Case(9, "reset before the prompt was taken", {"POST /prompt": [resets]}),
    unsent(
        9,
        "every submission is reset",
        {"POST /prompt": always(resets)},
        "cannot be reached: it broke off the connection",
    ),
    unsent(
        11,
        "500 to the prompt",
        {"POST /prompt": always(says(500, EVIL.encode()))},
        "answered a prompt with HTTP 500",
        "help: Look into the server's log",
    ),
    Case(
        11,
        "500, 502, 504, resets and cuts while it runs",
        {
            "GET /history/": [
                normally,
                normally,
                says(500),
                says(502),
                says(504),
                resets,
                resets,
                truncates,
                truncates,
            ],
            "GET /queue": [normally, says(503), truncates],
        },
    ),
    Case(
        12,
        "429 while it runs",
        {
            "GET /history/": [
                normally,
                normally,
                *(
                    says(429, b"", Retry_After=after)
                    for after in (
                        "1",
                        "Wed, 21 Oct 2015 07:28:00 GMT",
                        "-5",
                        EVIL.splitlines()[0][:3],
                        "soon",
                    )
                ),
            ]
        },
    ),
    untouched(
        12, "429 to everything", {"GET /system_stats": always(says(429, b"", Retry_After="1000000000"))}, "HTTP 429"
    ),
    Case(
        11,
        "503 and 429 to the picture, and resets",
        {"GET /view": [says(503), says(429, b"", Retry_After="1"), resets, resets]},
    ),
    untouched(
        10, "half a JSON of nodes", {"GET /object_info/": always(recoded(lambda data: data[:40]))}, "what is not JSON"
    ),
    Case(
        10,
        "half a JSON while it runs",
        {"GET /history/": [normally] * 2 + [recoded(half)] * 3, "GET /queue": [normally] + [recoded(half)] * 2},
    ),
    untouched(
        13,
        "versions byte by byte",
        {"GET /system_stats": always(dribbles(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 900, 0.01))},
        "no complete answer came in 2 s",
        options=QUICKLY,
    ),
    unfetched(
        13,
        "picture byte by byte",
        {"GET /view": always(dribbles(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 900, 0.01))},
        "no complete answer came in 2 s",
        options=QUICKLY,
    ),
    untouched(
        7,
        "no answer to anything",
        {"GET /system_stats": always(hangs)},
        "no complete answer came in 2 s",
        "help: Look whether the server is stuck",
        options=QUICKLY,
    ),
    untouched(
        54,
        "redirects without end",
        {"GET /system_stats": always(says(302, b"", Location="/system_stats"))},
        'redirects to "/system_stats"',
    ),
    unfetched(
        54,
        "picture is at a cloud's secrets",
        {"GET /view": always(says(307, b"", Location="http://169.254.169.254/"))},
        'redirects to "http://169.254.169.254/"',
    ),
]


def forgets(entry: dict[str, Any]) -> dict[str, Any]:
    return {}


def refuses_one(data: dict[str, Any]) -> dict[str, Any]:
    problem = {"type": "value_bigger_than_max", "message": EVIL, "details": EVIL, "extra_info": {"input_name": EVIL}}
    return {**data, "node_errors": {"1": {"errors": [problem], "dependent_outputs": ["2"], "class_type": EVIL}}}


def failing(kind: str, text: str) -> Play:
    error = {
        "node_id": "2",
        "node_type": "SaveImage",
        "exception_type": kind,
        "exception_message": text,
        "traceback": [f'  File "{EVIL}"\n'],
        "current_inputs": {"x": [EVIL]},
    }
    return in_history(messages(("execution_start", {}), ("execution_error", error)))


def restarts(call: Call) -> None:
    assert isinstance(call, Passing)
    call.scripted.restart()
    call.reset()


def restarts_with_others(call: Call) -> None:
    assert isinstance(call, Passing)
    call.scripted.restart()
    call.scripted.always("GET /queue", rewrites(lambda queue: {**queue, "queue_running": [[0, "theirs", {}, {}, []]]}))
    call.reset()


def interrupts(call: Call) -> None:
    assert isinstance(call, Passing)
    call.scripted.interrupt()
    normally(call)


def null_status(entry: dict[str, Any]) -> None:
    entry["status"] = None


# How a job ends.
ENDINGS = [
    Case(17, "history is late", {"GET /history/": [normally] * 2 + [rewrites(forgets)] * 6}),
    failed(
        2,
        "history is lost",
        {"GET /history/": always(rewrites(forgets))},
        "error[CP806]",
        "neither in its queue nor in its history",
        "help: run it again",
    ),
    failed(
        2, "restarted and empty", {"GET /queue": [normally, restarts]}, "error[CP806]", "help: run it again", spec=BUSY
    ),
    failed(
        3,
        "restarted, and others are at it",
        {"GET /queue": [normally, restarts_with_others]},
        "error[CP806]",
        spec=BUSY,
    ),
    failed(
        18,
        "cached: history without outputs",
        {"GET /history/": always(in_history(lambda e: e.update(outputs={})))},
        "error[CP808]",
        "made no file",
    ),
    Case(20, "no status", {"GET /history/": always(in_history(null_status))}),
    failed(
        20,
        "stopped by somebody",
        {"GET /queue": [normally, interrupts]},
        "error[CP805]",
        "was stopped on the server",
        "help: run it again",
        spec=BUSY,
    ),
    failed(
        20,
        "neither success nor error",
        {"GET /history/": always(in_history(messages()))},
        "error[CP803]: the server does not say why",
    ),
    failed(21, "a part is refused", {"POST /prompt": always(rewrites(refuses_one))}, "error[CP802]", "spec.yaml:4:"),
    failed(
        24,
        "out of memory",
        {"GET /history/": always(failing("torch.OutOfMemoryError", f"Allocation on device {EVIL}"))},
        'error[CP804]: "save" ran out of memory',
        "help: make the picture or its tiles smaller",
    ),
    failed(
        24,
        "out of memory, as a text",
        {"GET /history/": always(failing("RuntimeError", "HIP out of memory."))},
        "error[CP804]",
    ),
    failed(
        54, "an exception with escapes", {"GET /history/": always(failing(EVIL, EVIL))}, "error[CP803]", '"save" failed'
    ),
]


def bomb(side: int) -> bytes:
    """A PNG whose header claims a square of black that its data does not hold."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def with_chunk(kind: bytes, body: bytes) -> Callable[[bytes], bytes]:
    """A PNG with a chunk more, before its pixels."""
    return lambda data: data[:33] + chunk(kind, body) + data[33:]


def flipped(data: bytes) -> bytes:
    at = data.index(b"IDAT") + 30
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def somebody_elses(data: bytes) -> bytes:
    at = data.index(b"tEXtprompt") - 4
    (length,) = struct.unpack_from(">I", data, at)
    theirs = b"prompt\0" + json.dumps({"9": {"class_type": EVIL, "inputs": {"x": EVIL}}}).encode()
    return data[:at] + chunk(b"tEXt", theirs) + data[at + 12 + length :]


def recolored(data: bytes, color: int, size: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as opened:
        Image.new("RGB", size or opened.size, (color,) * 3).save(buffer, "PNG")
    return buffer.getvalue()


def picture(change: Callable[[bytes], bytes], length: int | None = None, **headers: str) -> Script:
    return {"GET /view": always(recoded(change, length, **headers))}


ZEROS = zlib.compress(bytes(10**8), 9)
DAMAGED = 'error[CP901]: "complete" of "save": expected a whole picture, measured'

# Pictures.
PICTURES = [
    Case(30, "cut once", {"GET /view": [recoded(lambda data: data[: len(data) // 2])]}),
    wrong(30, "cut every time", picture(lambda data: data[: len(data) // 2]), DAMAGED, "it ends within a chunk"),
    unfetched(
        30,
        "shorter than it says",
        picture(lambda data: data, length=100_000),
        "broke off the connection",
        "are still to be fetched there",
        options=QUICKLY,
    ),
    unfetched(
        30,
        "the last chunk is missing",
        {"GET /view": always(chunks_without_end)},
        "broke off the connection",
        "are still to be fetched there",
        options=QUICKLY,
    ),
    wrong(31, "one bit flipped", picture(flipped), DAMAGED, "the checksum of the chunk at byte"),
    wrong(32, "no end chunk", picture(lambda data: data[:-12]), DAMAGED, "ends without its last chunk"),
    wrong(33, "bytes behind its end", picture(lambda data: data + EVIL.encode()), DAMAGED, "its end is at byte"),
    wrong(
        34,
        "a page, told as a PNG",
        picture(lambda d: b"<html>" + EVIL.encode(), **{"Content-Type": "image/png"}),
        DAMAGED,
        "it is a text (HTML or JSON), not a picture",
        files=("kept.bin", "run.json"),
    ),
    unfetched(35, "no bytes", picture(lambda data: b""), "as empty", "help: Look whether its disk is full"),
    wrong(36, "black", picture(lambda data: recolored(data, 0)), '"not_blank" of "save"', "it is black", "--fp32-vae"),
    wrong(
        36,
        "another size",
        picture(lambda data: recolored(data, 9, (8, 8))),
        '"size" of "save"',
        "measured 8x8",
        options=("--set", "verify.size=1x image"),
    ),
    wrong(37, "somebody else's", picture(somebody_elses), '"prompt" of "save"'),
    Case(
        39,
        "one of two is gone",
        {"GET /view": [says(404)]},
        4,
        ("no longer has its file"),
        files=("more.png", "run.json"),
        spec=TWO,
    ),
    wrong(53, "60000x60000", picture(lambda data: bomb(60_000)), DAMAGED, "its header says 60000x60000"),
    wrong(53, "a zTXt of 100 MB", picture(with_chunk(b"zTXt", b"prompt\0\0" + ZEROS)), "absurdly long"),
    unfetched(
        53,
        "gzip unasked",
        picture(lambda data: gzip.compress(bytes(10**6)), **{"Content-Encoding": "gzip"}),
        'in the encoding "gzip"',
    ),
    untouched(
        53,
        "an answer without end",
        {"GET /system_stats": always(pours(b" " * 2**16, 2**27))},
        "answered with more than 16 MiB",
    ),
]


def named(*names: tuple[Any, Any, Any]) -> Script:
    """A file under each of these names, folders and types; whatever is asked of /view, it has the real picture."""
    real: dict[str, Any] = {}

    def change(entry: dict[str, Any]) -> None:
        for shown in entry["outputs"].values():
            for file in shown.pop("images", []):
                real["path"] = f"/view?filename={file['filename']}&subfolder={file['subfolder']}&type=output"
                shown["images"] = [dict(zip(("filename", "subfolder", "type"), each, strict=True)) for each in names]

    def view(call: Call) -> None:
        assert isinstance(call, Passing)
        call.send(*call.passed_on(real["path"]))

    return {"GET /history/": always(in_history(change)), "GET /view": always(view)}


ODD_NAMES = named(
    ("../../../outside.png", "", "output"),
    ("x.png", "../../..", "output"),
    ("/tmp/comfyproof-outside.png", "/tmp", "output"),
    ("C:\\outside.png", "\\\\host\\share", "output"),
    ("%2e%2e%2foutside.png", "..%5c..", "output"),
    ("x" * 5000, "", "output"),
    ("run.json", "", "output"),
    ("x.png", 7, None),
)
IMPOSSIBLE = named(("x\0.png", "", "output"), ("x\x1b[31m.png", "", "output"), (EVIL, EVIL, "output"))

# Names: a server's never become paths.
NAMES = [
    Case(
        52,
        "names that lead elsewhere",
        ODD_NAMES,
        says=("8 pictures: verified",),
        files=(*(f"kept-{n}.png" for n in range(2, 9)), *KEPT),
    ),
    unfetched(52, "names that no file has", IMPOSSIBLE, "made a file of an impossible name"),
]


def shown(*files: tuple[str, bytes, dict[str, Any]], node_class: str = "LoadImage") -> Script:
    """A node of this class leaves these files, as other nodes do; whoever asks for one gets its bytes."""
    listed = [{"filename": name, "subfolder": "", "type": "output", **more} for name, _, more in files]
    bodies = {name: data for name, data, _ in files}

    def change(entry: dict[str, Any]) -> None:
        for id, node in entry["prompt"][2].items():
            if node["class_type"] == node_class:
                entry["outputs"][id] = {"gifs": listed}

    def view(call: Call) -> None:
        if data := bodies.get(call.query["filename"]):
            call.send(200, data)
        else:
            call.answer()

    return {"GET /history/": always(in_history(change)), "GET /view": always(view)}


def tells(key: str, *texts: Any) -> Script:
    """A node gives these as texts."""
    return {
        "GET /history/": always(
            in_history(lambda entry: entry.update(outputs={**entry["outputs"], "1": {key: list(texts)}}))
        )
    }


def sound(form: str, codec: str, level: float = 0.5) -> bytes:
    """A tone of half a second."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        tone = (numpy.sin(numpy.arange(24_000) / 20) * level).astype("float32").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(tone, format="flt", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def video() -> bytes:
    """Two frames of noise."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for seed in range(2):
            pixels = numpy.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=numpy.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def latent() -> bytes:
    """A file as SaveLatent writes it."""
    tensors = {"latent_tensor": {"dtype": "F32", "shape": [1, 4, 8, 8], "data_offsets": [0, 1024]}}
    head = json.dumps({"__metadata__": {"prompt": "{}"}, **tensors}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(1024)


def mesh() -> bytes:
    """A binary glTF with one mesh."""
    head = json.dumps({"asset": {"version": "2.0"}, "meshes": [{"primitives": []}]}).encode()
    head += b" " * (-len(head) % 4)
    return b"glTF" + struct.pack("<III", 2, 20 + len(head), len(head)) + b"JSON" + head


SONG = """comfyproof: 1
nodes:
  quiet: {EmptyAudio: {duration: 1, sample_rate: 44100, channels: 2}}
  song: {SaveAudio: {audio: $quiet, filename_prefix: song}}
"""
TEXT = """comfyproof: 1
nodes:
  told: {PreviewAny: {source: $text}}
  text: {PrimitiveString: {value: hello}}
"""
FLAC = sound("flac", "flac")
FILE = "nothing here knows how to look into a file of this kind"


NOTHING = {"GET /history/": always(in_history(lambda entry: entry.update(outputs={})))}


def song(data: bytes) -> Script:
    return shown(("song_00001_.flac", data, {}), node_class="SaveAudio")


# What is neither picture nor video.
OUTPUTS = [
    Case(40, "a sound", song(FLAC), files=("run.json", "song.flac"), spec=SONG),
    unknown(
        40,
        "files of every kind",
        shown(
            ("m_00001_.glb", mesh(), {}),
            ("v_00001.mp4", video(), {"fullpath": "/etc/passwd", "format": "video/h264-mp4"}),
            ("d_00001_.svg", b"<svg xmlns='x'></svg>", {}),
            ("setup.exe", b"MZ\x90\0" + bytes(99), {}),
            ("cloud.ply", b"ply\nformat ascii 1.0\n", {}),
        ),
        '"complete" of "preview.svg", "complete" of "preview.bin", "complete" of "preview.ply"',
        FILE,
        files=("kept.png", *(f"preview.{ending}" for ending in ("bin", "glb", "mp4", "ply", "svg")), "run.json"),
    ),
    wrong(
        40,
        "half a sound",
        song(FLAC[: len(FLAC) // 2]),
        '"complete" of "song": expected a whole sound',
        files=("run.json", "song.flac"),
        spec=SONG,
    ),
    wrong(
        40,
        "a page for a sound",
        song(b"<html>" + EVIL.encode()),
        "it is a text (HTML or JSON), not a sound",
        files=("run.json", "song.bin"),
        spec=SONG,
    ),
    failed(40, "no sound", NOTHING, "error[CP808]", "made no file", spec=SONG),
    Case(40, "texts", tells("text", EVIL, "x" * 2**21, 7, None)),
    unfetched(
        40,
        "a list of 20,000 files",
        {
            "GET /history/": always(
                in_history(
                    lambda entry: entry["outputs"].update(
                        {"1": {"images": [{"filename": f"{n}.png"} for n in range(20_000)]}}
                    )
                )
            )
        },
        "files of one prompt",
    ),
]

CASES = [*SOCKETS, *ANSWERS, *ENDINGS, *PICTURES, *NAMES, *OUTPUTS]
