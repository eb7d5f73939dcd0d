"""Whether Stripe calls a charge disputed of which no dispute was seen."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add it; until now nobody asked, so it is not known of the charges that are there."""
    op.add_column("charges", sa.Column("dispute_unseen", sa.Boolean))
