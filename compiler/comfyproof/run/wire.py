"""HTTP to one server: every answer capped in bytes and seconds, every failure named."""

from __future__ import annotations

import http.client
import io
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .problems import ServerMisbehaved, ServerProblem, ServerUnreachable, clean

MAX_ANSWER = 16 * 2**20
MAX_LIST = 64 * 2**20
_CHUNK = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer of a server."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent with a request, and how many seconds that may take."""

    data: bytes
    type: str = "application/json"
    seconds: float = 60.0


class Wire:
    """One server's HTTP, over one session; redirects are never followed."""

    def __init__(self, url: str, connect: float) -> None:
        self.url = server_url(url)
        self._connect = connect
        self._session = _Session()
        self._session.headers.update({"User-Agent": "comfyproof", "Accept-Encoding": "identity"})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter())

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def get(
        self, path: str, seconds: float, limit: int = MAX_ANSWER, params: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to a GET, asked a second time if the connection broke. Raises ServerProblem."""
        return self._twice("GET", path, seconds, limit, params, None)

    def post(self, path: str, body: Body, seconds: float) -> Answer:
        """The answer to a POST that does no harm if it arrives twice. Raises ServerProblem."""
        return self._twice("POST", path, seconds, MAX_ANSWER, None, body)

    def post_once(self, path: str, body: Body, seconds: float) -> Answer:
        """The answer to a POST that is never repeated. Raises ServerProblem."""
        return self._ask("POST", path, seconds, MAX_ANSWER, None, body)

    def json(self, answer: Answer, what: str) -> Any:
        """An answer's JSON; `what` names it in complaints. Raises ServerMisbehaved."""
        if answer.status != 200:
            raise self.refused(answer, what)
        return self.parse(answer, what)

    def parse(self, answer: Answer, what: str) -> Any:
        """An answer's JSON, whatever its status. Raises ServerMisbehaved."""
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            shown = clean(answer.body, 80) or "nothing"
            complaint = f"answered {what} with what is not JSON: {shown}"
            raise ServerMisbehaved(self.url, complaint, status=answer.status) from None

    def refused(self, answer: Answer, what: str) -> ServerMisbehaved:
        """The complaint about an answer of the wrong status."""
        shown = clean(answer.body, 200)
        text = f"answered {what} with HTTP {answer.status}" + (f": {shown}" if shown else "")
        return ServerMisbehaved(self.url, text, _help_for(answer.status), answer.status)

    def _twice(self, *request: Any) -> Answer:
        try:
            return self._ask(*request)
        except ServerUnreachable as problem:
            # A kept connection that the server closed meanwhile breaks like this, too.
            if not problem.sent or problem.silent:
                raise
        return self._ask(*request)

    def _ask(
        self, method: str, path: str, seconds: float, limit: int, params: Mapping[str, str] | None, body: Body | None
    ) -> Answer:
        try:
            with self._session.request(
                method,
                self.url + path,
                params=params,
                data=_Paced(body.data, body.seconds) if body else None,
                headers={"Content-Type": body.type} if body else None,
                timeout=(self._connect, seconds),
                allow_redirects=False,
                stream=True,
                proxies={"http": "", "https": "", "all": ""} if is_loopback(self.url) else None,
            ) as response:
                return self._read(response, limit)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as problem:
            raise _explain(self.url, problem, seconds) from None

    def _read(self, response: requests.Response, limit: int) -> Answer:
        if 300 <= response.status_code < 400:
            target = clean(response.headers.get("Location"), 200)
            raise ServerMisbehaved(self.url, f'redirects to "{target}"', "Use the address of the ComfyUI itself.")
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise ServerMisbehaved(
                self.url, f'answered in the encoding "{clean(encoding, 40)}", which was not asked for'
            )
        data = bytearray()
        while chunk := response.raw.read(_CHUNK, decode_content=False):
            data += chunk
            if len(data) > limit:
                raise ServerMisbehaved(self.url, f"answered with more than {limit >> 20 or 1} MiB")
        return Answer(response.status_code, bytes(data))


def server_url(url: str) -> str:
    """A server's address in one spelling, without a slash at its end. Raises ValueError, and shows no password."""
    try:
        parts = urlsplit(url.strip())
        if parts.port == 0:
            raise ValueError("port 0 is none")
    except ValueError as problem:
        raise ValueError(f"the server's address cannot be read: {problem}") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("the server's address holds a name or a password; leave them out of it")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f'"{clean(url, 100)}" is no server\'s address; it should look like http://127.0.0.1:8188')
    if parts.query or parts.fragment or any(letter.isspace() or not letter.isprintable() for letter in parts.netloc):
        raise ValueError(f'"{clean(url, 100)}" is no server\'s address; it should end after the host, port and folder')
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's, where a proxy has no business."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _help_for(status: int) -> str:
    if status in (401, 403):
        return "Check whether something in front of the server asks for a login."
    if status == 413:
        return "Send less, or start ComfyUI with a larger --max-upload-size."
    if status >= 500:
        return "Look into the server's log for the reason."
    return "Check that the address is a ComfyUI's."


def _explain(url: str, problem: Exception, seconds: float) -> ServerProblem:
    """A library's exception in words that a person can act on."""
    chain = list(_causes(problem))

    def has(*kinds: type[BaseException]) -> BaseException | None:
        return next((cause for cause in chain if isinstance(cause, kinds)), None)

    def unreachable(reason: str, help: str, *, sent: bool = False, silent: bool = False) -> ServerUnreachable:
        return ServerUnreachable(url, reason, help, sent=sent, silent=silent)

    if untrusted := has(ssl.SSLCertVerificationError):
        why = clean(getattr(untrusted, "verify_message", ""), 100)
        return unreachable(f"its certificate is not trusted ({why})", "Let REQUESTS_CA_BUNDLE name its authority.")
    if has(ssl.SSLError):
        return unreachable("the TLS connection failed", "Check whether its address begins with http:.", sent=True)
    if has(requests.exceptions.ProxyError):
        return unreachable("the proxy does not answer", "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY.")
    if has(requests.exceptions.InvalidURL, urllib3.exceptions.LocationParseError, socket.gaierror):
        return unreachable("no host of that name is known", "Check the host's name.")
    if has(ConnectionRefusedError):
        return unreachable("nothing listens there", "Start ComfyUI there, or check the address and port.")
    if has(requests.exceptions.ConnectTimeout, urllib3.exceptions.NewConnectionError):
        return unreachable("no connection came about", "Check the address, and whether a firewall is in between.")
    if has(TimeoutError, requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
        reason = f"no complete answer came in {seconds:g} s"
        return unreachable(reason, "Look whether the server is stuck or very busy.", sent=True, silent=True)
    if has(http.client.HTTPException) and not has(ConnectionError, http.client.IncompleteRead):
        return ServerMisbehaved(url, "does not speak HTTP", status=502)
    return unreachable("it broke off the connection", "Look into the server's log for the reason.", sent=True)


def _causes(problem: BaseException) -> Iterator[BaseException]:
    waiting: list[object] = [problem]
    seen: set[int] = set()
    while waiting and len(seen) < 50:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            # Not __context__: that is whatever our caller was handling, a refused connection for one.
            waiting += [cause.__cause__, getattr(cause, "reason", None), *cause.args]


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: asked not to follow a redirect, requests would still read its whole body."""
        return None


class _Paced(io.BytesIO):
    """Bytes to send with one deadline for all of them; a socket's timeout only limits each piece."""

    def __init__(self, data: bytes, seconds: float) -> None:
        super().__init__(data)
        self._end = time.monotonic() + seconds

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self._end:
            raise TimeoutError("sending took too long")
        return super().read(size)


class _Timed(io.RawIOBase):
    """A socket's bytes with one deadline for all of them: a byte now and then must not hold us for ever."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        seconds = sock.gettimeout()
        self._end = time.monotonic() + (3600.0 if seconds is None else seconds)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Timed(sock))


class _Connection(HTTPConnection):
    response_class = _TimedResponse


class _SecureConnection(HTTPSConnection):
    response_class = _TimedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager
