"""Keeps a Stripe connection: first Stripe is asked, then a person where something would be lost."""

import asyncio
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from collectors.stripe.permissions import Probe, probe
from trackrev_stream.cli.consent import require_consent
from trackrev_stream.cli.context import opened
from trackrev_stream.cli.result import CommandError
from trackrev_stream.cli.stripe_merge import (
    Given,
    Merged,
    account_in,
    another_account,
    check_key,
    check_secret,
    merged,
)
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.operations import poller_state
from trackrev_stream.store.reports.charges import newest_charge
from trackrev_stream.store.workspaces import stripe_connections
from trackrev_stream.store.workspaces.require import require_workspace

NO_KEY = "no key was given: webhooks alone bring charges"


@dataclass(frozen=True, slots=True)
class Choices:
    """How far a connection may be changed: ``replace`` says yes to all, ``may_write`` takes a secret key."""

    replace: bool = False
    may_write: bool = False


@dataclass(frozen=True, slots=True)
class Connected:
    """What is kept now, what was kept before, and what the key may read."""

    now: StripeConnection
    before: StripeConnection | None
    probe: Probe

    @property
    def warnings(self) -> list[str]:
        """What a person should know of it."""
        found = list(self.probe.warnings)
        if (
            self.before is not None
            and self.before.livemode != self.now.livemode
            and self.before.webhook_secrets
        ):
            kept = set(self.before.webhook_secrets) & set(self.now.webhook_secrets)
            if kept:
                found.append(
                    "the webhook secrets that are kept are of the other mode's endpoint: add this one's"
                )
        return found


def kept_connection(settings: Settings, workspace: str, account: str) -> StripeConnection | None:
    """What is kept of an account, or None. Raises UnknownWorkspace."""
    with opened(settings) as (store, sealer):
        return _kept(store, sealer, workspace, account)


def connect(settings: Settings, workspace: str, account: str, given: Given, choices: Choices) -> Connected:
    """Put what is given to what is kept. Raises CommandError, and then nothing has changed."""
    if given.key:
        check_key(given.key, may_write=choices.may_write)
    for secret in given.webhook_secrets:
        check_secret(secret)
    with opened(settings) as (store, sealer):
        before = _kept(store, sealer, workspace, account)
        put = merged(before, given, workspace, account, replace=choices.replace)
        found, losses = _asked(store, before, put, given)
        if losses:
            what = " ".join([f"Workspace {workspace} has a connection to Stripe.", *losses])
            require_consent(what, "--replace", given=choices.replace)
        keep = partial(_put, sealer=sealer, wanted=put.wanted, expected=before)
        store.write_now(keep)
    return Connected(put.wanted, before, found)


def _kept(store: Store, sealer: Sealer, workspace: str, account: str) -> StripeConnection | None:
    def find(sql: Connection) -> StripeConnection | None:
        require_workspace(sql, workspace)
        known = stripe_connections.find_connections(sql, sealer, workspace)
        return next((one for one in known if one.account == account), None)

    return store.read_now(find)


def _asked(
    store: Store, before: StripeConnection | None, put: Merged, given: Given
) -> tuple[Probe, tuple[str, ...]]:
    """What Stripe says of the key, and what would be lost. Raises CommandError where it does not take it."""
    if not put.wanted.api_key:
        warnings = () if put.wanted.account == EVERY_ACCOUNT else (NO_KEY,)
        return Probe({}, warnings), put.losses
    charge = _charge_of_before(store, before, put) if given.key else ""
    found = asyncio.run(probe(put.wanted, charge))
    if found.refused and given.key:
        raise CommandError(
            f"{found.refused}. Nothing was changed; copy the key from Stripe's dashboard again"
        )
    if found.refused:
        found = Probe(found.permissions, (f"the key that is kept is not taken: {found.refused}",))
    losses = put.losses
    if found.knows_charge is False and another_account() not in losses:
        losses += (another_account(),)
    return found, losses


def _charge_of_before(store: Store, before: StripeConnection | None, put: Merged) -> str:
    """A charge that tells whether another key is of the same account; empty where the keys tell it."""
    if before is None or not before.api_key or before.api_key == put.wanted.api_key:
        return ""
    if before.livemode != put.wanted.livemode or None not in (
        account_in(before.api_key),
        account_in(put.wanted.api_key),
    ):
        return ""
    asked = partial(
        newest_charge, workspace=before.workspace, account=before.account, livemode=before.livemode
    )
    return store.read_now(asked) or ""


def _put(
    sql: Connection, sealer: Sealer, wanted: StripeConnection, expected: StripeConnection | None
) -> None:
    """Keep a connection. With another key all is read again: it may see another account or mode, or more."""
    known = stripe_connections.find_connections(sql, sealer, wanted.workspace)
    before = next((one for one in known if one.account == wanted.account), None)
    if before != expected:
        raise CommandError("somebody changed this connection at the same time; look at it, and try again")
    if before == wanted:
        return
    stripe_connections.put_connection(sql, sealer, wanted, now_ms())
    if before is not None and (before.api_key, before.livemode) != (wanted.api_key, wanted.livemode):
        poller_state.forget_progress(sql, wanted.workspace, wanted.account)
