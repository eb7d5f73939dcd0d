"""`trackrev stripe disconnect`: forgets an account's key and webhook secrets; what is in the ledger stays."""

import argparse
from functools import partial

from sqlalchemy import Connection

from trackrev_stream.cli.consent import require_consent
from trackrev_stream.cli.context import opened
from trackrev_stream.cli.overview import account_in_words, connection_in_words
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT, OWN_ACCOUNT
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.operations import poller_state
from trackrev_stream.store.workspaces import stripe_connections
from trackrev_stream.store.workspaces.require import require_workspace


def stripe_disconnect(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`stripe disconnect`: after a yes, for keys cannot be shown again."""
    account = EVERY_ACCOUNT if args.platform else args.account or OWN_ACCOUNT
    with opened(settings) as (store, sealer):
        known = store.read_now(partial(_known, sealer=sealer, workspace=args.workspace))
        found = next((one for one in known if one.account == account), None)
        if found is None:
            raise CommandError(_not_there(args.workspace, account, known))
        kept = f"{account_in_words(account)}: {connection_in_words(found)}"
        what = (
            f"Workspace {args.workspace}, {kept}. All of that would be forgotten: no event and no refund of "
            "it would count any more. The ledger stays as it is."
        )
        require_consent(what, "--yes", given=args.yes)
        store.write_now(partial(_forget, workspace=args.workspace, account=account))
    return CommandResult(
        f"Workspace {args.workspace} is not connected to Stripe any more ({account_in_words(account)}).\n"
        "The key and the endpoint are still there at Stripe: take them away in its dashboard.",
        {"workspace": args.workspace, "account": account, "disconnected": True},
    )


def _known(sql: Connection, sealer: Sealer, workspace: str) -> tuple[StripeConnection, ...]:
    require_workspace(sql, workspace)
    return stripe_connections.find_connections(sql, sealer, workspace)


def _forget(sql: Connection, workspace: str, account: str) -> None:
    stripe_connections.drop_connection(sql, workspace, account)
    poller_state.forget_progress(sql, workspace, account)


def _not_there(workspace: str, account: str, known: tuple[StripeConnection, ...]) -> str:
    if not known:
        return f"Workspace {workspace} is not connected to Stripe: there is nothing to forget."
    options = {OWN_ACCOUNT: "(no option)", EVERY_ACCOUNT: "--platform"}
    there = ", ".join(options.get(one.account, f"--account {one.account}") for one in known)
    return f"Workspace {workspace} has no connection of {account_in_words(account)}. There is: {there}."
