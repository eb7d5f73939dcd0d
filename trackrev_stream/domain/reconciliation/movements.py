"""Reconciliation: what moved of each charge, by Stripe's present word or by the lines of the ledger.

The ledger folds all that it ever heard; Stripe shows how things are. How the two are compared and why they
may differ is in ``domain.reconciliation.differences``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from trackrev_stream.domain.payments.billing import is_paid
from trackrev_stream.domain.payments.disputes import BalanceEntry, Dispute, dispute_reversals
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.payments.reversals import (
    FAILED,
    Seen,
    release_unclear,
    released_minor,
    released_perhaps,
    true_refunds,
)
from trackrev_stream.domain.values.days import day_of


class MovementKind(StrEnum):
    """How money moved."""

    CAPTURED = "captured"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


KIND_BY_REASON = {
    "credit": MovementKind.CAPTURED,
    "refund": MovementKind.REFUNDED,
    "refund_failed": MovementKind.REFUNDED,
    "dispute": MovementKind.DISPUTED,
    "dispute_reinstated": MovementKind.DISPUTED,
}
"""What a line of revenue is, by its reason."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Money of a charge that moved at ``at``, in ms since the epoch; None where Stripe does not say when.

    Positive as captured, or as what went back; negative is what returned of that.
    """

    kind: MovementKind
    id: str
    amount_minor: int
    at: int | None

    @property
    def day(self) -> int | None:
        """The day (UTC) it moved on."""
        return None if self.at is None else day_of(self.at)


@dataclass(frozen=True, slots=True)
class ChargeMovements:
    """One side's account of a charge; ``unreadable`` where it is disputed and the disputes cannot be read.

    ``or_else`` are the movements by another reading of the same objects, where they can be read in two ways;
    ``unsure`` says of the ledger that it does not know of any history by which one of these is right.
    """

    charge: str
    created_at: int
    currency: str
    movements: tuple[Movement, ...]
    unreadable: bool = False
    or_else: tuple[Movement, ...] = ()
    unsure: bool = False

    def of(self, kind: MovementKind) -> list[Movement]:
        """The movements of one kind."""
        return [one for one in self.movements if one.kind is kind]

    def total(self, kind: MovementKind) -> int:
        """What the movements of one kind come to."""
        return sum(one.amount_minor for one in self.of(kind))


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days (UTC) from ``first`` to ``last``, both of them in."""

    first: int
    last: int

    def holds(self, day: int | None) -> bool:
        """Whether a day lies within."""
        return day is not None and self.first <= day <= self.last


def shown_of(
    charge: PaymentFact, refunds: Iterable[PaymentFact], disputes: Iterable[PaymentFact], *, unreadable: bool
) -> ChargeMovements:
    """A charge as Stripe shows it, from all its refunds and disputes; without movements if unpaid."""
    account = (charge.charge, charge.created_at, charge.currency)
    if not is_paid(charge):
        return ChargeMovements(*account, ())
    every, disputed = tuple(refunds), list(_disputed(charge, disputes))
    failed_since = {one.id: one.observed_at for one in every if one.status in FAILED}
    known = (every, failed_since, (), charge.authorized_minor, charge.released)
    seen = Seen(charge, {}, charge.refunded_minor, *known)
    # A refund of just the rest of an authorization may be its release or a refund: history may tell them
    # apart (domain.reversals), one look at the objects often cannot.
    both = [released_minor(seen)] + ([released_perhaps(seen)] if release_unclear(seen) else [])
    captured = Movement(MovementKind.CAPTURED, charge.charge, charge.amount_minor, charge.created_at)
    first, *others = [(captured, *_refunded(seen, released), *disputed) for released in both]
    return ChargeMovements(*account, first, unreadable, next(iter(others), ()))


def _refunded(seen: Seen, released: int) -> Iterator[Movement]:
    for refund in true_refunds(seen, released):
        yield Movement(MovementKind.REFUNDED, refund.id, refund.amount_minor, refund.created_at)
        if refund.id in seen.failed_since:
            yield Movement(MovementKind.REFUNDED, refund.id, -refund.amount_minor, None)


def _disputed(charge: PaymentFact, disputes: Iterable[PaymentFact]) -> Iterator[Movement]:
    of_minor = charge.authorized_minor if charge.released else charge.amount_minor
    settled = (
        BalanceEntry(charge.settled_minor, of_minor, charge.settled_currency)
        if charge.settled_minor
        else None
    )
    for fact in disputes:
        dated = all(move.id for move in fact.moves)
        dispute = Dispute(fact.id, fact.amount_minor, fact.currency, fact.moves)
        for back in dispute_reversals(dispute.of_charge(charge.currency, charge.amount_minor, settled)):
            at = back.occurred_at if dated else None
            yield Movement(MovementKind.DISPUTED, fact.id, back.amount_minor, at)


Totals = dict[tuple[int, str], Counter[MovementKind]]


def totals(accounts: Iterable[ChargeMovements], period: Period) -> Totals:
    """What moved on each day of a period, by day and currency; what has no day counts on its charge's."""
    found: Totals = {}
    for account in accounts:
        for one in account.movements:
            day = day_of(account.created_at) if one.day is None else one.day
            if period.holds(day):
                found.setdefault((day, account.currency), Counter())[one.kind] += one.amount_minor
    return found
