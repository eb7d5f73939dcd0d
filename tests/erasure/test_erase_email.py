"""A person is erased from the real program: no file holds anything of theirs, and the ledger is as it was."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from tests.agents.simulation import Simulation
from tests.cli.dead_letters import append, listed, until_listed
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
from tests.program.running import Program, Shop, running, until
from trackrev_stream.contracts.topics import PIXEL_HITS, STRIPE_ACCOUNTS, STRIPE_PAYMENTS
from trackrev_stream.eventlog.embedded.log import Log


def found_in_log(data: Path, names: list[str]) -> set[tuple[str, str]]:
    """Where any of the names is in a record of the log, whatever compresses its files."""

    async def main() -> set[tuple[str, str]]:
        log = Log.open(data / "log")
        found = set()
        for topic, spec in log.topics().items():
            for number in range(spec.partitions):
                records = log.fetch(topic, number, log.start_offset(topic, number), 10**6, 10**9)
                for record in records:
                    raw = (record.key or b"") + (record.value or b"")
                    found |= {(topic, name) for name in names if name.encode() in raw}
        await log.close()
        return found

    return asyncio.run(main())


def replayed(data: Path) -> dict[str, set[str]]:
    """The channels of each charge, when all is computed anew from what the edge once wrote."""

    async def main() -> dict[str, list[tuple[bytes, bytes]]]:
        log = Log.open(data / "log")
        found = {
            topic.name: [
                (record.key or b"", record.value or b"")
                for number in range(log.topics()[topic.name].partitions)
                for record in log.fetch(topic.name, number, 0, 10**6, 10**9)
            ]
            for topic in (PIXEL_HITS, STRIPE_PAYMENTS, STRIPE_ACCOUNTS)
        }
        await log.close()
        return found

    simulation = Simulation()
    simulation.topics.update(asyncio.run(main()))
    charges = simulation.run().charges.values()
    return {each.state.charge: {line.channel for line in each.lines} for each in charges}


@contextmanager
def opened(data: Path) -> Iterator[tuple[Program, Shop]]:
    with running(data) as program:
        yield program, Shop.open(program)


def test_nothing_of_an_erased_person_is_left_and_the_book_is_as_it_was(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as (program, shop):
        first = bought(shop)
        names = [LAPTOP, PHONE, key_of(program, shop)]
        before = book(shop)
        assert found_in_files(program.data, names)
        erased = program.command("erase", "email", EMAIL.upper(), "--yes")["erased"]
        assert [each["visitors"] for each in erased if each["workspace"] == shop.workspace] == [2]
        assert book(shop) == before
        words = ("inspect", "email", EMAIL, "--workspace", shop.workspace)
        [found] = program.command(*words)["workspaces"]
        assert (found["visitors"], found["payers"], found["charges"]) == ([], [], [])
        assert found["nobody"].startswith("whoever had it was erased on 20")
        assert program.stop() == 0
        assert found_in_files(program.data, [*names, EMAIL]) == set()
        assert found_in_log(program.data, names) == set()
        assert replayed(program.data) == {"ch_1": {"Newsletter"}, "ch_2": {"YouTube"}, "ch_3": {"YouTube"}}
        program.start()
        assert book(shop) == before
        comes_back(shop, first)
        told = shop.charge("ch_1") or {}
        assert [credit["channel"] for credit in told["credits"]] == ["Newsletter"]
        assert "secret-interest" not in json.dumps(told)
        assert program.stop() == 0
        assert found_in_files(program.data, [*names, EMAIL]) == set()
        assert found_in_log(program.data, names) == set()


def test_what_a_crash_broke_off_the_next_start_finishes(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as (program, shop):
        bought(shop)
        names = [LAPTOP, PHONE, key_of(program, shop)]
        before = book(shop)
        asking = Thread(target=program.run, args=("erase", "email", EMAIL, "--yes"))
        asking.start()
        until(lambda: is_unfinished(program), "the erasure is under way")
        program.kill()
        asking.join()
        program.start()
        assert book(shop) == before
        assert program.stop() == 0
        assert found_in_files(program.data, [*names, EMAIL]) == set()
        assert found_in_log(program.data, names) == set()


def test_without_a_program_and_in_one_workspace_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as (program, shop):
        bought(shop)
        names = [LAPTOP, PHONE, key_of(program, shop)]
        before = book(shop)
        assert program.stop() == 0
        append(program.data, PIXEL_HITS, [b'{"visitor":"%s", broken' % LAPTOP.encode()])
        assert "start `trackrev up`" in program.run("erase", "email", EMAIL, "--yes").stderr
        program.start()
        until_listed(program, 1)
        assert program.stop() == 0
        erased = program.command("erase", "email", EMAIL, "--workspace", shop.workspace, "--yes")["erased"]
        assert erased == [{"workspace": shop.workspace, "visitors": 2}]
        assert found_in_files(program.data, [*names, EMAIL]) == set()
        assert listed(program) == []
        unknown = program.run("erase", "email", EMAIL, "--workspace", "ws_none")
        assert "no workspace 'ws_none'" in unknown.stderr
        program.start()
        assert book(shop) == before
