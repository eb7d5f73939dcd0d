"""Kills the program again and again under load, then looks whether the ledger is right to the cent.

python -m tests.program.kill_run --kills 20
"""

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.program.running import PATIENCE_S, Program, Shop, until
from tests.program.shoppers import LINKS, Journal, Shopper
from tests.program.verdict import wrong_charges, wrong_clicks, wrong_sums

SHOPPERS = 4
LONGEST_LOAD_S = 1.6


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to: counts, and how many seconds each start took until ready."""

    counts: dict[str, int]
    first_start_s: float
    restarts_s: list[float]

    def __str__(self) -> str:
        counted = ", ".join(f"{number} {name}" for name, number in sorted(self.counts.items()))
        shortest, longest = min(self.restarts_s), max(self.restarts_s)
        return (
            f"{counted}; ready on empty data in {self.first_start_s:.2f} s, after a kill in "
            f"{shortest:.2f} to {longest:.2f} s (median {statistics.median(self.restarts_s):.2f} s)"
        )


@dataclass
class Load:
    """Shoppers in threads of their own; ``serving`` tells them when the program can be asked."""

    serving: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)
    failed: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def begin(self, shoppers: Iterable[Shopper]) -> None:
        for shopper in shoppers:
            thread = threading.Thread(target=self._run, args=(shopper,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def finish(self) -> None:
        """Let each shopper end what it began. Raises what one failed with."""
        self.closing.set()
        for thread in self.threads:
            thread.join(2 * PATIENCE_S)
        if self.failures:
            raise self.failures[0]

    def _run(self, shopper: Shopper) -> None:
        try:
            shopper.run(self.closing)
        except BaseException as failure:  # noqa: BLE001 - it is raised again in the thread of the test
            self.failures.append(failure)
            self.failed.set()


def prove(directory: Path, kills: int, seed: int) -> Report:
    """Kill ``kills`` times at random moments; raises AssertionError where the ledger is wrong."""
    rng, journal, load = random.Random(seed), Journal(), Load()
    program = Program(directory / "data")
    try:
        first_start_s = program.start()
        shop = Shop.greeted(program)
        for slug, channel in LINKS.items():
            shop.link(slug, channel)
        secret = program.command("workspace", "identify-secret", shop.workspace)["identify_secret"]
        program.kill()
        load.begin(
            Shopper(shop, secret, journal, load.serving, f"{seed}-{number}") for number in range(SHOPPERS)
        )
        longest = first_start_s + LONGEST_LOAD_S
        lives = [_live(program, load, rng.uniform(0, longest)) for _ in range(kills)]
        journal.counts["kills under load"] = len([took for took in lives if took is not None])
        journal.counts["kills while starting"] = kills - journal.counts["kills under load"]
        restarts = [took for took in [*lives, program.start()] if took is not None]
        load.serving.set()
        load.finish()
        _check(journal, shop)
        entries = shop.ledger()
        program.stop()
        restarts.append(program.start())
        assert shop.ledger() == entries, "a restart without news changed the ledger"
    finally:
        load.closing.set()
        program.kill()
    return Report(dict(journal.counts), first_start_s, restarts)


def _live(program: Program, load: Load, seconds: float) -> float | None:
    """Start, and kill after ``seconds``; how long it took until ready, None if it did not get there."""
    began = time.monotonic()
    program.spawn()
    ready_after: float | None = None
    while (left := began + seconds - time.monotonic()) > 0 and not load.failed.is_set():
        if ready_after is None and program.is_ready():
            ready_after = time.monotonic() - began
            load.serving.set()
        load.failed.wait(left if ready_after else min(left, 0.01))
    load.serving.clear()
    program.kill()
    return ready_after


def _check(journal: Journal, shop: Shop) -> None:
    with suppress(AssertionError):  # what is still wrong then is told below
        until(lambda: not wrong_sums(journal, shop.ledger()), "the ledger agrees with the journal")
    wrong = [*wrong_sums(journal, shop.ledger()), *wrong_charges(journal, shop)]
    wrong += wrong_clicks(journal, shop.channels())
    assert not wrong, "\n".join(wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    sys.stdout.write(f"{given.kills} kills, seed {given.seed}\n")
    with tempfile.TemporaryDirectory(prefix="trackrev-kills-") as directory:
        sys.stdout.write(f"{prove(Path(directory), given.kills, given.seed)}\n")


if __name__ == "__main__":
    main()
