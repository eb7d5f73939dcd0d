"""Dead letters, where people can look at them while the log is in use."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table of dead letters."""
    op.create_table(
        "dead_letters",
        _column("id", _TEXT, primary_key=True),
        *(_column(name, _TEXT) for name in ("processor", "failure", "message", "payload", "topic")),
        *(_column(name, sa.BigInteger) for name in ("partition", "offset", "index", "failed_at")),
        *(_column(name, sa.BigInteger) for name in ("first_failed_at", "attempts")),
        _column("status", _TEXT),
        _column("decided_at", sa.BigInteger, nullable=True),
    )
    op.create_index("dead_letters_by_status", "dead_letters", ["status", "failed_at"])
    op.create_index("dead_letters_by_topic", "dead_letters", ["topic", "failed_at"])


def _column(name: str, kind: Any, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, **({"nullable": False} | more))
