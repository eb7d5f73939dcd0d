"""Reference rates of the ECB, and the rules by which a workspace names channels."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "fx_rates",
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("quotes", _TEXT, nullable=False),
        sa.Column("fetched_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "channel_rules",
        sa.Column("workspace", _TEXT, sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("rules", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
