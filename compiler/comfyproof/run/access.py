"""What goes with every request to a server that wants to know who we are: headers, and a certificate."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from .problems import clean

_NAME = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]{1,100}")
_VARIABLE = re.compile(r"\$\{env:([^}]*)\}")
_MAX_VALUE = 8000
_SHORTEST = 4
# What says how a message is to be read is for the sender to say, and nobody else.
_OURS = ("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "accept-encoding")


@dataclass(frozen=True)
class Access:
    """Headers for HTTP and websocket alike, and a PEM file with a certificate and its key; neither is ever shown."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate: Path | None = field(default=None, repr=False)

    def secrets(self) -> Mapping[str, str]:
        """What must not be shown, in the spellings that a message may give it, and what stands for it."""
        known = {}
        for name, value in self.headers.items():
            for part in {value, *value.split(), *_passwords(value)}:
                spellings = (part, repr(part)[1:-1], json.dumps(part)[1:-1], clean(part, len(part) + 1))
                known.update({each: f"[{name}]" for each in spellings if len(each) >= _SHORTEST})
        # "Bearer" and the like are no secrets, and stand in many a message.
        return {value: name for value, name in known.items() if value.casefold() not in ("basic", "bearer", "digest")}


def _passwords(value: str) -> Iterator[str]:
    """The password in a header's value, as a server that takes it apart may repeat it."""
    scheme, _, login = value.partition(" ")
    if scheme.casefold() == "basic":
        with contextlib.suppress(ValueError):
            yield base64.b64decode(login, validate=True).decode().partition(":")[2]


OPEN = Access()


def read_header(text: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """A header written as `NAME: VALUE`, with `${env:VARIABLE}` in the value filled in. Raises ValueError."""
    name, colon, written = (part.strip() for part in text.partition(":"))
    if not colon or not _NAME.fullmatch(name):
        raise ValueError("a header is written as NAME: VALUE")
    if name.casefold() in _OURS:
        raise ValueError(f'the header "{name}" is not for you to set')

    def filled(found: re.Match[str]) -> str:
        if not environment.get(found[1]):
            raise ValueError(f'the environment variable "{clean(found[1], 100)}" of the header "{name}" is not set')
        return environment[found[1]].strip()

    value = _VARIABLE.sub(filled, written)
    if not value or len(value) > _MAX_VALUE or not (value.isascii() and value.isprintable()):
        raise ValueError(f'the value of the header "{name}" cannot be sent: it must be one line of ASCII characters')
    return name, value


def read_certificate(path: Path) -> Path:
    """The path of a PEM file that holds a certificate and its key. Raises ValueError."""
    try:
        # Without a password, the library would ask for one on the terminal.
        ssl.create_default_context().load_cert_chain(path, password="")
    except FileNotFoundError:
        raise ValueError(f'there is no file "{path}"') from None
    except (OSError, ValueError) as problem:  # ssl.SSLError is an OSError
        reason = problem.strerror if isinstance(problem, OSError) and problem.filename else ""
        raise ValueError(
            f'"{path}" holds no certificate with its key' + (f": {reason}" if reason else ""),
        ) from None
    return path


def authorities() -> str:
    """The file or folder of authorities that HTTP and websocket trust. Raises ValueError."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        if path := os.environ.get(name):
            if not os.path.exists(path):
                raise ValueError(f'{name} names "{clean(path, 200)}", which is not there')
            return path
    return DEFAULT_CA_BUNDLE_PATH
