"""A real server on loopback that speaks ComfyUI's routes as far as a client needs them, and misbehaves on request."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import ssl
import struct
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from comfyproof.run.answers import Outcome, OutputFile, Submission, Succeeded
from comfyproof.run.client import Client
from comfyproof.run.waiting import Timeouts

Play: TypeAlias = "Callable[[Call], None]"
Item: TypeAlias = list[Any]

# Signed by itself for 127.0.0.1 and localhost, and valid until 2126.
CERTIFICATE = Path(__file__).with_name("loopback.pem")

PROMPT = {
    "9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
    "1": {"class_type": "EmptyImage", "inputs": {}},
}
IMAGE = {"images": [{"filename": "a_00001_.png", "subfolder": "", "type": "output"}]}
OUTPUT = OutputFile("9", "a_00001_.png", "", "output", "images")
DONE = Succeeded((OUTPUT,), ())
# Long enough for a busy machine, short enough for a test.
QUICK = Timeouts(connect=2, read=5, transfer=5, job=20, no_progress=20, grace=0.3, lost=0.1)


def new_id() -> str:
    """A prompt id that no server has yet."""
    return str(uuid.uuid4())


def ignore(event: object) -> None:
    """For a test in which no event matters."""


def ran(client: Client) -> Outcome:
    """How a prompt ends that a client submits and waits for."""
    prompt_id = new_id()
    assert client.submit(PROMPT, prompt_id) == Submission(prompt_id, answered=True)
    return client.wait(prompt_id, ignore)


def entry(item: Item, messages: list[Any], status: str = "success", outputs: Any = None) -> dict[str, Any]:
    """A history entry as ComfyUI writes it."""
    return {
        "prompt": item,
        "outputs": {"9": IMAGE} if outputs is None else outputs,
        "status": {"status_str": status, "completed": status == "success", "messages": messages},
        "meta": {},
    }


@dataclass
class ScriptedServer:
    """A server whose state a test may read and write; `script` says what the next calls of a route meet.

    By default a prompt is done as soon as it is taken. `keep_running` leaves it running until `finish`,
    `looks` finishes it when the queue is read that many times. With `tls` it asks for a certificate, too.
    """

    history: dict[str, Any] = field(default_factory=dict)
    running: list[Item] = field(default_factory=list)
    pending: list[Item] = field(default_factory=list)
    files: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    nodes: dict[str, Any] = field(default_factory=dict)
    script: dict[str, list[Play]] = field(default_factory=lambda: defaultdict(list))
    log: list[tuple[str, str, bytes]] = field(default_factory=list)
    sockets: dict[str, Call] = field(default_factory=dict)
    socket_headers: list[dict[str, str]] = field(default_factory=list)
    keep_running: bool = False
    looks: int = 0
    stored_as: Any = None
    own_ids: bool = False
    taken: int = 0
    port: int = 0
    tls: bool = False

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.gone = threading.Event()
        self.opened = threading.Event()
        self.calls: set[Call] = set()
        self.threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *why: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> str:
        self.gone = threading.Event()
        self._http = _Http(("127.0.0.1", self.port), type("Handler", (self.handler(),), {"scripted": self}))
        self.port = self._http.server_port
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            context.load_verify_locations(CERTIFICATE)
            context.verify_mode = ssl.CERT_REQUIRED
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        return self.url

    def handler(self) -> type[Call]:
        """What answers the calls."""
        return Call

    def stop(self) -> None:
        """Ends as a killed process does: the port is closed, and so is every connection."""
        self.gone.set()
        self._http.shutdown()
        self._thread.join()
        with self.lock:
            for call in self.calls:
                with contextlib.suppress(OSError):
                    call.connection.shutdown(socket.SHUT_RDWR)
        self._http.server_close()

    def forget(self) -> None:
        with self.lock:
            self.history.clear()
            self.running.clear()
            self.pending.clear()

    def asked(self, request: str) -> list[bytes]:
        """The bodies of the requests of a kind that came, such as "POST /prompt"."""
        return [body for method, path, body in self.log if f"{method} {path}".startswith(request)]

    def finish(
        self, prompt_id: str, messages: list[Any] | None = None, status: str = "success", outputs: Any = None
    ) -> None:
        with self.lock:
            for items in (self.running, self.pending):
                for item in [item for item in items if item[1] == prompt_id]:
                    items.remove(item)
                    said = [["execution_success", {"prompt_id": prompt_id}]] if messages is None else messages
                    self.history[prompt_id] = entry(item, said, status, outputs)

    def tell(self, kind: str, data: Any) -> None:
        """Sends a message to every websocket."""
        for call in list(self.sockets.values()):
            call.frame(json.dumps({"type": kind, "data": data}).encode())

    def take(self, request: dict[str, Any]) -> str:
        """Takes a prompt as POST /prompt does."""
        with self.lock:
            self.taken += 1
            prompt_id = f"own-{self.taken}" if self.own_ids else request["prompt_id"]
            extra = {**request.get("extra_data", {}), "client_id": request["client_id"]}
            self.running.append([self.taken, prompt_id, request["prompt"], extra, ["9"]])
            if not self.keep_running and not self.looks:
                self.finish(prompt_id)
            return str(prompt_id)

    def looked(self) -> None:
        with self.lock:
            if self.looks:
                self.looks -= 1
                if not self.looks:
                    for item in list(self.running):
                        self.finish(item[1])


class _Http(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 50

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silence: clients that hang up are what these tests are about."""


class Call(BaseHTTPRequestHandler):
    """One connection to the server."""

    scripted: ScriptedServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        with self.scripted.lock:
            self.scripted.calls.add(self)

    def finish(self) -> None:
        with self.scripted.lock:
            self.scripted.calls.discard(self)
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""

    def do_GET(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do()

    def _do(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server, parts = self.scripted, urlsplit(self.path)
        self.route = unquote(parts.path)
        self.query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        with server.lock:
            server.log.append((self.command, self.path, self.body))
            plays = server.script[self.command + " " + re.sub("^/(history|object_info)/.*", r"/\1/", self.route)]
            play = plays.pop(0) if plays else normally
        play(self)

    def answer(self) -> None:
        """What ComfyUI would do."""
        status, data = self.reply()
        self.send(status, data)

    def reply(self) -> tuple[int, bytes]:
        server, route = self.scripted, self.route
        with server.lock:
            if route.startswith("/history/"):
                id = route.removeprefix("/history/")
                return _json({id: server.history[id]} if id in server.history else {})
            if route == "/queue" and self.command == "GET":
                server.looked()
                return _json({"queue_running": server.running, "queue_pending": server.pending})
            if route == "/queue":
                gone = json.loads(self.body)["delete"]
                server.pending = [item for item in server.pending if item[1] not in gone]
                return 200, b""
            if route == "/prompt":
                return _json({"prompt_id": server.take(json.loads(self.body)), "number": 1, "node_errors": {}})
            if route == "/view":
                key = (self.query["filename"], self.query.get("subfolder", ""), self.query.get("type", "output"))
                return (200, server.files[key]) if key in server.files else (404, b"")
            if route == "/upload/image":
                named = re.search(rb'filename="([^"]+)"', self.body)
                assert named is not None
                return _json(server.stored_as or {"name": named[1].decode(), "subfolder": "", "type": "input"})
            if route.startswith("/object_info/"):
                name = route.removeprefix("/object_info/")
                return _json({name: server.nodes[name]} if name in server.nodes else {})
            if route == "/system_stats":
                return _json({"system": {"comfyui_version": "0.3.64"}, "devices": []})
            if route == "/history":
                return _json(server.history)
            return (200, b"") if route == "/interrupt" else (404, b"")

    def send(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def reset(self) -> None:
        """Breaks the connection off with a reset, as a crashed process does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        # The files hold the connection open, too.
        self.rfile.close()
        self.connection.close()

    def pour(self, data: bytes, most: int) -> int:
        """Sends data again and again until the other side hangs up, and at most so many bytes; gives how many went."""
        sent = 0
        with contextlib.suppress(OSError):
            while sent < most:
                self.wfile.write(data)
                sent += len(data)
        self.close_connection = True
        return sent

    def upgrade(self) -> None:
        """Answers a websocket's handshake."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
        )
        self.close_connection = True

    def listen(self) -> None:
        """Keeps a websocket until the other side hangs up."""
        self.upgrade()
        client_id = self.query["clientId"]
        with self.scripted.lock:
            self.scripted.sockets[client_id] = self
            self.scripted.socket_headers.append(dict(self.headers.items()))
        self.scripted.opened.set()
        with contextlib.suppress(OSError):
            while self.rfile.read(1):
                pass
        with self.scripted.lock:
            self.scripted.sockets.pop(client_id, None)

    def frame(self, data: bytes, opcode: int = 1, *, last: bool = True) -> None:
        form, head = ("!B", b"") if len(data) < 126 else ("!H", b"\x7e") if len(data) < 2**16 else ("!Q", b"\x7f")
        size = head + struct.pack(form, len(data))
        with contextlib.suppress(OSError):
            self.wfile.write(bytes([0x80 * last | opcode]) + size + data)


def _json(data: Any) -> tuple[int, bytes]:
    return 200, json.dumps(data).encode()


def normally(call: Call) -> None:
    if call.route == "/ws":
        call.listen()
    else:
        call.answer()


def says(status: int, data: Any = b"", **headers: str) -> Play:
    """Answers so, and does nothing."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return lambda call: call.send(status, body, **headers)


def does_but_says(status: int, data: Any = b"") -> Play:
    """Does what was asked, and answers something else."""

    def play(call: Call) -> None:
        call.reply()
        says(status, data)(call)

    return play


def resets(call: Call) -> None:
    call.reset()


def does_and_resets(call: Call) -> None:
    call.reply()
    call.reset()


def does_and_hangs(call: Call) -> None:
    call.reply()
    hangs(call)


def hangs(call: Call) -> None:
    """Keeps the connection and says nothing until the server stops or the other side hangs up."""
    with contextlib.suppress(OSError):
        call.rfile.read(1)
    call.close_connection = True


def truncates(call: Call) -> None:
    """Promises the whole answer and sends half of it."""
    status, data = call.reply()
    call.send_response(status)
    call.send_header("Content-Length", str(len(data)))
    call.end_headers()
    call.wfile.write(data[: len(data) // 2])
    call.close_connection = True


def dribbles(data: bytes, pause: float) -> Play:
    """Sends these bytes one at a time."""

    def play(call: Call) -> None:
        call.close_connection = True
        with contextlib.suppress(OSError):
            for byte in data:
                call.wfile.write(bytes([byte]))
                if call.scripted.gone.wait(pause):
                    return

    return play
