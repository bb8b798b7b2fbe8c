"""What goes with every request: headers and certificates, on HTTP and the websocket, and never to anybody else."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.run.access import OPEN, Access, read_certificate, read_header
from comfyproof.run.answers import OutputFile
from comfyproof.run.client import Client
from comfyproof.run.events import Event, Started
from comfyproof.run.problems import ServerMisbehaved, ServerUnreachable
from comfyproof.run.wire import may_follow
from odd_server import OddServer, comfyui, says
from scripted_server import CERTIFICATE, DONE, PROMPT, QUICK, ScriptedServer, ignore, new_id

SECRET = "the-canary-value"
ACCESS = Access({"Authorization": f"Bearer {SECRET}", "X-Studio": "north"})
FILE = OutputFile("9", "a.png", "", "output", "images")
PICTURE = b"\x89PNG rest"
PROGRAM = [sys.executable, "-m", "comfyproof"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("X-Key: a b", ("X-Key", "a b")),
        ("X-Key:${env:KEY}", ("X-Key", "from the environment")),
        ("Authorization: Basic ${env:KEY}!", ("Authorization", "Basic from the environment!")),
    ],
)
def test_a_header_is_read(text: str, read: tuple[str, str]) -> None:
    assert read_header(text, {"KEY": "from the environment\n"}) == read


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("X-Key", "NAME: VALUE"),
        ("X Key: a", "NAME: VALUE"),
        (": a", "NAME: VALUE"),
        ("Host: elsewhere", '"Host" is not for you to set'),
        ("content-length: 3", "not for you to set"),
        ("X-Key: ${env:NOT_THERE}", 'the environment variable "NOT_THERE" of the header "X-Key" is not set'),
        ("X-Key: ${env:EMPTY}", "is not set"),
        ("X-Key:", "cannot be sent"),
        ("X-Key: a\r\nX-Other: b", "cannot be sent"),
        ("X-Key: ${env:LINES}", "cannot be sent"),
        ("X-Key: é", "cannot be sent"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)) as problem:
        read_header(text, {"EMPTY": "", "LINES": f"{SECRET}\r\nX: y"})
    assert SECRET not in str(problem.value)


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_no_text_becomes_a_header_of_two_lines(text: str, environment: Mapping[str, str]) -> None:
    try:
        name, value = read_header(text, environment)
    except ValueError:
        return
    assert (name + value).isprintable()
    assert name.casefold() not in ("host", "content-length")


def test_headers_go_with_every_request_and_with_the_websocket() -> None:
    with ScriptedServer() as server, Client(server.url, access=ACCESS, timeouts=QUICK) as client:
        prompt_id = new_id()
        with client.listen():
            client.submit(PROMPT, prompt_id)
            assert client.wait(prompt_id, ignore) == DONE
        assert [each["Authorization"] for each in server.socket_headers] == [f"Bearer {SECRET}"]
    with OddServer(comfyui({})) as odd, Client(odd.url, access=ACCESS, timeouts=QUICK) as client:
        client.system_stats()
        assert odd.log[0][2]["Authorization"] == f"Bearer {SECRET}"
        assert odd.log[0][2]["X-Studio"] == "north"


def test_what_we_are_known_by_is_not_shown() -> None:
    assert SECRET not in repr(ACCESS)
    assert set(ACCESS.secrets()) == {f"Bearer {SECRET}", SECRET, "north"}


def test_a_login_of_the_machines_own_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login somebody password {SECRET}\n")
    (tmp_path / ".netrc").chmod(0o600)
    with OddServer(comfyui({})) as odd:
        asked = f"from comfyproof.run.client import Client; Client({odd.url!r}).system_stats()"
        subprocess.run([sys.executable, "-c", asked], check=True, env={"HOME": str(tmp_path)}, timeout=60)
        assert "Authorization" not in odd.log[0][2]


def test_a_cookie_is_not_kept() -> None:
    answers = {**comfyui({}), "/system_stats": (200, {"Set-Cookie": "a=b"}, comfyui({})["/system_stats"][2])}  # type: ignore[index]
    with OddServer(answers) as odd, Client(odd.url, timeouts=QUICK) as client:
        client.system_stats()
        client.system_stats()
        assert ["Cookie" in headers for _, _, headers in odd.log] == [False, False]


# A file that lies elsewhere.


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))


def folded(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.casefold(): value for name, value in headers.items()}


def fetched(target: str, store: OddServer) -> bytes:
    with (
        store,
        OddServer({"/view": says(b"", 302, Location=target)}) as server,
        Client(server.url, access=ACCESS, timeouts=QUICK) as client,
    ):
        return client.fetch(FILE, limit_bytes=100)


@pytest.mark.usefixtures("trusted")
def test_a_file_kept_elsewhere_is_fetched_without_our_login() -> None:
    store = OddServer({"/signed": says(PICTURE)}, tls=True)
    assert fetched(f"{store.url}/signed?key=abc", store) == PICTURE
    ((_, path, headers),) = store.log
    assert path.startswith("/signed")
    assert not {"authorization", "x-studio", "cookie"} & set(folded(headers))


@pytest.mark.usefixtures("trusted")
def test_a_file_is_not_followed_from_place_to_place() -> None:
    store = OddServer({}, tls=True)
    store.answers["/one"] = says(b"", 302, Location=f"{store.url}/two")
    with pytest.raises(ServerMisbehaved, match="redirects to"):
        fetched(f"{store.url}/one?key={SECRET}", store)
    assert len(store.log) == 1


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    "target", ["http://{host}/signed", "https://169.254.169.254/latest", "https://10.0.0.1/", "file:///etc/passwd",
               "//{host}/signed", "https://user:word@{host}/signed", "https://", "https://[/", ""]
)  # fmt: skip
def test_a_file_is_not_fetched_from_just_anywhere(target: str) -> None:
    store = OddServer({"/signed": says(PICTURE)}, tls=True)
    with pytest.raises(ServerMisbehaved, match="redirects to"):
        fetched(target.format(host=store.url.removeprefix("https://")), store)
    assert not store.log


@pytest.mark.parametrize(
    ("url", "target", "may"),
    [
        ("https://93.184.215.14", "https://1.1.1.1/signed?key=a", True),
        ("https://93.184.215.14", "https://[2606:4700:4700::1111]:8443/signed", True),
        ("https://93.184.215.14", "http://1.1.1.1/signed", False),
        ("https://93.184.215.14", "https://127.0.0.1/", False),
        ("https://93.184.215.14", "https://[::1]/", False),
        ("https://93.184.215.14", "https://[::ffff:127.0.0.1]/", False),
        ("https://93.184.215.14", "https://192.168.0.7/", False),
        ("https://93.184.215.14", "https://169.254.169.254/", False),
        ("https://93.184.215.14", "https://100.64.0.1/", False),
        ("http://192.168.0.7:8188", "https://192.168.0.8/", False),
        ("http://127.0.0.1:8188", "https://192.168.0.8/", False),
        ("http://127.0.0.1:8188", "https://localhost/", True),
    ],
)
def test_a_server_sends_nobody_into_our_network(url: str, target: str, may: bool) -> None:
    assert may_follow(url, target) is may


def test_what_is_no_file_is_never_fetched_elsewhere() -> None:
    store = OddServer({"/system_stats": says(PICTURE)}, tls=True)
    answers = {"/system_stats": says(b"", 302, Location=f"{store.url}/system_stats?key={SECRET}")}
    with store, OddServer(answers) as server, Client(server.url, access=ACCESS, timeouts=QUICK) as client:
        with pytest.raises(ServerMisbehaved, match="redirects to") as problem:
            client.system_stats()
        assert SECRET not in str(problem.value)
    assert not store.log


# Certificates.


@pytest.mark.usefixtures("trusted")
def test_the_websocket_brings_the_certificate_and_the_headers_too() -> None:
    mine = Access(ACCESS.headers, read_certificate(CERTIFICATE))
    with (
        ScriptedServer(tls=True, keep_running=True) as server,
        Client(server.url, access=mine, timeouts=QUICK) as client,
    ):
        prompt_id = new_id()
        heard: list[Event] = []

        def hear(event: Event) -> None:
            heard.append(event)
            server.finish(prompt_id)

        with client.listen():
            client.submit(PROMPT, prompt_id)
            server.tell("execution_start", {"prompt_id": prompt_id})
            assert client.wait(prompt_id, hear) == DONE
        assert heard == [Started()]
        assert server.socket_headers[0]["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("access", [OPEN, Access(certificate=CERTIFICATE)])
def test_a_server_is_trusted_only_with_an_authority(access: Access) -> None:
    server = ScriptedServer(tls=True)
    untrusted = pytest.raises(ServerUnreachable, match="certificate is not trusted")
    with server, Client(server.url, access=access, timeouts=QUICK) as client, client.listen(), untrusted:
        client.system_stats()
    assert not server.log


@pytest.mark.usefixtures("trusted")
def test_a_certificate_goes_to_a_server_that_asks_for_one() -> None:
    with OddServer(comfyui({}), tls=True, asks=True) as server:
        with Client(server.url, access=Access(certificate=read_certificate(CERTIFICATE)), timeouts=QUICK) as client:
            assert client.system_stats()["system"]["comfyui_version"] == "0.3.64"
        with Client(server.url, timeouts=QUICK) as client, pytest.raises(ServerUnreachable):
            client.system_stats()
        assert len(server.log) == 1


@pytest.mark.parametrize(
    ("data", "why"), [(None, "there is no file"), (b"x", "holds no certificate"), (b"", "holds no")]
)
def test_a_certificate_that_is_none_is_refused(tmp_path: Path, data: bytes | None, why: str) -> None:
    file = tmp_path / "mine.pem"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(ValueError, match=why):
        read_certificate(file)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environment_names_authorities(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, str(CERTIFICATE))
    with OddServer(comfyui({}), tls=True) as server, Client(server.url, timeouts=QUICK) as client:
        assert client.system_stats()["system"]
    monkeypatch.setenv(name, str(tmp_path / "none.pem"))
    with pytest.raises(ValueError, match=f'{name} names ".*none.pem", which is not there'):
        Client("https://127.0.0.1")
    Client("http://127.0.0.1").close()


# Proxies that the environment names.


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[OddServer]:
    with OddServer(comfyui({})) as server:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, server.url.replace("//", "//somebody:word%21@"))
        for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield server


def test_a_proxy_is_asked_for_what_is_out_in_the_world_alone(proxy: OddServer) -> None:
    with Client("http://studio.invalid:8188", access=ACCESS, timeouts=QUICK) as client:
        assert client.system_stats()["system"]
    ((_, path, headers),) = proxy.log
    assert path == "http://studio.invalid:8188/system_stats"
    assert folded(headers)["proxy-authorization"] == f"Basic {base64.b64encode(b'somebody:word!').decode()}"
    with ScriptedServer() as server, Client(server.url, timeouts=QUICK) as client:
        client.system_stats()
    assert len(proxy.log) == 1


def test_a_proxy_that_passes_on_what_is_encrypted_does_not_hear_our_login(proxy: OddServer) -> None:
    unreachable = pytest.raises(ServerUnreachable, match="the proxy refuses: 404 Not Found")
    with Client("https://studio.invalid", access=ACCESS, timeouts=QUICK) as client, unreachable:
        client.system_stats()
    ((method, path, headers),) = proxy.log
    assert (method, path) == ("CONNECT", "studio.invalid:443")
    assert "proxy-authorization" in folded(headers)
    assert not {"authorization", "x-studio"} & set(folded(headers))


# On the command line.


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=60, env={"PATH": "", **environment}
    )


def test_a_token_of_the_environment_and_headers_are_sent_and_not_shown(tmp_path: Path) -> None:
    answers = {"/system_stats": says(f"who is {SECRET}?".encode(), 403)}
    with OddServer(answers) as odd:
        pin = ("catalog", "pin", odd.url, "-o", str(tmp_path / "mine.json"))
        done = command(*pin, "--header", "X-Key: ${env:KEY}", COMFYPROOF_TOKEN=SECRET, KEY="another-canary")
        assert odd.log[0][2]["Authorization"] == f"Bearer {SECRET}"
        assert odd.log[0][2]["X-Key"] == "another-canary"
    assert done.returncode == 4
    assert "who is [Authorization]?" in done.stderr
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--header", "X-Key: ${env:NOT_THERE}"], '"NOT_THERE" of the header "X-Key" is not set'),
        (["--header", "nothing"], "a header is written as NAME: VALUE"),
        (["--certificate", "no-such.pem"], 'there is no file "no-such.pem"'),
    ],
)
def test_a_wrong_option_is_a_wrong_use(options: list[str], why: str) -> None:
    done = command("catalog", "pin", "http://127.0.0.1:1", *options)
    assert done.returncode == 2
    assert why in done.stderr


def test_a_login_that_goes_unencrypted_is_warned_of() -> None:
    done = command("catalog", "pin", "http://no-such-host.invalid", COMFYPROOF_TOKEN=SECRET)
    assert done.returncode == 4
    assert done.stderr.startswith("warning: the headers go to the server unencrypted")
    assert SECRET not in done.stderr
