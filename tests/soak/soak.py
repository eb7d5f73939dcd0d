"""The runs of a soak, each with its verdict."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.crowd import Fact
from ops.kafka.broker import Broker
from tests.postgres import postgres
from tests.soak.alone import Alone
from tests.soak.books import differences, owed, posted, standing, wrong_sums
from tests.soak.cluster import Ground, Suffering
from tests.soak.form import Form

Say = Callable[[str], None]


@dataclass
class Verdict:
    """What a disturbed run came to; ``wrong`` are the first lines that differ, and why."""

    name: str
    took_s: float
    lags: list[int]
    lines: int = 0
    wrong: list[str] = field(default_factory=list)
    ended: Counter[int] = field(default_factory=Counter)

    @property
    def right(self) -> bool:
        """Whether all is as in the undisturbed run, and something was in flight at each fault."""
        return not self.wrong and min(self.lags, default=1) > 0


def soak(form: Form, place: Path, say: Say, *, broken: str = "", only: str | None = None) -> list[Verdict]:
    """Let the same input pass undisturbed and under faults; what a run raises says the seed."""
    facts = form.facts()
    say(f"seed {form.seed}: {len(facts):,} facts of {form.hits:,} page views and {form.charges:,} charges")
    verdicts: list[Verdict] = []
    try:
        wanted = _undisturbed(form, place, facts, say)
        if only != "alone":
            verdicts.append(_cluster(form, place, facts, wanted, say, broken))
        if only != "cluster":
            verdicts.append(_alone(form, place, facts, wanted, say))
    except BaseException:
        say(f"failed with seed {form.seed}")
        raise
    return verdicts


def _undisturbed(form: Form, place: Path, facts: Sequence[Fact], say: Say) -> list[str]:
    straight = Alone(form, place / "straight", say)
    straight.run(kills=0)
    wanted = standing(straight.url)
    wrong = wrong_sums(owed(facts), posted(straight.url))
    assert not wrong, "\n".join(("the undisturbed run is wrong already:", *wrong))
    say(f"undisturbed, one process with SQLite: {len(wanted):,} lines of charges and their money")
    return wanted


def _cluster(
    form: Form, place: Path, facts: Sequence[Fact], wanted: list[str], say: Say, broken: str
) -> Verdict:
    began = time.monotonic()
    directory = place / "cluster"
    directory.mkdir()
    with Broker(directory / "kafka") as broker, postgres() as server:
        suffering = Suffering(form, Ground(broker, server, directory, say), broken)
        url = suffering.run(facts)
        verdict = Verdict(
            f"{form.workers} workers, Kafka, PostgreSQL", 0, suffering.lags, ended=suffering.ended
        )
        return _judge(verdict, began, form, facts, wanted, url, say)


def _alone(form: Form, place: Path, facts: Sequence[Fact], wanted: list[str], say: Say) -> Verdict:
    began = time.monotonic()
    alone = Alone(form, place / "alone", say)
    alone.run(form.kills)
    verdict = Verdict("one process, embedded, SQLite", 0, alone.lags)
    return _judge(verdict, began, form, facts, wanted, alone.url, say)


def _judge(
    verdict: Verdict, began: float, form: Form, facts: Sequence[Fact], wanted: list[str], url: str, say: Say
) -> Verdict:
    found = standing(url)
    verdict.took_s, verdict.lines = time.monotonic() - began, len(found)
    verdict.wrong = differences(wanted, found) + wrong_sums(owed(facts), posted(url))
    if verdict.right:
        say(f"{verdict.name}: the {len(found):,} lines are equal, after {len(verdict.lags)} faults")
    else:
        say(f"{verdict.name}: WRONG with seed {form.seed}; the first differences:")
        for line in verdict.wrong:
            say(f"  {line}")
    return verdict
