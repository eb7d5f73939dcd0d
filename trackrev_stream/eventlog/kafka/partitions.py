"""Whether the program's topics have as many partitions as they shall, and what people are told if not.

A record is found by its partition, so that number never changes. Who adds a partition to a topic (Kafka's
own tool can, and cannot take it back) puts it out of step with the others: Faust then shares out its
partitions apart from those of the tables, and an agent could write rows that another worker owns.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trackrev_stream.contracts.topics import TOPICS

RUNBOOK = "ops/runbooks/topic-grew.md"
REPAIR = "trackrev topics repair"
#: What is saved of a topic while it is made anew is in a topic of its name with this end.
SAVED = ".repair"


def is_ours(group: str) -> Callable[[str], bool]:
    """What tells the program's own topics by their names: the streams, and the changelogs of its tables."""
    streams = {topic.name for topic in TOPICS}
    return lambda name: name in streams or (name.startswith(f"{group}-") and name.endswith("-changelog"))


@dataclass(frozen=True, slots=True)
class Partitions:
    """How many partitions each of the program's topics has, where each shall have ``wanted``.

    ``repairs`` are the topics of which a repair is under way, or was broken off.
    """

    counts: Mapping[str, int]
    wanted: int
    repairs: frozenset[str] = frozenset()

    @property
    def grown(self) -> dict[str, int]:
        """Those with more."""
        return {name: count for name, count in self.counts.items() if count > self.wanted}

    @property
    def short(self) -> dict[str, int]:
        """Those with fewer."""
        return {name: count for name, count in self.counts.items() if count < self.wanted}

    @property
    def usual(self) -> int:
        """What most of them have; the least of it, for partitions are only ever added."""
        times = Counter(self.counts.values())
        return min((count for count in times if times[count] == max(times.values())), default=self.wanted)

    @property
    def harmless(self) -> bool:
        """Whether who only publishes may go on: the partitions that it names are there, and are right."""
        return not self.short and (not self.counts or self.wanted in self.counts.values())

    def trouble(self) -> str:
        """What is wrong and what has to be done, for people; nothing where all is well."""
        return f"{told}{':' if self.repairs else '.'} {self.advice()}" if (told := self.wrong()) else ""

    def wrong(self) -> str:
        """What is not as it shall be, for people; nothing where all is well."""
        if self.repairs:
            return f"the repair of {', '.join(sorted(self.repairs))} is under way, or was broken off"
        if not (self.grown or self.short):
            return ""
        by_count: dict[int, list[str]] = defaultdict(list)
        for name in sorted(self.counts):
            by_count[self.counts[name]].append(name)
        parts = [
            f"{', '.join(names)} {'has' if len(names) == 1 else 'have'} {_counted(count)}"
            for count, names in sorted(by_count.items(), reverse=True)
        ]
        return f"TRACKREV_PARTITIONS is {self.wanted}. {'; '.join(parts)}"

    def advice(self) -> str:
        """What has to be done where something is wrong, for people."""
        if self.repairs:
            return f"`{REPAIR}` finishes it ({RUNBOOK})"
        usual = self.usual
        if usual != self.wanted:
            return self._advice_on_the_setting(usual)
        if self.short:
            names = ", ".join(sorted(self.short))
            return f"{names} was made anew by somebody, with too few: see {RUNBOOK}"
        names = ", ".join(sorted(self.grown))
        return (
            f"Somebody has added partitions to {names}: stop all workers, then `{REPAIR}` makes it as it "
            f"was, and loses nothing ({RUNBOOK})"
        )

    def _advice_on_the_setting(self, usual: int) -> str:
        advice = (
            f"Set TRACKREV_PARTITIONS={usual}, with which the log was made, for records are found by their "
            "partition and cannot move"
        )
        if any(count > usual for count in self.counts.values()):
            return f"{advice}; then `{REPAIR}` for what has more ({RUNBOOK})"
        if usual > self.wanted:
            return (
                f"{advice}. Or if somebody has added partitions to all of them: stop all workers, and "
                f"`{REPAIR}` makes them as they were ({RUNBOOK})"
            )
        return advice


def partitions_of(known: Mapping[str, Any], wanted: int, group: str) -> Partitions:
    """Of what a broker says of all its topics, as `describe_topics` has them by name."""
    ours = is_ours(group)
    counts = {name: len(topic["partitions"]) for name, topic in known.items() if ours(name)}
    saved = (name.removesuffix(SAVED) for name in known if name.endswith(SAVED))
    return Partitions(counts, wanted, frozenset(name for name in saved if ours(name)))


def _counted(count: int) -> str:
    return "1 partition" if count == 1 else f"{count} partitions"
