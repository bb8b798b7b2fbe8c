"""Plans of whole graphs: which stages there are, what each takes, and what is said where files are not at hand."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.graph import Graph, Link, Node
from comfyproof.plan import clock
from comfyproof.plan.gpus import GPUS, gpu_named, machine_with
from comfyproof.plan.jobs import jobs_of, server_order
from comfyproof.plan.known import known_checkpoint, known_diffusion, known_encoder, known_vae
from comfyproof.plan.machine import GIB, MIB, Machine, flags
from comfyproof.plan.predict import Plan, Stage, predict
from comfyproof.plan.vaes import taken, vae_of
from comfyproof.weights import Header
from comfyproof.workflow import WorkflowReader
from conftest import ROOT

SEED = ROOT / "workflows" / "production_upscale_enhance.api.json"
FLUX, T5, VAE = "flux1-krea-dev_fp8_scaled.safetensors", "t5xxl_fp16.safetensors", "ae.safetensors"


@cache
def seed() -> Graph:
    graph = WorkflowReader(built_in()).read(str(SEED)).graph
    assert graph is not None
    return graph


def changed(graph: Graph, type: str, **inputs: object) -> Graph:
    """The graph with other inputs on the nodes of a class."""
    return Graph(
        {
            id: replace(node, inputs={**node.inputs, **inputs}) if node.type == type else node  # type: ignore[arg-type]
            for id, node in graph.nodes.items()
        }
    )


def planned(graph: Graph, gib: float, words: str = "", **rest: object) -> Plan:
    machine = Machine(int(gib * GIB), name="rtx-3090", **{**flags(words), **rest})  # type: ignore[arg-type]
    return predict(graph, built_in(), machine)


def stage(plan: Plan, kind: str) -> Stage:
    return next(stage for stage in plan.stages if stage.kind == kind)


def mib(stage: Stage, *names: str) -> int:
    return sum(stage.resident.get(name, 0) for name in names) // MIB


# ComfyUI's own loading code with meters for a card: MiB of Flux, of text encoders and VAE together, and the peak.
TABLE = {
    24: {
        "upscale": (0, 9319, 11931),
        "tile vae encode": (0, 9479, 10196),
        "tile sample": (11350, 9479, 21789),
        "tile vae decode": (11350, 9479, 21690),
        "vae encode": (9353, 160, 13085),
        "sample": (11350, 160, 15954),
        "vae decode": (6068, 160, 11847),
    },
    16: {
        "upscale": (0, 9319, 11931),
        "tile vae encode": (0, 9479, 10196),
        "tile sample": (11350, 2171, 14481),
        "vae encode": (1134, 160, 4866),
        "sample": (11350, 0, 13822),
        "vae decode": (0, 128, 5748),
    },
    12: {
        "upscale": (0, 7075, 9687),
        "tile vae encode": (0, 7235, 7952),
        "tile sample": (10569, 0, 11529),
        "tile vae decode": (9974, 160, 10996),
        "vae encode": (0, 160, 3732),
        "sample": (7325, 0, 9797),
        "vae decode": (0, 128, 5748),
    },
    10: {
        "text encode": (0, 8520, 9328),
        "upscale": (0, 5051, 7663),
        "tile sample": (8520, 0, 9480),
        "tile vae decode": (7922, 160, 8943),
        "sample": (5277, 0, 7749),
        "vae decode": (0, 128, 5748),
    },
    8: {
        "text encode": (0, 6472, 7280),
        "upscale": (0, 2971, 5583),
        "tile sample": (6473, 0, 7433),
        "tile vae decode": (5843, 160, 6864),
        "sample": (3227, 0, 5699),
        "vae decode": (0, 128, 5748),
    },
}


@pytest.mark.parametrize("gib", TABLE)
def test_the_document_on_cards_of_all_sizes(gib: int) -> None:
    plan = planned(seed(), gib)
    for kind, (flux, rest, peak) in TABLE[gib].items():
        found = stage(plan, kind)
        assert abs(mib(found, FLUX) - flux) <= 1, (gib, kind)
        assert abs(mib(found, T5, VAE) - rest) <= 1, (gib, kind)
        assert found.low <= peak * MIB <= found.high, (gib, kind, found.low // MIB, found.high // MIB)


def test_the_document_with_the_small_encoder() -> None:
    small = "t5xxl_fp8_e4m3fn_scaled.safetensors"
    graph = changed(seed(), "DualCLIPLoader", clip_name2=small)
    plan, big = planned(graph, 24), planned(seed(), 24)
    assert mib(stage(plan, "text encode"), small) == 4903
    assert stage(plan, "tile sample").peak / MIB == pytest.approx(17373, rel=0.01)
    assert stage(plan, "sample").peak == stage(big, "sample").peak
    assert plan.ram < big.ram


def test_which_stage_decides_and_what_ten_gigabytes_really_are() -> None:
    plan = planned(seed(), 12)
    assert plan.decides is not None
    assert (plan.decides.kind, plan.decides.node.type) == ("sample", "KSampler")
    assert plan.whole / MIB == pytest.approx(13822, rel=0.01)  # 500 + 11350 + 1972
    assert plan.decides.offloaded // MIB == 4025
    assert plan.decides.peak / MIB == pytest.approx(9797, rel=0.01)  # "10 GB", for 4 GB of the model are in RAM


@pytest.mark.parametrize(("gib", "batch"), [(24, 2), (16, 1), (12, 1), (8, 1)])
def test_whether_both_conditionings_go_together(gib: int, batch: int) -> None:
    assert stage(planned(seed(), gib), "sample").batch == batch
    assert stage(planned(seed(), gib), "tile sample").batch == 2


def test_no_guidance_is_one_pass() -> None:
    plan = planned(changed(seed(), "KSampler", cfg=1.0), 24)
    assert (stage(plan, "sample").batch, stage(plan, "sample").passes) == (1, 12)


def test_flags_change_the_plan() -> None:
    plan = planned(seed(), 12, "--novram")
    assert stage(plan, "sample").peak / MIB == pytest.approx(2472, rel=0.01)
    assert stage(plan, "vae decode").peak / MIB == pytest.approx(5620, rel=0.01)
    assert mib(stage(planned(seed(), 24, "--lowvram"), "text encode"), T5) == 0
    on_cpu = planned(seed(), 24, "--cpu")
    assert all(found.peak <= 500 * MIB for found in on_cpu.stages if found.kind != "upscale")


def test_windows_keeps_more_for_itself() -> None:
    sixteen = planned(seed(), 16, windows=True, context=900 * MIB)
    assert mib(stage(sixteen, "sample"), FLUX) == pytest.approx(10708, rel=0.01)
    assert stage(planned(seed(), 16, context=900 * MIB), "sample").offloaded < stage(sixteen, "sample").offloaded
    assert stage(planned(seed(), 24, windows=True, context=1536 * MIB), "sample").batch == 1


def test_small_cards_fall_back_to_tiles_and_smaller_ones_stop() -> None:
    four = planned(seed(), 4)
    assert stage(four, "vae decode").tiled
    assert four.fits
    two = planned(seed(), 2)
    assert not two.fits
    assert two.decides is not None
    assert two.decides.stops
    assert not two.pages
    assert planned(seed(), 2, windows=True).pages


def test_the_least_card_is_enough_and_a_smaller_one_is_not() -> None:
    least = planned(seed(), 24).least / GIB
    assert planned(seed(), least * 1.05).fits
    assert not planned(seed(), least * 0.9).fits


def test_a_lora_takes_room_while_it_is_put_in() -> None:
    with_it, without = planned(seed(), 24), planned(changed(seed(), "LoraLoader", strength_model=0.0), 24)
    assert stage(with_it, "tile sample").peak == stage(without, "tile sample").peak
    assert stage(with_it, "tile sample").high > stage(without, "tile sample").high
    # The model's own copy stays in RAM.
    assert stage(with_it, "tile sample").ram > stage(without, "tile sample").ram + 10 * GIB


def test_time_on_a_3090() -> None:
    plan = planned(seed(), 24)
    assert plan.seconds == pytest.approx(427, rel=0.02)
    assert predict(seed(), built_in(), Machine(24 * GIB)).seconds is None


def test_a_plan_takes_no_time() -> None:
    planned(seed(), 24)
    start = time.process_time()
    planned(seed(), 12)
    assert time.process_time() - start < 0.05


def test_files_that_are_not_there_are_told_by_name() -> None:
    plan = planned(seed(), 24)
    assert set(plan.guessed) == {FLUX, T5, VAE, "clip_l.safetensors"}
    assert plan.complete
    odd = planned(changed(seed(), "UNETLoader", unet_name="odd.safetensors"), 24)
    assert odd.unknown == ("odd.safetensors",)
    assert not odd.complete
    assert all(found.kind not in ("sample", "tile sample") for found in odd.stages)


def test_headers_count_more_than_names() -> None:
    header = known_diffusion("flux1-dev.safetensors")
    assert header is not None
    machine = Machine(24 * GIB)
    plan = predict(seed(), built_in(), machine, {FLUX: header})
    assert FLUX not in plan.guessed
    assert stage(plan, "sample").resident[FLUX] > 18 * GIB


def test_a_checkpoint_is_its_three_parts() -> None:
    graph = WorkflowReader(built_in()).read(str(ROOT / "workflows" / "text_to_image.api.json")).graph
    assert graph is not None
    name = next(str(node.inputs["ckpt_name"]) for node in graph.nodes.values() if "ckpt_name" in node.inputs)
    parts = known_checkpoint(name)
    assert parts is not None
    diffusion, (first, second), vae = parts
    tensors = {
        **{f"model.diffusion_model.{key}": value for key, value in diffusion.tensors.items()},
        **{f"conditioner.embedders.0.transformer.{key}": value for key, value in first.tensors.items()},
        **{f"text_encoders.clip_g.transformer.{key}": value for key, value in second.tensors.items()},
        **{f"first_stage_model.{key}": value for key, value in vae.tensors.items()},
        "text_encoders.clip_g.logit_scale": ("F32", ()),
    }
    read = predict(graph, built_in(), Machine(12 * GIB), {name: Header("safetensors", tensors)})
    guessed = predict(graph, built_in(), Machine(12 * GIB))
    assert (read.guessed, guessed.guessed) == ((), (name,))
    assert [found.static for found in read.stages] == [found.static for found in guessed.stages]
    assert [found.peak for found in read.stages] == [found.peak for found in guessed.stages]


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        ("flux1-dev.safetensors", 23.8),
        ("flux1-krea-dev_fp8_scaled.safetensors", 11.9),
        ("flux1-dev-Q4_K_S.gguf", 6.7),
        ("sd3.5_large.safetensors", 16.3),
        ("qwen_image_fp8_e4m3fn.safetensors", 20.4),
        ("wan2.1_t2v_1.3B_bf16.safetensors", 2.8),
    ],
)
def test_known_models_have_their_size(name: str, gigabytes: float) -> None:
    header = known_diffusion(name)
    assert header is not None
    assert header.stored / 1e9 == pytest.approx(gigabytes, rel=0.02)
    encoder = known_encoder("umt5_xxl_fp16.safetensors")
    assert encoder is not None
    assert encoder.parameters == 5680910336
    assert known_diffusion("nothing.safetensors") is None
    assert known_encoder("nothing.safetensors") is None


@pytest.mark.parametrize(
    ("name", "vae"),
    [
        ("ae.safetensors", "kl"),
        ("wan_2.1_vae.safetensors", "wan21"),
        ("wan2.2_vae.safetensors", "wan22"),
        ("hunyuan_video_vae_bf16.safetensors", "hunyuan_video"),
        ("mochi_vae.safetensors", "mochi"),
    ],
)
def test_vaes_by_name(name: str, vae: str) -> None:
    header = known_vae(name)
    assert header is not None
    assert vae_of(header).name == vae
    assert header.parameters > 80_000_000


@pytest.mark.parametrize(
    ("latents", "encode", "decode"), [(1, 2028, 3426), (2, 6165, 8595), (9, 7193, 9207), (21, 7507, 9522)]
)
def test_what_videos_take_in_their_vae(latents: int, encode: int, decode: int) -> None:
    header = known_vae("wan_2.1_vae.safetensors")
    assert header is not None
    wan = vae_of(header)
    assert taken(wan, "BF16", (latents * 4 - 3, 1024, 1024), decode=False) / 1e6 == pytest.approx(encode, rel=0.002)
    assert taken(wan, "BF16", (latents, 128, 128), decode=True) / 1e6 == pytest.approx(decode, rel=0.002)


def test_pictures_have_the_size_they_are_said_to_have() -> None:
    plan = predict(seed(), built_in(), Machine(24 * GIB), pictures={"photograph.jpg": (512, 768)})
    assert stage(plan, "vae encode").asked == 1767 * 1024 * 1536 * 2
    assert next(job for job in jobs_of(seed(), built_in()) if job.kind == "tiles").times == 16


def test_uniform_tiles_and_seams() -> None:
    def tiles(**inputs: object) -> tuple[int, int]:
        job = next(
            job for job in jobs_of(changed(seed(), "UltimateSDUpscale", **inputs), built_in()) if job.kind == "tiles"
        )
        return job.times, job.picture.width

    assert tiles() == (16, 544)
    assert tiles(tile_width=384, tile_height=384) == (36, 416)
    assert tiles(seam_fix_mode="Band Pass") == (22, 544)
    assert tiles(seam_fix_mode="Half Tile") == (40, 544)
    assert tiles(seam_fix_mode="Half Tile + Intersections") == (49, 544)


def test_pictures_that_a_conditioning_refers_to_count() -> None:
    graph = WorkflowReader(built_in()).read(str(ROOT / "workflows" / "edit_with_words.api.json")).graph
    assert graph is not None
    job = next(job for job in jobs_of(graph, built_in()) if job.kind == "sample")
    assert job.references == (1024 * 1024, 0)
    alone = Graph({id: node for id, node in graph.nodes.items() if node.type != "ReferenceLatent"})
    with_it, without = stage(planned(graph, 24), "sample"), stage(planned(alone, 24), "sample")
    assert with_it.asked == pytest.approx(without.asked * 1.5)  # twice the latent, and once what it refers to
    assert with_it.peak > without.peak
    assert (with_it.seconds or 0) > 2 * (without.seconds or 0)


def test_models_are_in_ram_before_they_are_on_the_card() -> None:
    plan = planned(seed(), 24)
    assert stage(plan, "tile sample").ram > 10 * GIB


def test_two_models_in_turn_make_room_for_each_other() -> None:
    graph = WorkflowReader(built_in()).read(str(ROOT / "workflows" / "text_to_video.api.json")).graph
    assert graph is not None
    samples = [found for found in planned(graph, 24).stages if found.kind == "sample"]
    first, second = (set(found.resident) for found in samples)
    assert any("high_noise" in name for name in first)
    assert any("low_noise" in name for name in second)
    assert not any("high_noise" in name for name in second)


def test_the_server_runs_outputs_as_soon_as_it_can() -> None:
    nodes = {
        "1": Node("1", "LoadImage", {"image": "a.png"}),
        "2": Node("2", "ImageScaleBy", {"image": Link("1", 0), "upscale_method": "lanczos", "scale_by": 2.0}),
        "3": Node("3", "SaveImage", {"images": Link("2", 0), "filename_prefix": "a"}),
        "4": Node("4", "PreviewImage", {"images": Link("1", 0)}),
        "5": Node("5", "LoadImage", {"image": "unused.png"}),
    }
    assert [node.id for node in server_order(Graph(nodes), built_in())] == ["1", "4", "2", "3"]


def test_a_cycle_ends() -> None:
    nodes = {
        "1": Node("1", "ImageInvert", {"image": Link("2", 0)}),
        "2": Node("2", "ImageInvert", {"image": Link("1", 0)}),
        "3": Node("3", "SaveImage", {"images": Link("2", 0), "filename_prefix": "a"}),
    }
    assert predict(Graph(nodes), built_in(), Machine(8 * GIB)).stages == ()


@pytest.mark.parametrize("name", ["rtx-3090", "RTX 3090", "NVIDIA GeForce RTX 3090", "3090", "Tesla T4", "NVIDIA A100"])
def test_cards_by_name(name: str) -> None:
    assert gpu_named(name).name in ("rtx-3090", "t4", "a100")
    assert machine_with(gpu_named("rtx 4090")).fp8


def test_a_card_that_is_mistyped() -> None:
    with pytest.raises(ValueError, match='no card "rtx-3909" is known; did you mean "rtx-'):
        gpu_named("rtx-3909")


def test_every_card_is_whole() -> None:
    assert len(GPUS) > 40
    for gpu in GPUS.values():
        assert (gpu.fp8 > 0) == (gpu.capability >= (8, 9)), gpu.name


@pytest.mark.parametrize(
    ("pixels", "work"), [(416, 12.65), (544, 19.64), (1024, 69.47), (1280, 116.98), (1600, 206.1), (2048, 408.8)]
)
def test_work_of_flux_is_what_was_counted(pixels: int, work: float) -> None:
    assert clock.sampling("flux", (pixels / 8) ** 2) == pytest.approx(work, rel=0.0004)


@pytest.mark.parametrize(("sampler", "calls"), [("euler", 10), ("heun", 19), ("heunpp2", 27), ("seeds_3", 28)])
def test_samplers_ask_their_model_more_than_once_a_step(sampler: str, calls: int) -> None:
    assert clock.calls(sampler, 10) == calls


@given(
    vram=st.integers(1 << 28, 200 << 30),
    ram=st.integers(0, 1 << 38),
    context=st.integers(0, 1 << 31),
    capability=st.sampled_from([(6, 1), (7, 0), (7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (12, 0)]),
    words=st.sampled_from(["", "--highvram", "--gpu-only", "--lowvram", "--novram", "--cpu", "--disable-smart-memory"]),
)
@settings(max_examples=40, deadline=None)
def test_books_are_kept_on_any_machine(
    vram: int, ram: int, context: int, capability: tuple[int, int], words: str
) -> None:
    machine = Machine(vram, ram, context, capability, **flags(words))  # type: ignore[arg-type]
    for found in predict(seed(), built_in(), machine).stages:
        assert found.static >= context + sum(found.resident.values())
        assert found.static <= found.low <= found.peak <= found.high
        assert min(found.resident.values(), default=0) >= 0
        assert found.offloaded >= 0


@given(
    st.dictionaries(
        st.text("abc.0123", min_size=1, max_size=12),
        st.tuples(
            st.sampled_from(["F16", "BF16", "F32", "F8_E4M3", "I64", "Q4_K", "odd"]),
            st.lists(st.integers(0, 1 << 40), max_size=4).map(tuple),
        ),
        max_size=6,
    ).map(lambda tensors: {**tensors, "scaled_fp8": ("odd", (2,))} if len(tensors) == 3 else tensors),
    st.sampled_from(["safetensors", "gguf", "pth"]),
)
@settings(max_examples=60, deadline=None)
def test_no_header_breaks_a_plan(tensors: dict[str, tuple[str, tuple[int, ...]]], kind: str) -> None:
    header = Header(kind, tensors)
    plan = predict(seed(), built_in(), Machine(8 * GIB), {FLUX: header, T5: header, VAE: header})
    assert plan.stages
