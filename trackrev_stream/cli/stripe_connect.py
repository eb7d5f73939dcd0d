"""`trackrev stripe connect`: what is given is put to what is kept, and said is what the key may read."""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

from collectors.stripe.permissions import PERMISSIONS
from trackrev_stream.cli.context import origin, secret_of
from trackrev_stream.cli.overview import account_in_words, connection_in_words
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.cli.stripe_connection import Choices, Connected, connect, kept_connection
from trackrev_stream.cli.stripe_merge import Given
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT, OWN_ACCOUNT
from trackrev_stream.settings import Settings


def stripe_connect(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`stripe connect`: keeps the secrets sealed, and says what the key may read."""
    if args.csv:
        return _connect_many(args, settings)
    if not args.workspace:
        raise CommandError("which workspace? `trackrev workspace list` names them; many at once: --csv FILE")
    if args.platform and (args.key or args.account):
        raise CommandError(
            "--platform takes the signing secret of a Connect endpoint alone; keys and accounts belong to "
            "the workspaces that its events go to: trackrev stripe connect WS --account acct_..."
        )
    account = EVERY_ACCOUNT if args.platform else args.account or OWN_ACCOUNT
    before = kept_connection(settings, args.workspace, account)
    given = _given(args, before)
    if args.key is not None and given.nothing and not args.platform:
        raise CommandError("--key is empty; a key begins with rk_live_ or rk_test_. Nothing was changed")
    found = connect(settings, args.workspace, account, given, _choices(args))
    return _told(found, settings)


def _given(args: argparse.Namespace, before: StripeConnection | None) -> Given:
    """What the options give; a person at the terminal is asked for the rest."""
    nothing = args.key is None and args.webhook_secret is None
    kept = before if before is not None else StripeConnection("", "", livemode=True, webhook_secrets=())
    key, secrets = args.key, args.webhook_secret
    if key is None and not args.platform and (nothing or not kept.api_key):
        then = "keeps the one that is there" if kept.api_key else "for webhooks alone"
        key = secret_of(None, f"Restricted key (rk_..., empty {then}): ")
    if secrets is None and (nothing or not kept.webhook_secrets):
        then = "keeps what is there" if kept.webhook_secrets else "for none"
        secrets = [secret_of(None, f"Webhook signing secret (whsec_..., empty {then}): ")]
    return Given(
        key=secret_of(key, "") if key else "",
        webhook_secrets=tuple(filter(None, [secret_of(each, "") for each in secrets or []])),
        livemode=_livemode(args),
        api_base=args.api_base,
    )


def _livemode(args: argparse.Namespace) -> bool | None:
    return False if args.test_mode else True if args.live_mode else None


def _choices(args: argparse.Namespace) -> Choices:
    return Choices(replace=args.replace, may_write=args.allow_secret_key)


def _told(found: Connected, settings: Settings) -> CommandResult:
    one = found.now
    hook = f"{origin(settings)}/webhooks/stripe/{one.workspace}"
    data = {
        "workspace": one.workspace,
        "permissions": found.probe.permissions,
        "webhook_url": hook,
        "account": one.account,
        "livemode": one.livemode,
        "key": bool(one.api_key),
        "webhook_secrets": len(one.webhook_secrets),
    }
    if one.account == EVERY_ACCOUNT:
        head = "Events of connected accounts go to the workspaces that are connected to them with --account."
    else:
        head = f"Workspace {one.workspace} is connected to Stripe."
    lines = [head, f"  {account_in_words(one.account)}: {connection_in_words(one)}"]
    lines += [
        f"  {name:20} {state:8} {PERMISSIONS[name].gives}" for name, state in found.probe.permissions.items()
    ]
    lines.append(f"  webhook              {hook}")
    if found.before is not None and len(one.webhook_secrets) > len(found.before.webhook_secrets) > 0:
        lines.append(
            "Two webhook secrets count now. Once the old one is retired at Stripe, keep the new one alone: "
            "the same command with --replace"
        )
    lines.append(
        f"Next: trackrev stripe webhook-setup {one.workspace}"
        if not one.webhook_secrets
        else "Its events: trackrev stripe webhook-events"
    )
    return CommandResult("\n".join(lines), data, found.warnings)


def _connect_many(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """A platform's workspaces from a file: workspace, account, key and webhook secret in named columns."""
    rows = list(_rows(Path(args.csv)))
    warnings, answers = [], []
    same_key = secret_of(args.key, "") if args.key else ""
    for number, row in enumerate(rows, start=2):  # below the names of the columns
        secrets = tuple(filter(None, [row.get("webhook_secret"), *(args.webhook_secret or [])]))
        given = Given(row.get("key") or same_key, secrets, _livemode(args), args.api_base)
        workspace, account = row.get("workspace", ""), row.get("account") or OWN_ACCOUNT
        try:
            found = connect(settings, workspace, account, given, _choices(args))
        except Exception as error:
            raise CommandError(
                f"{args.csv}, line {number}: {error} (the lines before it are connected)"
            ) from error
        answers.append({"workspace": workspace, "account": account, "permissions": found.probe.permissions})
        warnings += [f"{workspace}: {warning}" for warning in found.warnings]
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
