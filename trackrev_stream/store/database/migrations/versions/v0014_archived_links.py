"""When a tracked link was archived."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add it: the links that are there all count."""
    op.add_column("links", sa.Column("archived_at", sa.BigInteger))
