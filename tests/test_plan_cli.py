"""plan as a command: machines, the table, --fit, --compare, and what `target:` demands of lint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfyproof.catalog.pinned import built_in
from comfyproof.cli.plan_budget import Wanted, told_by
from comfyproof.emulator.embedded import Emulator
from comfyproof.plan.contract import NoContract, clock, gib, parse_bytes, parse_seconds
from comfyproof.plan.machine import flags
from conftest import ROOT, Command
from model_files import example_models, of, write_gguf, write_safetensors

PRODUCTION = ROOT / "specs/production_upscale_enhance.yaml"
GIB = 2**30


def planned(comfyproof: Command, *arguments: object, code: int = 0) -> dict[str, Any]:
    done = comfyproof("plan", *arguments, "--format", "json")
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("vram", "resident", "peak", "offloaded", "batch"),
    [  # the pass at 2048x2048: MiB of Flux on the card, MiB in all, MiB left in RAM
        (24, 11350, 15954, 0, 2),
        (16, 11350, 13822, 0, 1),
        (12, 7325, 9797, 4025, 1),
        (10, 5277, 7749, 6073, 1),
        (8, 3227, 5699, 8123, 1),
    ],
)
def test_the_production_spec_on_five_cards(
    vram: int, resident: int, peak: int, offloaded: int, batch: int, comfyproof: Command
) -> None:
    plan = planned(comfyproof, PRODUCTION, "--vram", f"{vram}GiB")
    stage = next(each for each in plan["stages"] if (each["stage"], each["kind"]) == ("refine", "sample"))
    assert abs(stage["resident"]["flux1-krea-dev_fp8_scaled.safetensors"] / 2**20 - resident) <= 2
    assert abs(stage["offloaded"] / 2**20 - offloaded) <= 2
    assert stage["peak"]["low"] / 2**20 <= peak <= stage["peak"]["high"] / 2**20
    assert stage["batch"] == batch
    assert (plan["fits"], plan["decides"]) == (True, "refine")
    assert round(plan["whole"] / GIB, 1) == 13.5  # and no 10


def test_why_a_peak_is_low_is_said(comfyproof: Command) -> None:
    done = comfyproof("plan", PRODUCTION, "--vram", "12GiB")
    assert done.returncode == 0
    assert '"refine" peaks at 9.5 to 10.1 GiB because 3.9 GiB of its model are not on the card' in done.stdout
    assert "warning[CP702]" in done.stderr
    assert "told by their names alone: " in done.stdout


def test_the_machine_comes_from_options_the_target_or_nowhere(comfyproof: Command, tmp_path: Path) -> None:
    assert planned(comfyproof, PRODUCTION)["machine"]["gpu"] == "rtx-3090"
    other = planned(comfyproof, PRODUCTION, "--gpu", "RTX 4090", "--ram", "64 GiB")["machine"]
    assert (other["gpu"], other["ram"], other["compute_capability"]) == ("rtx-4090", 64 * GIB, "8.9")
    low = planned(comfyproof, PRODUCTION, "--flags", "--novram")
    assert low["machine"]["state"] == "no"
    for arguments, said in (
        ((ROOT / "specs/text_to_image.yaml",), "name the machine"),
        ((PRODUCTION, "--gpu", "rtx-3909"), 'did you mean "rtx-3090"?'),
        ((PRODUCTION, "--vram", "much"), '"much" is no amount of memory'),
        ((PRODUCTION, "--flags", "--reserve-vram x"), "needs a number of GiB"),
        ((), "give a spec"),
    ):
        done = comfyproof("plan", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


def test_a_workflow_and_a_server(comfyproof: Command, tmp_path: Path) -> None:
    workflow = ROOT / "workflows/production_upscale_enhance.api.json"
    assert planned(comfyproof, workflow, "--gpu", "rtx-3090")["fits"] is True
    with Emulator(tmp_path / "emulator", catalog=built_in()) as emulator:
        machine = planned(comfyproof, PRODUCTION, "--server", emulator.url)["machine"]
    assert machine["gpu"] is None
    assert machine["vram"] > GIB


def test_what_is_not_known_is_not_planned(comfyproof: Command, tmp_path: Path) -> None:
    text = (ROOT / "workflows/text_to_image.api.json").read_text()
    (tmp_path / "flow.json").write_text(text.replace("sd_xl_base_1.0", "my_own_finetune"))
    done = comfyproof("plan", "flow.json", "--gpu", "rtx-3090")
    assert done.returncode == 3
    assert "not examined: my_own_finetune.safetensors: nothing is known of these files" in done.stdout
    assert comfyproof("plan", tmp_path / "nothing.yaml", "--gpu", "rtx-3090").returncode == 3


def test_the_models_at_hand_decide(comfyproof: Command, tmp_path: Path) -> None:
    models = example_models(tmp_path / "models")
    plan = planned(comfyproof, PRODUCTION, "--models", models)
    assert plan["guessed"] == []
    stage = next(each for each in plan["stages"] if (each["stage"], each["kind"]) == ("refine", "sample"))
    assert 11_300 < stage["resident"]["flux1-krea-dev_fp8_scaled.safetensors"] / 2**20 < 11_400


def test_fit_says_what_helps_and_what_does_not(comfyproof: Command, tmp_path: Path) -> None:
    models = example_models(tmp_path / "models")
    done = comfyproof("plan", PRODUCTION, "--vram", "10GiB", "--fit", "--models", models)
    assert "does not help: tiles of 384x384 in place of 512x512" in done.stdout
    assert 't5xxl_fp8_e4m3fn.safetensors" in place of "t5xxl_fp16.safetensors"' in done.stdout
    write_safetensors(models / "diffusion_models/flux1-krea-dev.safetensors", of("flux_dev", "BF16"))
    (tmp_path / "spec.yaml").write_text(
        "comfyproof: 1  # mine\nmodels:\n  flux:\n    diffusion_model: flux1-krea-dev.safetensors  # 16 bits\n"
        "    text_encoders: [clip_l.safetensors, t5xxl_fp16.safetensors]\n    vae: ae.safetensors\n"
        "stages: [{generate: {model: flux, size: 1024x1024, positive: a, negative: b, cfg: 2.0}}, save]\n"
    )
    done = comfyproof("plan", "spec.yaml", "--vram", "16GiB", "--fit", "--models", models)
    assert "the least of them that is enough: the smaller" in done.stdout
    lines = done.stdout[done.stdout.index("--- a/spec.yaml") :].splitlines()[2:]
    (old,), (new,) = ([line[1:] for line in lines if line.startswith(sign)] for sign in "-+")
    assert new == "    diffusion_model: flux1-krea-dev_fp8_scaled.safetensors  # 16 bits"
    (tmp_path / "spec.yaml").write_text((tmp_path / "spec.yaml").read_text().replace(old, new))
    done = comfyproof("plan", "spec.yaml", "--vram", "16GiB", "--fit", "--models", models)
    assert "nothing needs to change: it fits whole" in done.stdout


def test_compare_with_a_run(comfyproof: Command, tmp_path: Path) -> None:
    assert comfyproof("run", PRODUCTION).returncode == 0
    (record,) = (tmp_path / "out").rglob("run.json")
    done = comfyproof("plan", "--compare", record, "--gpu", "rtx-3090", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert "predicted" in done.stdout
    assert "refine" in done.stdout
    assert not (tmp_path / "cache/comfyproof/calibration.json").exists()  # an emulator teaches nothing of a card
    told = json.loads(record.read_text())
    del told["server"]["stand_ins"]
    told["measured"]["nodes"] = {id: {"seconds": 240.0} for id in told["measured"]["nodes"]}
    record.write_text(json.dumps(told))
    done = comfyproof("plan", "--compare", record, "--gpu", "rtx-3090", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert "learned from it: " in done.stderr
    before = planned(comfyproof, PRODUCTION)["seconds"]
    learned = json.loads((tmp_path / "cache/comfyproof/calibration.json").read_text())
    assert learned["factors"]
    done = comfyproof("plan", PRODUCTION, "--format", "json", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert json.loads(done.stdout)["seconds"] != before
    record.write_text('{"prompt": {}}')
    assert comfyproof("plan", "--compare", record).returncode == 3


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("{vram: 8 GiB, ram: 64 GiB}", "CP702", 'leaves 7.9 GiB of the model of "refine" in RAM'),
        ("{gpu: rtx-3090, ram: 16 GiB}", "CP704", "and there are 16"),
        ("{gpu: rtx-3090, time: 1 min}", "CP705", "and may take 60 s"),
        ("{gpu: rtx-3909}", "CP706", 'no card "rtx-3909" is known'),
        ("{vram: lots}", "CP706", '"lots" is no amount of memory'),
        ("{vram: 1 GiB}", "CP707", "GiB"),
    ],
)
def test_a_target_is_a_contract(target: str, code: str, said: str, comfyproof: Command, tmp_path: Path) -> None:
    text = PRODUCTION.read_text().replace("target: {gpu: rtx-3090}", f"target: {target}")
    (tmp_path / "spec.yaml").write_text(text.replace("portrait.png", str(ROOT / "specs/photograph.jpg")))
    done = comfyproof("lint", "spec.yaml", "--format", "json", "--select", "CP7")
    found = [each for each in json.loads(done.stdout)["findings"] if each["code"] == code]
    assert found, done.stdout
    assert said in found[0]["message"]
    assert found[0]["line"] == 7
    assert found[0]["path"][0] == "target"
    assert done.returncode == (1 if code == "CP706" else 0)
    if code == "CP707":
        assert comfyproof("plan", "spec.yaml").returncode == 1


def test_what_does_not_fit_is_an_error_where_nothing_is_guessed(comfyproof: Command, tmp_path: Path) -> None:
    text = PRODUCTION.read_text().replace("target: {gpu: rtx-3090}", "target: {vram: 1 GiB}")
    (tmp_path / "spec.yaml").write_text(text.replace("portrait.png", str(ROOT / "specs/photograph.jpg")))
    models = example_models(tmp_path / "models")
    done = comfyproof("lint", "spec.yaml", "--select", "CP7", "--models", models, "--format", "json")
    assert [each["code"] for each in json.loads(done.stdout)["findings"] if each["severity"] == "error"][:1] == [
        "CP701"
    ]
    assert done.returncode == 1


def test_amounts_and_times() -> None:
    assert [parse_bytes("ram", text) for text in ("12GiB", "12 gib", "12", "12 GB", "512 MiB", "1.5 G")] == [
        12 * GIB, 12 * GIB, 12 * GIB, 12 * 10**9, GIB // 2, 3 * GIB // 2
    ]  # fmt: skip
    assert [parse_seconds(text) for text in ("90 s", "5 min", "1.5 hours", "2 minutes")] == [90, 300, 5400, 120]
    for text in ("", "x", "-1 GiB", "0 GiB", "12 GiBs", "1e9", "9" * 400):
        with pytest.raises(NoContract):
            parse_bytes("ram", text)
    for text in ("", "5", "0 s", "soon", "5 mins later"):
        with pytest.raises(NoContract):
            parse_seconds(text)
    assert [gib(GIB * amount) for amount in (1, 1.04, 13.5, 141)] == ["1", "1.0", "13.5", "141"]
    assert [clock(each) for each in (0.12, 12.3, 90, 427, 900, 7200)] == [
        "0.1 s", "12 s", "1.5 min", "7.1 min", "15 min", "2.0 h"
    ]  # fmt: skip


SDXL = {
    "model": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl_base_1.0.safetensors"}},
    "text": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["model", 1], "text": "a lighthouse"}},
    "latent": {"class_type": "EmptyLatentImage", "inputs": {"width": 1024, "height": 1024, "batch_size": 1}},
    "sampler": {
        "class_type": "KSampler",
        "inputs": {
            **{"model": ["model", 0], "positive": ["text", 0], "negative": ["text", 0], "latent_image": ["latent", 0]},
            **{"seed": 1, "steps": 20, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0},
        },
    },
}


@pytest.mark.parametrize("odd", ["NaN", "-5", "1" + "0" * 400, '"x"'])
def test_a_record_may_hold_any_number(odd: str, comfyproof: Command, tmp_path: Path) -> None:
    measured = (
        f'{{"nodes": {{"sampler": {{"seconds": {odd}}}}}, "most_vram": {odd}, "before": {{"vram_total": {odd}}}}}'
    )
    (tmp_path / "run.json").write_text(f'{{"prompt": {json.dumps(SDXL)}, "measured": {measured}}}')
    done = comfyproof("plan", "--compare", "run.json", "--gpu", "rtx-3090", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert not {"nan", "inf"} & set(done.stdout.split())


def test_a_server_may_have_been_started_with_any_path() -> None:
    stats = {"system": {"argv": ["main.py", "--output-directory", "/home/o'neil", "--lowvram"]}, "devices": []}
    assert flags(told_by(stats, Wanted(None, None, None, "", windows=False)).flags) == {"state": "low"}


def test_flags_with_amounts_that_are_none_are_refused() -> None:
    for amount in ("nan", "inf", "-1", "much", ""):
        with pytest.raises(ValueError, match="needs a number of GiB"):
            flags(f"--reserve-vram {amount}")


def test_a_time_that_is_kept_needs_no_warning_of_what_costs_time(comfyproof: Command, tmp_path: Path) -> None:
    text = PRODUCTION.read_text().replace("portrait.png", str(ROOT / "specs/photograph.jpg"))
    for time, codes in (("1 h", set()), ("1 min", {"CP702", "CP705"})):
        target = f"target: {{gpu: rtx-3090, vram: 8 GiB, ram: 64 GiB, time: {time}}}"
        (tmp_path / "spec.yaml").write_text(text.replace("target: {gpu: rtx-3090}", target))
        done = comfyproof("lint", "spec.yaml", "--format", "json", "--select", "CP7")
        assert {each["code"] for each in json.loads(done.stdout)["findings"]} == codes


def test_a_time_without_a_card_is_left_open(comfyproof: Command, tmp_path: Path) -> None:
    text = PRODUCTION.read_text().replace("target: {gpu: rtx-3090}", "target: {vram: 24 GiB, time: 1 s}")
    (tmp_path / "spec.yaml").write_text(text.replace("portrait.png", str(ROOT / "specs/photograph.jpg")))
    assert 'how long a run takes depends on the "gpu"' in comfyproof("lint", "spec.yaml", "--select", "CP7").stdout


def test_a_smaller_model_is_part_of_the_patch_of_a_spec(comfyproof: Command, tmp_path: Path) -> None:
    models = example_models(tmp_path / "models")
    write_gguf(models / "diffusion_models/flux1-krea-dev-Q4_K_S.gguf", of("flux_dev"))
    given = ("--models", models, "--vram", "10GiB", "--fit")
    patch = comfyproof("plan", PRODUCTION, *given).stdout
    assert "+    diffusion_model: flux1-krea-dev-Q4_K_S.gguf\n" in patch
    assert "by hand" not in patch
    assert comfyproof("compile", PRODUCTION, "-o", tmp_path / "flow.json").returncode == 0
    by_hand = 'in place of "flux1-krea-dev_fp8_scaled.safetensors", loaded with "UnetLoaderGGUF"\n'
    assert by_hand in comfyproof("plan", tmp_path / "flow.json", *given).stdout
