"""The settings that change money, in versions; what every workspace had so far is its first."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table of versions, with the first of each workspace."""
    op.create_table(
        "attribution_settings",
        sa.Column("workspace", _TEXT, sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        *(_column("effective_from"), _column("lookback_days"), _column("identify_days", nullable=True)),
        # A word of SQL, which SQLAlchemy does not know SQLite to reserve.
        *(sa.Column(name, _TEXT, nullable=False, quote=True) for name in ("model", "returning")),
        *(_column("created_at"), _column("withdrawn_at", nullable=True)),
    )
    op.execute(
        "INSERT INTO attribution_settings (workspace, version, effective_from, lookback_days, model, "
        '"returning", created_at) '
        "SELECT id, 1, 0, 30, 'last_non_direct_click', 'keep', created_at FROM workspaces"
    )


def _column(name: str, **more: Any) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, **({"nullable": False} | more))
