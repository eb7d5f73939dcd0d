"""What Stripe took for the disputes of a charge."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add it; until now nobody asked for the fees of a dispute, so they are not known where there was one."""
    op.add_column("charges", sa.Column("dispute_fee_minor", sa.BigInteger))
    op.add_column("charges", sa.Column("dispute_fee_currency", _TEXT))
    op.execute(
        "UPDATE charges SET dispute_fee_minor = 0, dispute_fee_currency = currency "
        "WHERE key NOT IN (SELECT charge_key FROM lines WHERE reason = 'dispute')"
    )
