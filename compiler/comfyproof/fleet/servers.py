"""The servers of a fleet: those that the settings name, and those whose addresses were typed."""

from __future__ import annotations

import base64
import ipaddress
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from ..config import BROKEN_SETTINGS, Settings, is_literal
from ..diagnostics import Diagnostic, Place, did_you_mean
from ..plan.contract import NoContract, read_contract
from ..plan.machine import Machine
from ..run.access import OPEN, Access, read_certificate, read_header
from ..run.wire import is_loopback, server_url
from ..source import Words

TOKEN = "COMFYPROOF_TOKEN"  # noqa: S105 - the name of a variable
SERVER = "COMFYPROOF_SERVER"
LABEL = "label:"
Lane: TypeAlias = tuple[str, str, int, str]
# Parts of the names of headers whose values nobody else is to know.
_SECRET_HEADERS = ("auth", "token", "key", "secret", "password", "cookie", "session")
_NO_LOGIN = "holds a name or a password; leave them out of it, and send what the server asks for with a header"
_HOSTS_HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104


@dataclass(frozen=True, slots=True)
class Server:
    """One server, and so one lane.

    `name` is that of the settings, or the address that was typed. `machine` is what the settings say of its card, and
    `models` the folder where its model files can be read; None where they say nothing.
    """

    name: str
    url: str
    access: Access = OPEN
    labels: tuple[str, ...] = ()
    machine: Machine | None = None
    models: Path | None = None


class Fleet(NamedTuple):
    """Servers, none of them twice, and what their owner should hear of how they were named."""

    servers: tuple[Server, ...]
    warnings: tuple[str, ...] = ()


class BadFleet(ValueError):
    """Servers that cannot be used as they are named; `findings` say why."""

    def __init__(self, findings: Sequence[Diagnostic]) -> None:
        super().__init__(findings[0].message)
        self.findings = tuple(findings)


def read_fleet(
    settings: Settings,
    wanted: Sequence[str] = (),
    headers: Sequence[str] = (),
    certificate: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Fleet:
    """The servers that are wanted, by addresses, names and labels, with commas between.

    If none are, those that the variable COMFYPROOF_SERVER names in the same way, else all of the settings. `headers`
    and `certificate` are those of the command line, and go to each of them. Raises BadFleet, and ValueError for headers
    or a certificate that make no sense.
    """
    typed = dict(read_header(text, environment) for text in headers)
    paper = read_certificate(Path(certificate)) if certificate else None
    reading = _Reading(settings, settings.servers, environment, Access(typed, paper))
    servers = [reading.server(each) for each in reading.meant(wanted)]
    if reading.findings:
        raise BadFleet(reading.findings)
    return Fleet(tuple(each for each in servers if each is not None), tuple(reading.warnings))


def lane_of(url: str) -> Lane:
    """What tells servers apart: the same for every spelling of an address. Raises ValueError."""
    parts = urlsplit(server_url(url))
    host = (parts.hostname or "").casefold().rstrip(".")
    try:
        address = ipaddress.ip_address(host)
        host = str(getattr(address, "ipv4_mapped", None) or address)
    except ValueError:
        pass
    return (
        parts.scheme,
        "localhost" if host in _HOSTS_HERE else host,
        parts.port or (443 if parts.scheme == "https" else 80),
        parts.path.removesuffix("/api"),  # ComfyUI answers there, too
    )


class _Meant(NamedTuple):
    """A server that is wanted: by its name in the settings, or by an address."""

    name: str
    url: str
    known: bool


@dataclass
class _Reading:
    """Servers on their way from settings and words; what is wrong goes to `findings`, what is odd to `warnings`."""

    settings: Settings
    tables: Mapping[str, Mapping[str, Any]]
    environment: Mapping[str, str]
    typed: Access
    findings: list[Diagnostic] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def meant(self, wanted: Sequence[str]) -> list[_Meant]:
        """The servers that some words mean, each once."""
        words, option = _split(wanted), "--servers"
        if not words:
            words, option = _split([self.environment.get(SERVER, "")]), SERVER
        lanes = self._lanes()
        place = Place(Words(option, ",".join("..." if "@" in word else word for word in words)))
        if not words and not lanes and not self.findings:
            help = "name some, as in --servers http://127.0.0.1:8188,http://127.0.0.1:8189, or in comfyproof.toml"
            self.findings.append(BROKEN_SETTINGS.at(None, "there are no servers", help))
        if not words:
            return list(lanes.values())
        found: dict[Lane, tuple[_Meant, str]] = {}
        for word in words:
            for lane, each in self._meant_by(word, lanes, place):
                _, before = found.setdefault(lane, (each, ""))
                if before and not word.startswith(LABEL):
                    self.warnings.append(f'"{word}" is the same server as "{before}": it is used once')
                if not before:
                    found[lane] = (each, each.name if word.startswith(LABEL) else word)
        return [each for each, _ in found.values()]

    def _lanes(self) -> dict[Lane, _Meant]:
        """The servers of the settings; two names for one are refused, for either may be the one that is meant."""
        found: dict[Lane, _Meant] = {}
        for name, table in self.tables.items():
            try:
                lane = lane_of(table["url"])
            except ValueError as problem:
                # What is no address can hold a password all the same.
                told = str(problem) if "@" not in table["url"] else f'the address of "{name}" {_NO_LOGIN}'
                self._refuse(name, "url", told)
                continue
            before = found.setdefault(lane, _Meant(name, table["url"], known=True))
            if before.name != name:
                message = f'"{before.name}" and "{name}" are the same server'
                self._refuse(name, "url", message, "keep one of them: one server runs one job at a time")
        return found

    def _meant_by(self, word: str, lanes: Mapping[Lane, _Meant], place: Place) -> Iterator[tuple[Lane, _Meant]]:
        if "@" in word:
            self.findings.append(BROKEN_SETTINGS.at(None, f"an address {_NO_LOGIN}"))
            return
        if "://" in word:
            try:
                lane = lane_of(word)
            except ValueError as problem:
                self.findings.append(BROKEN_SETTINGS.at(None, str(problem)))
                return
            yield lane, lanes.get(lane) or _Meant(word, word, known=False)
            return
        if word.startswith(LABEL):
            label, servers = word.removeprefix(LABEL), self.tables
            labels = {each for table in servers.values() for each in table.get("labels", ())}
            if label not in labels:
                help = did_you_mean(label, labels, "labels")
                self.findings.append(BROKEN_SETTINGS.at(place, f'no server has the label "{label}"', help))
            yield from ((lane, m) for lane, m in lanes.items() if label in servers[m.name].get("labels", ()))
            return
        found = [(lane, each) for lane, each in lanes.items() if each.name == word]
        if not found and word not in self.tables:
            help = did_you_mean(word, self.tables, "servers") if self.tables else ""
            help = help or 'write an address such as "http://127.0.0.1:8188", or name it in comfyproof.toml'
            self.findings.append(BROKEN_SETTINGS.at(place, f'there is no server "{word}"', help))
        yield from found

    def server(self, meant: _Meant) -> Server | None:
        """One server with all that the settings or the command line say of it; None where that makes no sense."""
        if not meant.known:
            url, access = server_url(meant.url), self._of_address()
            if access.headers and _is_open(url):
                self.warnings.append(f'the headers go to "{url}" unencrypted; give its address as https: if it has one')
            return Server(url, url, access)
        name, table = meant.name, self.tables[meant.name]
        count = len(self.findings)
        url = server_url(table["url"])
        access = Access(
            _over(self._headers(name, table), self.typed.headers), self.typed.certificate or self._paper(name, table)
        )
        if access.headers and _is_open(url) and not table.get("allow-http"):
            message = f'the headers of "{name}" would go to it unencrypted'
            self._refuse(name, "url", message, "give its address as https:, or say allow-http = true")
        machine, models = self._machine(name, table), self._models(name, table)
        labels = tuple(dict.fromkeys(table.get("labels", ())))
        return Server(name, url, access, labels, machine, models) if len(self.findings) == count else None

    def _of_address(self) -> Access:
        """What goes to an address that the settings do not know."""
        headers, token = self.typed.headers, self.environment.get(TOKEN, "").strip()
        if token:
            headers = _over(dict([read_header(f"Authorization: Bearer ${{env:{TOKEN}}}", self.environment)]), headers)
        return Access(headers, self.typed.certificate)

    def _headers(self, name: str, table: Mapping[str, Any]) -> dict[str, str]:
        """The headers of a server, with the values of the environment in them."""
        found: dict[str, str] = {}
        for key, header, value in _written(table):
            try:
                if ":" in header:
                    raise ValueError(f'"{header}" is no name of a header')
                given, filled = read_header(f"{header}: {value}", self.environment)
                if key == "basic":
                    filled = f"Basic {base64.b64encode(filled.encode()).decode()}"
                if given.casefold() in map(str.casefold, found):
                    raise ValueError(f'the header "{given}" of "{name}" is given twice')
                found[given] = filled
            except ValueError as problem:
                self._refuse(name, key, f'"{name}": {problem}')
            secret = value.partition(":")[2] if key == "basic" else value
            if is_literal(secret) and any(part in header.casefold() for part in _SECRET_HEADERS):
                what = f'"{header}"' if key == "headers" else f'"{key}"'
                where = self.settings["servers"].place((name, key))
                at = f"{where.source.file}:{where.span().line}: " if where else ""
                self.warnings.append(
                    f'{at}{what} of "{name}" stands there for all to read; write "${{env:NAME}}" in its place'
                )
        return found

    def _paper(self, name: str, table: Mapping[str, Any]) -> Path | None:
        if "certificate" not in table:
            return None
        try:
            return read_certificate(self.settings.root / str(table["certificate"]))
        except ValueError as problem:
            self._refuse(name, "certificate", str(problem))
            return None

    def _machine(self, name: str, table: Mapping[str, Any]) -> Machine | None:
        try:
            contract = read_contract(_Card(table.get("gpu"), table.get("vram")))
        except NoContract as problem:
            self._refuse(name, problem.field, str(problem), problem.help)
            return None
        return contract.machine if contract else None

    def _models(self, name: str, table: Mapping[str, Any]) -> Path | None:
        if "models" not in table:
            return None
        path = self.settings.root / str(table["models"])
        if not path.exists():
            self._refuse(name, "models", f'there is no folder "{path}"')
        return path

    def _refuse(self, name: str, key: str, message: str, help: str = "") -> None:
        self.findings.append(BROKEN_SETTINGS.at(self.settings["servers"].place((name, key)), message, help))


def _split(given: Sequence[str]) -> list[str]:
    return [word.strip() for each in given for word in each.split(",") if word.strip()]


class _Card(NamedTuple):
    """What settings say of a card."""

    gpu: str | None
    vram: str | None
    ram: str | None = None
    time: str | None = None


def _written(table: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The headers of a table: which setting says it, the header's name, and its value as it is written."""
    if "token" in table:
        yield "token", "Authorization", f"Bearer {table['token']}"
    if "basic" in table:
        yield "basic", "Authorization", table["basic"]
    for header, value in table.get("headers", {}).items():
        yield "headers", header, value


def _over(below: Mapping[str, str], above: Mapping[str, str]) -> dict[str, str]:
    """Headers under others, which stand above them; case does not matter in their names."""
    taken = {name.casefold() for name in above}
    return {**{name: value for name, value in below.items() if name.casefold() not in taken}, **above}


def _is_open(url: str) -> bool:
    """Whether everybody on the way to a server can read what goes there."""
    return url.startswith("http:") and not is_loopback(url)
