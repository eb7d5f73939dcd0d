"""Partitions are not shared out once a topic has grown: Faust would part an agent's input from its table."""

from collections.abc import Mapping

import faust
import pytest
from aiokafka.cluster import ClusterMetadata
from faust.assignor import PartitionAssignor
from faust.assignor.client_assignment import ClientMetadata

from trackrev_stream.eventlog.kafka import assignor
from trackrev_stream.eventlog.kafka.assignor import SamePartitions

INPUT, ROWS = "hits", "shop-rows-changelog"


class Ended(Exception):
    """In place of the end of the process."""


class Known(ClusterMetadata):  # type: ignore[misc]  # aiokafka has no types
    """A cluster of which only the numbers of partitions are known."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        super().__init__()
        self._counts = counts

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(self._counts[topic])) if topic in self._counts else None


class Group:
    """Workers that come and go; each remembers what it was given, as Faust's do."""

    def __init__(self, kind: type[PartitionAssignor], *names: str) -> None:
        self._kind = kind
        self._workers: dict[str, PartitionAssignor] = {}
        for name in names:
            self.join(name)

    def join(self, name: str) -> None:
        app = faust.App("shop", broker="kafka://nowhere", web_host=name, topic_partitions=4)
        self._workers[name] = self._kind(app, replicas=1)

    def leave(self, name: str) -> None:
        del self._workers[name]

    def parted(self, counts: Mapping[str, int]) -> list[int]:
        """Share out; the numbers of which one worker has the input and another the table."""
        members = {name: one.metadata({INPUT, ROWS}) for name, one in self._workers.items()}
        leader = next(iter(self._workers.values()))
        owners: dict[tuple[str, int], str] = {}
        for name, found in leader._perform_assignment(Known(counts), members).items():
            given = ClientMetadata.loads(self._kind._decompress(found.user_data)).assignment
            self._workers[name]._assignment = given
            owners |= {(topic, n): name for topic, numbers in given.actives.items() for n in numbers}
        return [n for n in range(4) if owners[INPUT, n] != owners[ROWS, n]]


TOGETHER = {INPUT: 4, ROWS: 4}


def one_goes_and_one_comes(kind: type[PartitionAssignor], counts: Mapping[str, int]) -> list[int]:
    """The topics grow meanwhile."""
    group = Group(kind, "first", "second")
    assert group.parted(TOGETHER) == []
    group.leave("first")
    assert group.parted(TOGETHER) == []
    group.join("third")
    return group.parted(counts)


def test_faust_parts_the_input_from_the_table_and_this_ends_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(message: str) -> None:
        raise Ended(message)

    monkeypatch.setattr(assignor, "end", end)
    assert one_goes_and_one_comes(SamePartitions, TOGETHER) == []
    grown = {INPUT: 5, ROWS: 4}
    assert one_goes_and_one_comes(PartitionAssignor, grown), "this guard is not needed any more"
    with pytest.raises(Ended, match=r"hits has 5 partitions, and each topic shall have 4.*topics check"):
        one_goes_and_one_comes(SamePartitions, grown)
