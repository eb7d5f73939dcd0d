"""The rates as they are brought up to date: over a real database, from an ECB on loopback."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.eventlog.embedded.apps import until
from tests.exchange_rates.ecb import HEAD, ecb_days, xml
from trackrev_stream.domain.ledger.fx import NoRate, Rate, read_quote
from trackrev_stream.domain.values.days import DAY_MS, day_of_iso, iso_of
from trackrev_stream.exchange_rates.ecb import bundled, parse_xml
from trackrev_stream.exchange_rates.live import HISTORY, RECENT, LiveRates
from trackrev_stream.metrics import REGISTRY
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.ledger.rates import keep_rates, load_rates

BUNDLED = {day_of_iso("2026-10-29"): "usd=1.1", day_of_iso("2026-10-30"): "usd=1.1172"}


@dataclass
class Bank:
    """The ECB on loopback: files by name (a number is an answer without one), and what it was asked for."""

    store: Store
    files: dict[str, bytes | str | int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""
    now: int = 0

    def at(self, date: str, hour: int = 12) -> None:
        self.now = day_of_iso(date) * DAY_MS + hour * DAY_MS // 24

    async def rates(self) -> LiveRates:
        """The rates of a worker that starts now."""
        live = LiveRates(BUNDLED, self.store, self.url, lambda: self.now)
        await live.open()
        return live

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked.append(name)
        body = self.files.get(name, 404)
        if isinstance(body, int):
            return web.Response(status=body)
        return web.Response(body=body)


Scenario = Callable[[Bank], Awaitable[None]]


def with_bank(place: Path, scenario: Scenario) -> None:
    async def run() -> None:
        store = Store.open(f"sqlite:///{place}/trackrev.db")
        bank = Bank(store)
        app = web.Application()
        app.router.add_get("/stats/{name}", bank.answer)
        server = TestServer(app)
        await server.start_server()
        bank.url = str(server.make_url("/stats"))
        try:
            await scenario(bank)
        finally:
            await server.close()
            store.close()

    asyncio.run(run())


def known_until() -> float | None:
    return REGISTRY.get_sample_value("trackrev_rates_known_through_timestamp_seconds")


def fetches(outcome: str) -> float:
    return REGISTRY.get_sample_value("trackrev_rates_fetches_total", {"outcome": outcome}) or 0.0


def euro(live: LiveRates, date: str) -> object:
    found = live.current.rate("eur", day_of_iso(date))
    return f"{found.text} of {found.date}" if isinstance(found, Rate) else found


def test_charges_after_the_bundled_history_are_pending_until_it_is_brought_up_to_date(tmp_path: Path) -> None:
    async def scenario(bank: Bank) -> None:
        bank.at("2026-11-21")
        live = await bank.rates()
        assert euro(live, "2026-10-31") == "1.1172 of 2026-10-30"
        assert euro(live, "2026-11-02") == "1.1172 of 2026-10-30"  # a Monday
        assert euro(live, "2026-11-03") is NoRate.PENDING
        bank.files[RECENT] = xml(ecb_days("2026-08-24", "2026-11-20"))
        assert await live.refresh()
        assert euro(live, "2026-10-31") == "1.1172 of 2026-10-30"  # as it was used
        assert euro(live, "2026-11-03") == "1.2 of 2026-11-02"
        assert euro(live, "2026-11-22") == "1.2 of 2026-11-20"
        assert euro(live, "2026-11-24") is NoRate.PENDING
        assert known_until() == day_of_iso("2026-11-23") * 86_400
        assert await live.refresh()
        assert bank.asked == [RECENT]  # nothing new can be out
        again = await bank.rates()  # a restart, or another worker: all is there without the network
        assert euro(again, "2026-11-22") == "1.2 of 2026-11-20"

    with_bank(tmp_path, scenario)


def test_a_day_is_fetched_once_it_is_out(tmp_path: Path) -> None:
    async def scenario(bank: Bank) -> None:
        bank.files[RECENT] = xml(ecb_days("2026-10-01", "2026-11-19"))
        bank.at("2026-11-20", hour=15)  # Friday, before its rates
        live = await bank.rates()
        assert await live.refresh()
        bank.at("2026-11-20", hour=16)
        assert not await live.refresh()  # they are late
        bank.files[RECENT] = xml(ecb_days("2026-10-01", "2026-11-20"))
        assert await live.refresh()
        bank.at("2026-11-23", hour=15)  # over the weekend nothing comes out
        assert await live.refresh()
        assert len(bank.asked) == 3

    with_bank(tmp_path, scenario)


def test_more_than_ninety_days_behind_the_whole_history_fills_the_gap(tmp_path: Path) -> None:
    async def scenario(bank: Bank) -> None:
        bank.at("2027-04-01")
        bank.files[RECENT] = xml(ecb_days("2027-01-04", "2027-03-31"))
        live = await bank.rates()
        assert not await live.refresh()  # no history: nothing is taken in that leaves a gap
        assert euro(live, "2027-02-02") is NoRate.PENDING
        bank.files[HISTORY] = xml(ecb_days("1999-01-04", "2027-03-31"), rate="1.3")
        assert await live.refresh()
        assert bank.asked == [RECENT, HISTORY] * 2
        assert euro(live, "2026-11-24") == "1.3 of 2026-11-23"
        assert euro(live, "2027-02-02") == "1.3 of 2027-02-01"

    with_bank(tmp_path, scenario)


@pytest.mark.parametrize(
    "body",
    [
        500,
        404,
        b"",
        "<html>maintenance</html>",
        f"{HEAD}</gesmes:Envelope>",
        xml([day_of_iso("2026-11-02")], rate="-1"),
        xml([day_of_iso("2026-11-02")], rate="NaN"),
        xml([day_of_iso("2026-11-02")]).replace("USD", "GBP"),
        xml([day_of_iso("2026-11-02")]).replace("2026-11-02", "02.11.2026"),
        xml([day_of_iso("2026-12-24")]),  # days to come
        b"x" * (33 * 1024 * 1024),
    ],
    ids=lambda body: str(body)[-60:],
)
def test_what_is_not_the_rates_changes_nothing_and_says_so(
    tmp_path: Path, body: bytes | str | int, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(bank: Bank) -> None:
        bank.at("2026-11-21")
        bank.files[RECENT] = bank.files[HISTORY] = body
        live = await bank.rates()
        failed = fetches("failed")
        assert not await live.refresh()
        assert euro(live, "2026-11-03") is NoRate.PENDING
        assert fetches("failed") == failed + (body != xml([day_of_iso("2026-12-24")]))
        bank.files[RECENT] = xml(ecb_days("2026-08-24", "2026-11-20"))
        assert await live.refresh()

    with_bank(tmp_path, scenario)
    if body != xml([day_of_iso("2026-12-24")]):
        assert "pending from 2026-11-03 on" in caplog.text


def test_without_a_network_the_loop_goes_on(tmp_path: Path) -> None:
    async def scenario(bank: Bank) -> None:
        bank.at("2026-11-21")
        url, bank.url = bank.url, "http://127.0.0.1:1"  # nobody listens there
        live = await bank.rates()
        failed = fetches("failed")
        running = asyncio.create_task(live.run(every_s=0.01))
        await until(lambda: fetches("failed") >= failed + 2)
        live._url = url
        bank.files[RECENT] = xml(ecb_days("2026-08-24", "2026-11-20"))
        await until(lambda: euro(live, "2026-11-03") is not NoRate.PENDING)
        running.cancel()
        await asyncio.wait([running])

    with_bank(tmp_path, scenario)


def test_what_another_worker_kept_first_stands(tmp_path: Path) -> None:
    async def scenario(bank: Bank) -> None:
        bank.at("2026-11-03", hour=12)
        one, other = await bank.rates(), await bank.rates()
        bank.files[RECENT] = xml(ecb_days("2026-10-01", "2026-11-02"))
        assert await one.refresh()
        bank.files[RECENT] = 500
        assert await other.refresh()  # from the database
        bank.files[RECENT] = xml(ecb_days("2026-10-01", "2026-11-02"), rate="9")  # the bank thinks again
        assert euro(await bank.rates(), "2026-11-03") == "1.2 of 2026-11-02"
        bank.store.write_now(lambda c: keep_rates(c, {day_of_iso("2026-11-02"): "usd=9"}, bank.now))
        assert bank.store.read_now(load_rates)[day_of_iso("2026-11-02")] == "usd=1.2"

    with_bank(tmp_path, scenario)


def test_an_older_program_fetches_what_it_lacks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(bank: Bank) -> None:
        bank.at("2026-12-02")
        newer = dict.fromkeys(ecb_days("2026-11-24", "2026-12-01"), "usd=1.2")  # behind a later bundle
        bank.store.write_now(lambda c: keep_rates(c, newer, bank.now))
        bank.files[RECENT] = xml(ecb_days("2026-09-01", "2026-12-01"), rate="1.3")
        live = await bank.rates()
        assert euro(live, "2026-11-25") is NoRate.PENDING
        assert await live.refresh()
        assert euro(live, "2026-11-10") == "1.3 of 2026-11-09"
        assert euro(live, "2026-11-25") == "1.2 of 2026-11-24"

    with_bank(tmp_path, scenario)
    assert "fetched again" in caplog.text


def test_the_bundled_history() -> None:
    history = bundled()
    assert len(history) > 7_000
    assert "usd=1.1789" in history[day_of_iso("1999-01-04")].split()
    assert "hrk=" not in history[max(history)]  # Croatia has the euro
    assert all("usd" in read_quote(quote) for quote in history.values())


def test_both_forms_say_the_same() -> None:
    history = bundled()
    last = max(history)
    cubes = "".join(
        f'<Cube currency="{currency.upper()}" rate="{rate}"/>'
        for currency, rate in (pair.split("=") for pair in history[last].split())
    )
    text = f'{HEAD}<Cube><Cube time="{iso_of(last)}">{cubes}</Cube></Cube></gesmes:Envelope>'
    assert parse_xml(text.encode()) == {last: history[last]}
