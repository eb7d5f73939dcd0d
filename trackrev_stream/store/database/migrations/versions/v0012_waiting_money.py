"""Money that waits for its charge; charges whose refund may be a release; what of a fee a platform took."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add them; of the charges that are there nobody has asked yet."""
    op.add_column("charges", sa.Column("release_unclear", sa.Boolean))
    op.add_column("charges", sa.Column("application_fee_minor", sa.BigInteger))
    op.create_table(
        "waiting_money",
        sa.Column("payment", _TEXT, primary_key=True),
        sa.Column("workspace", _TEXT, nullable=False),
        sa.Column("account", _TEXT, nullable=False),
        sa.Column("livemode", sa.Boolean, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("facts", _TEXT, nullable=False),
    )
    op.create_index("waiting_money_by_count", "waiting_money", ["count", "workspace"])
