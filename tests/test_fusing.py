"""Fused prompts: the pictures of single ones, what is in common once, and none where that is unwise or too large."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from comfyproof.canonical import fingerprint
from comfyproof.catalog.pinned import built_in, from_object_info
from comfyproof.driver import compile_spec
from comfyproof.emulator.embedded import Emulator
from comfyproof.formats.api import from_api
from comfyproof.fusing import MOST_FUSED, MOST_UNPLANNED, Fused, fuse, fuse_shard, hindrance
from comfyproof.graph import Graph, Link, Node
from comfyproof.ordering import order, profile_of, shards
from comfyproof.passes.merge import merge_equal
from comfyproof.passes.prune import outputs, prune_unused
from comfyproof.plan.gpus import gpu_named, machine_with
from comfyproof.plan.machine import GIB
from comfyproof.run.answers import Succeeded
from comfyproof.run.client import Client
from comfyproof.spec.pipeline import Changes
from conftest import ROOT
from tiers import Ran, content, counted, tiers

CATALOG = built_in()


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Graph]:
    return tiers(tmp_path_factory.mktemp("tiers"), 3)


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    with Client(emulator.url) as found:
        requests.post(f"{emulator.url}/free", json={"free_memory": True}, timeout=10)
        yield found


def grouped(graphs: Sequence[Graph]) -> list[list[Graph]]:
    """The jobs in the groups of their shards, in the order in which they run."""
    profiles = [profile_of(graph, CATALOG, content) for graph in graphs]
    found = shards(profiles, order(profiles))
    return [[graphs[n] for n in group] for shard in found for group in shard.groups]


def pixels(client: Client, run: Ran) -> dict[str, tuple[tuple[int, int], bytes]]:
    """The pictures of a run by the node that gave them."""
    assert isinstance(run.outcome, Succeeded)
    found = {}
    for file in run.outcome.outputs:
        picture = Image.open(io.BytesIO(client.fetch(file, limit_bytes=2**22)))
        found[file.node_id] = (picture.size, picture.tobytes())
    return found


def test_between_other_clients_prompts_a_photograph_is_enlarged_once_if_its_tiers_are_fused(
    client: Client, three: list[Graph]
) -> None:
    groups = grouped(three)
    with Client(client.url) as other:

        def amid_others(graphs: Sequence[Graph]) -> list[Ran]:
            runs = []
            for n, graph in enumerate(graphs):
                runs.append(Ran(client, graph))
                Ran(other, stranger(n))
            return runs

        single = counted(amid_others([graph for group in groups for graph in group]))
        fused = counted(amid_others([one.graph for group in groups for one in fuse_shard([group], CATALOG)]))
    assert single == {
        "CheckpointLoaderSimple": 9,
        "UpscaleModelLoader": 9,
        "ImageUpscaleWithModel": 9,
        "VAEEncode": 9,
        "KSampler": 9,
    }
    assert fused == {
        "CheckpointLoaderSimple": 3,
        "UpscaleModelLoader": 3,
        "ImageUpscaleWithModel": 3,
        "VAEEncode": 3,
        "KSampler": 9,
    }


def stranger(n: int) -> Graph:
    """A prompt of somebody else's."""
    return from_api({
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": n}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    })  # fmt: skip


def test_fused_pictures_are_those_of_single_runs(client: Client, three: list[Graph]) -> None:
    jobs = [three[0], three[3], three[4]]  # of two tiers and two photographs
    fused = fuse(jobs, CATALOG)
    together = pixels(client, Ran(client, fused.graph))
    assert len(together) == len(fused.outputs) == 6
    for member, graph in enumerate(jobs):
        alone = pixels(client, Ran(client, graph))
        mine = {own: together[id] for id, (which, own) in fused.outputs.items() if which == member}
        assert mine == alone
    assert len(set(together.values())) == 3


def test_jobs_with_the_same_outputs_each_keep_their_own(client: Client, three: list[Graph]) -> None:
    fused = fuse([three[0], three[0]], CATALOG)
    assert len(fused.graph.nodes) == len(three[0].nodes) + 2
    together = pixels(client, Ran(client, fused.graph))
    assert sorted(fused.outputs.values()) == sorted((n, id) for n in (0, 1) for id in outputs(three[0], CATALOG))
    assert together.keys() == fused.outputs.keys()


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Small graphs of which much is equal, with output nodes here and there."""
    nodes: dict[str, Node] = {}
    for n in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(["ImageInvert", "ImageBlend", "PreviewImage", "EmptyImage", "Nobody"]))
        link = st.builds(Link, st.sampled_from([*nodes]), st.just(0)) if nodes else st.integers(0, 1)
        inputs = draw(st.dictionaries(st.sampled_from(["image1", "image2"]), link | st.integers(0, 1), max_size=2))
        nodes[str(n)] = Node(str(n), kind, inputs)
    return Graph(nodes)


@given(st.lists(graphs(), min_size=1, max_size=3))
@settings(max_examples=60)
def test_each_job_is_in_a_fused_graph_as_it_was(several: list[Graph]) -> None:
    fused = fuse(several, CATALOG)
    assert sorted(fused.outputs.values()) == sorted(
        (n, id) for n, graph in enumerate(several) for id in outputs(graph, CATALOG)
    )
    assert set(fused.outputs) == set(outputs(fused.graph, CATALOG))
    for member, graph in enumerate(several):
        wanted = prune_unused(graph, CATALOG)
        part = prune_unused(fused.part(member), CATALOG)
        assert fingerprint(merge_equal(part, CATALOG)) == fingerprint(merge_equal(wanted, CATALOG))
        for id, other in fused.nodes[member].items():
            assert fused.graph.nodes[other].type == graph.nodes[id].type
    if len(several) > 1:  # what is equal is there once
        assert fingerprint(merge_equal(fused.graph, CATALOG)) == fingerprint(fused.graph)


@given(st.lists(graphs(), max_size=5), st.integers(1, 3))
@settings(max_examples=40)
def test_every_job_of_a_group_is_in_one_prompt(several: list[Graph], most: int) -> None:
    found = fuse_shard([several], CATALOG, most=most)
    assert [member for one in found for member in one.members] == list(range(len(several)))
    for one in found:
        assert len(one.members) <= most
        assert len(one.members) == 1 or not any(hindrance(several[n], CATALOG) for n in one.members)
        for id, (which, own) in one.outputs.items():
            assert one.graph.nodes[id].type == several[one.members[which]].nodes[own].type


def many(graph: Graph, count: int) -> list[Graph]:
    """As many jobs, with a seed of their own each."""
    found = []
    for seed in range(count):
        nodes = {
            id: replace(node, inputs={**node.inputs, "seed": seed}) if "seed" in node.inputs else node
            for id, node in graph.nodes.items()
        }
        found.append(Graph(nodes))
    return found


def sizes(found: list[Fused]) -> list[int]:
    return [len(one.members) for one in found]


def test_as_many_are_fused_as_fit(three: list[Graph]) -> None:
    jobs = many(three[0], 10)
    ample = machine_with(gpu_named("rtx-3090"), 64 * GIB)
    found = fuse_shard([jobs], CATALOG, ample)
    assert sizes(found) == [MOST_FUSED, 2]
    assert [one.why for one in found] == ["8 jobs are as many as go in one prompt", ""]
    flux = compile_spec(ROOT / "specs/production_upscale_enhance.yaml", CATALOG, Changes({})).program
    assert flux is not None
    found = fuse_shard([many(flux.graph, 10)], CATALOG, machine_with(gpu_named("rtx-3090"), 24 * GIB))
    assert sizes(found) == [5, 5]
    assert [one.why for one in found] == ["more do not fit in RAM", ""]
    found = fuse_shard([many(flux.graph, 2)], CATALOG, machine_with(gpu_named("rtx-3090"), 16 * GIB))
    assert [one.why for one in found] == ["not even this one has room", ""]


def test_a_prompt_has_whole_groups_where_it_can(three: list[Graph]) -> None:
    machine = machine_with(gpu_named("rtx-3090"), 64 * GIB)
    assert sizes(fuse_shard(grouped(three), CATALOG, machine)) == [6, 3]
    assert sizes(fuse_shard(grouped(three), CATALOG)) == [3, 3, 3]
    jobs = many(three[0], 13)
    assert sizes(fuse_shard([jobs[:1], jobs[1:11], jobs[11:]], CATALOG, machine)) == [1, 8, 4]


def test_where_no_machine_is_known_few_are_fused(three: list[Graph]) -> None:
    found = fuse_shard([many(three[0], 6)], CATALOG)
    assert sizes(found) == [MOST_UNPLANNED, 2]
    assert found[0].why == "no machine is known, so what more would take is unknown"


def test_where_a_model_is_not_known_few_are_fused() -> None:
    graph = from_api({
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "mystery.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "x"}},
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "4": {"class_type": "KSampler", "inputs": {
            "model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent_image": ["3", 0], "seed": 0,
            "steps": 2, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}},
        "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "x"}},
    })  # fmt: skip
    found = fuse_shard([many(graph, 5)], CATALOG, machine_with(gpu_named("rtx-3090")))
    assert sizes(found) == [4, 1]
    assert found[0].why == 'nothing is known of "mystery.safetensors", so what more would take is unknown'


def test_jobs_with_nothing_in_common_stay_apart() -> None:
    found = fuse_shard([[stranger(1), stranger(1), stranger(2)]], CATALOG)
    assert sizes(found) == [2, 1]
    assert found[0].why == "the next has nothing in common with it"


ALONE = [
    ("GetImageSize", {"image": ["1", 0]}, "is told its own id, which is another in a prompt with others"),
    ("RebatchImages", {"images": ["1", 0], "batch_size": 1}, "makes several runs of the nodes behind it"),
    ("SaveImageWebsocket", {"images": ["1", 0]}, "sends its pictures without saying which job they are of"),
    ("Nobody", {}, "is not known to the catalog"),
    ("ImageInvert", {"image": ["9", 0]}, "has a link to a node that is not there"),
]


@pytest.mark.parametrize(("kind", "inputs", "why"), ALONE)
def test_what_had_better_run_alone_does(kind: str, inputs: dict[str, object], why: str) -> None:
    odd = Graph({**stranger(1).nodes, **from_api({"3": {"class_type": kind, "inputs": inputs}}).nodes})
    why = f'"{kind}" {why}'
    assert hindrance(odd, CATALOG) == why
    found = fuse_shard([[stranger(1), stranger(1), odd, stranger(1), stranger(1)]], CATALOG)
    assert sizes(found) == [2, 1, 2]
    assert [one.why for one in found] == [f"the next runs alone: {why}", why, ""]


def test_nodes_that_ask_a_service_are_not_risked() -> None:
    raw = {**{name: CATALOG.raw[name] for name in ("EmptyImage", "PreviewImage")}}
    raw["Asker"] = {**CATALOG.raw["ImageInvert"], "api_node": True}
    graph = Graph({**stranger(1).nodes, "3": Node("3", "Asker", {"image": Link("1", 0)})})
    assert hindrance(graph, from_object_info(raw, "test")).startswith('"Asker" asks a service')
