"""Erasures in SQL: whom nobody may know again, by keyed hashes, and what is not yet finished, sealed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import ColumnElement, Connection, Table, delete, or_, select, update

from trackrev_stream.contracts.erasure import Erasure, credited_touches, letter_mentions
from trackrev_stream.store.database.errors import ErasureUnfinished
from trackrev_stream.store.database.schema import bump_meta, charges, dead_letters, read_meta, upsert, visits
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.workspaces.erased_names import erasures
from trackrev_stream.store.workspaces.settings_version import SETTINGS_VERSION

TABLES = "tables_since"


@dataclass(frozen=True, slots=True)
class Begun:
    """An erasure that begins: what the ``names`` become, and the ``hashes`` of them, the email's first."""

    workspace: str
    names: Mapping[str, str]
    hashes: tuple[str, ...]
    erased_at: int


def begin_erasure(connection: Connection, sealer: Sealer, begun: Begun) -> None:
    """Note that names go, before the first is touched: from here on the edge takes them no more.

    What they become is sealed, and kept until the erasure is finished: after a crash it can go on.
    """
    kept = [
        {"hash": each, "workspace": begun.workspace, "erased_at": begun.erased_at, "unfinished": ""}
        for each in begun.hashes
    ]
    kept[0]["unfinished"] = sealer.seal(orjson.dumps(dict(begun.names)))
    upsert(connection, erasures, kept)
    bump_meta(connection, SETTINGS_VERSION)


def unfinished_erasures(connection: Connection, sealer: Sealer) -> list[tuple[str, Mapping[str, str]]]:
    """The workspace of each erasure that is not finished, and its names, the email's first."""
    asked = select(erasures).where(erasures.c.unfinished != "").order_by(erasures.c.erased_at)
    return [
        (row.workspace, orjson.loads(sealer.open(row.unfinished))) for row in connection.execute(asked).all()
    ]


def credited_by(connection: Connection, names: Iterable[str]) -> set[str]:
    """The touches of these visitors that earned a charge."""
    visitors = set(names)
    asked = select(charges.c.detail).where(_mentions(charges, "detail", visitors))
    found = (credited_touches(detail.encode(), visitors) for detail in connection.execute(asked).scalars())
    return {touch for touches in found for touch in touches}


def erase_rows(connection: Connection, erasure: Erasure) -> None:
    """Change every row that mentions a name."""
    asked = select(charges.c.key, charges.c.detail).where(_mentions(charges, "detail", erasure.names))
    for row in connection.execute(asked).all():
        detail = erasure.row(row.detail.encode()).decode()
        connection.execute(update(charges).where(charges.c.key == row.key).values(detail=detail))
    for old, new in erasure.names.items():
        connection.execute(update(visits).where(visits.c.visitor == old).values(visitor=new))
    letters = connection.execute(select(dead_letters.c.id, dead_letters.c.payload)).all()
    for letter in letters:
        if letter_mentions(letter.payload, erasure.mentioned):
            connection.execute(delete(dead_letters).where(dead_letters.c.id == letter.id))


def end_erasure(connection: Connection, number: str) -> None:
    """Nothing is left to do, but that tables made from what was before must go wherever they are."""
    connection.execute(update(erasures).where(erasures.c.hash == number).values(unfinished=""))
    bump_meta(connection, TABLES)


def tables_since(connection: Connection) -> int:
    """The number that tables must have been made under, so that nobody who was erased is in them.

    Raises ErasureUnfinished.
    """
    if connection.execute(select(erasures.c.hash).where(erasures.c.unfinished != "")).first():
        raise ErasureUnfinished(
            "an erasure is under way, or was broken off: wait for `trackrev erase email`, or run it again "
            "(with any address: what was begun is finished first), and start the workers then"
        )
    return read_meta(connection, TABLES) or 0


def _mentions(table: Table, column: str, names: Iterable[str]) -> ColumnElement[bool]:
    return or_(*(table.c[column].contains(name, autoescape=True) for name in names))
