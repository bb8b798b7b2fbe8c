"""The order of jobs: what neighbors share is what a server says it had cached, and is never less than before."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st

from comfyproof.catalog.pinned import built_in
from comfyproof.emulator.cache import Cache
from comfyproof.emulator.embedded import Emulator
from comfyproof.formats.api import from_api
from comfyproof.graph import Asset, Graph, Node
from comfyproof.ordering import Profile, Shard, Work, order, profile_of, shards, shared
from comfyproof.run.client import Client
from tiers import Ran, content, counted, tiers


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    with Client(emulator.url) as found:
        requests.post(f"{emulator.url}/free", json={"free_memory": True}, timeout=10)
        yield found


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Graph]:
    return tiers(tmp_path_factory.mktemp("tiers"), 4)


def test_each_photograph_is_enlarged_once_and_models_are_loaded_once_in_all(client: Client, three: list[Graph]) -> None:
    profiles = [profile_of(graph, built_in(), content) for graph in three]
    runs = [Ran(client, three[n]) for n in order(profiles)]
    assert counted(runs) == {
        "CheckpointLoaderSimple": 1,
        "UpscaleModelLoader": 1,
        "ImageUpscaleWithModel": 4,
        "VAEEncode": 4,
        "KSampler": 12,
    }
    for name, jobs in ("tier by tier", three), ("as ordered", [three[n] for n in order(profiles)]):
        predicted = shared(profile_of(graph, built_in(), content) for graph in jobs)
        requests.post(f"{client.url}/free", json={"free_memory": True}, timeout=10)
        done = [Ran(client, graph) for graph in jobs]
        assert predicted.whole.shared == sum(len(run.cached) for run in done), name
        assert predicted.whole.nodes == sum(len(graph.nodes) for graph in jobs), name


# Of graphs of any form: what is predicted against what the emulator's cache finds, which recordings of ComfyUI judge.


# Two nodes of a kind, or one that is taken twice: the same pictures, and another signature behind them.
TWINS = [
    {
        "0": {"class_type": "X", "inputs": {}},
        "1": {"class_type": "X", "inputs": {}},
        "2": {"class_type": "X", "inputs": {"a": ["0", 0], "b": [other, 0]}},
        "3": {"class_type": "X", "inputs": {"a": ["2", 0]}},
    }
    for other in ("0", "1")
]


@st.composite
def prompts(draw: st.DrawFn) -> dict[str, Any]:
    """Small prompts in which much is equal, some of it twice."""
    found: dict[str, Any] = {}
    for n in range(draw(st.integers(1, 6))):
        links = st.builds(lambda id, output: [id, output], st.sampled_from([*found] or ["gone"]), st.integers(0, 1))
        values = st.sampled_from([0, 1, 1.0, True, 0.5, "1", "a", None, {"a": 1}])
        inputs = st.dictionaries(st.sampled_from("ab"), values | links if found else values, max_size=2)
        found[str(n)] = {"class_type": draw(st.sampled_from(["X", "GetImageSize"])), "inputs": draw(inputs)}
    return found


@example(*({"0": {"class_type": "X", "inputs": {"a": value}}} for value in (1, True)))
@example(*TWINS)
@given(prompts(), prompts())
@settings(max_examples=80)
def test_signatures_are_equal_where_a_server_finds_results(one: dict[str, Any], other: dict[str, Any]) -> None:
    cache = Cache()
    known = []
    for prompt in (one, other):
        cache.set_prompt(prompt, lambda id: False, lambda id, prompt=prompt: prompt[id]["class_type"] != "X")
        known.append(cache.keys)
    first, second = (profile_of(from_api(prompt), built_in()) for prompt in (one, other))
    at_hand = set(first.signatures)
    found = sum(signature in at_hand for signature in second.signatures)
    assert found == sum(key in set(known[0].values()) for key in known[1].values())
    assert len(set(second.signatures)) == len(set(known[1].values()))
    assert len(second.signatures) + second.apart == len(other)


def test_a_node_that_is_computed_anew_is_never_at_hand_nor_what_it_feeds() -> None:
    graph = from_api({
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
        "2": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    })  # fmt: skip
    profile = profile_of(graph, built_in())
    assert (len(profile.signatures), profile.apart) == (2, 2)
    assert shared([profile, profile]).whole[:2] == (8, 2)


def test_files_are_told_apart_by_what_is_in_them() -> None:
    def loads(path: str) -> Graph:
        return Graph({"1": Node("1", "LoadImage", {"image": Asset(path, "x.png")})})

    def both(content: Any) -> bool:
        one, other = (profile_of(loads(path), built_in(), content) for path in ("a.png", "b.png"))
        return one == other

    assert both(lambda asset: "the same")
    assert not both(lambda asset: asset.path)


# Of profiles alone.


def profiles_of(weights: Sequence[float], rows: Sequence[Sequence[int]]) -> list[Profile]:
    """Jobs of nodes with these weights, each row with its values; 0 is no node."""
    return [
        Profile(
            f"{row[0] % 2}",
            tuple(n * 10 + value for n, value in enumerate(row) if value),
            tuple(Work(n, "other", weight) for n, weight in enumerate(weights) if row[n]),
        )
        for row in rows
    ]


@st.composite
def jobs(draw: st.DrawFn) -> list[Profile]:
    """Jobs whose parts take few values, so that they have this and that in common."""
    weights = draw(st.lists(st.sampled_from([0.01, 1.0, 2.0, 20.0]), min_size=1, max_size=5))
    return profiles_of(weights, draw(st.lists(st.tuples(*[st.integers(0, 3)] * len(weights)), max_size=14)))


# Where the order given is better than what is found quickly.
@example(profiles_of([1.0, 20.0, 20.0, 2.0], [(2, 2, 0, 1), (2, 1, 2, 2), (2, 2, 2, 2), (2, 2, 0, 0)]))
@given(jobs())
def test_an_order_has_each_job_once_and_never_shares_less_than_the_one_given(profiles: list[Profile]) -> None:
    found = order(profiles)
    assert sorted(found) == list(range(len(profiles)))
    assert found == order(profiles)
    before, after = shared(profiles), shared(profiles[n] for n in found)
    assert after.switches == max(len({profile.model for profile in profiles}) - 1, 0)
    assert after.switches < before.switches or after.whole.shared_seconds > before.whole.shared_seconds - 1e-9
    alike = [profiles[n] for n in found]
    assert len([key for key, _ in itertools.groupby(alike)]) == len(set(alike))


@pytest.mark.parametrize("weights", [*itertools.product([0.01, 1.0, 9.0], repeat=3)])
def test_each_node_of_a_mixed_up_tree_runs_once(weights: tuple[float, ...]) -> None:
    leaves = [*itertools.product(range(3), range(2), range(3))]
    random.Random(3).shuffle(leaves)
    profiles = [
        Profile(
            "m",
            (leaf[0], 10 + leaf[0] * 2 + leaf[1], 100 + n),
            tuple(Work(part, "other", weight) for part, weight in enumerate(weights)),
        )
        for n, leaf in enumerate(leaves)
    ]
    whole = shared(profiles[n] for n in order(profiles)).whole
    assert whole.nodes - whole.shared == 3 + 6 + 18


def test_what_changes_less_often_turns_back_and_forth() -> None:
    rows = [(2, photograph, tier) for tier in (1, 2, 3) for photograph in range(1, 6)]
    profiles = profiles_of([20.0, 5.0, 2.0], rows)
    found = [rows[n] for n in order(profiles)]
    assert [tier for _, _, tier in found] == [1, 2, 3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1, 2, 3]
    whole = shared(profiles[n] for n in order(profiles)).whole
    assert whole.nodes - whole.shared == 1 + 5 + 11
    # What comes first may have to be turned round, too.
    rows = [(2, 1, 2), (2, 2, 2), (2, 2, 0), (2, 1, 1)]
    profiles = profiles_of([5.0, 1.0, 20.0], rows)
    assert shared(profiles[n] for n in order(profiles)).whole.shared == 3 + 1 + 1


@given(st.data())
def test_of_jobs_that_form_a_tree_each_node_runs_once(data: st.DataObject) -> None:
    depth = data.draw(st.integers(1, 4))
    leaves = data.draw(st.lists(st.tuples(*[st.integers(0, 2)] * depth), min_size=1, max_size=30))
    lengths = data.draw(st.lists(st.integers(1, depth), min_size=len(leaves), max_size=len(leaves)))
    weights = data.draw(st.lists(st.sampled_from([0.01, 1.0, 5.0]), min_size=depth, max_size=depth))
    # A node's signature stands for the whole way to it.
    numbers: dict[tuple[int, ...], int] = {}
    profiles = []
    for leaf, length in zip(leaves, lengths, strict=True):
        ways = [leaf[: n + 1] for n in range(length)]
        signatures = tuple(numbers.setdefault(way, len(numbers)) for way in ways)
        profiles.append(Profile("m", signatures, tuple(Work(n, "other", weights[n]) for n in range(length))))
    whole = shared(profiles[n] for n in order(profiles)).whole
    assert whole.nodes - whole.shared == len(numbers)


@example([11, 11, 11], [0, 1])
@given(st.lists(st.integers(1, 30), max_size=8), st.permutations(range(2)))
def test_a_shard_ends_within_a_group_only_where_that_is_too_large(sizes: list[int], models: Sequence[int]) -> None:
    profiles = []
    for group, size in enumerate(sizes):
        for job in range(size):
            works = (Work(0, "load", 20.0), Work(1, "upscale", 5.0), Work(2, "sample", 9.0))
            profiles.append(
                Profile(f"{models[group // 4]}", (group // 4, 100 + group, 1000 * group + job + 999), works)
            )
    ordered = order(profiles)
    found = shards(profiles, ordered)
    assert [n for shard in found for n in shard.indices] == ordered
    group_of = [group for group, size in enumerate(sizes) for _ in range(size)]
    for shard in found:
        assert len(shard.indices) <= 20
        assert {profiles[n].model for n in shard.indices} == {shard.model}
        assert [n for group in shard.groups for n in group] == list(shard.indices)
        assert all(len({group_of[n] for n in group}) == 1 for group in shard.groups)
        assert len(shard.groups) == len({group_of[n] for n in shard.indices})
    for group, size in enumerate(sizes):
        assert sum(any(group_of[n] == group for n in shard.indices) for shard in found) == -(-size // 20)


def test_what_is_shared_is_told_in_a_line(three: list[Graph]) -> None:
    profiles = [profile_of(graph, built_in(), content) for graph in three]
    assert str(shared(profiles[n] for n in order(profiles))) == (
        "shared with the job before: 25 of 36 loads, 0 of 12 samples, 8 of 12 upscales, 55 of 144 nodes, "
        "about 73% of the work by a guess"
    )
    assert "0 of 0 nodes, about 0%" in str(shared([]))


def test_tiers_of_a_photograph_are_a_group(three: list[Graph]) -> None:
    profiles = [profile_of(graph, built_in(), content) for graph in three]
    (shard,) = shards(profiles, order(profiles))
    assert isinstance(shard, Shard)
    assert sorted(tuple(sorted(group)) for group in shard.groups) == [(n, n + 4, n + 8) for n in range(4)]


def test_neither_ids_nor_the_order_of_nodes_count(three: list[Graph]) -> None:
    profiles = [profile_of(graph, built_in(), content) for graph in three[:2]]
    other = three[0].renamed(lambda id: f"n{id}")
    turned = profile_of(Graph(dict(reversed(other.nodes.items()))), built_in(), content)
    assert shared([profiles[0], turned]).whole.shared == len(profiles[0].signatures)
    assert order([profiles[0], profiles[1], turned]) in ([0, 2, 1], [1, 0, 2])


def test_ten_thousand_jobs_are_ordered_in_seconds(three: list[Graph]) -> None:
    first = profile_of(three[0], built_in(), content)
    rows = [(photo, tier) for tier in range(5) for photo in range(2000)]
    profiles = []
    for photo, tier in rows:
        signatures = [hash((part, photo * (part % 3 == 0), tier * (part % 3 == 1))) for part in range(len(first.works))]
        profiles.append(first._replace(signatures=tuple(signatures)))
    started = time.process_time()
    found = order(profiles)
    assert len(shards(profiles, found)) >= 500
    assert time.process_time() - started < 5
