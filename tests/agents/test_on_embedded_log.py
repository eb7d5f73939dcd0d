"""ARCHITECTURE.md, rules 4 and 5, through the whole program: Faust, the embedded log, the writer and SQLite."""

import asyncio
import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.agents.embedded_run import Fact, book, running, straight, sums
from tests.agents.histories import histories
from trackrev_stream.settings import Settings, read_settings

HISTORIES = 8  # at a time, each in a workspace of its own
# Each example starts the program some times, so there are few, and none is shrunk: what fails here is
# cut down much faster in the simulation.
few = settings(
    max_examples=4,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def in_workspaces(found: list[list[Fact]]) -> list[Fact]:
    """The histories beside each other, each in its own workspace."""
    return [replace(fact, workspace=f"ws_{n}") for n, history in enumerate(found) for fact in history]


def shuffled(facts: list[Fact], rng: random.Random) -> list[Fact]:
    """Any order, and some of them more than once."""
    again = facts + [fact for fact in facts if rng.random() < 0.3]
    rng.shuffle(again)
    return again


def portions(facts: list[Fact], rng: random.Random) -> Iterator[list[Fact]]:
    """The facts in portions as they might arrive at the same time."""
    while facts:
        size = rng.randint(1, 20)
        yield facts[:size]
        facts = facts[size:]


async def live(chosen: Settings, facts: list[Fact], rng: random.Random, restarts: int) -> None:
    """Let the program take the facts, stopping and starting it again at any place between them."""
    waiting = list(portions(facts, rng))
    stops = {rng.randrange(len(waiting)) for _ in range(restarts)}
    while waiting:
        async with running(chosen) as feed:
            while waiting:
                await feed.put(waiting.pop())
                if len(waiting) in stops:
                    break
            if not waiting:
                await feed.settled()


@pytest.mark.parametrize("partitions", [1, 3])
@few
@given(
    st.lists(histories(), min_size=HISTORIES, max_size=HISTORIES), st.integers(0, 2**32), st.integers(0, 2)
)
def test_any_order_duplicates_and_restarts_give_the_same_standing_lines(
    partitions: int, found: list[list[Fact]], seed: int, restarts: int
) -> None:
    rng, facts = random.Random(seed), in_workspaces(found)
    environment = {"TRACKREV_PORT": "0", "TRACKREV_ADMIN_PORT": "0", "TRACKREV_PARTITIONS": str(partitions)}
    environment["TRACKREV_RATES_URL"] = "off"
    with tempfile.TemporaryDirectory(prefix="trackrev-") as directory:
        chosen = read_settings(environment, data=directory)
        asyncio.run(live(chosen, shuffled(facts, rng), rng, restarts))
        standing, posted = book(chosen)
    assert standing == straight(facts)
    assert posted == sums(standing)
