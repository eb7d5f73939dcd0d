"""A person is erased from a real cluster: no file of the broker or of ours holds anything of theirs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.kafka.broker import Broker
from tests.erasure.traces import (
    EMAIL,
    LAPTOP,
    PHONE,
    book,
    bought,
    comes_back,
    found_in_files,
    is_unfinished,
    key_of,
)
from tests.eventlog.kafka.processes import Role
from tests.program.running import Answer, Program, Shop, until
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.reader import reading

PARTITIONS = 1


@dataclass(frozen=True, slots=True)
class Split(Shop):
    """A shop that writes to the collector, and reads from the API."""

    reader: Program | None = None

    def read(self, path: str) -> Answer:
        """Ask the read API."""
        assert self.reader is not None
        headers = {"Authorization": f"Bearer {self.api_key}"}
        return self.reader.request("GET", f"/api/workspaces/{self.workspace}/{path}", headers=headers)


@contextmanager
def started(data: Path, broker: Broker) -> Iterator[tuple[Split, Role]]:
    """A collector, an API and a worker: the shop, and the worker."""
    given = {"TRACKREV_PARTITIONS": str(PARTITIONS)}
    collect, api, worker = every = [
        Role(name, data, broker, **given) for name in ("collect", "api", "worker")
    ]
    try:
        for role in every:  # one after the other: the first makes the topics and the database
            role.start()
        made = Shop.open(collect)
        yield Split(collect, made.workspace, made.api_key, made.script_tag, reader=api), worker
    finally:
        for role in every:
            role.kill()


def found_in_topics(broker: Broker, names: list[str]) -> set[tuple[str, str]]:
    """Where any of the names is in a record that can still be read, whatever compresses the files."""

    async def main() -> set[tuple[str, str]]:
        found = set()
        async with reading(Cluster(broker.address)) as reader:
            for topic in TOPICS:
                for number in range(PARTITIONS):
                    async for record in reader.read(topic.name, number):
                        raw = (record.key or b"") + (record.value or b"")
                        found |= {(topic.name, name) for name in names if name.encode() in raw}
        return found

    return asyncio.run(main())


def broken_off(worker: Role) -> None:
    """An erasure is killed when it knows whom it is about."""
    asking = worker.command_process("erase", "email", EMAIL, "--yes")
    until(lambda: is_unfinished(worker), "the erasure is under way")
    asking.kill()
    asking.wait()


@pytest.mark.timeout(240)
def test_nothing_of_an_erased_person_is_left_on_the_cluster(own: Broker, tmp_path: Path) -> None:
    data, logs = tmp_path / "data", tmp_path / "kafka" / "data"
    with started(data, own) as (shop, worker):
        first = bought(shop)
        names = [LAPTOP, PHONE, key_of(shop.program, shop)]
        before = book(shop)
        assert found_in_topics(own, names)
        assert "1 worker(s) are at work" in worker.run("erase", "email", EMAIL, "--yes").stderr
        assert worker.stop() == 0
        broken_off(worker)
        assert "an erasure is under way, or was broken off" in worker.run("worker").stderr
        worker.command("erase", "email", EMAIL, "--yes")
        assert found_in_topics(own, names) == set()
        worker.start()
        until(lambda: not found_in_files(logs, [*names, EMAIL]), "the broker has deleted the files")
        assert book(shop) == before
        comes_back(shop, first)
        assert worker.stop() == 0
        assert found_in_files(data, [*names, EMAIL]) == set()
        own.kill()
        own.start()
        assert found_in_topics(own, names) == set()
        assert found_in_files(logs, [*names, EMAIL]) == set()
