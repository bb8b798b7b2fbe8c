"""The command line: exit codes, what goes where, and messages that help."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from conftest import ROOT, Command

SPEC = ROOT / "specs/production_upscale_enhance.yaml"
MODELS = "models: {m: {checkpoint: sd_xl_base_1.0.safetensors}}"
SOUND = f"comfyproof: 1\n{MODELS}\nstages:\n  - generate: {{model: m}}\n  - save\n"

FINDINGS = {
    "type": "object",
    "required": ["schema", "findings", "examined", "not_examined"],
    "additionalProperties": False,
    "properties": {
        "schema": {"const": "comfyproof/findings/1"},
        "examined": {"type": "array", "items": {"type": "string"}},
        "not_examined": {"type": "array", "items": {"type": "object", "required": ["what", "reason"]}},
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "name", "severity", "message", "help", "file", "path", "line", "column"],
                "properties": {
                    "severity": {"enum": ["error", "warning", "info"]},
                    "line": {"type": "integer", "minimum": 1},
                },
            },
        },
    },
}


def test_the_caret_stands_under_the_mistake(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SOUND.replace("model: m}", "model: m, sampler: eulr}"))
    done = comfyproof("lint", "spec.yaml")
    assert done.returncode == 1
    assert done.stdout == (
        'spec.yaml:4:35: error[CP403]: "eulr" is not among the values of "sampler" [unsafe fix]\n'
        "  |\n"
        "4 |   - generate: {model: m, sampler: eulr}\n"
        "  |                                   ^^^^\n"
        '  help: did you mean "euler"?\n'
        "\n"
        'not examined: file "sd_xl_base_1.0.safetensors": no server or model folder was named to look for it\n'
        "1 error; 1 can be fixed with --fix --unsafe-fixes\n"
    )


def test_findings_as_json(comfyproof: Command) -> None:
    cases = ROOT / "tests/cases"
    done = comfyproof("lint", cases, "--format", "json")
    document = json.loads(done.stdout)
    jsonschema.validate(document, FINDINGS)
    assert len(document["findings"]) > 40
    assert len(document["examined"]) == len(list(cases.glob("*.yaml")))
    assert done.returncode == 1


def test_exit_codes_of_lint(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(SOUND)
    assert comfyproof("lint", "good.yaml").returncode == 0
    assert comfyproof("lint", "none.yaml").returncode == 3
    assert comfyproof("lint", "good.yaml", "none.yaml").returncode == 3
    assert comfyproof("lint").returncode == 2
    assert comfyproof("lint", "good.yaml", "--set", "generate.steps").returncode == 2
    assert comfyproof("lint", "good.yaml", "--set", "generate.steps=x").returncode == 1
    (tmp_path / "warned.yaml").write_text(
        "comfyproof: 1\ninputs: {i: {type: image, default: none.png}}\nstages:\n  - load: {image: $i}\n  - save\n"
    )
    assert comfyproof("lint", "warned.yaml").returncode == 0
    assert comfyproof("lint", "warned.yaml", "--fail-on", "warning").returncode == 1
    (tmp_path / "empty").mkdir()
    assert comfyproof("lint", "empty").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lnit", "x"), 'Did you mean "lint"?'),
        (("lint", SPEC, "--variant", "balancd"), 'did you mean "balanced"?'),
        (("lint", SPEC, "--input", "sed=1"), 'did you mean "seed"?'),
        (("lint", SPEC, "--set", "refine.loras.turbo.strenth=1"), 'did you mean "strength"?'),
        (("lint", SPEC, "--set", "refin.steps=1"), 'did you mean "refine"?'),
        (("lint", SPEC, "--input", "preset=detial"), 'did you mean "detail"?'),
        (("lint", SPEC, "--input", "seed=-1"), "at least 0"),
    ],
)
def test_did_you_mean(comfyproof: Command, arguments: tuple[object, ...], said: str) -> None:
    done = comfyproof(*arguments)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr


def test_data_on_stdout_talk_on_stderr(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SOUND)
    done = comfyproof("compile", "spec.yaml")
    assert json.loads(done.stdout)["1"]["class_type"] == "CheckpointLoaderSimple"
    assert done.stderr.startswith('not examined: file "sd_xl_base_1.0.safetensors"')
    done = comfyproof("compile", "spec.yaml", "--set", "generate.steps=x")
    assert (done.returncode, done.stdout) == (1, "")
    assert "CP203" in done.stderr


def test_compile_writes_a_whole_file_or_none(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SOUND)
    assert comfyproof("compile", "spec.yaml", "-o", "new/folder/out.json").returncode == 0
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == ["out.json"]
    done = comfyproof("compile", "spec.yaml", "-o", "spec.yaml/out.json")
    assert done.returncode == 6
    assert "spec.yaml" in done.stderr
    assert "Traceback" not in done.stderr
    assert comfyproof("compile", "spec.yaml", "-o", "/dev/null").returncode == 0
    assert Path("/dev/null").is_char_device()


def test_no_color_where_nobody_looks_and_color_where_it_is_forced(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("comfyproof: 2\n")
    assert "\x1b" not in comfyproof("lint", "spec.yaml").stdout
    assert "\x1b[31" in comfyproof("lint", "spec.yaml", NO_COLOR="", FORCE_COLOR="1").stdout


def test_text_from_a_spec_commands_no_terminal(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text('comfyproof: 1\nname: x\n"\\e[2Jnaem": 3\nstages: []\n')
    done = comfyproof("lint", "spec.yaml", NO_COLOR="", FORCE_COLOR="1")
    assert "\\x1b[2Jnaem" in done.stdout
    assert "\x1b[2J" not in done.stdout


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m comfyproof catalog search image | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0


def test_api_json_given_for_a_spec_is_named_as_such(comfyproof: Command) -> None:
    done = comfyproof("run", ROOT / "workflows/upscale.api.json")
    assert done.returncode == 1
    assert "this is API JSON, which a server takes, and not a spec" in done.stderr


def test_version(comfyproof: Command) -> None:
    from comfyproof import __version__

    assert comfyproof("--version").stdout == f"comfyproof, version {__version__}\n"


def test_without_the_packages_for_running(tmp_path: Path) -> None:
    """A core installation has none of these; None in sys.modules is how Python says that a module is not there."""
    (tmp_path / "spec.yaml").write_text(SOUND)
    program = (
        "import sys\n"
        "from comfyproof.cli.main import RUN_PACKAGES, main\n"
        "sys.modules.update(dict.fromkeys(RUN_PACKAGES))\n"
        "main(sys.argv[1:])"
    )
    for command, code in (("lint", 0), ("compile", 0), ("run", 2)):
        done = subprocess.run([sys.executable, "-c", program, command, "spec.yaml"], cwd=tmp_path, capture_output=True,
                              text=True, check=False)  # fmt: skip
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
    assert "pip install 'comfyproof[run]'" in done.stderr


def test_serve_on_a_port_that_is_taken(comfyproof: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = comfyproof("serve", "--port", taken.getsockname()[1])
    assert done.returncode == 2
    assert "cannot be listened on" in done.stderr
    assert "help: choose another with --port" in done.stderr


def test_lint_looks_at_every_variant_and_option(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "comfyproof: 1\n"
        "inputs:\n"
        "  how: {type: choice, options: {soft: 0.2, hard: 7}, default: soft}\n"
        f"{MODELS}\n"
        "stages:\n"
        "  - generate: {model: m}\n"
        "  - refine: {model: m, denoise: $how}\n"
        "  - save\n"
        "variants:\n"
        "  fast: {generate.stpes: 1, refine.sampler: eulr}\n"
    )
    done = comfyproof("lint", "spec.yaml")
    assert done.returncode == 1
    assert 'spec.yaml:3:50: error[CP204]: "denoise" is 7' in done.stdout
    assert 'spec.yaml:10:10: error[CP206]: "generate.stpes" leads nowhere' in done.stdout
    assert 'error[CP403]: "eulr" is not among' in done.stdout
    assert "3 errors" in done.stdout


def test_an_input_that_only_a_run_gives(comfyproof: Command, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "comfyproof: 1\ninputs: {image: {type: image}, size: {type: float}}\n"
        "stages:\n  - load: {image: $image}\n  - upscale: {by: $size}\n  - save\nverify: {size: 2x image}\n"
    )
    done = comfyproof("lint", "spec.yaml")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "no findings")
    assert 'not examined: input "image", input "size"' in done.stdout
    done = comfyproof("compile", "spec.yaml")
    assert done.returncode == 1
    assert 'the input "image" has no value' in done.stderr
    assert done.stderr.count("error[") == 2


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_terminal_of_another_encoding(comfyproof: Command, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "spec.yaml").write_text(SOUND.replace("model: m", 'model: m, positive: "\U0001f3a3", samplr: 漢'))
    done = comfyproof("lint", "spec.yaml", PYTHONIOENCODING=encoding)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "\\U0001f3a3" in done.stdout


def test_closed_streams(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SOUND)
    command = f"{sys.executable} -m comfyproof lint spec.yaml >&- 2>&-"
    assert subprocess.run(["bash", "-c", command], cwd=tmp_path, check=False).returncode == 0
