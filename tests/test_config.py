"""Settings: where they come from, which one wins, and that what is not known is refused at its line."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from comfyproof.cli.config import as_toml
from comfyproof.config import DEFAULTS, Settings, read_settings
from comfyproof.diagnostics import Severity
from comfyproof.rulebook import RULES
from conftest import ROOT

# cli/main.py is what makes it a command; this runs it the same way.
CONFIG = """
import sys
from comfyproof.cli.config import config_command
sys.exit(config_command.main(sys.argv[1:], standalone_mode=False))
"""


def read(folder: Path, **flags: Any) -> Settings:
    settings, findings = read_settings(folder, {name.replace("_", "-"): value for name, value in flags.items()}, rules)
    assert settings is not None, findings
    return settings


def rules() -> tuple[Any, ...]:
    return RULES


def refused(folder: Path, **flags: Any) -> list[str]:
    """What is wrong with settings, one line each."""
    settings, findings = read_settings(folder, flags, rules)
    assert settings is None
    lines = []
    for finding in findings:
        assert finding.rule.code in ("CP190", "CP101")
        assert finding.place is not None
        span = finding.place.span()
        name = finding.place.source.file.removeprefix(f"{folder}/")
        lines.append(f"{name}:{span.line}:{span.column}: {finding.message}; {finding.help}")
    return lines


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flows/deep").mkdir(parents=True)
    return tmp_path


def test_without_any_the_defaults_hold(repository: Path) -> None:
    settings = read(repository / "flows")
    assert {name: settings[name].value for name in DEFAULTS} == DEFAULTS
    assert {settings[name].origin for name in DEFAULTS} == {"default"}
    assert (settings.catalog, settings.fail_on, settings.strict) == (None, Severity.ERROR, False)


def test_each_setting_is_that_of_the_nearest_to_the_author(repository: Path) -> None:
    """A flag stands above comfyproof.toml, and that above pyproject.toml; what one does not say, the next does."""
    (repository / "pyproject.toml").write_text(
        '[project]\nname = "x"\n\n[tool.comfyproof]\nselect = ["CP3"]\nfail-on = "warning"\nstrict = true\n'
    )
    (repository / "comfyproof.toml").write_text('fail-on = "info"\nselect = ["CP4"]\n')
    settings = read(repository / "flows/deep", select=("value-range",), exclude=())
    assert settings.selection.select == ("CP402",)
    assert settings.fail_on is Severity.INFO
    assert settings.strict
    origins = {name: settings[name].origin.removeprefix(f"{repository}/") for name in DEFAULTS}
    assert origins == dict.fromkeys(DEFAULTS, "default") | {
        "select": "--select", "fail-on": "comfyproof.toml:1", "strict": "pyproject.toml:7"
    }  # fmt: skip


def test_the_nearest_folder_with_settings_counts_and_none_outside_the_repository(repository: Path) -> None:
    (repository / "comfyproof.toml").write_text('fail-on = "info"\n')
    (repository / "flows/pyproject.toml").write_text("[project]\n")  # says nothing of us
    assert read(repository / "flows/deep").fail_on is Severity.INFO
    (repository / "flows/pyproject.toml").write_text("[tool.comfyproof]\nstrict = true\n")
    assert read(repository / "flows/deep").fail_on is Severity.ERROR
    (repository / "flows/deep/.git").mkdir()
    assert not read(repository / "flows/deep").strict


def test_paths_start_where_they_are_written(repository: Path) -> None:
    (repository / "comfyproof.toml").write_text('catalog = "mine.json"\nexclude = ["/flows/deep/"]\n')
    settings = read(repository / "flows")
    assert settings.catalog == str(repository / "mine.json")
    folder, patterns, origin = settings.exclude
    assert (folder, origin) == (repository, f"{repository}/comfyproof.toml:2")
    assert patterns.excluding(["flows", "deep", "x.json"])
    typed = read(repository / "flows", catalog="here.json", exclude=("deep/",))
    assert typed.catalog == "here.json"
    assert (typed.exclude[0], typed.exclude[2]) == (repository / "flows", "--exclude")


def test_rules_that_do_not_count_in_some_files(repository: Path) -> None:
    (repository / "comfyproof.toml").write_text(
        'ignore = ["CP402"]\n[per-file-ignores]\n"flows/old/" = ["CP3"]\n"*.draft.json" = ["value-not-in-list"]\n'
    )
    selection = read(repository).selection
    by_code = {rule.code: rule for rule in RULES}

    def counts(code: str, file: str) -> bool:
        return selection.counts(by_code[code], str(repository / file))

    assert [counts("CP301", file) for file in ("a.json", "flows/old/x/a.json", "old/a.json")] == [True, False, True]
    assert [counts("CP403", file) for file in ("a.json", "b/c.draft.json", "flows/old/a.json")] == [True, False, True]
    assert not counts("CP402", "a.json")
    assert counts("CP102", "flows/old/a.draft.json")
    assert selection.counts(by_code["CP301"], str(repository.parent / "flows/old/a.json"))


def test_what_is_not_known_is_refused_at_its_line(repository: Path) -> None:
    (repository / "pyproject.toml").write_text('[tool.comfyproof]\nselekt = ["CP3"]\n')
    (repository / "comfyproof.toml").write_text(
        'fail_on = "info"\nstrict = "yes"\nignore = "CP3"\nexclude = [1]\ncatalog = 1\nfail-on = "eror"\n'
        "[per-file-ignores]\na = 1\n"
    )
    assert refused(repository) == [
        'pyproject.toml:2:1: "selekt" is no setting; did you mean "select"?',
        'comfyproof.toml:1:1: "fail_on" is no setting; did you mean "fail-on"?',
        'comfyproof.toml:2:1: "strict" must be true or false; ',
        'comfyproof.toml:3:1: "ignore" must be a list of rules; write ["CP3", "value-range"]',
        'comfyproof.toml:4:1: "exclude" must be a list of patterns; write ["old/", "*.draft.json"]',
        'comfyproof.toml:5:1: "catalog" must be the name of a file; ',
        'comfyproof.toml:6:1: "fail-on" must be one of error, warning, info; ',
        'comfyproof.toml:7:1: "per-file-ignores" must be patterns, each with a list of rules; '
        'write {"old/*.json" = ["CP3"]}',
    ]


def test_a_rule_that_there_is_not_is_refused_where_it_is_named(repository: Path) -> None:
    (repository / "comfyproof.toml").write_text(
        'ignore = [\n  "CP403",  # fine\n  "CP999",\n]\n[per-file-ignores]\n"a/*" = ["vale-range"]\n"!b" = ["CP3"]\n'
    )
    assert refused(repository, select=("CP4", "no-outptu")) == [
        '--select:1:1: there is no rule "no-outptu"; did you mean "no-output"?',
        'comfyproof.toml:3:3: there is no rule "CP999"; see "comfyproof rules" for their codes and names',
        'comfyproof.toml:6:10: there is no rule "vale-range"; did you mean "value-range"?',
        'comfyproof.toml:7:1: "!b" stands for no files; write a pattern such as "old/*.json"',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = ", "comfyproof.toml:1:5: this is not valid TOML: Invalid value"),
        ("x = 1\nx = 2", "comfyproof.toml:2:6: this is not valid TOML: Cannot overwrite a value"),
        ("x = " + "[" * 5000, "comfyproof.toml:1:1: this is not valid TOML: it nests too deeply"),
        ("x" * 2**21, '"{}" cannot be read: it has 2,097,152 bytes'),
        (b"\xff", '"{}" cannot be read: it is not UTF-8'),
    ],
)
def test_a_file_that_cannot_be_read(repository: Path, text: str | bytes, said: str) -> None:
    file = repository / "comfyproof.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    (line,) = refused(repository)
    assert said.format(file) in line


def test_what_another_program_broke_is_its_own(repository: Path) -> None:
    (repository / "pyproject.toml").write_text("[tool\n")
    assert read(repository)["select"].value == []
    (repository / "pyproject.toml").write_text("[tool.comfyproof\n")
    assert "not valid TOML" in refused(repository)[0]
    (repository / "pyproject.toml").write_text("[tool]\ncomfyproof = 3\n")
    assert refused(repository) == ['pyproject.toml:2:1: "tool.comfyproof" is no table of settings; ']


def shown(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CONFIG, "show", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_config_show(repository: Path) -> None:
    (repository / "comfyproof.toml").write_text(
        'fail-on = "warning"\nignore = ["CP3"]\nper-file-ignores = {"a b/" = ["CP4"]}\n'
    )
    done = shown(repository)
    assert done.returncode == 0, done.stderr
    (repository / "comfyproof.toml").write_text(done.stdout)  # it is what could stand in the file
    assert shown(repository).stdout == done.stdout
    done = shown(repository, "--origin")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert 'fail-on = "warning" # comfyproof.toml:6' in lines
    assert 'per-file-ignores = {"a b/" = ["CP4"]} # comfyproof.toml:3' in lines
    (repository / "comfyproof.toml").unlink()
    assert 'fail-on = "error" # default' in " ".join(shown(repository, "--origin").stdout.split())


def test_config_show_of_broken_settings(repository: Path) -> None:
    (repository / "comfyproof.toml").write_text("strikt = true\n")
    done = shown(repository)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'comfyproof.toml:1:1: error[CP190]: "strikt" is no setting' in done.stderr
    assert 'did you mean "strict"?' in done.stderr


def test_the_settings_of_the_page(repository: Path) -> None:
    page = (ROOT / "docs/linting.md").read_text()
    (example,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (repository / "comfyproof.toml").write_text(example)
    settings = read(repository)
    assert {name for name in DEFAULTS if settings[name].origin != "default"} == set(DEFAULTS) - {"servers"}
    (repository / "comfyproof.toml").unlink()
    (repository / "pyproject.toml").write_text(
        "[tool.comfyproof]\n" + example.replace("[per-file-ignores]", "[tool.comfyproof.per-file-ignores]")
    )
    assert read(repository).selection == settings.selection


def test_values_are_shown_as_toml() -> None:
    for value in ([], ["CP3", 'a "b"'], {}, {"a/*": ["x"], 'q"\\': []}, "ü", True, False):
        assert tomllib.loads(f"x = {as_toml(value)}") == {"x": value}


def test_servers_are_refused_at_their_lines(repository: Path) -> None:
    (repository / "comfyproof.toml").write_text(
        '[servers.a]\nurl = "http://a"\nlabel = "x"\nallow-http = "yes"\n'
        '[servers.b]\nurl = 3\nlabels = "fast"\nheaders = {x = 1}\n'
        '[servers.c]\nlabels = []\n[servers]\nd = 3\n"e f" = "http://e"\n'
    )
    assert refused(repository) == [
        'comfyproof.toml:3:1: "label" is no setting of a server; did you mean "labels"?',
        'comfyproof.toml:4:1: "allow-http" of the server "a" must be true or false; ',
        'comfyproof.toml:6:1: "url" of the server "b" must be an address such as "http://host:8188"; ',
        'comfyproof.toml:7:1: "labels" of the server "b" must be a list of texts; ',
        'comfyproof.toml:8:1: "headers" of the server "b" must be headers, each with a text; ',
        'comfyproof.toml:9:1: the server "c" has no "url"; write url = "http://host:8188"',
        'comfyproof.toml:12:1: "d" must be a table with a "url"; ',
        'comfyproof.toml:13:1: "e f" is no name for a server; write letters, digits, -, _ and .',
    ]
    (repository / "comfyproof.toml").write_text('servers = ["http://a"]\n')
    assert refused(repository) == ['comfyproof.toml:1:1: "servers" must be tables, one for each server; ']


def test_servers_of_pyproject(repository: Path) -> None:
    (repository / "pyproject.toml").write_text('[tool.comfyproof.servers.a]\nurl = "http://a"\nurrl = "x"\n')
    assert refused(repository) == ['pyproject.toml:3:1: "urrl" is no setting of a server; did you mean "url"?']
    (repository / "pyproject.toml").write_text('[tool.comfyproof.servers]\na = "http://a"\n')
    assert read(repository).servers == {"a": {"url": "http://a"}}


def test_config_show_shows_no_secret_of_a_server(repository: Path) -> None:
    (repository / "comfyproof.toml").write_text(
        '[servers.a]\nurl = "https://a"\ntoken = "canary"\nheaders = {X = "Bearer canary", Y = "k ${env:V} canary"}\n'
        '[servers.b]\nurl = "https://me:canary@b"\nbasic = "anna:canary"\n'
        '[servers.c]\nurl = "https://c"\ntoken = "${env:V}"\nbasic = "anna:${env:V}"\n'
        'headers = {X = "Bearer ${env:V}"}\n'
        '[servers]\nd = "https://me:canary@d"\n'
    )
    for arguments in ((), ("--origin",)):
        done = shown(repository, *arguments)
        assert done.returncode == 0
        assert "canary" not in done.stdout + done.stderr
    assert tomllib.loads(done.stdout)["servers"]["c"] == {
        "url": "https://c", "token": "${env:V}", "basic": "anna:${env:V}", "headers": {"X": "Bearer ${env:V}"}
    }  # fmt: skip
