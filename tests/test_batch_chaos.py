"""Batches under fire: the client killed at any moment, servers killed, the network cut; nothing lost, nothing twice."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from batch_rig import Client, assert_sound, fleet, write_spec


def test_a_client_and_servers_that_are_killed(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    chaos = request.config.getoption("--chaos")
    jobs, kills, wipes = (400, 20, 2) if chaos else (48, 4, 1)
    dice = random.Random(request.config.getoption("--dice"))
    spec, out = write_spec(tmp_path, jobs), tmp_path / "out"
    with fleet(tmp_path, 4, "slow:0.01") as servers, Client(spec, servers, out) as client:
        wiped = set(dice.sample(range(kills), wipes))
        for number in range(kills):
            client.start()
            ended = client.ends_within(dice.uniform(0.6, 2.6))
            if number in wiped:
                victim = dice.choice(servers)
                victim.kill()
                if not ended:
                    client.ends_within(dice.uniform(0.0, 0.5))
                victim.start()
            client.kill()
        code, said = client.finish()
        assert code == 0, said
        assert_sound(out, servers, jobs)


def test_two_coordinators_on_one_ledger(tmp_path: Path, postgres: str, request: pytest.FixtureRequest) -> None:
    chaos = request.config.getoption("--chaos")
    jobs, kills, wipes = (400, 20, 2) if chaos else (40, 3, 1)
    dice = random.Random(request.config.getoption("--dice"))
    spec, out = write_spec(tmp_path, jobs), tmp_path / "out"
    with fleet(tmp_path, 4, "slow:0.01") as servers, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(spec, servers, out, "--ledger", postgres)) for _ in range(2)]
        for client in clients:
            client.start()
        wiped = set(dice.sample(range(kills), wipes))
        for number in range(kills):
            victim = dice.choice(clients)
            victim.ends_within(dice.uniform(0.6, 2.6))
            if number in wiped:
                server = dice.choice(servers)
                server.kill()
                server.start()
            victim.kill()
            victim.start()
        for client in clients:
            assert client.process is not None
            said, _ = client.process.communicate(timeout=240)
            assert client.process.returncode == 0, said
        assert_sound(out, servers, jobs, postgres)
