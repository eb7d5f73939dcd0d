"""Where the ledger and Stripe differ, charge by charge, and why they likely do.

What Stripe does not tell (when a refund failed, when a dispute without balance transactions moved) is held
against its sum, not its day. Where refunds and disputes together exceed what was captured the ledger's cap is
right, and only the sum counts.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from trackrev_stream.domain.reconciliation.movements import ChargeMovements, Movement, MovementKind
from trackrev_stream.domain.values.days import day_of


class Cause(StrEnum):
    """Why the ledger and Stripe likely differ; ``SENTENCES`` says it to people."""

    NEVER_ARRIVED = "never_arrived"
    DEAD_LETTER = "dead_letter"
    NOT_READ_YET = "not_read_yet"
    ELSEWHERE = "elsewhere"
    NOT_SHOWN = "not_shown"
    AMOUNT_CHANGED = "amount_changed"
    OTHER_CURRENCY = "other_currency"
    REFUND_MISSING = "refund_missing"
    REFUND_FAILED = "refund_failed"
    OTHER_DAY = "other_day"
    DISPUTE_MISSING = "dispute_missing"
    DISPUTE_UNREADABLE = "dispute_unreadable"
    DISPUTE_OUTCOME = "dispute_outcome"
    CHARGE_FAILED = "charge_failed"
    RELEASE_UNCLEAR = "release_unclear"


SENTENCES = {
    Cause.NEVER_ARRIVED: "it never arrived: its webhook was lost, and the poller has passed its time",
    Cause.DEAD_LETTER: "a dead letter names it: trackrev dead-letters list",
    Cause.NOT_READ_YET: "it is newer than what the poller has read: trackrev stripe sync",
    Cause.ELSEWHERE: "the ledger has it in the other mode, or under another account",
    Cause.NOT_SHOWN: "Stripe does not show it to this key: it is of another account or mode",
    Cause.AMOUNT_CHANGED: "what was captured changed, and the change was not heard",
    Cause.OTHER_CURRENCY: "the ledger has it in another currency",
    Cause.REFUND_MISSING: "a refund never arrived",
    Cause.REFUND_FAILED: "a refund failed or was canceled later, and that was not heard",
    Cause.OTHER_DAY: "it stands on another day: it was known from a sum before it came itself",
    Cause.DISPUTE_MISSING: "a dispute never arrived",
    Cause.DISPUTE_UNREADABLE: "it is disputed, and the key may not read disputes",
    Cause.DISPUTE_OUTCOME: "a dispute was won or gave money back, and that was not heard",
    Cause.CHARGE_FAILED: "the payment failed after it had succeeded, and that was not heard",
    Cause.RELEASE_UNCLEAR: (
        "a part of it was captured, and as much as the rest went back: whether that is a refund, or the "
        "release of the rest, is told by its balance transaction, which the key may not read"
    ),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What tells causes apart.

    ``read_until``: how far the poller has read, None where it never did; ``elsewhere``: charges that the
    book has in the other mode or under another account; ``buried``: ids that open dead letters name.
    """

    read_until: int | None
    elsewhere: Collection[str] = ()
    buried: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; ``stripe_minor`` is None where Stripe cannot be asked.

    ``residual_minor`` is how much is wrong, never negative: also what stands on a wrong day.
    """

    charge: str
    kind: MovementKind
    cause: Cause
    day: int
    currency: str
    stripe_minor: int | None
    ledger_minor: int
    residual_minor: int


def compare(
    shown: Mapping[str, ChargeMovements], booked: Mapping[str, ChargeMovements], heard: Heard
) -> list[Difference]:
    """The differences between Stripe's charges and the ledger's, by id, in the order of the charges' time."""
    every = [(one.created_at, name) for name, one in {**booked, **shown}.items()]
    found: list[Difference] = []
    for _, name in sorted(every):
        found += _best(shown.get(name), booked.get(name), heard)
    return found


def residuals(differences: Iterable[Difference]) -> Counter[str]:
    """How much differs, by currency, in its minor units."""
    found: Counter[str] = Counter()
    for one in differences:
        found[one.currency] += one.residual_minor
    return found


def _best(shown: ChargeMovements | None, booked: ChargeMovements | None, heard: Heard) -> list[Difference]:
    """The differences; where Stripe's objects can be read in two ways, by the one that a sure book has.

    Where the ledger is not sure either, that is named, and how much they differ if it has the other one.
    """
    found = list(_compare(shown, booked, heard))
    if booked is None or shown is None or not shown.or_else:
        return found
    other = list(_compare(replace(shown, movements=shown.or_else), booked, heard))
    if not booked.unsure:
        return min(found, other, key=len)
    if not found:
        kind, booked_minor = MovementKind.REFUNDED, booked.total(MovementKind.REFUNDED)
        day, cause = day_of(shown.created_at), Cause.RELEASE_UNCLEAR
        return [Difference(shown.charge, kind, cause, day, shown.currency, None, booked_minor, 0)]
    return found if other else [replace(one, cause=Cause.RELEASE_UNCLEAR) for one in found]


def _compare(
    shown: ChargeMovements | None, booked: ChargeMovements | None, heard: Heard
) -> Iterator[Difference]:
    if booked is None:
        assert shown is not None, "one of both has the charge"
        empty = ChargeMovements(shown.charge, shown.created_at, shown.currency, ())
        yield from _sums(shown, empty, _absence(shown, heard))
    elif shown is None:
        empty = ChargeMovements(booked.charge, booked.created_at, booked.currency, ())
        yield from _sums(empty, booked, Cause.NOT_SHOWN)
    elif shown.currency != booked.currency:
        stripe, ledger = shown.total(MovementKind.CAPTURED), booked.total(MovementKind.CAPTURED)
        day = day_of(shown.created_at)
        cause = Cause.OTHER_CURRENCY
        yield Difference(
            shown.charge, MovementKind.CAPTURED, cause, day, shown.currency, stripe, ledger, stripe
        )
    else:
        yield from _captured(shown, booked)
        if shown.movements:  # of what failed nothing stands
            yield from _reversed(shown, booked, heard)


def _absence(shown: ChargeMovements, heard: Heard) -> Cause:
    if shown.charge in heard.elsewhere:
        return Cause.ELSEWHERE
    if shown.charge in heard.buried:
        return Cause.DEAD_LETTER
    return Cause.NOT_READ_YET if _is_unread(shown.created_at, heard) else Cause.NEVER_ARRIVED


def _is_unread(at: int | None, heard: Heard) -> bool:
    return heard.read_until is None or (at is not None and at >= heard.read_until)


def _sums(shown: ChargeMovements, booked: ChargeMovements, cause: Cause) -> Iterator[Difference]:
    for kind in MovementKind:
        stripe, ledger = shown.total(kind), booked.total(kind)
        if stripe != ledger:
            yield _difference(kind, cause, shown, stripe, ledger)


def _difference(
    kind: MovementKind, cause: Cause, shown: ChargeMovements, stripe: int, ledger: int
) -> Difference:
    days = [one.day for one in shown.of(kind) if one.day is not None]
    day = max(days, default=day_of(shown.created_at))
    return Difference(shown.charge, kind, cause, day, shown.currency, stripe, ledger, abs(stripe - ledger))


def _captured(shown: ChargeMovements, booked: ChargeMovements) -> Iterator[Difference]:
    stripe, ledger = shown.total(MovementKind.CAPTURED), booked.total(MovementKind.CAPTURED)
    if stripe != ledger:
        cause = Cause.AMOUNT_CHANGED if stripe else Cause.CHARGE_FAILED
        yield _difference(MovementKind.CAPTURED, cause, shown, stripe, ledger)
    else:
        yield from _days(MovementKind.CAPTURED, shown, booked)


def _reversed(shown: ChargeMovements, booked: ChargeMovements, heard: Heard) -> Iterator[Difference]:
    """Refunds and disputes. What the ledger has captured is its cap: a wrong one has been named already."""
    if shown.unreadable and not booked.of(MovementKind.DISPUTED):
        day = day_of(shown.created_at)
        cause = Cause.DISPUTE_UNREADABLE
        yield Difference(shown.charge, MovementKind.DISPUTED, cause, day, shown.currency, None, 0, 0)
    # Where disputes cannot be read the ledger's word is taken for them.
    disputed = (booked if shown.unreadable else shown).of(MovementKind.DISPUTED)
    went = [*shown.of(MovementKind.REFUNDED), *disputed]
    cap = booked.total(MovementKind.CAPTURED)
    if sum(one.amount_minor for one in went if one.amount_minor > 0) > cap:
        stripe = min(cap, sum(one.amount_minor for one in went))
        ledger = booked.total(MovementKind.REFUNDED) + booked.total(MovementKind.DISPUTED)
        if stripe != ledger:
            yield _difference(*_capped(shown, booked, heard, stripe > ledger), shown, stripe, ledger)
        return
    for kind in (MovementKind.REFUNDED, *(() if shown.unreadable else (MovementKind.DISPUTED,))):
        stripe, ledger = shown.total(kind), booked.total(kind)
        if stripe != ledger:
            yield _difference(kind, _cause(kind, shown, booked, heard), shown, stripe, ledger)
        else:
            yield from _days(kind, shown, booked)


def _capped(
    shown: ChargeMovements, booked: ChargeMovements, heard: Heard, more: bool
) -> tuple[MovementKind, Cause]:
    """Which kind a difference of a capped sum is likely of: the one that differs in its direction."""
    kinds = (MovementKind.REFUNDED, MovementKind.DISPUTED)
    off = {kind: shown.total(kind) - booked.total(kind) for kind in kinds}
    kind = max(kinds, key=lambda one: off[one] if more else -off[one])
    return kind, _cause(kind, shown, booked, heard)


def _cause(kind: MovementKind, shown: ChargeMovements, booked: ChargeMovements, heard: Heard) -> Cause:
    """Why what went back differs."""
    of_kind = shown.of(kind)
    if any(one.id in heard.buried for one in of_kind):
        return Cause.DEAD_LETTER
    if shown.total(kind) > booked.total(kind):
        if any(_is_unread(one.at, heard) for one in of_kind):
            return Cause.NOT_READ_YET
        return Cause.REFUND_MISSING if kind is MovementKind.REFUNDED else Cause.DISPUTE_MISSING
    if any(one.amount_minor < 0 for one in of_kind):
        return Cause.REFUND_FAILED if kind is MovementKind.REFUNDED else Cause.DISPUTE_OUTCOME
    return Cause.NOT_SHOWN


def _days(kind: MovementKind, shown: ChargeMovements, booked: ChargeMovements) -> Iterator[Difference]:
    """Whether what went, and what returned, did so on the same days; where Stripe tells the days."""
    failed = {one.id for one in shown.of(kind) if one.at is None}
    stays = _by_day(one for one in shown.of(kind) if one.id not in failed)
    # The ledger may have heard of a refund that failed or not: it comes to nothing.
    came_to_nothing = _by_day(one for one in shown.of(kind) if one.id in failed and one.at is not None)
    if failed and kind is MovementKind.DISPUTED:
        return
    ledger = _by_day(one for one in booked.of(kind) if not failed or one.amount_minor > 0)
    misplaced = 0
    for day in stays.keys() | ledger.keys():
        beyond = ledger[day] - stays[day]
        allowed = came_to_nothing[day] if beyond > 0 else 0
        misplaced += max(0, abs(beyond) - allowed)
    if misplaced:
        stripe = shown.total(kind)
        day = max(stays, default=day_of(shown.created_at))
        # Each amount is missing on one day and too much on another.
        wrong = max(1, misplaced // 2)
        cause = Cause.OTHER_DAY
        yield Difference(shown.charge, kind, cause, day, shown.currency, stripe, stripe, wrong)


def _by_day(movements: Iterable[Movement]) -> Counter[int]:
    found: Counter[int] = Counter()
    for one in movements:
        if one.day is not None:
            found[one.day] += one.amount_minor
    return found
