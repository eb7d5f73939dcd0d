"""The schema of 0.1.0. Migrations stand by themselves: later changes of the schema leave them as they are."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create all tables."""
    op.create_table("meta", _text("name", primary_key=True), _number("value"))
    _settings()
    _book()
    op.create_table(
        "visits",
        _text("workspace", primary_key=True),
        _number("day", primary_key=True),
        _text("channel", primary_key=True),
        _text("link", primary_key=True),
        _text("visitor", primary_key=True),
        _number("clicks"),
        _flag("landed"),
        _number("version"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "positions",
        _text("topic", primary_key=True),
        _number("partition", primary_key=True),
        _number("offset"),
    )


def _settings() -> None:
    op.create_table(
        "workspaces",
        _text("id", primary_key=True),
        *map(_text, ("domain", "cookie_domain", "time_zone")),
        _number("created_at"),
        *map(_text, ("email_secret", "click_secret", "identify_secret")),
    )
    op.create_table("api_keys", _text("key_hash", primary_key=True), _workspace(), _number("created_at"))
    op.create_index("ix_api_keys_workspace", "api_keys", ["workspace"])
    op.create_table(
        "links",
        _text("slug", primary_key=True),
        _workspace(),
        *map(_text, ("url", "channel", "partner")),
        *map(_number, ("version", "created_at")),
    )
    op.create_index("ix_links_workspace", "links", ["workspace"])
    op.create_table(
        "stripe_connections",
        _workspace(primary_key=True),
        _text("account", primary_key=True),
        _flag("livemode"),
        *map(_text, ("api_key", "webhook_secrets", "api_base")),
        _number("created_at"),
    )


def _book() -> None:
    op.create_table(
        "charges",
        *(_text("key", primary_key=True), _text("workspace"), _text("account"), _flag("livemode")),
        *map(_text, ("charge", "payer", "payment", "status", "reason", "currency")),
        *(_number("gross_minor"), _number("net_minor"), _number("fee_minor", nullable=True)),
        *map(_number, ("created_at", "payment_version", "version", "rules_version", "posted_at")),
        _text("detail"),
    )
    op.create_index("charges_by_id", "charges", ["workspace", "charge", "livemode"])
    op.create_index("charges_by_time", "charges", ["workspace", "livemode", "created_at"])
    op.create_table(
        "lines",
        *(_text("line_id", primary_key=True), _charge(), _text("workspace"), _flag("livemode")),
        *_line(),
        _text("entry_id"),
    )
    op.create_index("ix_lines_charge_key", "lines", ["charge_key"])
    op.create_index("lines_by_time", "lines", ["workspace", "livemode", "occurred_at"])
    counting = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "entries",
        sa.Column("seq", counting, primary_key=True, autoincrement=True),
        *(_text("entry_id", unique=True), _text("line_id"), _charge(), _text("workspace"), _flag("livemode")),
        *_line(),
        *(_text("retracts", nullable=True), _text("cause"), _number("posted_at")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_entries_charge_key", "entries", ["charge_key"])
    op.create_index("entries_by_workspace", "entries", ["workspace", "livemode", "seq"])


def _line() -> list[sa.Column[Any]]:
    return [
        *map(_text, ("reason", "channel", "source", "link", "partner")),
        *(_number("amount_minor"), _text("currency"), _number("usd_minor", nullable=True)),
        *(_text("rate", nullable=True), _text("rate_date", nullable=True), _number("occurred_at")),
    ]


def _text(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, _TEXT, **({"nullable": False} | more))


def _number(name: str, **more: Any) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, **({"nullable": False} | more))


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def _workspace(**more: Any) -> sa.Column[str]:
    return sa.Column("workspace", _TEXT, sa.ForeignKey("workspaces.id"), nullable=False, **more)


def _charge() -> sa.Column[str]:
    return sa.Column("charge_key", _TEXT, sa.ForeignKey("charges.key"), nullable=False)
