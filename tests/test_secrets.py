"""Secrets: where they may stand, and that nobody but the server is shown their values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.diagnostics import Rule, Severity
from comfyproof.driver import compile_spec
from comfyproof.run.secrets import hidden, without_secrets
from comfyproof.spec.pipeline import Changes
from conftest import ROOT, Command

VALUE = "s3cr3t-0451"
SPEC = f"""comfyproof: 1
inputs:
  image: {{type: image, default: {ROOT / "specs/photograph.jpg"}}}
stages:
  - load: {{image: $image}}
  - save: {{}}
nodes:
  told: {{PreviewAny: {{source: $text}}}}
  text: {{PrimitiveString: {{value: "key ${{env:PROOF_KEY}}, twice ${{env:PROOF_KEY}}, $$5"}}}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path / "spec.yaml"


def test_a_compiled_workflow_has_the_name_and_not_the_value(spec: Path, comfyproof: Command) -> None:
    done = comfyproof("compile", spec, PROOF_KEY=VALUE)
    assert VALUE not in done.stdout + done.stderr
    (text,) = [n["inputs"]["value"] for n in json.loads(done.stdout).values() if n["class_type"] == "PrimitiveString"]
    assert text == "key ${env:PROOF_KEY}, twice ${env:PROOF_KEY}, $5"


def test_a_run_sends_the_value_and_keeps_the_name(spec: Path, comfyproof: Command, tmp_path: Path) -> None:
    done = comfyproof("run", spec, "--out", "out", PROOF_KEY=VALUE)
    assert done.returncode == 0, done.stderr
    assert VALUE not in done.stdout + done.stderr
    record = (tmp_path / "out/spec/0001/run.json").read_text()
    assert VALUE not in record
    assert "key ${env:PROOF_KEY}" in record
    picture = (tmp_path / "out/spec/0001/picture.png").read_bytes()
    assert f"key {VALUE}, twice {VALUE}, $5".encode() in picture  # as CP404 warns
    assert 'warning[CP404]: the secret "PROOF_KEY"' in done.stderr


def test_a_secret_that_is_not_set_stops_a_run_before_it_sends_anything(
    spec: Path, comfyproof: Command, tmp_path: Path
) -> None:
    done = comfyproof("run", spec, "--out", "out")
    assert done.returncode == 1
    assert "spec.yaml:9:35: error[CP809]" in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_a_server_repeats_of_a_secret_is_hidden() -> None:
    known = {VALUE: "${env:A}", f"{VALUE}-longer": "${env:B}"}
    assert hidden(f"{VALUE}-longer and {VALUE}", known) == "${env:B} and ${env:A}"
    rule = Rule("CP999", "x", Severity.ERROR, "")
    (finding,) = without_secrets([rule.at(None, f"bad key {VALUE}", f"not {VALUE}")], known)
    assert (finding.message, finding.help) == ("bad key ${env:A}", "not ${env:A}")


def test_a_refusal_does_not_tell_the_secret_that_it_repeats(spec: Path, comfyproof: Command, tmp_path: Path) -> None:
    scale = 'small: {ImageScaleBy: {image: $load, upscale_method: "${env:PROOF_KEY}", scale_by: 0.5}}'
    spec.write_text(SPEC + f"  {scale}\n  kept: {{PreviewImage: {{images: $small}}}}\n")
    done = comfyproof("run", spec, "--out", "out", PROOF_KEY=VALUE)
    assert done.returncode == 1
    assert "'${env:PROOF_KEY}' not in ['nearest-exact'" in done.stderr
    assert VALUE not in done.stdout + done.stderr
    (record,) = (tmp_path / "out").rglob("run.json")
    assert VALUE not in record.read_text()


@pytest.mark.parametrize(
    "value", [VALUE, "two  spaces here", "-----KEY-----\nAAAABBBB\nCCCC", "tab\tand \x1b[1m", "long" * 300, "it's"]
)
def test_a_failure_does_not_tell_the_secret_that_it_repeats(
    spec: Path, comfyproof: Command, tmp_path: Path, value: str
) -> None:
    spec.write_text(SPEC + '  out: {SaveImage: {images: $load, filename_prefix: "../../${env:PROOF_KEY}/x"}}\n')
    done = comfyproof("run", spec, "--out", "out", PROOF_KEY=value)
    assert done.returncode == 1
    told = done.stdout + done.stderr + "".join(path.read_text() for path in (tmp_path / "out").rglob("run.json"))
    assert "outside the output folder" in told
    for part in (value, value[:12], repr(value)[1:-1]):
        assert part not in told or len(part) < 8


def test_parts_and_spellings_are_hidden_and_short_values_are_not() -> None:
    value = "sk-live-" + "x7Kq" * 25
    known = {value: "${env:K}"}
    assert hidden(f'was "{value[:60]}...", and {value[:30]}… again', known) == 'was "${env:K}...", and ${env:K}… again'
    assert hidden("nothing of it...", known) == "nothing of it..."


@pytest.mark.parametrize(
    "part",
    [
        "inputs: {key: {type: text, default: '${env:X}'}}\nstages: [{load: {image: $image}}, save]",
        "models: {m: {checkpoint: '${env:X}'}}\nstages: [{load: {image: $image}}, save]",
        "stages: [{load: {image: $image}}, {save: {prefix: 'a_${env:X}'}}]",
        "stages: [{load: {image: $image}}, save]\nverify: {size: '${env:X}'}",
        "stages: [{load: {image: $image}}, save]\ntarget: {gpu: '${env:X}'}",
    ],
)
def test_where_secrets_have_no_place(tmp_path: Path, part: str) -> None:
    image = f"image: {{type: image, default: {ROOT / 'specs/photograph.jpg'}}}"
    part = part.replace("inputs: {", f"inputs: {{{image}, ") if "inputs" in part else f"inputs: {{{image}}}\n{part}"
    (tmp_path / "spec.yaml").write_text(f"comfyproof: 1\n{part}\n")
    findings = compile_spec(tmp_path / "spec.yaml", built_in(), Changes({})).findings
    assert "CP219" in [finding.rule.code for finding in findings]


def test_a_value_that_looks_like_a_secret_is_none(tmp_path: Path) -> None:
    """What a run gives an input is text, whoever wrote it: it cannot ask for the environment."""
    (tmp_path / "spec.yaml").write_text(
        SPEC.replace("$$5", "${said}").replace("inputs:", 'inputs:\n  said: {type: text, default: ""}')
    )
    changes = Changes({"said": "${env:HOME}"})
    compiled = compile_spec(tmp_path / "spec.yaml", built_in(), changes)
    assert compiled.program is not None, compiled.findings
    (secret,) = [n.inputs["value"] for n in compiled.program.graph.nodes.values() if n.type == "PrimitiveString"]
    assert getattr(secret, "names", ()) == ("PROOF_KEY", "PROOF_KEY")
