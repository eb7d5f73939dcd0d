"""How large a soak is, and what befalls it: drawn from a seed."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops.synthetic_traffic import Crowd, Fact

HITS_A_VISITOR = 10


class Fault(StrEnum):
    """What can befall a cluster at work."""

    KILL = "kill -9"
    KILL_BETWEEN = "kill -9 between rows and outputs"
    KILL_AT_COMMIT = "kill -9 right after a commit"
    FREEZE = "freeze past the session"
    NAP = "freeze for as long as a lease, then kill -9 right after a commit"
    STOP = "stop"
    ADD = "add"
    BROKER = "broker restart"
    BROKER_AND_WORKER = "broker kill -9 and start, a worker killed at its first commit then"
    BROKER_KILL = "broker kill -9 and start"
    DATABASE = "database power cut, a worker killed meanwhile"


#: Those of workers, those that say most first: a short soak has no others.
_OF_WORKERS = (
    Fault.FREEZE,
    Fault.KILL_BETWEEN,
    Fault.NAP,
    Fault.KILL_AT_COMMIT,
    Fault.STOP,
    Fault.ADD,
    Fault.KILL,
)

_OF_BROKERS = (Fault.BROKER_AND_WORKER, Fault.BROKER, Fault.BROKER_KILL)


@dataclass(frozen=True, slots=True)
class Form:
    """The sizes of a soak, and the seed of all that is random in it."""

    seed: int
    hits: int = 200_000
    charges: int = 5_000
    workers: int = 3
    partitions: int = 12
    faults: int = 20
    broker_restarts: int = 2
    database_restarts: int = 3
    kills: int = 20

    def facts(self) -> list[Fact]:
        """What is published; with the identities there are a tenth more hits."""
        visitors = max(1, self.hits // HITS_A_VISITOR)
        return Crowd(self.seed, visitors, HITS_A_VISITOR, self.charges).facts()

    def schedule(self) -> list[Fault]:
        """The faults in their order; the workers are never more than one above or below their number."""
        rng = random.Random(self.seed)
        rounds = self.faults // len(_OF_WORKERS)
        faults = [*(_OF_WORKERS * rounds), *_OF_WORKERS[: self.faults % len(_OF_WORKERS)]]
        faults += list(itertools.islice(itertools.cycle(_OF_BROKERS), self.broker_restarts))
        faults += [Fault.DATABASE] * self.database_restarts
        rng.shuffle(faults)
        while not _is_balanced(faults):
            rng.shuffle(faults)
        return faults


SHORT = Form(
    seed=20_261_123, hits=3_000, charges=200, workers=2, partitions=4, faults=4, broker_restarts=1,
    database_restarts=1, kills=4,
)  # fmt: skip


def portions(facts: Sequence[Fact], count: int) -> list[Sequence[Fact]]:
    """The facts in so many portions of the same size, or nearly so."""
    ends = [len(facts) * n // count for n in range(count + 1)]
    return [facts[start:end] for start, end in itertools.pairwise(ends)]


def _is_balanced(faults: Sequence[Fault]) -> bool:
    more = 0
    for fault in faults:
        more += (fault is Fault.ADD) - (fault is Fault.STOP)
        if abs(more) > 1 or (fault is Fault.FREEZE and more < 0):  # somebody must be there to take over
            return False
    return True
