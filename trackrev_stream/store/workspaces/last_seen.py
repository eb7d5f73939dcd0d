"""When something last came in for a workspace: to the minute, for people who look whether it works."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from trackrev_stream.contracts.choices import Arrival
from trackrev_stream.store.database.schema import upsert
from trackrev_stream.store.database.workspace_schema import last_seen


def keep_seen(connection: Connection, seen: Sequence[tuple[tuple[str, Arrival], int]]) -> None:
    """Keep when things came in last; never an earlier time than is known."""
    rows = [{"workspace": of, "what": what.value, "seen_at": at} for (of, what), at in seen]
    upsert(connection, last_seen, rows, newer_by="seen_at")


def find_seen(connection: Connection, workspace: str) -> dict[Arrival, int]:
    """When things came in last for a workspace; what never did is not in it."""
    asked = select(last_seen.c.what, last_seen.c.seen_at).where(last_seen.c.workspace == workspace)
    known = set(Arrival)
    return {Arrival(what): at for what, at in connection.execute(asked).all() if what in known}
