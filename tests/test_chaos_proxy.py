"""Each toxic of the chaos proxy does what it says, and nothing else does."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from chaos_proxy import KINDS, ChaosProxy

PATIENCE = 20.0
BYE = b"bye"


class _Echo(socketserver.BaseRequestHandler):
    """Says what it hears; after "bye" it hangs up."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(2**16):
                self.request.sendall(data)
                if data.endswith(BYE):
                    return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    with _Server(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(echo: str) -> Iterator[ChaosProxy]:
    with ChaosProxy(echo) as proxy:
        yield proxy


def connected(proxy: ChaosProxy) -> socket.socket:
    address = urlsplit(proxy.url)
    return socket.create_connection((address.hostname, address.port), PATIENCE)


def heard(line: socket.socket, most: int = 2**30) -> bytes:
    """All that comes until the end, or so many bytes."""
    data = bytearray()
    while len(data) < most and (piece := line.recv(2**16)):
        data += piece
    return bytes(data)


def says_nothing(line: socket.socket, seconds: float) -> bool:
    return not select.select([line], [], [], seconds)[0]


def test_without_a_toxic_everything_passes_and_is_counted(proxy: ChaosProxy) -> None:
    data = bytes(range(256)) * 2000
    with connected(proxy) as line, connected(proxy) as other:
        threading.Thread(target=line.sendall, args=(data,)).start()
        assert heard(line, len(data)) == data
        other.sendall(BYE)
        assert heard(other) == BYE
    assert (proxy.connections, proxy.sent, proxy.received) == (2, len(data) + 3, len(data) + 3)


def test_latency(proxy: ChaosProxy) -> None:
    proxy.poison("latency", "down", 0.2)
    with connected(proxy) as line:
        began = time.monotonic()
        line.sendall(b"hello")
        assert heard(line, 5) == b"hello"
        assert time.monotonic() - began >= 0.2
        proxy.poison("latency", "down", 3600)
        proxy.cure("latency")
        line.sendall(b"hello")
        assert heard(line, 5) == b"hello"


def test_bandwidth(proxy: ChaosProxy) -> None:
    proxy.poison("bandwidth", "down", 50_000)
    with connected(proxy) as line:
        began = time.monotonic()
        line.sendall(bytes(20_000))
        assert len(heard(line, 20_000)) == 20_000
        assert time.monotonic() - began >= 0.35


def test_slow_close(proxy: ChaosProxy) -> None:
    proxy.poison("slow_close", "down", 0.2)
    with connected(proxy) as line:
        line.sendall(BYE)
        assert heard(line, 3) == BYE
        began = time.monotonic()
        assert heard(line) == b""
        assert time.monotonic() - began >= 0.15


def test_half_open(proxy: ChaosProxy) -> None:
    with connected(proxy) as line:
        line.sendall(b"hello")
        assert heard(line, 5) == b"hello"
        proxy.poison("timeout", "down")
        line.sendall(b"hello")
        assert says_nothing(line, 0.2)
        proxy.cure()
        with connected(proxy) as other:
            other.sendall(b"there?")
            assert heard(other, 6) == b"there?"
        assert says_nothing(line, 0)


def test_half_open_and_closed_at_last(proxy: ChaosProxy) -> None:
    proxy.poison("timeout", "up", 0.2)
    with connected(proxy) as line:
        line.sendall(b"hello")
        began = time.monotonic()
        assert heard(line) == b""
        assert time.monotonic() - began >= 0.15
    assert proxy.sent == 0


@pytest.mark.parametrize(("way", "sent"), [("up", 0), ("down", 5)])
def test_a_reset_before_or_after_it_arrived(proxy: ChaosProxy, way: str, sent: int) -> None:
    proxy.poison("reset_peer", way)  # type: ignore[arg-type]
    with connected(proxy) as line:
        line.sendall(b"hello")
        with pytest.raises(ConnectionResetError):
            heard(line)
    assert (proxy.sent, proxy.received) == (sent, 0)


def test_limited_data(proxy: ChaosProxy) -> None:
    proxy.poison("limit_data", "down", 7)
    with connected(proxy) as line:
        line.sendall(b"hello")
        assert heard(line, 5) == b"hello"
        line.sendall(b"hello")
        assert heard(line) == b"he"


def test_slices(proxy: ChaosProxy) -> None:
    proxy.poison("slicer", "down", 2, pause=0.05)
    with connected(proxy) as line:
        began = time.monotonic()
        line.sendall(b"hello!")
        assert line.recv(100) == b"he"
        assert heard(line, 4) == b"llo!"
        assert time.monotonic() - began >= 0.1


def test_only_some_requests_meet_a_toxic_and_only_so_many(proxy: ChaosProxy) -> None:
    proxy.poison("reset_peer", "down", only=b"POST /prompt", times=1)
    for request, arrives in ((b"GET /queue", True), (b"POST /prompt", False), (b"POST /prompt", True)):
        with connected(proxy) as line:
            line.sendall(request + b" HTTP/1.1\r\n\r\n")
            if arrives:
                assert heard(line, len(request)).startswith(request)
            else:
                with pytest.raises(ConnectionResetError):
                    heard(line)


def test_all_connections_are_cut(proxy: ChaosProxy) -> None:
    with connected(proxy) as line:
        line.sendall(b"hello")
        assert heard(line, 5) == b"hello"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            heard(line)


def test_a_reset_by_the_server_is_passed_on() -> None:
    def resets(listening: socket.socket) -> None:
        line, _ = listening.accept()
        line.recv(5)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=resets, args=(server,))
        thread.start()
        with ChaosProxy(f"http://127.0.0.1:{server.getsockname()[1]}") as proxy, connected(proxy) as line:
            line.sendall(b"hello")
            with pytest.raises(ConnectionResetError):
                heard(line)
        thread.join()


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ChaosProxy(f"http://127.0.0.1:{port}") as proxy, connected(proxy) as line:
        assert heard(line) == b""


def test_a_toxic_that_there_is_not(proxy: ChaosProxy) -> None:
    with pytest.raises(AssertionError, match="latncy"):
        proxy.poison("latncy")
    assert len(KINDS) == 7
