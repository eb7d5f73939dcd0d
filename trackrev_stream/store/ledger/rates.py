"""Reference rates that were fetched, kept by day for all workers. What was used once is never changed."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from trackrev_stream.store.database.schema import add_new, fx_rates


def load_rates(connection: Connection) -> dict[int, str]:
    """All rates kept, by day."""
    rows = connection.execute(select(fx_rates.c.day, fx_rates.c.quotes)).all()
    return {row.day: row.quotes for row in rows}


def keep_rates(connection: Connection, quotes: Mapping[int, str], now: int) -> None:
    """Keep the rates of these days; a day that is there already stays as it is."""
    for day, quote in sorted(quotes.items()):
        add_new(connection, fx_rates, {"day": day, "quotes": quote, "fetched_at": now})
