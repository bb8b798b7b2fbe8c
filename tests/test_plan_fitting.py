"""Changes that make a pipeline fit, and what a card's speed was learned to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.graph import Graph
from comfyproof.plan.calibration import Calibration, read_calibration, write_calibration
from comfyproof.plan.fitting import Fitting, fits, fits_whole
from comfyproof.plan.machine import GIB, Machine
from comfyproof.plan.predict import Plan, predict
from comfyproof.workflow import WorkflowReader
from conftest import ROOT

SMALL = "t5xxl_fp8_e4m3fn_scaled.safetensors"
BLOCKS = "flux1-krea-dev-Q4_K_S.gguf"
FILES = (SMALL, BLOCKS, "flux1-dev.safetensors", "clip_l.safetensors", "notes.txt")


def seed() -> Graph:
    graph = WorkflowReader(built_in()).read(str(ROOT / "workflows" / "production_upscale_enhance.api.json")).graph
    assert graph is not None
    return graph


def fitting(gib: float, files: tuple[str, ...] = FILES) -> Fitting:
    return Fitting(seed(), built_in(), Machine(int(gib * GIB), name="rtx-3090"), {}, files)


def test_what_fits_needs_no_change() -> None:
    found = fitting(24).least(fits_whole)
    assert found is not None
    assert found[0] == ()


def test_the_least_harm_comes_first() -> None:
    found = fitting(12).least(fits_whole)
    assert found is not None
    (change,), plan = found
    assert change.inputs == (("4", "unet_name", BLOCKS),)
    assert change.types == (("4", "UnetLoaderGGUF"),)
    assert plan.offloaded == 0
    assert predict(change.on(seed()), built_in(), Machine(12 * GIB)).offloaded == 0
    assert seed().nodes["4"].inputs["unet_name"] != BLOCKS


def test_changes_go_together_where_one_is_not_enough() -> None:
    found = fitting(10).least(fits_whole)
    assert found is not None
    assert len(found[0]) == 2


def test_two_harmless_changes_come_before_a_harmful_one() -> None:
    asked = fitting(24).plan().stages[-1].asked

    def enough(plan: Plan) -> bool:
        return (plan.seconds or 0) < 330 and (SMALL in plan.guessed or plan.stages[-1].asked < asked)

    alone = [change for change, plan in fitting(24).effects() if enough(plan)]
    assert [change.harm for change in alone] == [8]
    found = fitting(24).least(enough)
    assert found is not None
    assert [change.harm for change in found[0]] == [1, 2]


def test_some_cards_are_too_small_for_all_of_it() -> None:
    assert fitting(0.75).least(fits) is None


def test_other_models_and_strange_files_are_not_offered() -> None:
    words = [change.words for change in fitting(12).changes()]
    assert any(SMALL in word for word in words)
    assert not any("flux1-dev.safetensors" in word or "notes" in word for word in words)
    assert not any("smaller" in change.words for change in fitting(12, ()).changes())


def test_the_documents_own_advice_does_not_help() -> None:
    effects = {change.words: plan for change, plan in fitting(12).effects()}
    before = fitting(12).plan()
    assert effects["tiles of 384x384 in place of 512x512"].whole == before.whole
    assert effects["upscaled by 1.5 in place of 2"].whole < before.whole


def test_what_was_learned_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "calibration.json"
    learned = Calibration().learned("rtx-3090", "sample flux", predicted=100, measured=150)
    assert learned.factor("rtx-3090", "sample flux") == pytest.approx(1.5)
    again = learned.learned("rtx-3090", "sample flux", predicted=100, measured=100)
    assert again.factor("rtx-3090", "sample flux") == pytest.approx(1.35)
    assert again.factor("rtx-4090", "sample flux") == 1.0
    write_calibration(again, file)
    assert read_calibration(file).factors == pytest.approx(again.factors)
    assert [path.name for path in file.parent.iterdir()] == ["calibration.json"]


def test_a_calibrated_plan_is_slower_where_the_card_was() -> None:
    machine = Machine(24 * GIB, name="rtx-3090")
    slow = Calibration({"rtx-3090 sample flux": 2.0})
    plain, slower = predict(seed(), built_in(), machine), predict(seed(), built_in(), machine, calibration=slow)
    for before, after in zip(plain.stages, slower.stages, strict=True):
        factor = 2.0 if before.work == "sample flux" else 1.0
        assert after.seconds == pytest.approx((before.seconds or 0) * factor)
    assert {stage.work for stage in plain.stages} == {
        "text encode",
        "upscale",
        "vae encode",
        "sample flux",
        "vae decode",
    }


@pytest.mark.parametrize("measured", [0.0, -1.0, float("inf"), float("nan"), 1e9])
def test_senseless_measurements_teach_nothing(measured: float) -> None:
    assert Calibration().learned("rtx-3090", "upscale", 10, measured) == Calibration()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"factors": 3}', '{"factors": {"a": "b", "c": true, "d": -4}}', "[" * 100_000]
)
def test_a_broken_calibration_is_an_empty_one(tmp_path: Path, text: str) -> None:
    file = tmp_path / "calibration.json"
    file.write_text(text)
    assert read_calibration(file) == Calibration()
    assert read_calibration(tmp_path) == Calibration()


@given(st.dictionaries(st.text(max_size=8), st.floats(0.02, 50), max_size=4))
def test_calibrations_survive_their_file(tmp_path_factory: pytest.TempPathFactory, factors: dict[str, float]) -> None:
    file = tmp_path_factory.mktemp("calibration") / "file.json"
    write_calibration(Calibration(factors), file)
    read = read_calibration(file).factors
    assert read == pytest.approx(factors, abs=1e-4)
