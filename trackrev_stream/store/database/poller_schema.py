"""The tables of the poller, keyed by connection: a workspace and a Stripe account."""

from typing import Any

from sqlalchemy import BigInteger, Column, Table

from trackrev_stream.store.database.schema import Words, metadata


def _key() -> list[Column[Any]]:
    return [Column("workspace", Words, primary_key=True), Column("account", Words, primary_key=True)]


def _text(name: str) -> Column[str]:
    return Column(name, Words, nullable=False)


def _number(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


polls = Table(
    "polls",
    metadata,
    *_key(),
    _text("holder"),  # who polls; nobody once held_until has passed
    _number("held_until"),
    _number("asked"),  # how often somebody asked for a round
    _number("answered"),  # and how many of these a round has begun for
    _number("due_at"),
    _number("started_at", null=True),
    _number("facts"),
    _number("done_permille"),
    _number("ended_at", null=True),
    _text("result"),
    _text("missing"),  # permissions, separated by spaces
)

cursors = Table("poll_cursors", metadata, *_key(), Column("name", Words, primary_key=True), _number("value"))

again = Table(
    "poll_again",
    metadata,
    *_key(),
    Column("id", Words, primary_key=True),
    _text("list"),
    _text("why"),
    _number("due_at"),
    _number("tries"),
)

reads = Table("poll_reads", metadata, *_key(), Column("day", BigInteger, primary_key=True), _number("reads"))

reconciliations = Table(
    "reconciliations",
    metadata,
    *_key(),
    Column("first_day", BigInteger, primary_key=True),  # since 1970, UTC, as the last
    Column("last_day", BigInteger, primary_key=True),
    Column("currency", Words, primary_key=True),  # empty in the one row of a period without money
    _number("residual_minor"),
    _number("differences"),  # in all currencies
    _number("checked_at"),
)
