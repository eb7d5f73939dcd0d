"""Reversals: what went back of a charge, and what returned, from all that Stripe ever showed of it.

A refund object counts on the day it was created. Stripe shows no time of its failure: a refund that failed or
was canceled is taken back on the day it was first seen to have. Refunds whose objects were never seen are
known by the charge's cumulative sum alone: what the newest sum has beyond the objects counts since such a
sum was first seen, and is gone again where the newest sum has it no more.

What disputes moved is in ``domain.payments.disputes``.
"""

from collections.abc import Iterable, Iterator, Mapping

from trackrev_stream.domain.payments.disputes import Dispute, dispute_reversals
from trackrev_stream.domain.payments.payment import PaymentFact, Reversal
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass

BASIL_AT = 1_743_379_200_000  # 2025-03-31, UTC
LONGEST_HOLD_MS = (
    31 * DAY_MS
)  # a hold can be captured: https://docs.stripe.com/payments/extended-authorization
FAILED = frozenset(("failed", "canceled"))  # final: https://docs.stripe.com/api/refunds/object


@fast_dataclass(frozen=True, slots=True)
class Seen:
    """All that was seen of a paid charge; ``domain.payments.payment_row`` says what each field keeps."""

    charge: PaymentFact
    refunded_since: Mapping[int, int]
    least_refunded: int
    refunds: tuple[PaymentFact, ...]
    failed_since: Mapping[str, int]
    disputes: tuple[Dispute, ...]
    least_authorized: int
    released: bool


def reversals_of(seen: Seen) -> list[Reversal]:
    """The reversals of a charge by time; within one moment what goes comes before what returns."""
    if not (seen.refunds or seen.refunded_since or seen.disputes):
        return []
    released = released_minor(seen)
    refunds = true_refunds(seen, released)
    found = [*_refunds(seen, refunds), *_unknown_refunds(seen, refunds, released)]
    for dispute in seen.disputes:
        found += dispute_reversals(dispute)
    return sorted(found, key=lambda each: (each.occurred_at, each.amount_minor < 0, each.id))


def released_minor(seen: Seen) -> int:
    """What of the cumulative refund is no refund: the rest of an authorization captured in part.

    Before 2025-03-31.basil Stripe showed the release of the rest as a refund, in ``amount_refunded`` and as
    an object; since then it does not (changelog of that version: "Partially capturing or canceling payments
    no longer creates a Refund"). Money went back unless it is known to be a release: see ``release_unclear``.
    """
    rest = released_perhaps(seen)
    return rest if rest and _is_released(seen) else 0


def release_unclear(seen: Seen) -> bool:
    """Whether what counts as refunded may be the release of the rest: all that was seen fits both."""
    return released_perhaps(seen) > 0 and not _is_released(seen)


def released_perhaps(seen: Seen) -> int:
    """The rest of an authorization, where the cumulative refund may have it in it; else 0.

    A sum that was ever smaller than the rest has not got it in it, nor has one that is explained by refunds
    of other amounts, or of later days than any rest is released on.
    """
    rest = seen.least_authorized - seen.charge.amount_minor
    if rest <= 0 or seen.least_refunded < rest:
        return 0
    known = [refund for refund in seen.refunds if refund.id not in seen.failed_since]
    explained = sum(refund.amount_minor for refund in known) >= seen.charge.refunded_minor
    return rest if not explained or any(_may_release(seen, one, rest) for one in known) else 0


def true_refunds(seen: Seen, released: int) -> list[PaymentFact]:
    """The refund objects, but the one that releases ``released``, the rest of the authorization."""
    ordered = sorted(seen.refunds, key=lambda refund: (refund.created_at, refund.id))
    rest = next((one for one in ordered if released and _may_release(seen, one, released)), None)
    return [refund for refund in ordered if refund is not rest]


def _is_released(seen: Seen) -> bool:
    """Whether the rest is known to count as refunded.

    A sight has told so; or more went back than was captured; or the capture is older than the version that
    shows it otherwise. Whoever captures with an older version later makes such refunds to this day.
    """
    charge = seen.charge
    older = charge.created_at < BASIL_AT - LONGEST_HOLD_MS
    return seen.released or older or charge.refunded_minor > charge.amount_minor


def _may_release(seen: Seen, refund: PaymentFact, rest: int) -> bool:
    """Whether a refund can be the release of the rest: it is made with the capture, and never fails."""
    soon = refund.created_at <= seen.charge.created_at + LONGEST_HOLD_MS
    return refund.amount_minor == rest and soon and refund.id not in seen.failed_since


def _refunds(seen: Seen, refunds: Iterable[PaymentFact]) -> Iterator[Reversal]:
    for refund in refunds:
        yield Reversal(refund.id, "refund", refund.amount_minor, refund.created_at)
        failed_at = seen.failed_since.get(refund.id)
        if failed_at is not None:
            at = max(failed_at, refund.created_at)
            yield Reversal(f"{refund.id}:failed", "refund_failed", -refund.amount_minor, at)


def _unknown_refunds(seen: Seen, refunds: Iterable[PaymentFact], released: int) -> Iterator[Reversal]:
    """What the newest cumulative sum has beyond the refund objects, by the sums in which it grew."""
    if not seen.refunded_since:
        return
    explained = sum(
        refund.amount_minor
        for refund in refunds
        # One that failed later was in the sum still; and within one second, perhaps.
        if seen.failed_since.get(refund.id, seen.charge.observed_at) >= seen.charge.observed_at
    )
    newest = seen.charge.refunded_minor - released
    since = {total - released: at for total, at in seen.refunded_since.items()}
    for total in sorted(total for total in since if total <= newest):
        if total > explained:
            at = min(first for reached, first in since.items() if reached >= total)
            name = f"{seen.charge.charge}:refunded:{total}"
            yield Reversal(name, "refund", total - explained, at)
            explained = total
