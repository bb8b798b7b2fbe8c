"""HTTP to one server: every answer capped in bytes and seconds, every failure named."""

from __future__ import annotations

import contextlib
import http.client
import io
import ipaddress
import json
import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

import urllib3
from requests.utils import get_environ_proxies, select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .access import OPEN, Access, authorities
from .channel import Channel, Timed, new_key, proof_of
from .problems import ServerMisbehaved, ServerProblem, ServerUnreachable, ServerUntrusted, clean

MAX_ANSWER = 16 * 2**20
MAX_LIST = 64 * 2**20
_CHUNK = 64 * 2**10
_KEPT = 4
_NO_TUNNEL = "Tunnel connection failed: "
# What helps with some of OpenSSL's verdicts on a certificate.
_CERTIFICATES = {
    9: "Look whether this machine's clock is right.",
    10: "Have it renewed, or look whether this machine's clock is right.",
    62: "Use the name that the certificate is for.",
    64: "Use the name or address that the certificate is for.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer of a server."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent with a request, and how many seconds that may take."""

    data: bytes
    type: str = "application/json"
    seconds: float = 60.0


class Wire:
    """One server's HTTP, over connections that are kept; redirects are never followed, and no cookie is stored."""

    def __init__(self, url: str, connect: float, access: Access = OPEN) -> None:
        self.url = server_url(url)
        self._connect = connect
        self._pools = _pools(self.url, access)
        self._headers = urllib3.HTTPHeaderDict({"User-Agent": "comfyproof", "Accept-Encoding": "identity"})
        self._headers.update(access.headers)

    def close(self) -> None:
        """Closes the connections."""
        self._pools.clear()

    def get(
        self, path: str, seconds: float, limit: int = MAX_ANSWER, params: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to a GET, asked a second time if the connection broke. Raises ServerProblem."""
        return self._twice("GET", path, seconds, limit, params, None)

    def fetch(self, path: str, seconds: float, limit: int, params: Mapping[str, str]) -> Answer:
        """The answer to a GET for a file, which a server may keep elsewhere. Raises ServerProblem.

        One redirect is followed then, by https alone, with no header, certificate or cookie of ours, and from a
        server out in the world to none within our own network.
        """
        try:
            return self.get(path, seconds, limit, params)
        except _Redirected as redirect:
            if not may_follow(self.url, redirect.target):
                raise
            target = urlsplit(redirect.target)
        stranger = Wire(f"https://{target.netloc}", self._connect)
        try:
            return stranger.get(f"{target.path or '/'}?{target.query}", seconds, limit)
        finally:
            stranger.close()

    def post(self, path: str, body: Body, seconds: float) -> Answer:
        """The answer to a POST that does no harm if it arrives twice. Raises ServerProblem."""
        return self._twice("POST", path, seconds, MAX_ANSWER, None, body)

    def post_once(self, path: str, body: Body, seconds: float) -> Answer:
        """The answer to a POST that is never repeated. Raises ServerProblem."""
        return self._ask("POST", path, seconds, MAX_ANSWER, None, body)

    def websocket(self, path: str, seconds: float) -> Channel:
        """A websocket, opened on a connection of its own. Raises ServerProblem."""
        key = new_key()
        asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        try:
            with contextlib.ExitStack() as closing:
                request = self._request("GET", path, seconds, None, {**asked, "Sec-WebSocket-Key": key})
                response = closing.enter_context(request)
                if response.status != 101 or response.headers.get("Sec-WebSocket-Accept") != proof_of(key):
                    raise self.refused(self._read(response, MAX_ANSWER), "a request for its websocket")
                closing.pop_all()
                # What comes after the head of the answer is the websocket's.
                answer = cast(_TimedResponse, response._fp)
                return Channel(answer.fp, answer.timed, response)
        except (urllib3.exceptions.HTTPError, OSError) as problem:
            raise _explain(self.url, problem, seconds) from None

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
        pause = pause_of(answer.headers.get("Retry-After", ""))
        return ServerMisbehaved(self.url, text, _help_for(answer.status), answer.status, pause)

    def _twice(self, *request: Any) -> Answer:
        try:
            return self._ask(*request)
        except ServerUnreachable as problem:
            # A kept connection that the server closed meanwhile breaks like this, too.
            if not problem.sent or problem.silent:
                raise
        except _NoHttp:
            pass  # an answer that was longer than it said has left its rest on a kept connection
        return self._ask(*request)

    def _ask(
        self, method: str, path: str, seconds: float, limit: int, params: Mapping[str, str] | None, body: Body | None
    ) -> Answer:
        asked = f"{path}?{urlencode(params)}" if params else path
        about = {"Content-Type": body.type, "Content-Length": str(len(body.data))} if body else {}
        try:
            with self._request(method, asked, seconds, body, about) as response:
                return self._read(response, limit)
        except (urllib3.exceptions.HTTPError, OSError) as problem:
            raise _explain(self.url, problem, seconds) from None

    def _request(
        self, method: str, path: str, seconds: float, body: Body | None, about: Mapping[str, str]
    ) -> urllib3.HTTPResponse:
        headers = self._headers.copy()
        headers.update(about)
        answer = self._pools.urlopen(
            method,
            self.url + path,
            headers=headers,
            body=_Paced(body.data, body.seconds) if body else None,
            timeout=urllib3.Timeout(connect=self._connect, read=seconds),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        return cast(urllib3.HTTPResponse, answer)

    def _read(self, response: urllib3.HTTPResponse, limit: int) -> Answer:
        if 300 <= response.status < 400:
            raise _Redirected(self.url, response.headers.get("Location", ""))
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise ServerMisbehaved(
                self.url, f'answered in the encoding "{clean(encoding, 40)}", which was not asked for'
            )
        data = bytearray()
        while chunk := response.read(_CHUNK):
            data += chunk
            if len(data) > limit:
                raise ServerMisbehaved(self.url, f"answered with more than {limit >> 20 or 1} MiB")
        return Answer(response.status, bytes(data), response.headers)


class _Redirected(ServerMisbehaved):
    """The answer lies elsewhere, it says; without its query, in which a login may be."""

    def __init__(self, url: str, target: str) -> None:
        shown = clean(target.partition("?")[0], 200)
        super().__init__(url, f'redirects to "{shown}"', "Use the address of the ComfyUI itself.")
        self.target = target


class _NoHttp(ServerMisbehaved):
    """What came is no answer of HTTP."""


def may_follow(url: str, target: str) -> bool:
    """Whether a file may be fetched from where a server sends us for it."""
    try:
        parts = urlsplit(target)
        if parts.scheme != "https" or not parts.hostname or parts.username is not None:
            return False
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(each[4][0]) for each in found]
    except (OSError, ValueError):
        return False
    if is_loopback(url):
        return all(address.is_global or address.is_loopback for address in addresses)
    return all(address.is_global for address in addresses)


def server_url(url: str) -> str:
    """A server's address in one spelling, without a slash at its end. Raises ValueError, and shows no password."""
    try:
        parts = urlsplit(url.strip())
        if parts.port == 0:
            raise ValueError("port 0 is none")
    except ValueError as problem:
        raise ValueError(f"the server's address cannot be read: {problem}") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "the server's address holds a name or a password; leave them out of it, and send what the server asks "
            "for with --header"
        )
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


def pause_of(text: str) -> float:
    """The seconds that a Retry-After means, from now on; 0 where it is a time gone by, or none."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        if text.strip().isdecimal():
            return float(text)
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    return 0.0


def _help_for(status: int) -> str:
    if status in (401, 403):
        return "Something in front of the server asks for a login: send it with --header."
    if status == 413:
        return "Send less, or start ComfyUI with a larger --max-upload-size."
    if status == 429:
        return "Wait a while: the server, or what is in front of it, was asked too often."
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
        help = _CERTIFICATES.get(getattr(untrusted, "verify_code", 0), "Let REQUESTS_CA_BUNDLE name its authority.")
        return ServerUntrusted(url, f"its certificate is not trusted ({why})", help)
    if has(ssl.SSLError):
        return unreachable("the TLS connection failed", "Check whether its address begins with http:.", sent=True)
    if has(urllib3.exceptions.ProxyError, urllib3.exceptions.ProxySchemeUnknown):
        said = next((str(cause) for cause in chain if str(cause).startswith(_NO_TUNNEL)), "")
        refused = f"the proxy refuses: {clean(said.removeprefix(_NO_TUNNEL), 100)}"
        help = "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY."
        return unreachable(refused if said else "the proxy does not answer", help)
    if has(urllib3.exceptions.LocationParseError, socket.gaierror):
        return unreachable("no host of that name is known", "Check the host's name.")
    if has(ConnectionRefusedError):
        return unreachable("nothing listens there", "Start ComfyUI there, or check the address and port.")
    if has(urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NewConnectionError):
        return unreachable("no connection came about", "Check the address, and whether a firewall is in between.")
    if has(TimeoutError, urllib3.exceptions.TimeoutError):
        reason = f"no complete answer came in {seconds:g} s"
        return unreachable(reason, "Look whether the server is stuck or very busy.", sent=True, silent=True)
    if has(http.client.HTTPException) and not has(ConnectionError, http.client.IncompleteRead):
        return _NoHttp(url, "does not speak HTTP", status=502)
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


class _Paced(io.BytesIO):
    """Bytes to send with one deadline for all of them; a socket's timeout only limits each piece."""

    def __init__(self, data: bytes, seconds: float) -> None:
        super().__init__(data)
        self._end = time.monotonic() + seconds

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self._end:
            raise TimeoutError("sending took too long")
        return super().read(size)


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.timed = Timed(sock)
        self.fp = io.BufferedReader(self.timed)


class _Connection(HTTPConnection):
    response_class = _TimedResponse


class _SecureConnection(HTTPSConnection):
    response_class = _TimedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _pools(url: str, access: Access) -> urllib3.PoolManager:
    """What keeps the connections to a server, by way of the proxy that the environment names for it."""
    tls: dict[str, Any] = {"cert_reqs": "CERT_REQUIRED"}
    if url.startswith("https:"):
        trusted = authorities()
        tls["ca_cert_dir" if os.path.isdir(trusted) else "ca_certs"] = trusted
    if access.certificate:
        tls["cert_file"] = str(access.certificate)
    proxy = None if is_loopback(url) else select_proxy(url, get_environ_proxies(url))
    if proxy:
        if "://" not in proxy:
            proxy = f"http://{proxy}"
        parts = urlsplit(proxy)
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if parts.username else None
        pools: urllib3.PoolManager = urllib3.ProxyManager(
            proxy, proxy_headers=urllib3.make_headers(proxy_basic_auth=login), maxsize=_KEPT, **tls
        )
    else:
        pools = urllib3.PoolManager(maxsize=_KEPT, **tls)
    pools.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return pools
