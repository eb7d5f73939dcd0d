"""Keys with a name and a scope, several domains, archived and deleted workspaces, what was seen last.

Keys that are there could read, and go on doing so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns and tables; a key that is there gets an id from the beginning of its hash."""
    for name, was in (("key_id", ""), ("name", ""), ("scope", "read")):
        op.add_column("api_keys", sa.Column(name, _TEXT, nullable=False, server_default=sa.text(f"'{was}'")))
    for name in ("last_used_at", "revoked_at"):
        op.add_column("api_keys", sa.Column(name, sa.BigInteger))
    op.execute("UPDATE api_keys SET key_id = 'key_' || substr(key_hash, 1, 12)")
    op.create_index("api_keys_by_id", "api_keys", ["key_id"], unique=True)
    op.add_column("workspaces", sa.Column("archived_at", sa.BigInteger))
    op.create_table(
        "workspace_domains",
        sa.Column("workspace", _TEXT, sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("domain", _TEXT, primary_key=True),
        sa.Column("cookie_domain", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "last_seen",
        sa.Column("workspace", _TEXT, primary_key=True),
        sa.Column("what", _TEXT, primary_key=True),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "deleted_workspaces",
        sa.Column("workspace", _TEXT, primary_key=True),
        sa.Column("deleted_at", sa.BigInteger, nullable=False),
    )
