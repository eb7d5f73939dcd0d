"""Reading single charges and the ledger."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Row, select

from trackrev_stream.contracts.codec import decode
from trackrev_stream.domain.attribution.attribution_settings import AttributionSettings
from trackrev_stream.domain.attribution.decision import Decision
from trackrev_stream.domain.values.ids import OWN_ACCOUNT, name_of
from trackrev_stream.store.database.schema import charges, entries, lines
from trackrev_stream.store.operations.waiting_money import Waiting, waiting_for
from trackrev_stream.store.workspaces.attribution_settings import find_rules
from trackrev_stream.store.workspaces.stripe_connections import shown_livemode


@dataclass(frozen=True, slots=True)
class Entry:
    """An immutable entry of the ledger; ``retracts`` names the entry that it takes back."""

    seq: int
    entry_id: str
    line_id: str
    charge: str
    reason: str
    retracts: str | None
    cause: str
    channel: str
    source: str
    link: str
    partner: str
    amount_minor: int
    currency: str
    usd_minor: int | None
    rate: str | None
    rate_date: str | None
    occurred_at: int
    posted_at: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a channel and link were credited of a charge; in US cents too, where the rate is known."""

    channel: str
    source: str
    link: str
    partner: str
    amount_minor: int
    usd_minor: int | None


@dataclass(frozen=True, slots=True)
class ChargeSummary:
    """A charge as a list shows it. Amounts in minor units of ``currency``; fees are no part of net.

    ``fee_minor`` is what Stripe kept of the payment and ``dispute_fee_minor`` what it took for disputes, each
    in its currency; None where it is not known (never zero then). ``dispute_unseen`` says that Stripe calls
    it disputed and no dispute of it was seen: what that took back, if anything, is not known.
    ``release_unclear`` says that what went back may have been the release of what was never captured, and
    counts as refunded; ``application_fee_minor`` is what of ``fee_minor`` a platform took, None where that is
    not known.
    """

    key: str
    charge: str
    account: str
    livemode: bool
    status: str
    reason: str
    currency: str
    gross_minor: int
    net_minor: int
    fee_minor: int | None
    fee_currency: str | None
    dispute_fee_minor: int | None
    dispute_fee_currency: str | None
    dispute_unseen: bool
    release_unclear: bool
    application_fee_minor: int | None
    created_at: int
    posted_at: int
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class ChargeDetail:
    """A charge with all that explains it. ``waiting`` is what names it, or its payment, and was not joined.

    ``rules_version`` was in effect when it was made; ``settings`` are those that made its credit, which may
    be those of the charge that it inherits from.
    """

    summary: ChargeSummary
    payer: str
    payment: str
    payment_version: int
    version: int
    rules_version: int
    settings: AttributionSettings | None
    decision: Decision
    entries: tuple[Entry, ...]
    waiting: tuple[Waiting, ...] = ()


_ENTRY = [charges.c.charge if item.name == "charge" else entries.c[item.name] for item in fields(Entry)]
_SHARE_FIELDS = tuple(item.name for item in fields(Share))


def find_charge(connection: Connection, workspace: str, charge: str) -> ChargeDetail | None:
    """The charge with this Stripe id in the mode that is shown, or None; the own account's comes first."""
    found = connection.execute(
        select(charges).where(
            charges.c.workspace == workspace,
            charges.c.charge == charge,
            charges.c.livemode == shown_livemode(connection, workspace),
        )
    ).all()
    if not found:
        return None
    row = min(found, key=lambda one: (one.account != OWN_ACCOUNT, one.account))
    posted = connection.execute(
        select(*_ENTRY)
        .join_from(entries, charges)
        .where(entries.c.charge_key == row.key)
        .order_by(entries.c.seq)
    )
    decision = decode(Decision, row.detail.encode())
    return ChargeDetail(
        payer=row.payer,
        payment=row.payment,
        settings=find_rules(connection, workspace, decision.rules_version),
        summary=summaries(connection, [row])[0],
        payment_version=row.payment_version,
        version=row.version,
        rules_version=row.rules_version,
        decision=decision,
        entries=tuple(Entry(*one) for one in posted),
        waiting=tuple(waiting_for(connection, workspace, (charge, name_of(row.payment)))),
    )


def latest_charges(connection: Connection, workspace: str, limit: int) -> list[ChargeSummary]:
    """The ``limit`` latest charges of the mode that is shown, newest first."""
    rows = connection.execute(
        select(charges)
        .where(charges.c.workspace == workspace, charges.c.livemode == shown_livemode(connection, workspace))
        .order_by(charges.c.created_at.desc(), charges.c.key)
        .limit(limit)
    ).all()
    return summaries(connection, rows)


def newest_charge(connection: Connection, workspace: str, account: str, *, livemode: bool) -> str | None:
    """The id of the newest charge of an account that is in the ledger, or None."""
    mine = (charges.c.workspace == workspace, charges.c.account == account, charges.c.livemode == livemode)
    asked = select(charges.c.charge).where(*mine).order_by(charges.c.created_at.desc()).limit(1)
    return connection.execute(asked).scalar()


def ledger_page(
    connection: Connection, workspace: str, after: int, limit: int
) -> tuple[list[Entry], int | None]:
    """Up to ``limit`` entries behind seq ``after``, and the seq to go on after when there are more."""
    rows = connection.execute(
        select(*_ENTRY)
        .join_from(entries, charges)
        .where(
            entries.c.workspace == workspace,
            entries.c.livemode == shown_livemode(connection, workspace),
            entries.c.seq > after,
        )
        .order_by(entries.c.seq)
        .limit(limit + 1)
    ).all()
    page = [Entry(*row) for row in rows[:limit]]
    return page, page[-1].seq if len(rows) > limit else None


def summaries(connection: Connection, rows: Any) -> list[ChargeSummary]:
    """The rows of ``charges`` with the shares of each."""
    shares: dict[str, list[Share]] = {row.key: [] for row in rows}
    earned = connection.execute(
        select(lines)
        .where(lines.c.charge_key.in_(list(shares)), lines.c.reason == "credit")
        .order_by(lines.c.amount_minor.desc(), lines.c.line_id)
    )
    for line in earned:
        shares[line.charge_key].append(Share(**{name: getattr(line, name) for name in _SHARE_FIELDS}))
    return [_summary(row, tuple(shares[row.key])) for row in rows]


def _summary(row: Row[tuple[object, ...]], shares: tuple[Share, ...]) -> ChargeSummary:
    return ChargeSummary(
        key=row.key,
        charge=row.charge,
        account=row.account,
        livemode=row.livemode,
        status=row.status,
        reason=row.reason,
        currency=row.currency,
        gross_minor=row.gross_minor,
        net_minor=row.net_minor,
        fee_minor=row.fee_minor,
        fee_currency=row.fee_currency,
        dispute_fee_minor=row.dispute_fee_minor,
        dispute_fee_currency=row.dispute_fee_currency,
        dispute_unseen=bool(row.dispute_unseen),
        release_unclear=bool(row.release_unclear),
        application_fee_minor=row.application_fee_minor,
        created_at=row.created_at,
        posted_at=row.posted_at,
        shares=shares,
    )
