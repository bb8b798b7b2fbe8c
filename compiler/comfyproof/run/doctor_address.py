"""Whether a ComfyUI answers at an address, and if not, how far one comes: name, port, TLS, HTTP."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
import ssl
import statistics
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy

from .access import OPEN, Access, authorities
from .observations import Deadlines, Observation, note, ok, unknown, wrong
from .problems import ServerProblem, clean
from .wire import Answer, Wire, is_loopback

_MOST_ADDRESSES = 4
_ROUND_TRIPS = 5
_SLOW = 1.0
_SKEW = 2.0
_ENDS_SOON = 14  # days
_TITLE = re.compile(rb"<title[^>]{0,100}>([^<]{1,200})", re.IGNORECASE)
_ASKS_LOGIN = re.compile(r"log-?in|sign-?in|oauth|/auth|sso\b|saml|password", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reached:
    """A ComfyUI that answered: what it says of itself, with the answer as it came, when, and after how many seconds."""

    stats: Mapping[str, Any]
    answer: Answer
    at: float
    took: float = 0.0


def look_at_address(wire: Wire, access: Access, limits: Deadlines) -> Generator[Observation, None, Reached | None]:
    """How far one comes; gives what the ComfyUI there says of itself, None where none is reached."""
    proxy = _proxy_for(wire.url)
    if proxy:
        yield note("proxy", f'asked through the proxy "{proxy}", which the environment names', facts={"proxy": proxy})
    elif not (yield from _connected(wire.url, limits.connect)):
        return None
    began = time.time()
    try:
        answer = wire.get("/system_stats", limits.read)
    except ServerProblem as problem:
        yield _explained(wire.url, problem, limits.connect)
        return None
    ended = time.time()
    stats = _stats(wire, answer)
    if stats is None:
        yield _no_comfyui(answer)
        return None
    yield ok("http", "a ComfyUI answers")
    if wire.url.startswith("https:"):
        yield _tls(wire.url, access, limits.connect)
    elif not is_loopback(wire.url):
        yield note(
            "tls",
            "none: what is sent and what comes back can be read on the way"
            + (", the login too" if access.headers else ""),
            "Use https, or a tunnel.",
        )
    return Reached(stats, answer, (began + ended) / 2, ended - began)


def look_at_round_trip(wire: Wire, limits: Deadlines) -> Iterator[Observation]:
    """How long a small question takes."""
    took = []
    try:
        for _ in range(_ROUND_TRIPS):
            began = time.monotonic()
            wire.get("/prompt", limits.read)
            took.append(time.monotonic() - began)
    except ServerProblem as problem:
        yield unknown("round trip", problem.what, problem.help)
        return
    median, slowest = statistics.median(took), max(took)
    text = f"{median * 1000:.0f} ms, the median of {len(took)}; the slowest {slowest * 1000:.0f} ms"
    facts = {"median_seconds": round(median, 4), "slowest_seconds": round(slowest, 4)}
    if median > _SLOW:
        yield note("round trip", text, "Every look at a prompt takes that long: mind the way there.", facts=facts)
    else:
        yield ok("round trip", text, facts=facts)


def look_at_login(wire: Wire, access: Access, argv: list[str], limits: Deadlines) -> Iterator[Observation]:
    """Whether the server can be used by whoever reaches it; ComfyUI itself asks nobody for a password."""
    if access != OPEN:
        with_none = Wire(wire.url, limits.connect)
        try:
            stats = _stats(with_none, with_none.get("/system_stats", limits.read))
        except ServerProblem:
            stats = None
        finally:
            with_none.close()
        if stats is None:
            yield ok("login", "asked for, and ours is taken")
        else:
            yield note("login", "it answers without one as well", "Look at the rules of what is to ask for it.")
        return
    open_to_all = _listens_on_all(argv)
    if is_loopback(wire.url) and not open_to_all:
        yield ok("login", "none; asked on this machine")
        return
    how = " (--listen)" if open_to_all else ""
    text = f"none: whoever reaches it{how} can run prompts, and read and write its files"
    yield note("login", text, "Keep it in a network of your own, or put something in front that asks for a login.")


def look_at_clock(reached: Reached) -> Observation:
    """The server's clock against ours, by the Date that came with its answer."""
    said = reached.answer.headers.get("Date", "")
    try:
        date = parsedate_to_datetime(said)
        # A Date is cut to whole seconds.
        off = date.astimezone(UTC).timestamp() + 0.5 - reached.at
    except (ValueError, TypeError, OverflowError, OSError):
        return unknown("clock", "its answers have no date", matters=False)
    # When on its way the answer was dated is not known, nor where within a second.
    within = max(_SKEW, 0.5 + reached.took / 2)
    facts = {"seconds_ahead": round(off, 1), "within_seconds": round(within, 1)}
    if abs(off) <= within:
        return ok("clock", f"as ours, within {within:.2g} s; its time zone is not told", facts=facts)
    words = f"{_span(abs(off))} {'ahead of' if off > 0 else 'behind'} ours"
    help = "Set both by the network (NTP): times in records and in file names (%hour%) come from them."
    return note("clock", words, help, facts=facts)


def _connected(url: str, seconds: float) -> Generator[Observation, None, bool]:
    """Whether a connection comes about; it is closed at once."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    addresses = _resolved(host, port, seconds)
    if isinstance(addresses, str):
        yield wrong("name", addresses, "Check the host's name, and whether this machine is in its network.")
        return False
    kinds = list(dict.fromkeys(_kind(address[4][0]) for address in addresses))
    families = list(dict.fromkeys("IPv6" if address[0] == socket.AF_INET6 else "IPv4" for address in addresses))
    yield ok("name", f"{' and '.join(families)}, {' and '.join(kinds)}", facts={"families": families, "kinds": kinds})
    failed: list[str] = []
    for family, kind, protocol, _, address in addresses:
        began = time.monotonic()
        try:
            with socket.socket(family, kind, protocol) as connection:
                connection.settimeout(seconds)
                connection.connect(address)
        except OSError as problem:
            failed.append(_why_not(problem, seconds))
            continue
        took = time.monotonic() - began
        text, facts = f"{port} is open, after {took * 1000:.0f} ms", {"port": port, "seconds": round(took, 4)}
        if failed:
            other, this = ("IPv4", "IPv6") if family == socket.AF_INET6 else ("IPv6", "IPv4")
            same = len(families) == 1
            where = "at the first of its addresses" if same else f"over {other}, which is tried first"
            help = "Name the address that answers." if same else f"Write its {this} address, to be there sooner."
            yield note("port", f"{text}; {where}, {failed[0]}", help, facts=facts)
        else:
            yield ok("port", text, facts=facts)
        return True
    help = "Start ComfyUI there, or check the address, the port, and whether a firewall is in between."
    yield wrong("port", f"{port}: {' and '.join(dict.fromkeys(failed))}", help, facts={"port": port})
    return False


_Addresses: TypeAlias = list[tuple[int, int, int, str, Any]]


def _resolved(host: str, port: int, seconds: float) -> _Addresses | str:
    """The addresses of a name, or why it has none; the system's own look-up has no deadline."""
    found: list[_Addresses | str] = []

    def look_up() -> None:
        try:
            addresses: _Addresses = [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
            found.append(addresses[:_MOST_ADDRESSES])
        except (OSError, UnicodeError):
            found.append("no host of that name is known")

    thread = threading.Thread(target=look_up, name="comfyproof-name", daemon=True)
    thread.start()
    thread.join(seconds)
    return found[0] if found else f"the name was not found in {seconds:g} s"


def _kind(address: str) -> str:
    """What kind of place an address is; the address itself is not for everybody's eyes."""
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return "an address of an unknown kind"
    if ip.is_loopback or ip.is_unspecified:
        return "this machine"
    if ip.is_global:
        return "the internet"
    return "a private network"


def _why_not(problem: OSError, seconds: float) -> str:
    if isinstance(problem, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(problem, TimeoutError):
        return f"no connection in {seconds:g} s"
    return clean(problem.strerror or str(problem), 100).lower() or "no connection"


def _stats(wire: Wire, answer: Answer) -> Mapping[str, Any] | None:
    """What a ComfyUI says of itself; None where the answer is no ComfyUI's."""
    if answer.status != 200:
        return None
    try:
        data = wire.parse(answer, "a request for its versions")
    except ServerProblem:
        return None
    return data if isinstance(data, dict) and isinstance(data.get("system"), dict) else None


def _explained(url: str, problem: ServerProblem, seconds: float) -> Observation:
    """Why there was no answer, or none that can be read."""
    what, help = problem.what.removeprefix("cannot be reached: "), problem.help
    if "redirects to" in what:
        if _ASKS_LOGIN.search(what):
            return wrong("http", f"{what}: something in front of it asks for a login", _LOG_IN)
        return wrong("http", what, help)
    if "certificate" in what or "TLS" in what:
        return wrong("tls", what, help)
    if url.startswith("http:") and _speaks_tls(url, seconds):
        return wrong("http", "it speaks TLS, and no plain HTTP", "Begin the address with https:")
    return wrong("http", what, help)


_LOG_IN = "Give the login with --header or --certificate, or go round it."


def _no_comfyui(answer: Answer) -> Observation:
    """What answers there, if it is no ComfyUI."""
    facts = {"status": answer.status, "by": clean(answer.headers.get("Server", ""), 60)}
    by = f' (it calls itself "{facts["by"]}")' if facts["by"] else ""
    page = answer.body.lstrip()[:2000].lower()
    title = _TITLE.search(answer.body[:20_000])
    shown = f' titled "{clean(title[1], 80)}"' if title else ""
    if answer.status in (401, 407):
        scheme = clean(answer.headers.get("WWW-Authenticate", "").split(" ")[0], 30)
        kind = f' of the kind "{scheme}"' if scheme else ""
        return wrong("http", f"something in front of it asks for a login{kind}{by}", _LOG_IN, facts=facts)
    if answer.status == 403:
        return wrong("http", f"the way is barred: HTTP 403{by}", _LOG_IN, facts=facts)
    if page.startswith((b"<!doctype html", b"<html", b"<head")) or title:
        if b"password" in answer.body[:200_000].lower() or _ASKS_LOGIN.search(shown):
            text = f"a login page answers{shown}, and no ComfyUI{by}"
            return wrong("http", text, _LOG_IN, facts=facts)
        if answer.status < 500:
            text = f"a web page answers{shown}, and no ComfyUI{by}"
            return wrong("http", text, "Check the address, its port and its folder.", facts=facts)
    if answer.status in (502, 503, 504):
        text = f"a proxy answers, and no ComfyUI behind it: HTTP {answer.status}{by}"
        return wrong("http", text, "Look whether ComfyUI runs, and whether it is still starting.", facts=facts)
    if answer.status != 200:
        text = f"no ComfyUI answers: HTTP {answer.status}{by}"
        return wrong("http", text, "Check the address, its port and its folder.", facts=facts)
    text = f"no ComfyUI answers, but: {clean(answer.body, 80) or 'nothing'}{by}"
    return wrong("http", text, "Check the address, its port and its folder.", facts=facts)


def _speaks_tls(url: str, seconds: float) -> bool:
    parts = urlsplit(url)
    asking = ssl.create_default_context()
    asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((parts.hostname or "", parts.port or 80), seconds) as plain,
            asking.wrap_socket(plain, server_hostname=parts.hostname),
        ):
            return True
    except (OSError, ValueError):
        return False


def _tls(url: str, access: Access, seconds: float) -> Observation:
    """What is known of an encrypted connection that was trusted."""
    text, facts = "its certificate is trusted", {}
    with contextlib.suppress(OSError, ValueError, KeyError):
        ends, version = _certificate(url, access, seconds)
        days = (ends - time.time()) / 86400
        facts = {"version": version, "days_left": round(days, 1)}
        text = f"{text}, and valid for {days:.0f} days more; {version}"
        if days < _ENDS_SOON:
            return note("tls", text, "Renew it: from then on nothing is sent to the server.", facts=facts)
    return ok("tls", text, facts=facts)


def _certificate(url: str, access: Access, seconds: float) -> tuple[float, str]:
    """When a server's certificate ends, and the TLS it speaks. Raises OSError, ValueError, KeyError."""
    parts = urlsplit(url)
    trusted = authorities() or DEFAULT_CA_BUNDLE_PATH
    asking = ssl.create_default_context()
    asking.load_verify_locations(**{"capath" if os.path.isdir(trusted) else "cafile": trusted})
    if access.certificate:
        asking.load_cert_chain(access.certificate)
    with (
        socket.create_connection((parts.hostname or "", parts.port or 443), seconds) as plain,
        asking.wrap_socket(plain, server_hostname=parts.hostname) as secure,
    ):
        found = secure.getpeercert() or {}
        return ssl.cert_time_to_seconds(str(found["notAfter"])), secure.version() or "TLS"


def _listens_on_all(argv: list[str]) -> bool:
    """Whether --listen names every address, which it also does without a value."""
    if "--listen" not in argv:
        return any(each.startswith("--listen=") and _is_all(each.removeprefix("--listen=")) for each in argv)
    value = argv[argv.index("--listen") + 1 :][:1]
    return not value or value[0].startswith("--") or _is_all(value[0])


def _is_all(addresses: str) -> bool:
    return any(each.strip() in ("0.0.0.0", "::") for each in addresses.split(","))  # noqa: S104


def _span(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 0.95 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.1f} s"


def _proxy_for(url: str) -> str:
    """The proxy that the environment names for an address, without its login; empty where there is none."""
    found = "" if is_loopback(url) else select_proxy(url, get_environ_proxies(url)) or ""
    try:
        parts = urlsplit(found if "://" in found else f"http://{found}")
        return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return clean(found, 100) and "one that cannot be read"
