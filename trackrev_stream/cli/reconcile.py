"""`trackrev reconcile`: the ledger against Stripe's own lists, each difference with its likely cause."""

import argparse
import asyncio
from collections import Counter
from typing import Any

from collectors.stripe.client import CannotRead, StripeReader
from collectors.stripe.reconcile import Reconciliation, reconcile
from trackrev_stream.cli.context import known_workspace, opened
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.cli.stripe import chosen_connections
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.ports import StripeConnection, Workspace
from trackrev_stream.domain.reconciliation.differences import SENTENCES, Difference
from trackrev_stream.domain.reconciliation.movements import MovementKind, Period
from trackrev_stream.domain.values.days import day_of, iso_of
from trackrev_stream.domain.values.money import format_minor
from trackrev_stream.errors import ForPeople
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import UnknownName
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.operations.poller_state import StorePollState
from trackrev_stream.store.operations.reconciliations import StoreLedgerReader

DAYS = 30
DIFFERS, NOT_CHECKED = 1, 2


def reconcile_ledger(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`reconcile`: reads Stripe, compares, keeps and tells the result, also by what it exits with."""
    last = day_of(now_ms()) - 1 if args.last is None else args.last
    period = Period(last - DAYS + 1 if args.first is None else args.first, last)
    if period.last < period.first:
        raise CommandError(
            f"--from {iso_of(period.first)} is later than --to {iso_of(period.last)}", NOT_CHECKED
        )
    try:
        with opened(settings) as (store, sealer):
            workspace = known_workspace(store, sealer, args.workspace)
            chosen = chosen_connections(args, store, sealer)
            found, unchecked = _check_all(store, sealer, workspace, chosen, period)
    except UnknownName:
        raise
    except ForPeople as error:
        raise CommandError(str(error), NOT_CHECKED) from error
    told = [as_text(account, one) for account, one in found.items()]
    told += [f"{account} could not be checked: {reason}" for account, reason in unchecked.items()]
    accounts = {account: as_json(one) for account, one in found.items()}
    differs = any(one.differences or one.unread for one in found.values())
    return CommandResult(
        "\n".join(told),
        {"workspace": args.workspace, "accounts": accounts, "unchecked": unchecked},
        [warning for account, one in found.items() for warning in _warnings(account, one)],
        status=DIFFERS if differs else NOT_CHECKED if unchecked else 0,
    )


def _check_all(
    store: Store, sealer: Sealer, workspace: Workspace, chosen: list[StripeConnection], period: Period
) -> tuple[dict[str, Reconciliation], dict[str, str]]:
    """What each account came to, and of those that could not be checked why; Ctrl-C leaves out the rest."""
    found: dict[str, Reconciliation] = {}
    unchecked: dict[str, str] = {}
    try:
        for one in chosen:
            try:
                found[one.account] = asyncio.run(_check(store, sealer, workspace, one, period))
            except CannotRead as error:
                unchecked[one.account] = str(error)
    except KeyboardInterrupt:
        rest = (one.account for one in chosen if one.account not in found)
        unchecked |= {account: "stopped by Ctrl-C" for account in rest if account not in unchecked}
    return found, unchecked


async def _check(
    store: Store, sealer: Sealer, workspace: Workspace, connection: StripeConnection, period: Period
) -> Reconciliation:
    reads = 0

    def count() -> None:
        nonlocal reads
        reads += 1

    reader = StripeReader(connection, count)
    book = StoreLedgerReader(store)
    try:
        return await reconcile(reader, book, workspace, connection, period=period, clock=now_ms)
    finally:
        await reader.close()
        await StorePollState(store, sealer).count_reads(connection, now_ms(), reads)


def as_text(account: str, found: Reconciliation) -> str:
    """What a person is told of an account."""
    period = found.checked.period
    lines = [
        f"{account}, {iso_of(period.first)} to {iso_of(period.last)}, {found.charges:,} charges of Stripe:"
    ]
    for row in _rows(found):
        sides = (row["stripe"], row["ledger"])
        money = [
            " and ".join(
                f"{kind} {format_minor(side[kind], row['currency'])}" for kind in MovementKind if side[kind]
            )
            or "nothing"
            for side in sides
        ]
        told = money[0] if money[0] == money[1] else f"Stripe has {money[0]}; the ledger has {money[1]}"
        lines.append(f"  {row['date']}  {told}")
    lines += [f"  {_sentence(one)}" for one in found.differences]
    count = len(found.differences)
    if not count:
        lines.append("  no difference")
    else:
        residual = ", ".join(
            format_minor(minor, currency) for currency, minor in found.checked.residual_minor.items() if minor
        )
        lines.append(f"  {count} difference{'s' if count > 1 else ''}, {residual or 'not known how much'}")
    return "\n".join(lines)


def as_json(found: Reconciliation) -> dict[str, Any]:
    """The same for programs; amounts in minor units."""
    period = found.checked.period
    return {
        "from": iso_of(period.first),
        "to": iso_of(period.last),
        "charges": found.charges,
        "residual_minor": dict(found.checked.residual_minor),
        "days": _rows(found),
        "differences": [
            {
                "charge": one.charge,
                "kind": one.kind,
                "cause": one.cause,
                "date": iso_of(one.day),
                "currency": one.currency,
                "stripe_minor": one.stripe_minor,
                "ledger_minor": one.ledger_minor,
                "residual_minor": one.residual_minor,
                "message": SENTENCES[one.cause],
            }
            for one in found.differences
        ],
        "missing_permissions": list(found.missing),
        "unread": list(found.unread),
    }


def _rows(found: Reconciliation) -> list[dict[str, Any]]:
    rows = []
    for number, currency in sorted(found.stripe.keys() | found.ledger.keys()):
        stripe, ledger = (
            {kind.value: side.get((number, currency), Counter())[kind] for kind in MovementKind}
            for side in (found.stripe, found.ledger)
        )
        rows.append({"date": iso_of(number), "currency": currency, "stripe": stripe, "ledger": ledger})
    return rows


def _sentence(one: Difference) -> str:
    stripe = "an unknown amount" if one.stripe_minor is None else format_minor(one.stripe_minor, one.currency)
    ledger = format_minor(one.ledger_minor, one.currency)
    said = f"Stripe has {stripe}, the ledger {ledger}" if stripe != ledger else f"both have {stripe}"
    return f"{one.charge} {one.kind} ({iso_of(one.day)}): {said}. Likely {SENTENCES[one.cause]}"


def _warnings(account: str, found: Reconciliation) -> list[str]:
    warnings = [
        f"{account}: the key lacks {name}; what it would show was not compared" for name in found.missing
    ]
    return warnings + [f"{account}: {name} cannot be understood as Stripe shows it" for name in found.unread]
