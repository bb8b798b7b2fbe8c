"""A proxy on loopback before a real emulator: it passes everything on, but for the faults that a test scripts."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from comfyproof.emulator.embedded import Emulator
from scripted_server import Call, Play, ScriptedServer

Frame: TypeAlias = tuple[int, bytes]  # opcode and payload
Voice: TypeAlias = "Callable[[Iterator[Frame], Passing], Iterator[Frame]]"

ALWAYS = 10_000


@dataclass
class Proxy(ScriptedServer):
    """Stands before an emulator. `given` counts the prompts that reached it, `taken` those that it took to run."""

    emulator: Emulator | None = None
    given: int = 0

    @property
    def upstream(self) -> str:
        """The emulator's address."""
        assert self.emulator is not None
        return self.emulator.url

    def restart(self) -> None:
        """Has the emulator begin anew: it knows nothing of what it was given."""
        assert self.emulator is not None
        self.emulator.stop()
        self.emulator.start()

    def interrupt(self) -> None:
        """Stops what the emulator runs, as somebody else would."""
        upstream = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)
        upstream.request("POST", "/interrupt")
        upstream.getresponse().read()
        upstream.close()

    def handler(self) -> type[Call]:
        """Calls that are passed on."""
        return Passing

    def always(self, route: str, *plays: Play) -> None:
        """What all further calls of a route meet, in turn, the last of them for ever."""
        self.script[route] = [*plays[:-1], *[plays[-1]] * ALWAYS]


class Passing(Call):
    """One connection to the proxy."""

    scripted: Proxy

    def reply(self) -> tuple[int, bytes]:
        """What the emulator answers to this call."""
        return self.passed_on(self.path)

    def passed_on(self, path: str) -> tuple[int, bytes]:
        """What the emulator answers to this call under another path."""
        server = self.scripted
        submits = (self.command, self.route) == ("POST", "/prompt")
        server.given += submits
        upstream = http.client.HTTPConnection(urlsplit(server.upstream).netloc, timeout=30)
        try:
            kind = {"Content-Type": self.headers["Content-Type"]} if self.body else {}
            upstream.request(self.command, path, self.body, kind)
            answer = upstream.getresponse()
            data = answer.read()
        except OSError:
            return 502, b"the proxy's server does not answer"
        finally:
            upstream.close()
        server.taken += submits and answer.status == 200
        return answer.status, data

    def listen(self) -> None:
        """Keeps a websocket, and passes on what comes over it."""
        self.speak(lambda frames, call: frames)

    def speak(self, voice: Voice) -> None:
        """Keeps a websocket, over which comes what `voice` makes of the emulator's frames."""
        address = urlsplit(self.scripted.upstream)
        with contextlib.suppress(OSError), socket.create_connection((address.hostname, address.port)) as upstream:
            head = [f"GET {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers.items())]
            upstream.sendall("\r\n".join([*head, "", ""]).encode())
            stream = upstream.makefile("rb")
            while (line := stream.readline()) not in (b"\r\n", b""):
                self.wfile.write(line)
            self.wfile.write(b"\r\n")
            self.close_connection = True
            answering = threading.Thread(target=self._until_closed, args=(upstream,))
            answering.start()
            try:
                for opcode, data in voice(_frames(stream), self):
                    self.frame(data, opcode)
            finally:
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                answering.join()

    def _until_closed(self, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := self.connection.recv(2**16):
                upstream.sendall(data)
        with contextlib.suppress(OSError):
            upstream.shutdown(socket.SHUT_RDWR)

    def wait_until_closed(self) -> None:
        """Says nothing until the other side hangs up or the server stops."""
        self.scripted.gone.wait(60)


def _frames(stream: Any) -> Iterator[Frame]:
    while len(head := stream.read(2)) == 2:
        size = head[1] & 127
        if size > 125:
            size = int.from_bytes(stream.read(2 if size == 126 else 8), "big")
        yield head[0] & 15, stream.read(size)


# What can happen to answers. Each does what was asked, but for `instead`.


def rewrites(change: Callable[[Any], Any]) -> Play:
    """Answers with what `change` makes of the JSON."""

    def play(call: Call) -> None:
        status, data = call.reply()
        call.send(status, json.dumps(change(json.loads(data))).encode() if status == 200 else data)

    return play


def in_history(change: Callable[[dict[str, Any]], None]) -> Play:
    """Answers with a history whose entries `change` has changed."""

    def changed(history: dict[str, Any]) -> dict[str, Any]:
        for entry in history.values():
            change(entry)
        return history

    return rewrites(changed)


def messages(*said: tuple[str, dict[str, Any]]) -> Callable[[dict[str, Any]], None]:
    """A history entry with these messages, and no outputs."""

    def change(entry: dict[str, Any]) -> None:
        entry["outputs"] = {}
        entry["status"] = {"status_str": "error", "completed": False, "messages": [list(each) for each in said]}

    return change


def recoded(change: Callable[[bytes], bytes], length: int | None = None, **headers: str) -> Play:
    """Answers with what `change` makes of the body; `length` is told for its own."""

    def play(call: Call) -> None:
        status, data = call.reply()
        data = change(data)
        call.send(status, data, **{"Content-Length": str(len(data) if length is None else length), **headers})
        call.close_connection = length is not None

    return play


def says_as(status: int, data: bytes, **headers: str) -> Play:
    """Answers so, does nothing, and ends the connection."""

    def play(call: Call) -> None:
        call.send(status, data, **headers)
        call.close_connection = True

    return play


def pours(data: bytes, most: int) -> Play:
    """Answers without end, or nearly."""

    def play(call: Call) -> None:
        call.send_response(200)
        call.end_headers()
        call.pour(data, most)

    return play


def chunks_without_end(call: Call) -> None:
    """Answers in chunks, and the last one is missing."""
    _, data = call.reply()
    call.send_response(200)
    call.send_header("Transfer-Encoding", "chunked")
    call.end_headers()
    call.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
    call.close_connection = True


# What can happen to a websocket.


def speaks(voice: Voice) -> Play:
    """A websocket that brings what `voice` makes of the emulator's frames."""

    def play(call: Call) -> None:
        assert isinstance(call, Passing)
        call.speak(voice)

    return play


def drops_after(count: int) -> Play:
    """A websocket that breaks after so many messages."""
    return speaks(lambda frames, call: (frame for frame, _ in zip(frames, range(count), strict=False)))


def silent_after(count: int) -> Play:
    """A websocket that stays open and brings no more than so many messages."""

    def voice(frames: Iterator[Frame], call: Passing) -> Iterator[Frame]:
        for number, frame in enumerate(frames):
            if number < count:
                yield frame

    return speaks(voice)


def noisy(*noise: Frame) -> Play:
    """A websocket on which every message comes twice, amid noise."""

    def voice(frames: Iterator[Frame], call: Passing) -> Iterator[Frame]:
        for frame in frames:
            yield from (*noise, frame, frame)

    return speaks(voice)


def upside_down(call: Call) -> None:
    """A websocket that brings each message after the next one."""

    def voice(frames: Iterator[Frame], call: Passing) -> Iterator[Frame]:
        for frame in frames:
            after = next(frames, None)
            yield from (frame,) if after is None else (after, frame)

    speaks(voice)(call)


def message(kind: Any, data: Any) -> Frame:
    """A message as ComfyUI sends it."""
    return 1, json.dumps({"type": kind, "data": data}).encode()


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG, with the right checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
