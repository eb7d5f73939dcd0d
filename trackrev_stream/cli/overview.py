"""What there is of a workspace, in words: for `workspace show`, and for `up` once it has started."""

from typing import Any

from trackrev_stream.contracts.choices import Arrival
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.contracts.times import rfc3339, utc_minute
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT, OWN_ACCOUNT
from trackrev_stream.store.operations.overview import Overview

CAME_IN = {Arrival.HIT: "last hit", Arrival.IDENTIFY: "last identify", Arrival.WEBHOOK: "last webhook"}


def in_words(found: Overview) -> list[str]:
    """A line for each thing, its name first."""
    workspace = found.workspace
    rows = [
        ("domains", ", ".join(each.domain for each in workspace.domains)),
        (
            "cookie",
            ", ".join(filter(None, (each.cookie_domain for each in workspace.domains))) or "each host",
        ),
        ("time zone", workspace.time_zone),
        ("made", utc_minute(found.created_at)),
    ]
    if found.archived_at is not None:
        rows.append(("archived", f"{utc_minute(found.archived_at)}: it takes no hits"))
    rows += [("Stripe", text) for text in stripe_in_words(found)]
    rows += [
        ("API keys", f"{found.keys_in_use} in use" if found.keys_in_use else "none in use"),
        ("links", str(found.links)),
    ]
    rows += [(name, came_in(found, what)) for what, name in CAME_IN.items()]
    return [f"  {name:14} {text}" for name, text in rows]


def came_in(found: Overview, what: Arrival) -> str:
    """When it came in last."""
    return utc_minute(found.seen[what]) if what in found.seen else "none yet"


def stripe_in_words(found: Overview) -> list[str]:
    """A line for each account that is connected, or the one that says that none is."""
    if not found.connections:
        return [f"not connected: trackrev stripe connect {found.workspace.id}"]
    return [_connected(found, one) for one in found.connections]


def account_in_words(account: str) -> str:
    """Which account it is."""
    return {OWN_ACCOUNT: "own account", EVERY_ACCOUNT: "connected accounts"}.get(account, account)


def connection_in_words(one: StripeConnection) -> str:
    """The mode of a connection, and what is kept of it: never what a secret is."""
    count = len(one.webhook_secrets)
    kept = [f"{count} webhook secret{'s' * (count != 1)}"] if count else []
    kept = (["a key"] if one.api_key else []) + kept
    return f"{'live' if one.livemode else 'test mode'}, {' and '.join(kept)}"


def _connected(found: Overview, one: StripeConnection) -> str:
    text = f"{account_in_words(one.account)}: {connection_in_words(one)}"
    if not one.api_key:
        return text
    progress = found.polled.get(one.account)
    if progress is None:
        return f"{text}; not read yet"
    return f"{text}; read {utc_minute(progress.report.started_at)}, {progress.report.result or 'being read'}"


def as_data(found: Overview) -> dict[str, Any]:
    """The same for programs."""
    workspace = found.workspace
    return {
        "workspace": workspace.id,
        "domains": [each.domain for each in workspace.domains],
        "cookie_domains": [each.cookie_domain for each in workspace.domains],
        "time_zone": workspace.time_zone,
        "created_at": rfc3339(found.created_at),
        "archived_at": None if found.archived_at is None else rfc3339(found.archived_at),
        "stripe": [
            {
                "account": one.account,
                "livemode": one.livemode,
                "key": bool(one.api_key),
                "webhook_secrets": len(one.webhook_secrets),
            }
            for one in found.connections
        ],
        "api_keys": found.keys_in_use,
        "links": found.links,
    } | {
        f"last_{what.value}_at": rfc3339(found.seen[what]) if what in found.seen else None for what in CAME_IN
    }
