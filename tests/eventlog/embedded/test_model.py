"""The log against a list: any sequence of calls, restarts and crashes."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.eventlog.embedded.support import crash_image
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.records import Append, Commit, NewRecord, OffsetOutOfRange, Record, TopicSpec

PLACES = [("plain", 0), ("plain", 1), ("states", 0)]
RETENTION_MS = 1000

places = st.sampled_from(PLACES)
times = st.integers(0, 5_000)
keys = st.one_of(st.none(), st.sampled_from([b"a", b"b", b"c", b""]))
values = st.one_of(st.none(), st.binary(max_size=20), st.just(30_000).map(bytes))
records = st.lists(st.builds(NewRecord, times, keys, values), min_size=1, max_size=120)


class LogMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.base = Path(tempfile.mkdtemp())
        self.images = 0
        self.directory = self.base / "log"
        self.content: dict[tuple[str, int], list[Record]] = {place: [] for place in PLACES}
        self.start = dict.fromkeys(PLACES, 0)
        self.next = dict.fromkeys(PLACES, 0)
        self.commits: dict[tuple[str, str, int], int] = {}
        self.open()

    def open(self) -> None:
        self.log = Log.open(self.directory)
        self.log.create_topics(
            [TopicSpec("plain", 2, RETENTION_MS), TopicSpec("states", 1, None, compact=True)]
        )

    def wait(self, awaitable: Any) -> Any:
        async def main() -> Any:
            return await awaitable()

        return self.loop.run_until_complete(main())

    def note(self, place: tuple[str, int], added: list[NewRecord], offset: int) -> None:
        assert offset == self.next[place]
        for new in added:
            self.content[place].append(
                Record(self.next[place], new.timestamp, new.key, new.value, new.headers)
            )
            self.next[place] += 1

    @rule(place=places, added=records)
    def append(self, place: tuple[str, int], added: list[NewRecord]) -> None:
        self.note(place, added, self.wait(lambda: self.log.append(*place, added)))

    @rule(batches=st.lists(st.tuples(places, records), min_size=2, max_size=5), committed=st.booleans())
    def write(self, batches: list[tuple[tuple[str, int], list[NewRecord]]], committed: bool) -> None:
        commit = Commit("atomic", {("plain", 0): self.next["plain", 0]}) if committed else None
        appends = [Append(*place, added) for place, added in batches]
        offsets = self.wait(lambda: self.log.write(appends, commit))
        if commit:
            self.commits["atomic", "plain", 0] = commit.offsets["plain", 0]
        for (place, added), offset in zip(batches, offsets, strict=True):
            self.note(place, added, offset)

    @rule(place=places, group=st.sampled_from(["g", "h"]), offset=st.integers(0, 1000))
    def commit(self, place: tuple[str, int], group: str, offset: int) -> None:
        self.wait(lambda: self.log.commit(group, {place: offset}))
        self.commits[group, *place] = offset

    @rule()
    def restart(self) -> None:
        self.wait(self.log.close)
        self.open()

    @rule()
    def crash(self) -> None:
        self.images += 1
        image = crash_image(self.directory, self.base / f"image-{self.images}")
        self.wait(self.log.close)
        self.directory = image
        self.open()

    @rule(now=times)
    def expire(self, now: int) -> None:
        self.wait(lambda: self.log.enforce_retention(now))
        for place in PLACES:
            start = self.log.start_offset(*place)
            assert start >= self.start[place]
            gone = [record for record in self.content[place] if record.offset < start]
            assert place[0] == "plain" or not gone
            assert all(record.timestamp < now - RETENTION_MS for record in gone)
            self.content[place] = [record for record in self.content[place] if record.offset >= start]
            self.start[place] = start

    @rule(now=times)
    def compact(self, now: int) -> None:
        place = ("states", 0)
        removed = self.wait(lambda: self.log.compact(*place, now, 0))
        before = self.content[place]
        after = self.read(place)
        assert len(before) - len(after) == removed
        last = {record.key: record.offset for record in before if record.key is not None}
        kept = {record.offset for record in after}
        for record in before:
            must_stay = record.key is None or (
                last[record.key] == record.offset and (record.value is not None or record.timestamp >= now)
            )
            assert record.offset in kept or not must_stay
        words = {record.key: record.value for record in before if record.key is not None}
        last_words = {record.key: record.value for record in after if record.key is not None}
        assert all(last_words.get(key) == word for key, word in words.items())
        self.content[place] = [record for record in before if record.offset in kept]

    def read(self, place: tuple[str, int], step: int = 10**6) -> list[Record]:
        offset, found = self.log.start_offset(*place), []
        while batch := self.log.fetch(*place, offset, step, 10**9):
            found += batch
            offset = batch[-1].offset + 1
        return found

    @rule(place=places, offset=st.integers(0, 400), step=st.integers(1, 70))
    def fetch(self, place: tuple[str, int], offset: int, step: int) -> None:
        if not self.start[place] <= offset <= self.next[place]:
            with pytest.raises(OffsetOutOfRange):
                self.log.fetch(*place, offset)
            return
        expected = [record for record in self.content[place] if record.offset >= offset]
        assert self.log.fetch(*place, offset, step, 10**9) == expected[:step]

    @invariant()
    def all_is_there(self) -> None:
        for place in PLACES:
            assert self.log.high_watermark(*place) == self.next[place]
            assert self.log.start_offset(*place) == self.start[place]
            assert self.read(place) == self.content[place]
        for (group, topic, number), offset in self.commits.items():
            assert self.log.committed(group, topic, number) == offset

    def teardown(self) -> None:
        self.wait(self.log.close)
        self.loop.close()
        shutil.rmtree(self.base)


LogMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestLogModel = LogMachine.TestCase
