"""The currency of fees, and a way to the lines that have no US dollars."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add both. Until now a fee was known only where it was in the charge's own currency."""
    op.add_column("charges", sa.Column("fee_currency", _TEXT))
    op.execute("UPDATE charges SET fee_currency = currency WHERE fee_minor IS NOT NULL")
    waiting = sa.text("usd_minor IS NULL")
    op.create_index(
        "lines_without_usd", "lines", ["charge_key"], sqlite_where=waiting, postgresql_where=waiting
    )
