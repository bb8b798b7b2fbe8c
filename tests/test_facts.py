"""What is read from a graph: families, prompts, latents, sizes, and how much noise sampling begins with."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.facts.describe import describe
from comfyproof.facts.kinds import KINDS, accelerator_of, family_of, upscale_factor, vae_latents
from comfyproof.facts.read import Facts, facts_of, read_facts
from comfyproof.facts.samplers import Sampling
from comfyproof.facts.schedules import Noise, sigmas
from comfyproof.graph import Graph, Link, Node
from comfyproof.rules.registry import check

BASES: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "rules" / "bases.yaml").read_text())

# The first sigma as ComfyUI 0.3.64 gives it: 12 steps of euler at 0.3, 20 of uni_pc at 0.5, 4 of euler at 0.15.
RUNS = ((12, 0.3, "euler"), (20, 0.5, "uni_pc"), (4, 0.15, "euler"))
RECORDED = """
flux 1.15 simple .5751 .7683 .3649
flux 1.15 sgm_uniform .5754 .7684 .3652
flux 1.15 karras .0089 .0534 .0016
flux 1.15 exponential .0031 .0178 .0008
flux 1.15 ddim_uniform .5453 .7493 .2918
flux 1.15 beta .4912 .7717 .2164
flux 1.15 normal .5540 .7596 .3016
flux 1.15 linear_quadratic .8130 .9750 .5024
flux 1.15 kl_optimal .2255 .4144 .0948
flow 3 simple .5625 .7596 .3532
flow 3 sgm_uniform .5649 .7601 .3574
flow 3 karras .0264 .0984 .0082
flow 3 ddim_uniform .5347 .7362 .2825
flow 3 beta .4796 .7625 .2091
flow 3 normal .5436 .7511 .2954
flow 8 simple .7742 .8939 .5929
flow 8 kl_optimal .2312 .4189 .1016
discrete 1 simple .8299 1.6846 .4628
discrete 1 sgm_uniform .8319 1.6828 .4644
discrete 1 karras .3129 1.2741 .0884
discrete 1 exponential .1684 .6529 .0615
discrete 1 ddim_uniform .7651 1.5192 .3776
discrete 1 beta .6549 1.7074 .2983
discrete 1 normal .7811 1.6156 .3885
discrete 1 linear_quadratic 11.8817 14.2493 7.3419
discrete 1 kl_optimal .4765 .9616 .2089
"""
SCHEDULERS = sorted({line.split()[2] for line in RECORDED.split("\n") if line})


def graph(base: str, changes: Mapping[str, Any] | None = None, add: Mapping[str, Any] | None = None) -> Graph:
    nodes = {}
    for id, node in {**BASES[base], **(add or {})}.items():
        for kind, inputs in node.items():
            values = {**inputs, **{k.partition(".")[2]: v for k, v in (changes or {}).items() if k.split(".")[0] == id}}
            links = {k: Link(*v) if isinstance(v, list) and len(v) == 2 else v for k, v in values.items()}
            nodes[id] = Node(id, kind, links, title=id)
    return Graph(nodes)


def facts(base: str, changes: Mapping[str, Any] | None = None, add: Mapping[str, Any] | None = None) -> Facts:
    return read_facts(graph(base, changes, add), built_in())


def sampler(base: str, changes: Mapping[str, Any] | None = None, add: Mapping[str, Any] | None = None) -> Sampling:
    (found,) = facts(base, changes, add).samplers
    return found


@pytest.mark.parametrize("line", RECORDED.strip().split("\n"))
def test_schedules_begin_as_recorded(line: str) -> None:
    kind, shift, scheduler, *first = line.split()
    for (steps, denoise, name), wanted in zip(RUNS, first, strict=True):
        found = sigmas(Noise(kind, float(shift)), scheduler, steps, denoise, name)
        assert found
        assert found[0] == pytest.approx(float(wanted), rel=1e-3, abs=2e-4)


@given(
    kind=st.sampled_from(["flow", "flux", "discrete"]),
    shift=st.floats(0.1, 12),
    scheduler=st.sampled_from(SCHEDULERS),
    steps=st.integers(1, 60),
    denoise=st.floats(0.05, 1),
)
def test_schedules_go_down_and_keep_a_share(
    kind: str, shift: float, scheduler: str, steps: int, denoise: float
) -> None:
    noise = Noise(kind, shift)
    found = sigmas(noise, scheduler, steps, denoise)
    assert found
    assert len(found) <= steps + 2
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(found))
    assert found[-1] == pytest.approx(0, abs=1e-9)
    assert all(0 <= noise.kept(sigma) <= 1 for sigma in found)


@pytest.mark.parametrize(
    ("steps", "denoise"), [(0, 1.0), (-3, 1.0), (10**9, 1.0), (20, 1e-9), (20, math.nan), (20, math.inf)]
)
def test_schedules_that_make_no_sense_are_none(steps: int, denoise: float) -> None:
    started = time.process_time()
    assert sigmas(Noise("flux", 1.15), "beta", steps, denoise) is None
    assert time.process_time() - started < 1


def test_nothing_to_do_is_no_schedule() -> None:
    assert sigmas(Noise("flux", 1.15), "simple", 20, 0.0) == []
    assert sigmas(Noise("flux", 1.15), "of a pack", 20) is None


@pytest.mark.parametrize(
    ("file", "family"),
    [
        ("flux1-krea-dev_fp8_scaled.safetensors", ("flux", "krea")),
        ("FLUX1/flux1-dev-Q8_0.gguf", ("flux", "dev")),
        ("sub\\flux1-schnell.safetensors", ("flux-schnell", "")),
        ("flux2_dev.safetensors", ("flux2", "")),
        ("Chroma1-HD.safetensors", ("chroma", "")),
        ("wan2.2_ti2v_5B_fp16.safetensors", ("wan22-5b", "")),
        ("wan2.2_t2v_high_noise_14B_fp16.safetensors", ("wan", "")),
        ("sd_xl_refiner_1.0.safetensors", ("sdxl-refiner", "")),
        ("juggernautXL_v9.safetensors", ("sdxl", "")),
        ("v1-5-pruned-emaonly.safetensors", ("sd15", "")),
        ("sd3.5_large.safetensors", ("sd3", "")),
        ("hunyuanvideo1.5_720p.safetensors", ("", "")),
        ("dreamshaper_8.safetensors", ("", "")),
        ("swan2_v1.safetensors", ("", "")),
    ],
)
def test_families_by_file_name(file: str, family: tuple[str, str]) -> None:
    assert family_of(file) == family
    assert family[0] in {*KINDS, ""}


def test_what_other_names_say() -> None:
    said = {
        name: (made.word, made.steps) if (made := accelerator_of(name)) else None
        for name in ("FLUX.1-Turbo-Alpha.safetensors", "sdxl_lightning_4step.safetensors", "hyperrealism.safetensors")
    }
    assert list(said.values()) == [("turbo", 8), ("lightning", 4), None]
    assert [upscale_factor(name) for name in ("4x_NMKD.pth", "RealESRGAN_x2plus.pth", "4x_to_2x.pth", "up.pth")] == [
        4,
        2,
        None,
        None,
    ]
    ae = vae_latents("flux/ae.safetensors")
    assert ae is not None
    assert ae.channels == 16
    assert vae_latents("maeve.safetensors") is None


def test_a_sampler_with_all_that_reaches_it() -> None:
    found = sampler("flux", {"sampler.denoise": 0.3})
    assert (found.model.family, found.model.variant, found.model.certain) == ("flux", "dev", True)
    assert (found.count, found.strength, found.amount) == (25, 1, 0.3)
    assert found.positive is not None
    assert found.positive.guidance is not None
    assert found.positive.guidance.number == 3.5
    assert [setting.text for setting in found.positive.texts] == ["a lighthouse on a cliff at dusk"]
    assert found.negative is not None
    assert found.negative.zeroed
    assert (found.latent.source, found.latent.size) == ("empty", (1024, 1024))
    assert found.first == pytest.approx(0.575, abs=2e-3)


def test_guider_noise_and_schedule_of_nodes_of_their_own() -> None:
    found = sampler("flux_custom", {"sigmas.denoise": 0.5})
    assert (found.strength, found.count, found.amount, found.noised) == (1, 25, 0.5, True)
    assert found.denoise is not None
    assert (found.denoise.node.id, found.denoise.input) == ("sigmas", "denoise")
    assert found.sampler is not None
    assert found.sampler.text == "euler"


def test_the_shift_of_a_node_holds() -> None:
    moved = {"moved": {"ModelSamplingSD3": {"model": ["model", 0], "shift": 1.0}}}
    found = sampler("flux", {"sampler.denoise": 0.3, "sampler.model": ["moved", 0]}, moved)
    assert found.model.noise == Noise("flow", 1.0)
    assert found.first == pytest.approx(0.3, abs=0.01)
    large = {
        "moved": {
            "ModelSamplingFlux": {
                "model": ["model", 0],
                "max_shift": 1.15,
                "base_shift": 0.5,
                "width": 2048,
                "height": 2048,
            }
        }
    }
    found = sampler("flux", {"sampler.denoise": 0.3, "sampler.model": ["moved", 0]}, large)
    assert found.first == pytest.approx(0.915, abs=3e-3)


def test_values_come_through_primitives() -> None:
    chain = {"b": {"PrimitiveInt": {"value": ["a", 0]}}, "a": {"PrimitiveInt": {"value": 7}}}
    assert sampler("sd15", {"sampler.steps": ["b", 0]}, chain).count == 7
    assert sampler("sd15", {"sampler.steps": ["load", 0]}, {"load": {"LoadImage": {"image": "x.png"}}}).count is None


@pytest.mark.parametrize("value", [True, "7", None, math.nan, math.inf, [1], {"a": 1}])
def test_what_is_no_number_is_not_known(value: Any) -> None:
    found = sampler("sd15", {"sampler.cfg": value, "sampler.steps": value, "latent.width": value})
    assert (found.strength, found.count, found.latent.size) == (None, None, None)


def test_a_node_that_is_not_known_may_have_changed_anything() -> None:
    found = sampler("flux", {"sampler.model": ["other", 0]}, {"other": {"SomeoneElses": {"model": ["model", 0]}}})
    assert found.model.opaque
    assert found.model.family == "flux"
    assert found.first is None
    other = sampler("flux", {"sampler.positive": ["other", 0]}, {"other": {"SomeoneElses": {"x": 1}}})
    assert other.positive is not None
    assert not other.positive.complete


def test_a_family_by_its_text_encoders() -> None:
    found = sampler("flux", {"model.unet_name": "mix.safetensors"})
    assert (found.model.family, found.model.certain) == ("flux", False)
    assert "DualCLIPLoader" in found.model.reason


def test_sizes_are_followed() -> None:
    add = {
        "small": {"ImageScaleBy": {"image": ["decode", 0], "upscale_method": "area", "scale_by": 0.5}},
        "siax": {"UpscaleModelLoader": {"model_name": "4x_NMKD-Siax_200k.pth"}},
        "large": {"ImageUpscaleWithModel": {"upscale_model": ["siax", 0], "image": ["small", 0]}},
    }
    found = facts("sd15", {}, add)
    assert found.size(Link("small", 0)) == (256, 256)
    assert found.size(Link("large", 0)) == (1024, 1024)
    assert facts("img2img").size(Link("load", 0)) is None


def test_facts_are_kept_with_their_graph() -> None:
    made = graph("sd15")
    assert facts_of(made, built_in()) is facts_of(made, built_in())
    assert made == graph("sd15")


def test_in_words() -> None:
    changes = {"sampler.denoise": 0.3}
    picture = {
        "load": {"LoadImage": {"image": "x.png"}},
        "latent": {"VAEEncode": {"pixels": ["load", 0], "vae": ["vae", 0]}},
    }
    assert describe(facts("flux", changes, picture)) == [
        '"sampler" (KSampler)',
        '  model: flux (dev), by the file name "flux1-dev.safetensors"',
        '  positive: "a lighthouse on a cliff at dusk"',
        "  negative: zeroed",
        "  guidance: 3.5",
        "  latent: of a picture, flux with 16 channels",
        "  sampling: steps 25, cfg 1, sampler euler, scheduler simple, denoise 0.3",
        "  begins with: sigma 0.577, which keeps 42% of the latent",
    ]
    assert describe(facts("upscale")) == ["nothing here samples"]


LONGEST = 3000


@pytest.mark.parametrize(
    ("kind", "name", "inputs"),
    [
        ("LatentUpscaleBy", "samples", {"upscale_method": "area", "scale_by": 1.0}),
        ("ImageScaleBy", "image", {"upscale_method": "area", "scale_by": 1.0}),
        ("FreeU", "model", {"b1": 1.0, "b2": 1.0, "s1": 1.0, "s2": 1.0}),
        ("ConditioningSetMask", "conditioning", {"strength": 1.0, "set_cond_area": "default"}),
        ("PrimitiveInt", "value", {}),
        ("Reroute", "", {}),
    ],
)
def test_long_chains_and_circles_end_soon(kind: str, name: str, inputs: dict[str, Any]) -> None:
    nodes = {}
    for n in range(LONGEST):
        nodes[str(n)] = Node(str(n), kind, {name: Link(str((n + 1) % LONGEST), 0), **inputs})
    taken = dict.fromkeys(("model", "positive", "negative", "latent_image", "steps", "cfg", "denoise"), Link("0", 0))
    nodes["s"] = Node("s", "KSampler", {**taken, "sampler_name": "euler", "scheduler": "simple"})
    nodes["e"] = Node("e", "VAEEncode", {"pixels": Link("0", 0), "vae": Link("0", 0)})
    started = time.process_time()
    found = read_facts(Graph(nodes), built_in())
    assert describe(found)
    assert found.size(Link("0", 0)) is None
    check(Graph({id: nodes[id] for id in ("s", "e")}), built_in())
    assert time.process_time() - started < 2


@pytest.mark.parametrize("base", BASES)
def test_no_value_of_any_input_breaks_a_rule(base: str) -> None:
    junk = [
        None,
        True,
        -1,
        0,
        10**400,
        1e308,
        math.nan,
        math.inf,
        "karras",
        "\ud800",
        [],
        {"a": 1},
        ["sampler", 0],
        ["x", 9],
    ]
    for id, node in BASES[base].items():
        for name in next(iter(node.values())):
            for value in junk:
                made = graph(base, {f"{id}.{name}": value})
                check(made, built_in())
                assert describe(facts_of(made, built_in()))
