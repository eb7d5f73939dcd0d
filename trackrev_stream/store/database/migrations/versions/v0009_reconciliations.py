"""What the reconciliations with Stripe came to."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table of reconciliations."""
    op.create_table(
        "reconciliations",
        sa.Column("workspace", _TEXT, primary_key=True),
        sa.Column("account", _TEXT, primary_key=True),
        sa.Column("first_day", sa.BigInteger, primary_key=True),
        sa.Column("last_day", sa.BigInteger, primary_key=True),
        sa.Column("currency", _TEXT, primary_key=True),
        sa.Column("residual_minor", sa.BigInteger, nullable=False),
        sa.Column("differences", sa.BigInteger, nullable=False),
        sa.Column("checked_at", sa.BigInteger, nullable=False),
    )
