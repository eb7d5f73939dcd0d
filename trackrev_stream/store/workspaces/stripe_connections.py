"""Stripe connections: which accounts a workspace reads, with secrets sealed."""

import re

import orjson
from sqlalchemy import Connection, Row, delete, select

from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT, OWN_ACCOUNT
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import bump_meta, stripe_connections, upsert
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.workspaces.links import target
from trackrev_stream.store.workspaces.require import require_workspace
from trackrev_stream.store.workspaces.settings_version import SETTINGS_VERSION

_ACCOUNT = re.compile(r"^acct_[A-Za-z0-9]{1,64}$")
MOST_SECRETS = 2  # two are valid while one is rolled


def put_connection(connection: Connection, sealer: Sealer, wanted: StripeConnection, now: int) -> None:
    """Connect a workspace to a Stripe account, or replace the connection. Raises InvalidSetting."""
    require_workspace(connection, wanted.workspace)
    if wanted.account not in (OWN_ACCOUNT, EVERY_ACCOUNT) and not _ACCOUNT.match(wanted.account):
        raise InvalidSetting(f"{wanted.account!r} is no Stripe account; it begins with acct_")
    if len(wanted.webhook_secrets) > MOST_SECRETS:
        raise InvalidSetting(
            f"{len(wanted.webhook_secrets)} webhook secrets: at most {MOST_SECRETS} at a time"
        )
    api_base = target(wanted.api_base).rstrip("/") if wanted.api_base else ""
    key = (stripe_connections.c.workspace == wanted.workspace) & (
        stripe_connections.c.account == wanted.account
    )
    since = connection.execute(select(stripe_connections.c.created_at).where(key)).scalar()
    row = {
        "workspace": wanted.workspace,
        "account": wanted.account,
        "livemode": wanted.livemode,
        "api_key": sealer.seal(wanted.api_key.encode()),
        "webhook_secrets": sealer.seal(orjson.dumps(wanted.webhook_secrets)),
        "api_base": api_base,
        "created_at": now if since is None else since,
    }
    upsert(connection, stripe_connections, [row])
    bump_meta(connection, SETTINGS_VERSION)


def drop_connection(connection: Connection, workspace: str, account: str) -> None:
    """Forget a connection with its secrets."""
    table = stripe_connections
    connection.execute(delete(table).where(table.c.workspace == workspace, table.c.account == account))
    bump_meta(connection, SETTINGS_VERSION)


def find_connections(connection: Connection, sealer: Sealer, workspace: str) -> tuple[StripeConnection, ...]:
    """The connections of a workspace, the own account first."""
    rows = connection.execute(select(stripe_connections).where(stripe_connections.c.workspace == workspace))
    found = [_connection(row, sealer) for row in rows]
    return tuple(sorted(found, key=lambda one: (one.account != OWN_ACCOUNT, one.account)))


def find_connected(connection: Connection, sealer: Sealer, account: str) -> tuple[StripeConnection, ...]:
    """The connections to a connected account, by workspace."""
    rows = select(stripe_connections).where(stripe_connections.c.account == account)
    found = connection.execute(rows.order_by(stripe_connections.c.workspace))
    return tuple(_connection(row, sealer) for row in found)


def list_connections(connection: Connection, sealer: Sealer) -> list[StripeConnection]:
    """All connections, for the poller."""
    order = (stripe_connections.c.workspace, stripe_connections.c.account)
    return [
        _connection(row, sealer) for row in connection.execute(select(stripe_connections).order_by(*order))
    ]


def shown_livemode(connection: Connection, workspace: str) -> bool:
    """Which mode reports show: live, unless all that is connected is in test mode."""
    mode = stripe_connections.c.livemode
    own = (stripe_connections.c.workspace == workspace) & (stripe_connections.c.account != EVERY_ACCOUNT)
    rows = connection.execute(select(mode).where(own)).scalars().all()
    return not rows or any(rows)


def _connection(row: Row[tuple[object, ...]], sealer: Sealer) -> StripeConnection:
    return StripeConnection(
        workspace=row.workspace,
        account=row.account,
        livemode=row.livemode,
        webhook_secrets=tuple(orjson.loads(sealer.open(row.webhook_secrets))),
        api_key=sealer.open(row.api_key).decode(),
        api_base=row.api_base,
    )
