"""The program fetches exchange rates while it runs, and runs without them."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.exchange_rates.ecb import ecb_days, xml
from tests.program.running import Shop, now_ms, running, until
from tests.program.stripe import charge, succeeded
from trackrev_stream.domain.values.days import day_of, iso_of
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.ledger.rates import load_rates


@contextmanager
def bank() -> Iterator[str]:
    """The address of an ECB on loopback that has published on every one of its days."""
    days = ecb_days("2026-06-01", iso_of(day_of(now_ms())))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(xml(days).encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def kept(data: Path) -> dict[int, str]:
    with closing(Store.open(f"sqlite:///{data}/trackrev.db")) as store:
        return store.read_now(load_rates)


def test_rates_are_fetched_while_the_program_runs(tmp_path: Path) -> None:
    with bank() as url, running(tmp_path / "data", TRACKREV_RATES_URL=url) as program:
        until(lambda: kept(program.data), "rates in the database")
        assert set(kept(program.data).values()) == {"usd=1.2"}


def test_without_a_network_the_program_runs_and_says_what_is_pending(tmp_path: Path) -> None:
    with running(tmp_path / "data", TRACKREV_RATES_URL="http://127.0.0.1:1") as program:
        until(lambda: "other currencies than US dollars are pending from" in program.said(), "a warning")
        assert program.is_ready()


def test_what_waits_for_a_rate_is_converted_once_it_is_there(tmp_path: Path) -> None:
    created = now_ms() // 1_000
    with running(tmp_path / "data", TRACKREV_RATES_URL="http://127.0.0.1:1") as program:
        shop = Shop.open(program)
        paid = charge("ch_1", 1_000, created, "a@shop.example", currency="eur")
        assert shop.webhook(succeeded(paid)).status == 200
        shop.worth("ch_1", 1_000)
        assert [entry["usd_minor"] for entry in shop.ledger()] == [None]
    with bank() as url, running(tmp_path / "data", TRACKREV_RATES_URL=url) as program:
        shop = replace(shop, program=program)
        until(lambda: len(shop.ledger()) == 3, "the charge in US dollars")
        assert [entry["usd_minor"] for entry in shop.ledger()] == [None, None, 1_200]
