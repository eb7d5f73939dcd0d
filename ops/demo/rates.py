"""Made-up exchange rates in the form of the European Central Bank, so that the demo needs no internet."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from zlib import crc32

from aiohttp import web

from ops.demo.moved_clock import MovedClock

_ONE_EURO = {"USD": 1.16, "GBP": 0.87, "JPY": 171.0}
_RECENT_DAYS, _HISTORY_DAYS = 90, 1_000
_OUT_AT = timedelta(hours=15)  # as the bank has it: in the afternoon
_FRAME = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
    'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><Cube>\n{}</Cube></gesmes:Envelope>\n'
)


@asynccontextmanager
async def bank(clock: MovedClock) -> AsyncIterator[str]:
    """A bank that publishes rates each working day; the address under which it does."""

    def answering(days: int) -> web.Response:
        now = datetime.fromtimestamp(clock() / 1_000, UTC) - _OUT_AT
        text = "".join(_day(day) for day in _working_days(now.date(), days))
        return web.Response(text=_FRAME.format(text), content_type="text/xml")

    async def recent(_: web.Request) -> web.Response:
        return answering(_RECENT_DAYS)

    async def history(_: web.Request) -> web.Response:
        return answering(_HISTORY_DAYS)

    application = web.Application()
    application.add_routes(
        [web.get("/eurofxref-hist-90d.xml", recent), web.get("/eurofxref-hist.xml", history)]
    )
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _working_days(last: date, count: int) -> Iterator[date]:
    days = (last - timedelta(days=back) for back in range(count))
    return (day for day in days if day.weekday() < 5)


def _day(day: date) -> str:
    rates = "".join(
        f'<Cube currency="{currency}" rate="{rate * _drift(currency, day):.4f}"/>'
        for currency, rate in _ONE_EURO.items()
    )
    return f'<Cube time="{day.isoformat()}">{rates}</Cube>\n'


def _drift(currency: str, day: date) -> float:
    """Up to a hundredth away from one, the same for the same day."""
    return 1 + (crc32(f"{currency} {day}".encode()) % 2001 - 1000) / 100_000
