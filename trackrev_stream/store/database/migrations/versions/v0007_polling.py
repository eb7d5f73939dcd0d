"""What the poller of Stripe remembers of each connection."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables of the poller."""
    op.create_table(
        "polls",
        *_connection(),
        _text("holder"),
        _number("held_until"),
        _number("asked"),
        _number("answered"),
        _number("due_at"),
        _number("started_at", nullable=True),
        _number("facts"),
        _number("done_permille"),
        _number("ended_at", nullable=True),
        _text("result"),
        _text("missing"),
    )
    op.create_table("poll_cursors", *_connection(), _text("name", primary_key=True), _number("value"))
    op.create_table(
        "poll_again",
        *_connection(),
        _text("id", primary_key=True),
        _text("list"),
        _text("why"),
        _number("due_at"),
        _number("tries"),
    )
    op.create_table("poll_reads", *_connection(), _number("day", primary_key=True), _number("reads"))


def _connection() -> list[sa.Column[Any]]:
    return [_text("workspace", primary_key=True), _text("account", primary_key=True)]


def _text(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, _TEXT, nullable=False, **more)


def _number(name: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable, primary_key=primary_key)
