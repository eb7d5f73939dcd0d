"""`trackrev stripe connect`: keeps the secrets of an account sealed, and says what its key may read."""

import argparse
import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from collectors.stripe.permissions import Probe, probe
from trackrev_stream.cli.context import opened, origin, secret_of
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT, OWN_ACCOUNT
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.operations import poller_state
from trackrev_stream.store.workspaces import stripe_connections


def stripe_connect(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`stripe connect`: keeps the secrets sealed, and says what the key may read."""
    if args.csv:
        return _connect_many(args, settings)
    if not args.workspace:
        raise CommandError("which workspace? `trackrev workspace list` names them; many at once: --csv FILE")
    if args.platform:
        return _connect_platform(args, settings)
    key = secret_of(args.key, "Restricted key (rk_..., empty for webhooks alone): ")
    wanted = StripeConnection(
        workspace=args.workspace,
        account=args.account or OWN_ACCOUNT,
        livemode="_test_" not in key and not args.test_mode,
        webhook_secrets=_hooks(args),
        api_key=key,
        api_base=args.api_base,
    )
    found = _connect(wanted, settings, may_write=args.allow_secret_key)
    text = "\n".join(f"  {name:20} {state}" for name, state in found.permissions.items())
    hook = _hook(settings, wanted.workspace)
    return CommandResult(
        f"Workspace {wanted.workspace} is connected to Stripe.\n{text}\n  webhook              {hook}\n"
        "Its events: trackrev stripe webhook-events",
        {"workspace": wanted.workspace, "permissions": found.permissions, "webhook_url": hook},
        list(found.warnings),
    )


def _connect_platform(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """The one endpoint of a platform, which is told of every account that is connected to it."""
    if args.key or args.account:
        raise CommandError(
            "--platform takes the signing secret of a Connect endpoint alone; keys and accounts belong to "
            "the workspaces that its events go to: trackrev stripe connect WS --account acct_..."
        )
    wanted = StripeConnection(args.workspace, EVERY_ACCOUNT, not args.test_mode, _hooks(args))
    _connect(wanted, settings, may_write=False)
    hook = _hook(settings, wanted.workspace)
    return CommandResult(
        f"Events of connected accounts go to the workspaces that are connected to them with --account.\n"
        f"  webhook              {hook}\nIts events: trackrev stripe webhook-events",
        {"workspace": wanted.workspace, "permissions": {}, "webhook_url": hook},
    )


def _hooks(args: argparse.Namespace) -> tuple[str, ...]:
    """The webhook secrets, asked for where none is given."""
    if args.webhook_secret is None:
        return tuple(filter(None, [secret_of(None, "Webhook signing secret (whsec_..., empty for none): ")]))
    return tuple(filter(None, [secret_of(each, "") for each in args.webhook_secret]))


def _hook(settings: Settings, workspace: str) -> str:
    return f"{origin(settings)}/webhooks/stripe/{workspace}"


def _connect(wanted: StripeConnection, settings: Settings, *, may_write: bool) -> Probe:
    if not wanted.api_key and not wanted.webhook_secrets:
        raise CommandError("neither a key nor a webhook secret was given: there is nothing to connect with")
    if wanted.api_key.startswith("sk_") and not may_write:
        raise CommandError(
            "this is a secret key (sk_...), which may also charge, refund and pay out. Make a restricted one "
            "that only reads (Stripe's dashboard, Developers, API keys), or insist with --allow-secret-key"
        )
    with opened(settings) as (store, sealer):
        store.write_now(lambda connection: _put(connection, sealer, wanted))
    if not wanted.api_key:
        return Probe({}, ("no key was given: webhooks alone bring charges",))
    return asyncio.run(probe(wanted))


def _put(sql: Connection, sealer: Sealer, wanted: StripeConnection) -> None:
    """Keep a connection. With another key all is read again: it may see another account or mode, or more."""
    known = stripe_connections.find_connections(sql, sealer, wanted.workspace)
    before = next((one for one in known if one.account == wanted.account), wanted)
    stripe_connections.put_connection(sql, sealer, wanted, now_ms())
    if (before.api_key, before.livemode) != (wanted.api_key, wanted.livemode):
        poller_state.forget_progress(sql, wanted.workspace, wanted.account)


def _connect_many(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """A platform's workspaces from a file: workspace, account, key and webhook secret in named columns."""
    rows = list(_rows(Path(args.csv)))
    warnings, answers = [], []
    for number, row in enumerate(rows, start=2):  # below the names of the columns
        key = row.get("key") or secret_of(args.key, "")
        wanted = StripeConnection(
            workspace=row.get("workspace", ""),
            account=row.get("account") or OWN_ACCOUNT,
            livemode="_test_" not in key and not args.test_mode,
            webhook_secrets=tuple(filter(None, [row.get("webhook_secret"), *(args.webhook_secret or [])])),
            api_key=key,
            api_base=args.api_base,
        )
        try:
            found = _connect(wanted, settings, may_write=args.allow_secret_key)
        except Exception as error:
            raise CommandError(
                f"{args.csv}, line {number}: {error} (the lines before it are connected)"
            ) from error
        answers.append(
            {"workspace": wanted.workspace, "account": wanted.account, "permissions": found.permissions}
        )
        warnings += [f"{wanted.workspace}: {warning}" for warning in found.warnings]
    return CommandResult(f"{len(rows)} workspaces are connected to Stripe.", {"connected": answers}, warnings)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if "workspace" not in (rows.fieldnames or ()):
                raise CommandError(
                    f"{path} should begin with the names of its columns: workspace, account, key, "
                    "webhook_secret"
                )
            for row in rows:
                yield {name: (value or "").strip() for name, value in row.items() if isinstance(value, str)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"cannot read {path}: {error}") from error
