"""A person is erased from the real program: no file holds anything of theirs, and the book is as it was."""

import asyncio
import base64
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread

from tests.agents.simulation import Simulation
from tests.program import stripe
from tests.program.running import Json, Program, Shop, now_ms, running, until
from tests.program.test_dead_letters import append, listed, until_listed
from trackrev_stream.contracts.topics import PIXEL_HITS, STRIPE_ACCOUNTS, STRIPE_PAYMENTS
from trackrev_stream.domain.values.ids import email_key
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.operations.erasures import unfinished_erasures
from trackrev_stream.store.workspaces.workspaces import find_workspace

LAPTOP, PHONE, BEN = (str(uuid.UUID(int=number << 64 | 0xBEEF, version=4)) for number in (1, 2, 3))
EMAIL = "anna.k@shop.example"


def key_of(program: Program, shop: Shop) -> str:
    store = Store.open(f"sqlite:///{program.data}/trackrev.db")
    workspace = store.read_now(lambda c: find_workspace(c, open_sealer(program.data), shop.workspace))
    store.close()
    assert workspace
    return email_key(workspace.email_secret, EMAIL)


def found_in_files(data: Path, names: list[str]) -> set[tuple[str, str]]:
    """Where any of the names is, as it is or in base64, in the bytes of any file."""
    found = set()
    for path in sorted(each for each in data.rglob("*") if each.is_file()):
        raw = path.read_bytes()
        for name in names:
            coded = [base64.b64encode(b" " * shift + name.encode())[4:-4] for shift in range(3)]
            if any(form in raw for form in (name.encode(), *coded)):
                found.add((str(path.relative_to(data)), name))
    return found


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


def bought(shop: Shop) -> Json:
    """Anna buys twice, as a customer and as another, and Ben once; Anna's first charge."""
    shop.link("yt", "YouTube")
    shop.link("news", "Newsletter")
    for visitor, slug, email in (
        (LAPTOP, "news", EMAIL),
        (PHONE, "yt", EMAIL),
        (BEN, "yt", "ben@shop.example"),
    ):
        assert shop.follow(slug, visitor).status == 302
        url = "https://shop.example/secret-interest"
        view = {"id": f"v{visitor}", "type": "pageview", "at": now_ms(), "url": url}
        identify = {"id": f"i{visitor}", "type": "identify", "at": now_ms(), "email": email}
        assert shop.hits(visitor, view, identify).json["accepted"] == 2
    created = now_ms() // 1000 + 1
    first = stripe.charge("ch_1", 4_900, created, EMAIL, customer="cus_1", metadata={"tr_visitor": LAPTOP})
    other = stripe.charge("ch_2", 1_000, created, EMAIL, customer="cus_2")
    bens = stripe.charge("ch_3", 700, created, "ben@shop.example")
    for paid in (first, other, bens):
        assert shop.webhook(stripe.succeeded(paid)).status == 200
    for paid, channel in ((first, "Newsletter"), (other, "YouTube"), (bens, "YouTube")):
        until(partial(is_credited, shop, paid, channel), f"{paid['id']} is credited to {channel}")
    return first


def is_credited(shop: Shop, paid: Json, channel: str) -> bool:
    """Whether it stands there, be it at once or after a journey that came later than the charge."""
    found = shop.worth(paid["id"], paid["amount"])["credits"]
    return [credit["channel"] for credit in found] == [channel]


def book(shop: Shop) -> Json:
    return {
        "ledger": shop.ledger(),
        "channels": shop.channels(),
        "revenue": shop.read("revenue?days=10").json,
    }


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
        erased = program.command("erase", "email", EMAIL.upper())["erased"]
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


def comes_back(shop: Shop, first: Json) -> None:
    """The same browser, the same address and Stripe's own copy of both: nobody is known again."""
    earlier = len(shop.ledger())
    view = {"id": "back", "type": "pageview", "at": now_ms(), "url": "https://shop.example/"}
    identify = {"id": "again", "type": "identify", "at": now_ms(), "email": EMAIL}
    answer = shop.hits(LAPTOP, view, identify)
    assert answer.json["dropped"] == [{"id": "again", "reason": "erased"}]
    assert answer.json["visitor"] not in (LAPTOP, PHONE)
    created = now_ms() // 1000
    named = {"tr_visitor": PHONE}
    again = stripe.charge("ch_4", 500, created, EMAIL, customer="cus_9", metadata=named)
    assert shop.webhook(stripe.succeeded(again)).status == 200
    assert shop.worth("ch_4", 500)["reason"] == "no_email"
    renewal = stripe.charge("ch_5", 4_900, created, EMAIL, customer="cus_1")
    assert shop.webhook(stripe.succeeded(renewal)).status == 200
    assert [credit["channel"] for credit in shop.worth("ch_5", 4_900)["credits"]] == ["Newsletter"]
    assert shop.webhook(stripe.refunded(first, 900, created + 1)).status == 200
    assert [credit["channel"] for credit in shop.worth("ch_1", 4_000)["credits"]] == ["Newsletter"]
    later = shop.ledger()[earlier:]
    assert [entry["amount_minor"] for entry in later if entry["reason"] == "refund"] == [-900]
    assert not [entry for entry in later if entry.get("retracts")]


def is_unfinished(program: Program) -> bool:
    store = Store.open(f"sqlite:///{program.data}/trackrev.db")
    try:
        begun = store.read_now(lambda c: unfinished_erasures(c, open_sealer(program.data)))
    finally:
        store.close()
    return any(len(names) > 1 for _, names in begun)


def test_what_a_crash_broke_off_the_next_start_finishes(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as (program, shop):
        bought(shop)
        names = [LAPTOP, PHONE, key_of(program, shop)]
        before = book(shop)
        asking = Thread(target=program.run, args=("erase", "email", EMAIL))
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
        assert "start `trackrev up`" in program.run("erase", "email", EMAIL).stderr
        program.start()
        until_listed(program, 1)
        assert program.stop() == 0
        erased = program.command("erase", "email", EMAIL, "--workspace", shop.workspace)["erased"]
        assert erased == [{"workspace": shop.workspace, "visitors": 2}]
        assert found_in_files(program.data, [*names, EMAIL]) == set()
        assert listed(program) == []
        unknown = program.run("erase", "email", EMAIL, "--workspace", "ws_none")
        assert "no workspace 'ws_none'" in unknown.stderr
        program.start()
        assert book(shop) == before
