"""The runs of a soak, each with its verdict."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.kafka.broker import Broker
from ops.postgres import postgres
from tests.soak.alone import Alone
from tests.soak.books import differences, owed, posted, standing, wrong_sums
from tests.soak.cluster import Ground, Suffering
from tests.soak.form import Fault, Form


@dataclass
class Verdict:
    """What a disturbed run came to; ``wrong`` are the first lines that differ, and why."""

    name: str
    began: float
    lags: list[int]
    took_s: float = 0.0
    lines: int = 0
    wrong: list[str] = field(default_factory=list)
    ended: Counter[int] = field(default_factory=Counter)

    @property
    def right(self) -> bool:
        """Whether all is as in the undisturbed run, and something was in flight at each fault."""
        return not self.wrong and min(self.lags, default=1) > 0


@dataclass
class Soak:
    """One input, to pass undisturbed and under faults."""

    form: Form
    place: Path
    say: Callable[[str], None]
    broken: str = ""
    faults: Sequence[Fault] = ()

    def run(self, *, cluster: bool = True, alone: bool = True) -> list[Verdict]:
        """The verdicts of the disturbed runs. Whatever this raises, the seed was said."""
        form = self.form
        self._facts = form.facts()
        self.say(
            f"seed {form.seed}: {form.hits:,} page views and {form.charges:,} charges, "
            f"{len(self._facts):,} facts in all"
        )
        try:
            self._wanted = self._undisturbed()
            runs = [self._cluster] * cluster + [self._alone] * alone
            return [run() for run in runs]
        except BaseException:
            self.say(f"failed with seed {form.seed}")
            raise

    def _undisturbed(self) -> list[str]:
        straight = Alone(self.form, self.place / "straight", self.say)
        straight.run(kills=0)
        wanted = standing(straight.url)
        wrong = wrong_sums(owed(self._facts), posted(straight.url))
        assert not wrong, "\n".join(("the undisturbed run is wrong already:", *wrong))
        self.say(f"undisturbed, one process with SQLite: {len(wanted):,} lines of charges and their money")
        return wanted

    def _cluster(self) -> Verdict:
        began = time.monotonic()
        directory = self.place / "cluster"
        directory.mkdir()
        with Broker(directory / "kafka") as broker, postgres() as server:
            ground = Ground(broker, server, directory, self.say)
            suffering = Suffering(self.form, ground, self.broken, self.faults)
            url = suffering.run(self._facts)
            name = f"{self.form.workers} workers, Kafka, PostgreSQL"
            return self._judge(Verdict(name, began, suffering.lags, ended=suffering.ended), url)

    def _alone(self) -> Verdict:
        began = time.monotonic()
        alone = Alone(self.form, self.place / "alone", self.say)
        alone.run(self.form.kills)
        return self._judge(Verdict("one process, embedded, SQLite", began, alone.lags), alone.url)

    def _judge(self, verdict: Verdict, url: str) -> Verdict:
        found = standing(url)
        verdict.took_s, verdict.lines = time.monotonic() - verdict.began, len(found)
        verdict.wrong = differences(self._wanted, found) + wrong_sums(owed(self._facts), posted(url))
        if verdict.right:
            self.say(f"{verdict.name}: the {len(found):,} lines are equal, after {len(verdict.lags)} faults")
        else:
            self.say(f"{verdict.name}: WRONG with seed {self.form.seed}; the first differences:")
            for line in verdict.wrong:
                self.say(f"  {line}")
        return verdict
