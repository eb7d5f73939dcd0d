"""API keys: make one, list them, take one out of use."""

import argparse
from functools import partial
from typing import Any

from sqlalchemy import Connection

from trackrev_stream.cli.context import opened
from trackrev_stream.cli.result import CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.choices import KeyScope
from trackrev_stream.contracts.times import rfc3339, utc_minute
from trackrev_stream.settings import Settings
from trackrev_stream.store.workspaces import api_keys
from trackrev_stream.store.workspaces.api_keys import ApiKey
from trackrev_stream.store.workspaces.require import require_workspace

MAY = {
    KeyScope.READ: "read reports, charges and the ledger",
    KeyScope.MANAGE: "read, and change settings",
    KeyScope.PAYOUTS: "read, and pay partners",
}


def key_create(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`key create`: the key is shown this once."""
    scope = KeyScope(args.scope)
    with opened(settings) as (store, _):
        make = partial(
            api_keys.add_api_key, workspace=args.workspace, now=now_ms(), name=args.name, scope=scope
        )
        new = store.write_now(make)
    text = (
        f"API key {new.key.id} of {args.workspace}; it may {MAY[scope]}.\n"
        f"Shown this once, keep it now:\n\n{new.text}\n\n"
        f"Lost it? Make another one, and revoke this one: trackrev key revoke {args.workspace} {new.key.id}"
    )
    return CommandResult(text, _json(new.key) | {"api_key": new.text})


def key_list(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`key list`: the keys that are in use, and those that were."""

    def find(connection: Connection) -> list[ApiKey]:
        require_workspace(connection, args.workspace)
        return api_keys.list_keys(connection, args.workspace)

    with opened(settings) as (store, _):
        found = store.read_now(find)
    return CommandResult(
        "\n".join(map(_line, found)) or f"No API key: trackrev key create {args.workspace} --name NAME",
        {"workspace": args.workspace, "keys": [_json(key) for key in found]},
    )


def key_revoke(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`key revoke`: whoever uses the key gets 401 within a second."""
    now = now_ms()
    with opened(settings) as (store, _):
        gone = store.write_now(
            partial(api_keys.revoke_key, workspace=args.workspace, named=args.key, now=now)
        )
    named = f" ({gone.name})" if gone.name else ""
    return CommandResult(
        f"Key {gone.id}{named} of {args.workspace} opens nothing any more.",
        _json(gone) | {"revoked_at": rfc3339(now)},
    )


def _line(key: ApiKey) -> str:
    used = f"used {utc_minute(key.last_used_at)}" if key.last_used_at is not None else "never used"
    state = f"revoked {utc_minute(key.revoked_at)}" if key.revoked_at is not None else used
    return f"{key.id:18} {key.name or '-':24} {key.scope:8} made {utc_minute(key.created_at)}, {state}"


def _json(key: ApiKey) -> dict[str, Any]:
    times = {name: getattr(key, name) for name in ("created_at", "last_used_at", "revoked_at")}
    return {"key_id": key.id, "workspace": key.workspace, "name": key.name, "scope": key.scope.value} | {
        name: None if at is None else rfc3339(at) for name, at in times.items()
    }
