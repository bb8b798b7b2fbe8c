"""A fleet: which servers there are, what each has, which can run what; and that no secret is shown on the way."""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.listing import with_models
from comfyproof.catalog.pinned import built_in
from comfyproof.config import Settings, read_settings
from comfyproof.diagnostics import Severity
from comfyproof.driver import compile_spec
from comfyproof.emulator.embedded import Emulator
from comfyproof.fleet.machine import machine_of
from comfyproof.fleet.needs import Needs, classes_of, needs_of
from comfyproof.fleet.placement import Placement, differing, shape_of, unplaced
from comfyproof.fleet.servers import BadFleet, Fleet, Server, lane_of, read_fleet
from comfyproof.fleet.survey import Surveyed, drift, look, look_again, survey
from comfyproof.graph import Graph
from comfyproof.plan.machine import GIB, Machine
from comfyproof.report.text import render
from comfyproof.rulebook import RULES
from comfyproof.run.access import Access
from comfyproof.run.client import Client
from comfyproof.run.prepare import held
from comfyproof.spec.pipeline import Changes
from conftest import ROOT
from model_files import example_models
from odd_server import OddServer, comfyui, says, stats

PRODUCTION = ROOT / "specs/production_upscale_enhance.yaml"
MODELS = {
    "diffusion_models": ["flux1-krea-dev_fp8_scaled.safetensors"],
    "text_encoders": ["clip_l.safetensors", "t5xxl_fp16.safetensors"],
    "vae": ["ae.safetensors"],
    "loras": ["FLUX.1-Turbo-Alpha.safetensors"],
    "upscale_models": ["4x_NMKD-Siax_200k.pth"],
}
CANARY = "canary-4711-value"


def settings_of(folder: Path, text: str) -> Settings:
    (folder / "comfyproof.toml").write_text(text)
    settings, findings = read_settings(folder, {}, lambda: RULES)
    assert settings is not None, findings
    return settings


def fleet(folder: Path, text: str, *wanted: str, environment: Mapping[str, str] | None = None, **rest: Any) -> Fleet:
    return read_fleet(settings_of(folder, text), wanted, environment=environment or {}, **rest)


def refused(folder: Path, text: str, *wanted: str, **rest: Any) -> list[str]:
    """What is wrong with a fleet, a line each."""
    with pytest.raises(BadFleet) as problem:
        fleet(folder, text, *wanted, **rest)
    lines = []
    for each in problem.value.findings:
        line = each.place.span().line if each.place and "toml" in each.place.source.file else 0
        lines.append(f"{line}: {each.message}; {each.help}")
    return lines


@cache
def production() -> Graph:
    changes = Changes({"image": str(ROOT / "specs/photograph.jpg")}, (), None)
    program = compile_spec(PRODUCTION, built_in(), changes).program
    assert program is not None
    return program.graph


@pytest.fixture(scope="module")
def graph() -> Graph:
    return production()


@pytest.fixture(scope="module")
def needs(graph: Graph) -> Needs:
    return needs_of(graph, built_in())


@pytest.fixture(scope="module")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Emulator]]:
    """One of each version; the oldest lacks a model, and the newest lists its files as Windows does."""
    folder = tmp_path_factory.mktemp("emulators")
    without = {**MODELS, "diffusion_models": ["flux/flux1-krea-dev_fp8_scaled.safetensors"]}
    windows = {**MODELS, "loras": ["flux\\one.safetensors", *MODELS["loras"]]}
    models = {"0.3.43": without, "0.3.64": MODELS, "0.36.0": windows}
    started = {
        version: Emulator(folder / version, catalog=built_in(), models=listing, profile=version)
        for version, listing in models.items()
    }
    for each in started.values():
        each.start()
    yield started
    for each in started.values():
        each.stop()


# Which servers there are.

THREE = """
[servers.studio-1]
url = "http://127.0.0.1:8188"
labels = ["fast", "flux"]
gpu = "rtx 4090"

[servers.studio-2]
url = "https://studio-2.example/comfy/"
labels = ["flux"]
token = "${env:STUDIO}"
vram = "12 GiB"

[servers]
old = "http://127.0.0.1:8189"
"""


def test_servers_by_name_by_label_and_by_address(tmp_path: Path) -> None:
    known = {"STUDIO": CANARY}

    def names(*wanted: str) -> list[str]:
        return [each.name for each in fleet(tmp_path, THREE, *wanted, environment=known).servers]

    assert names() == ["studio-1", "studio-2", "old"]
    assert names("old,studio-1") == ["old", "studio-1"]
    assert names("label:flux") == ["studio-1", "studio-2"]
    assert names("label:fast", "http://10.0.0.7:8188/, old") == ["studio-1", "http://10.0.0.7:8188", "old"]
    one, two, old = fleet(tmp_path, THREE, environment=known).servers
    assert (one.machine.name, one.machine.vram) == ("rtx-4090", 24 * GIB) if one.machine else False
    assert two.machine == Machine(12 * GIB)
    assert (two.url, two.labels) == ("https://studio-2.example/comfy", ("flux",))
    assert two.access.headers == {"Authorization": f"Bearer {CANARY}"}
    assert old == Server("old", "http://127.0.0.1:8189")


def test_what_is_mistyped_is_told_with_what_is_near(tmp_path: Path) -> None:
    assert refused(tmp_path, THREE, "studo-1") == ['0: there is no server "studo-1"; did you mean "studio-1"?']
    assert refused(tmp_path, THREE, "label:fluks") == ['0: no server has the label "fluks"; did you mean "flux"?']
    assert refused(tmp_path, "", "studio-1")[0].startswith('0: there is no server "studio-1"; write an address such as')
    assert refused(tmp_path, "")[0].startswith("0: there are no servers; name some, as in --servers http://")
    assert refused(tmp_path, "", "ftp://host")[0].startswith('0: "ftp://host" is no server\'s address')
    assert refused(tmp_path, '[servers.a]\nurl = "http://a"\ngpu = "rtx-309"', "a") == [
        '3: no card "rtx-309" is known; did you mean "rtx-3090"?'
    ]
    assert refused(tmp_path, '[servers.a]\nurl = "http://a"\nvram = "much"\nmodels = "no"\ncertificate = "no.pem"') == [
        f'5: there is no file "{tmp_path / "no.pem"}"; ',
        '3: "much" is no amount of memory; write it as in "24 GiB"',
        f'4: there is no folder "{tmp_path / "no"}"; ',
    ]


def test_the_environment_names_servers_where_nothing_else_does(tmp_path: Path) -> None:
    two = '[servers]\na = "http://a"\nb = "http://b"\n'
    assert [each.name for each in fleet(tmp_path, two, environment={"COMFYPROOF_SERVER": "b"}).servers] == ["b"]
    typed = fleet(tmp_path, two, "a", environment={"COMFYPROOF_SERVER": "b"})
    assert [each.name for each in typed.servers] == ["a"]
    assert [each.name for each in fleet(tmp_path, two, environment={"COMFYPROOF_SERVER": " , "}).servers] == ["a", "b"]


SAME = ["http://localhost:8188", "http://127.0.0.1:8188/", "HTTP://LocalHost:8188", "http://[::1]:8188/api", "one"]


@pytest.mark.parametrize("other", SAME)
def test_a_server_is_one_lane_however_it_is_spelled(tmp_path: Path, other: str) -> None:
    """Two lanes on one server would send it two jobs at once."""
    found = fleet(tmp_path, '[servers.one]\nurl = "http://127.0.0.1:8188"\ntoken = "${env:T}"', "one", other,
                  environment={"T": CANARY})  # fmt: skip
    assert [each.name for each in found.servers] == ["one"]
    assert found.warnings == (f'"{other}" is the same server as "one": it is used once',)
    assert fleet(tmp_path, THREE, "studio-1", "label:fast").warnings == ()


def test_an_address_that_the_settings_know_has_what_they_say_of_it(tmp_path: Path) -> None:
    (one,) = fleet(tmp_path, THREE, "https://STUDIO-2.example:443/comfy", environment={"STUDIO": CANARY}).servers
    assert (one.name, one.access.headers) == ("studio-2", {"Authorization": f"Bearer {CANARY}"})


def test_two_names_for_one_server_are_refused(tmp_path: Path) -> None:
    text = '[servers]\na = "http://localhost:8188"\nb = "http://127.0.0.1:8188"\n'
    assert refused(tmp_path, text) == [
        '3: "a" and "b" are the same server; keep one of them: one server runs one job at a time'
    ]


HOSTS = st.sampled_from(["gpu.example", "10.0.0.7", "[2001:db8::7]", "127.0.0.1", "x"])


@given(HOSTS, st.sampled_from(["http", "https"]), st.integers(1, 65535), st.sampled_from(["", "/a", "/a/b"]))
def test_spellings_of_one_address_are_one_lane(host: str, scheme: str, port: int, path: str) -> None:
    lane = lane_of(f"{scheme}://{host}:{port}{path}")
    assert lane_of(f" {scheme.upper()}://{host.upper()}:{port}{path}/ ") == lane
    assert lane_of(f"{scheme}://{host}:{port}{path}/api") == lane
    assert lane_of(f"{scheme}://{host}:{port % 65535 + 1}{path}") != lane
    assert lane_of(f"{scheme}://{host}:{port}{path}/other") != lane
    if port == (443 if scheme == "https" else 80):
        assert lane_of(f"{scheme}://{host}{path}") == lane


# What goes to them.


def test_headers_of_settings_of_the_command_line_and_of_the_environment(tmp_path: Path) -> None:
    text = """
    [servers.a]
    url = "https://a"
    token = "${env:A}"
    headers = {X-Team = "red", "X-Key" = "k ${env:A}"}
    [servers.b]
    url = "https://b"
    basic = "anna:${env:A}"
    [servers.c]
    url = "https://c"
    """
    known = {"A": CANARY, "COMFYPROOF_TOKEN": "for-typed-ones"}
    a, b, c, d = fleet(tmp_path, text, "a,b,c,https://d", environment=known).servers
    assert a.access.headers == {"Authorization": f"Bearer {CANARY}", "X-Team": "red", "X-Key": f"k {CANARY}"}
    assert b.access.headers == {"Authorization": "Basic " + base64.b64encode(f"anna:{CANARY}".encode()).decode()}
    assert c.access.headers == {}
    assert d.access.headers == {"Authorization": "Bearer for-typed-ones"}
    typed = fleet(tmp_path, text, "a,c,https://d", environment=known, headers=["authorization: mine"]).servers
    assert [each.access.headers.get("authorization") for each in typed] == ["mine"] * 3
    assert "Authorization" not in {name for each in typed for name in each.access.headers}
    assert all(CANARY not in repr(each) for each in (a, b))
    assert CANARY in b.access.secrets()  # and so it is taken out of what a server repeats


def test_what_cannot_be_sent_is_refused(tmp_path: Path) -> None:
    def one(lines: str, **known: str) -> list[str]:
        return refused(tmp_path, f'[servers.a]\nurl = "https://a"\n{lines}', environment=known)

    assert one('token = "${env:NONE}"') == [
        '3: "a": the environment variable "NONE" of the header "Authorization" is not set; '
    ]
    assert one('token = "x"\nbasic = "a:b"') == ['4: "a": the header "Authorization" of "a" is given twice; ']
    assert one('headers = {Host = "b"}') == ['3: "a": the header "Host" is not for you to set; ']
    assert one('headers = {"A:b" = "c"}') == ['3: "a": "A:b" is no name of a header; ']
    assert CANARY not in one('token = "${env:T}"', T=f"{CANARY}\nX: y")[0]
    with pytest.raises(ValueError, match="NAME: VALUE"):
        fleet(tmp_path, "", "https://a", headers=["nothing"])


def test_no_login_goes_unencrypted_without_a_word(tmp_path: Path) -> None:
    text = '[servers.a]\nurl = "http://10.0.0.7:8188"\ntoken = "${env:T}"\n'
    assert refused(tmp_path, text, environment={"T": CANARY}) == [
        '2: the headers of "a" would go to it unencrypted; give its address as https:, or say allow-http = true'
    ]
    assert fleet(tmp_path, text + "allow-http = true\n", environment={"T": CANARY}).warnings == ()
    assert fleet(tmp_path, text.replace("10.0.0.7", "127.0.0.1"), environment={"T": CANARY}).warnings == ()
    assert fleet(tmp_path, text.replace("http:", "https:"), environment={"T": CANARY}).warnings == ()
    typed = fleet(tmp_path, "", "http://10.0.0.7:8188", environment={"COMFYPROOF_TOKEN": CANARY})
    assert typed.warnings == (
        'the headers go to "http://10.0.0.7:8188" unencrypted; give its address as https: if it has one',
    )


@pytest.mark.parametrize("line", ['token = "{}"', 'basic = "anna:{}"', 'headers = {{X-Key = "{}"}}'])
def test_a_secret_in_a_file_is_warned_of_and_not_shown(tmp_path: Path, line: str) -> None:
    settings = settings_of(tmp_path, f'[servers.a]\nurl = "https://a"\n{line.format(CANARY)}\n')
    (warning,) = read_fleet(settings, environment={}).warnings
    assert re.search(
        r'comfyproof.toml:3: "[\w-]+" of "a" stands there for all to read; write "\$\{env:NAME\}"', warning
    )
    assert CANARY not in warning + str(settings.shown("servers"))
    by_variable = f'[servers.a]\nurl = "https://a"\n{line.format("${env:T}")}\n'
    assert fleet(tmp_path, by_variable, environment={"T": "x"}).warnings == ()
    assert "${env:T}" in str(settings_of(tmp_path, by_variable).shown("servers"))


BROKEN = [
    'url = "https://anna:{}@a"',
    'url = "anna:{}@a"',
    'url = "https://a"\ntokn = "{}"',
    'url = "https://a"\ntoken = ["{}"]',
    'url = "https://a"\ntoken = "{}"\ngpu = "no"\nlabels = 3',
    'url = "https://a"\nheaders = {{a = "{}", b = 3}}',
    'url = "https://a"\nheaders = {{"a:b" = "{}"}}',
    'url = "https://a"\ntoken = "{}',
    'url = "https://a"\ntokn = "\\u0063anary-4711-value"',
    'token = "{}"',
]


@pytest.mark.parametrize("lines", BROKEN)
def test_a_mistake_beside_a_secret_does_not_show_it(tmp_path: Path, lines: str) -> None:
    (tmp_path / "comfyproof.toml").write_text(
        f"[servers.a]\n{lines.replace('{}', CANARY).replace('{{', '{').replace('}}', '}')}\n"
    )
    settings, found = read_settings(tmp_path, {}, lambda: RULES)
    if settings is not None:
        with pytest.raises(BadFleet) as problem:
            read_fleet(settings, environment={})
        found = list(problem.value.findings)
    assert found
    assert CANARY not in render(found) + str([each.message + each.help for each in found])
    assert "4711" not in render(found)


def test_a_password_in_a_typed_address_is_not_shown(tmp_path: Path) -> None:
    for typed in (f"http://anna:{CANARY}@host", f"anna:{CANARY}@host,nobody"):
        with pytest.raises(BadFleet) as problem:
            fleet(tmp_path, "", typed)
        assert CANARY not in render(problem.value.findings)


# What each is and has.


def test_servers_of_three_versions_and_one_that_is_not_there(emulators: dict[str, Emulator], needs: Needs) -> None:
    servers = [Server(version, each.url) for version, each in emulators.items()]
    seen = survey([*servers, Server("gone", "http://127.0.0.1:9")], needs.classes)
    assert [each.server.name for each in seen] == [*emulators, "gone"]
    assert [each.version for each in seen] == ["0.3.43", "0.3.64", "0.36.0", ""]
    assert [each.reachable for each in seen] == [True, True, True, False]
    assert [each.own_ids for each in seen] == [False, True, True, None]
    assert [each.websocket for each in seen] == [True, True, True, False]
    assert [each.backslashes for each in seen] == [False, False, True, False]
    assert [each.largest for each in seen[:3]] == [None, 100 * 2**20, 100 * 2**20]
    assert seen[3].problem == "cannot be reached: nothing listens there"
    assert len({each.schema for each in seen[:3]}) == 1  # other files are no other nodes
    assert differing(seen).startswith(
        'the servers run different ComfyUIs (0.3.43 on "0.3.43"; 0.3.64 on "0.3.64"; 0.36.0 on "0.36.0")'
    )
    assert differing(seen[1:2]) == ""
    lacking = [[each.reason for each in unplaced(needs, each)] for each in seen]
    assert lacking == [
        ['"0.3.43" lacks the model "flux1-krea-dev_fp8_scaled.safetensors" (diffusion_models)'],
        [],
        [],
        ['"gone" cannot be reached: nothing listens there'],
    ]
    assert unplaced(needs, seen[0])[0].help == 'it has "flux/flux1-krea-dev_fp8_scaled.safetensors"'


def test_a_server_that_hangs_holds_nobody_up(needs: Needs) -> None:
    with OddServer(comfyui(MODELS, {name: built_in().raw[name] for name in needs.classes})) as server:
        server.answers["/object_info/VAELoader"] = server.hangs
        slow = Server("slow", server.url)
        began = time.monotonic()
        seen = survey([slow, Server("gone", "http://127.0.0.1:9")], needs.classes, seconds=0.7)
        assert time.monotonic() - began < 2
    assert seen[0].problem in ("cannot be reached: no complete answer came in 0.7 s",
                               "did not answer all that was asked in 0.7 s")  # fmt: skip
    assert "stuck" in seen[0].help


def test_a_name_that_is_looked_up_for_ever_holds_nobody_up() -> None:
    """A system's look-up of names has no deadline, so that only whoever waits for it can have one."""
    ended = threading.Event()

    def never(server: Server, seconds: float) -> Client:
        ended.wait(20)
        return Client(server.url)

    began = time.monotonic()
    (seen,) = survey([Server("slow", "http://127.0.0.1:9")], [], seconds=0.1, client_of=never)
    assert time.monotonic() - began < 5
    ended.set()
    assert seen.problem == "did not answer all that was asked in 0.1 s"


SENSELESS = [b"", b"null", b"[]", b"<html>", b'{"a":' * 5000, b'{"system": 3}', b'{"system": {}, "devices": [[]]}']


@pytest.mark.parametrize("body", SENSELESS)
def test_a_stranger_is_told_and_survived(body: bytes) -> None:
    with OddServer({"*": says(body)}) as server:
        seen = look(Server("odd", server.url), ["KSampler", "VAEDecode"])
    assert unplaced(Needs(frozenset(["KSampler"])), seen)


def test_nothing_of_ours_goes_where_a_server_redirects_to(needs: Needs) -> None:
    with OddServer({}) as thief, OddServer(comfyui(MODELS, {})) as server:
        away = says(b"", 307, Location=f"{thief.url}/steal")
        server.answers |= {"/ws": away, "/features": away}
        access = Access({"Authorization": f"Bearer {CANARY}"})
        assert not look(Server("a", server.url, access), []).websocket
        assert {headers.get("Authorization") for _, _, headers in server.log} == {f"Bearer {CANARY}"}
        server.answers["/system_stats"] = away
        assert look(Server("a", server.url, access), []).problem.startswith("redirects to")
        assert thief.log == []


def test_a_secret_that_a_server_repeats_is_not_shown() -> None:
    access = Access({"Authorization": "Basic " + base64.b64encode(f"anna:{CANARY}".encode()).decode()})
    with OddServer({"*": says(f"no entry for {CANARY}".encode(), 403)}) as server:
        seen = look(Server("a", server.url, access), [])
    assert "answered a request for its versions with HTTP 403" in seen.problem
    assert CANARY not in repr(seen) + str(unplaced(Needs(frozenset()), seen))


def test_a_server_that_became_another(tmp_path: Path) -> None:
    nodes = {name: built_in().raw[name] for name in ("KSampler", "VAELoader", "LoadImage")}
    with OddServer(comfyui(MODELS, nodes)) as server:
        before = look(Server("a", server.url), nodes)

        def now(path: str, data: Any) -> str | None:
            answers = dict(server.answers)
            server.answers[path] = says(data)
            found = drift(before, look_again(before))
            server.answers = answers
            return found

        assert drift(before, look_again(before)) is None
        files = {"required": {"vae_name": [["new.safetensors"]]}}
        assert now("/object_info/VAELoader", {"VAELoader": {**nodes["VAELoader"], "input": files}}) is None
        assert now("/system_stats", stats(comfyui_version="0.3.65")) == "it has ComfyUI 0.3.65, and had 0.3.64"
        assert now("/system_stats", stats(pytorch_version="2.6")) == "it has PyTorch 2.6, and had 2.5.1+cu124"
        fast = stats(argv=["main.py", "--lowvram"])
        assert now("/system_stats", fast) == "it has another card, or was started with other options"
        assert now("/system_stats", stats(ram_total=2**35 - 2**22)) is None
        more = {**nodes["KSampler"], "input": {"required": {"model": ["MODEL"]}}}
        assert (
            now("/object_info/KSampler", {"KSampler": more}) == 'its node classes are others than they were: "KSampler"'
        )
        assert now("/object_info/KSampler", {}) == 'its node classes are others than they were: "KSampler"'


# Which can run what.


def test_what_jobs_need_is_the_same_for_those_that_differ_in_seed_and_text(graph: Graph, needs: Needs) -> None:
    other = with_values(graph, seed=7, text="another", filename_prefix="x")
    assert needs_of(other, built_in()) == needs
    assert hash(needs_of(other, built_in())) == hash(needs)
    assert shape_of(other, needs) == shape_of(graph, needs)
    assert needs_of(with_values(graph, lora_name="b.safetensors"), built_in()) != needs
    assert shape_of(with_values(graph, steps=99), needs) != shape_of(graph, needs)
    assert classes_of([needs, Needs(frozenset(["X"]))]) == needs.classes | {"X"}
    assert ("KSampler", "sampler_name", "euler") in needs.choices


def with_values(graph: Graph, **values: Any) -> Graph:
    return Graph({
        id: replace(node, inputs={name: values.get(name, value) for name, value in node.inputs.items()})
        for id, node in graph.nodes.items()
    })  # fmt: skip


def having(name: str, models: Mapping[str, Sequence[str]], *without: str, **rest: Any) -> Surveyed:
    """A server as a look would have shown it."""
    catalog = with_models(built_in(), models, name)
    nodes = {key: node for key, node in catalog.raw.items() if key not in without}
    return Surveyed(
        Server(name, "http://127.0.0.1:9"),
        catalog=replace(catalog, raw=nodes, unlisted="", complete=True, _read={}, _faces={}),
        **rest,
    )


def test_which_server_lacks_which_model_or_node(needs: Needs) -> None:
    seen = having("studio-2", {**MODELS, "diffusion_models": [], "loras": ["x"]}, "UltimateSDUpscale")
    assert [each.reason for each in unplaced(needs, seen)] == [
        '"studio-2" lacks the node class "UltimateSDUpscale"',
        '"studio-2" lacks the model "FLUX.1-Turbo-Alpha.safetensors" (loras)',
        '"studio-2" lacks the model "flux1-krea-dev_fp8_scaled.safetensors" (diffusion_models)',
    ]
    older = needs._replace(choices=needs.choices | {("KSampler", "sampler_name", "of_tomorrow")})
    assert [each.reason for each in unplaced(older, having("a", MODELS))] == [
        '"a" does not know "of_tomorrow" for "sampler_name" of "KSampler"'
    ]
    windows = having("w", {**MODELS, "loras": ["flux\\FLUX.1-Turbo-Alpha.safetensors"]})
    inside = needs._replace(files=frozenset([("LoraLoader", "lora_name", "flux/FLUX.1-Turbo-Alpha.safetensors")]))
    assert unplaced(inside, windows) == ()


def with_class(seen: Surveyed, name: str, section: str, **inputs: Any) -> Surveyed:
    """A server one of whose classes has other inputs; None takes one away."""
    node = seen.catalog.raw[name]
    kept = {key: spec for key, spec in {**node["input"].get(section, {}), **inputs}.items() if spec is not None}
    nodes = {**seen.catalog.raw, name: {**node, "input": {**node["input"], section: kept}}}
    return replace(seen, catalog=replace(seen.catalog, raw=nodes, _read={}, _faces={}), _lists={})


def test_a_server_whose_classes_are_others(graph: Graph, needs: Needs) -> None:
    usual = having("a", MODELS)
    older = with_class(usual, "KSampler", "required", cfg=None)
    assert [each.reason for each in unplaced(needs, older)] == ['the "KSampler" of "a" has no input "cfg"']
    assert unplaced(needs, with_class(usual, "UNETLoader", "required", weight_dtype=None)) == ()  # its default is meant
    newer = with_class(usual, "KSampler", "required", guide=["GUIDE"])
    (found,) = Placement([newer], built_in()).of(graph)["a"]
    assert (found.kind, found.sure) == ("refused", True)
    assert found.reason.startswith('"a" would refuse it: ')
    assert '"guide"' in found.reason


FILES = [(folder, name) for folder, names in MODELS.items() for name in names]


@given(st.sets(st.sampled_from(FILES)), st.sets(st.sampled_from(["UltimateSDUpscale", "KSampler", "LoraLoader"])))
def test_placement_says_what_a_run_would_say(files: set[tuple[str, str]], without: set[str]) -> None:
    """A server is passed over exactly where a run there would be refused before anything is sent."""
    models: dict[str, list[str]] = {folder: [] for folder in MODELS}
    for folder, name in files:
        models[folder].append(name)
    seen = having("a", models, *without)
    _, findings, _ = held(production(), seen.catalog)
    errors = [each for each in findings if each.rule.severity is Severity.ERROR]
    assert bool(unplaced(needs_of(production(), built_in()), seen)) == bool(errors)


def test_a_card_that_is_too_small_by_the_plan(graph: Graph, tmp_path: Path) -> None:
    example_models(tmp_path / "models")
    servers = {
        "large": having("large", MODELS, machine=Machine(24 * GIB)),
        "small": having("small", MODELS, machine=Machine(GIB)),
        "guessed": having("guessed", MODELS, machine=Machine(GIB)),
        "unknown": having("unknown", MODELS),
    }
    small = servers["small"]
    servers["small"] = replace(small, server=replace(small.server, models=tmp_path / "models"))
    found = Placement(list(servers.values()), built_in()).of(graph)
    assert (found["large"], found["unknown"]) == ((), ())
    (sure,), (guessed,) = found["small"], found["guessed"]
    assert (sure.kind, sure.sure) == ("memory", True)
    assert re.fullmatch(r'"small" is too small: "\w+" needs [\d.]+ GiB \(.*\), and the card has 1', sure.reason)
    assert not guessed.sure  # without its files nothing is known for sure
    assert Placement(list(servers.values()), built_in()).servers(graph) == ("large", "unknown")
    assert Placement([servers["small"], servers["guessed"]], built_in()).servers(graph) == ("guessed",)
    assert Placement([servers["small"]], built_in()).servers(graph) == ()


def test_a_folder_of_models_that_cannot_be_read_is_told(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("[")
    seen = having("a", MODELS, machine=Machine(24 * GIB))
    placement = Placement([replace(seen, server=replace(seen.server, models=tmp_path / "broken.yaml"))], built_in())
    assert placement.servers(graph) == ("a",)
    assert len(placement.problems) == 1
    assert placement.problems[0].startswith('the models of "a": ')


def test_the_machine_that_a_server_tells_of() -> None:
    told = machine_of(stats(argv=["main.py", "--lowvram", "--reserve-vram", "2"], os="nt"))
    assert told is not None
    assert (told.name, told.vram, told.ram, told.state, told.windows) == ("rtx-3090", 24 * GIB, 32 * GIB, "low", True)
    assert told.reserve == 2 * GIB
    assert machine_of({"system": {}, "devices": [{"type": "cpu", "vram_total": 2**35}]}) is None
    other = machine_of({"system": {}, "devices": [{"type": "cuda", "name": "AMD", "vram_total": 2**34}]})
    assert other == Machine(16 * GIB)


ANY = st.recursive(st.none() | st.integers() | st.text(max_size=20), lambda e: st.lists(e, max_size=3), max_leaves=5)


@given(st.fixed_dictionaries({"system": st.dictionaries(st.sampled_from(["argv", "ram_total", "os"]), ANY) | ANY,
                              "devices": st.lists(st.dictionaries(st.sampled_from(["name", "type", "vram_total"]), ANY)
                                                  | ANY, max_size=2) | ANY}))  # fmt: skip
def test_any_machine_can_be_told(data: dict[str, Any]) -> None:
    found = machine_of(data)
    assert found is None or found.vram > 0


# The page.


def test_the_page_on_fleets(tmp_path: Path) -> None:
    page = (ROOT / "docs/fleet.md").read_text()
    (example,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "models").mkdir()
    known = {"STUDIO_TOKEN": "a", "STUDIO_PASSWORD": "b", "STUDIO_KEY": "c"}
    found = fleet(tmp_path, example, environment=known)
    assert found.warnings == ()
    assert [each.name for each in found.servers] == ["studio-1", "studio-2", "mine"]
    wanted = [word for line in re.findall(r"--servers (\S+)", page) for word in line.split(",")]
    assert len(wanted) > 3
    for word in wanted:
        assert fleet(tmp_path, example, word, environment=known).servers
    settings = settings_of(tmp_path, example)
    said = {key for table in settings.servers.values() for key in table}
    assert said == set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) - {"certificate"}
