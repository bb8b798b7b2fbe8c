"""A real server on loopback whose answers are a table: a ComfyUI's, or whatever a test puts in their place."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from comfyproof.catalog.pinned import built_in
from scripted_server import CERTIFICATE

Reply: TypeAlias = "tuple[int, Mapping[str, str], bytes] | Callable[[Any], tuple[int, Mapping[str, str], bytes]]"


def says(data: Any, status: int = 200, **headers: str) -> Reply:
    """An answer of JSON, or of bytes."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body


def stats(**system: Any) -> dict[str, Any]:
    """What a ComfyUI says of itself."""
    said = {
        "os": "posix", "ram_total": 2**35, "ram_free": 2**34, "comfyui_version": "0.3.64",
        "required_frontend_version": "1.27.10", "python_version": "3.11.7 (main) [GCC 12]",
        "pytorch_version": "2.5.1+cu124", "embedded_python": False, "argv": ["main.py"],
    }  # fmt: skip
    device = {
        "name": "cuda:0 NVIDIA GeForce RTX 3090 : cudaMallocAsync", "type": "cuda", "index": 0,
        "vram_total": 24 * 2**30, "vram_free": 20 * 2**30, "torch_vram_total": 2**30, "torch_vram_free": 0,
    }  # fmt: skip
    return {"system": {**said, **system}, "devices": [device]}


def history(count: int, *, offsets: bool = True) -> Reply:
    """A history of so many prompts, asked for in parts."""

    def reply(query: Mapping[str, str]) -> Any:
        kept = list(range(count))[int(query.get("offset", 0)) if offsets else 0 :]
        return says({f"p{n}": {} for n in kept[: int(query["max_items"])]})

    return reply


def comfyui(models: Mapping[str, list[str]], nodes: Mapping[str, Any] | None = None) -> dict[str, Reply]:
    """A ComfyUI's answers, with these model files; it has no websocket."""
    raw = dict(built_in().raw if nodes is None else nodes)
    return {
        "/system_stats": says(stats()),
        "/prompt": says({"exec_info": {"queue_remaining": 0}}),
        "/queue": says({"queue_running": [], "queue_pending": []}),
        "/history": history(3),
        "/features": says({"supports_preview_metadata": True, "max_upload_size": 100 * 2**20}),
        "/object_info": says(raw),
        **{f"/object_info/{name}": says({name: node}) for name, node in raw.items()},
        "/models": says([*models, "custom_nodes", "configs"]),
        **{f"/models/{folder}": says(files) for folder, files in models.items()},
    }


class OddServer:
    """A server of such a table, with TLS, and asking for a certificate, if so asked; `log` holds what came."""

    def __init__(
        self, answers: Mapping[str, Reply], *, tls: bool = False, asks: bool = False, certificate: Path = CERTIFICATE
    ) -> None:
        self.answers = dict(answers)
        self.log: list[tuple[str, str, Mapping[str, str]]] = []
        self.gone = threading.Event()
        server = self

        class Handler(_Handler):
            odd = server

        self._http = _Http(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            if asks:
                context.load_verify_locations(CERTIFICATE)
                context.verify_mode = ssl.CERT_REQUIRED
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *why: object) -> None:
        self.gone.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def hangs(self, query: Mapping[str, str]) -> Any:
        """An answer that does not come until the server stops."""
        self.gone.wait(60)
        return says({})


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silence: clients that hang up are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    odd: OddServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""

    def version_string(self) -> str:
        return "Python/3.11 aiohttp/3.11"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.odd.log.append((self.command, self.path, dict(self.headers.items())))
        reply = self.odd.answers.get(unquote(parts.path)) or self.odd.answers.get("*", (404, {}, b""))
        status, headers, body = reply(query) if callable(reply) else reply
        with contextlib.suppress(OSError):
            self.send_response_only(status)
            said = {"Server": self.version_string(), "Date": self.date_time_string(), **headers}
            for name, value in {**said, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.do_GET()
