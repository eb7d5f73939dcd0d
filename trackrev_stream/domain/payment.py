"""Payments: snapshots and refunds of Stripe, in any order, folded into the money state of each charge."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from trackrev_stream.domain.ids import Scope


class FactKind(StrEnum):
    """What a fact of ``stripe-payments`` says."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    LINK = "link"  # what a checkout, an invoice payment or a payment intent says beside the money


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """One observation of a charge or refund, as Stripe showed it at ``observed_at``.

    For a charge ``amount_minor`` is what was captured and ``refunded_minor`` the cumulative refund; for a
    refund ``amount_minor`` is its own amount. ``payment`` is the payment intent, else the charge. ``id`` is
    the charge's, the refund's, the dispute's or that of the object that makes the link; a link may not know
    ``charge``. ``via`` tells which way it came and decides nothing.
    """

    kind: FactKind
    workspace: str
    account: str
    livemode: bool
    payment: str
    charge: str
    id: str
    created_at: int
    observed_at: int
    received_at: int
    via: str
    source_id: str
    status: str
    amount_minor: int
    currency: str
    captured: bool = False
    refunded_minor: int = 0
    customer: str = ""
    email_key: str = ""
    visitor: str = ""
    invoice: str = ""
    subscription: str = ""
    fee_minor: int | None = None

    @property
    def scope(self) -> Scope:
        """Where the object lives."""
        return Scope(self.workspace, self.account, self.livemode)

    @property
    def key(self) -> str:
        """The key of the payment the fact is about."""
        return self.scope.key(self.payment)


@dataclass(frozen=True, slots=True)
class Reversal:
    """Money that went back: positive ``amount_minor``, on the day it did."""

    id: str
    reason: str
    amount_minor: int
    occurred_at: int


@dataclass(frozen=True, slots=True)
class ChargeState:
    """The whole money state of one paid charge."""

    charge: str
    created_at: int
    amount_minor: int
    currency: str
    email_key: str = ""
    visitor: str = ""
    invoice: str = ""
    subscription: str = ""
    fee_minor: int | None = None
    reversals: tuple[Reversal, ...] = ()


@dataclass(frozen=True, slots=True)
class PaymentState:
    """The charges of one payment as its payer shall see them; without charges it has left that payer.

    ``cause`` names the fact that made this version, ``received_at`` is when the edge received it.
    """

    payer: str
    payment: str
    version: int
    charges: tuple[ChargeState, ...] = ()
    cause: str = ""
    received_at: int = 0


@dataclass(slots=True)
class ChargeRow:
    """What was observed of one charge.

    ``snapshot`` is the newest one, for status and amounts; ``said`` keeps, for each detail that a snapshot
    may leave out, the newest value that was said and when; ``refunded_since`` when each cumulative refund
    was first seen. Each is a maximum (or minimum) of its own, so no order of arrival matters.
    """

    snapshot: PaymentFact
    said: dict[str, tuple[int, str]] = field(default_factory=dict)
    refunded_since: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class PaymentRow:
    """All that is known of one payment: ``version`` counts the facts applied, ``told`` are its payers.

    ``cause`` and ``received_at`` are those of the fact applied last.
    """

    key: str
    version: int = 0
    cause: str = ""
    received_at: int = 0
    told: list[str] = field(default_factory=list)
    charges: dict[str, ChargeRow] = field(default_factory=dict)
    refunds: dict[str, PaymentFact] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)


def absorb(row: PaymentRow, fact: PaymentFact) -> list[PaymentState]:
    """Apply a fact to a payment's row in place; return what its payers are to be told.

    When the payer changes (a customer was set later), the old one is told first that the payment left it.
    Versions are even for what leaves and odd for what stands, so that standing outranks leaving.
    """
    row.version += 1
    row.cause, row.received_at = f"{fact.kind} {fact.id}, {fact.via} {fact.source_id}", fact.received_at
    if fact.kind is FactKind.CHARGE:
        _observe_charge(row, fact)
    else:
        known = row.refunds.get(fact.id)
        row.refunds[fact.id] = max(known, fact, key=_recency) if known else fact
    return states_of(row)


def states_of(row: PaymentRow) -> list[PaymentState]:
    """What the payers are to be told now; nothing before a paid charge was seen."""
    charges = tuple(
        _charge_state(charge, row.refunds.values())
        for charge in sorted(row.charges.values(), key=lambda charge: charge.snapshot.charge)
        if _is_paid(charge.snapshot)
    )
    if not charges:
        return []
    payer = _payer(row)
    if payer not in row.told:
        row.told.append(payer)
    left = [PaymentState(told, row.key, 2 * row.version) for told in row.told if told != payer]
    return [*left, PaymentState(payer, row.key, 2 * row.version + 1, charges, row.cause, row.received_at)]


def _payer(row: PaymentRow) -> str:
    customers = [charge.said["customer"] for charge in row.charges.values() if "customer" in charge.said]
    if not customers:
        return row.key
    scope = next(iter(row.charges.values())).snapshot.scope
    return scope.key(max(customers)[1])


def _is_paid(snapshot: PaymentFact) -> bool:
    # `paid` is true for uncaptured authorizations too (https://docs.stripe.com/api/charges/object).
    return snapshot.status == "succeeded" and snapshot.captured and snapshot.amount_minor > 0


def _observe_charge(row: PaymentRow, fact: PaymentFact) -> None:
    known = row.charges.setdefault(fact.charge, ChargeRow(fact))
    known.snapshot = max(known.snapshot, fact, key=_recency)
    details = {
        "customer": fact.customer,
        "email_key": fact.email_key,
        "visitor": fact.visitor,
        "invoice": fact.invoice,
        "fee_minor": "" if fact.fee_minor is None else str(fact.fee_minor),
    }
    for name, value in details.items():
        if value:
            known.said[name] = max(known.said.get(name, (0, "")), (fact.observed_at, value))
    if fact.refunded_minor:
        since = known.refunded_since.get(fact.refunded_minor, fact.observed_at)
        known.refunded_since[fact.refunded_minor] = min(since, fact.observed_at)


def _recency(fact: PaymentFact) -> tuple[int, bool, int, int, str]:
    # Stripe's times tie within a second. Money only moves one way meanwhile, and content breaks what is left
    # of the tie, so that no order of arrival decides.
    return fact.observed_at, fact.captured, fact.refunded_minor, fact.amount_minor, fact.status


def _charge_state(charge: ChargeRow, refunds: Iterable[PaymentFact]) -> ChargeState:
    snapshot, said = charge.snapshot, charge.said
    fee = said.get("fee_minor")
    return ChargeState(
        charge=snapshot.charge,
        created_at=snapshot.created_at,
        amount_minor=snapshot.amount_minor,
        currency=snapshot.currency,
        email_key=said.get("email_key", (0, ""))[1],
        visitor=said.get("visitor", (0, ""))[1],
        invoice=said.get("invoice", (0, ""))[1],
        fee_minor=int(fee[1]) if fee else None,
        reversals=tuple(_reversals(charge, refunds)),
    )


def _reversals(charge: ChargeRow, refunds: Iterable[PaymentFact]) -> list[Reversal]:
    """Refunds by their own objects; what the charge's cumulative sum knows beyond them, by its steps."""
    of_charge = [refund for refund in refunds if refund.charge == charge.snapshot.charge]
    found = [
        Reversal(refund.id, "refund", refund.amount_minor, refund.created_at)
        for refund in of_charge
        if refund.status not in ("failed", "canceled")
    ]
    explained = sum(refund.amount_minor for refund in of_charge)
    for total, since in sorted(charge.refunded_since.items()):
        if total > explained:
            step = Reversal(f"{charge.snapshot.charge}:refunded:{total}", "refund", total - explained, since)
            found.append(step)
            explained = total
    return sorted(found, key=lambda reversal: (reversal.occurred_at, reversal.id))
