"""Whom nobody may know again."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table of erasures."""
    op.create_table(
        "erasures",
        sa.Column("hash", _TEXT, primary_key=True),
        sa.Column("workspace", _TEXT, sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("erased_at", sa.BigInteger, nullable=False),
        sa.Column("unfinished", _TEXT, nullable=False),
    )
    op.create_index("ix_erasures_workspace", "erasures", ["workspace"])
