"""Sights of Stripe's objects, applied to the row of their payment; and whole rows, joined to another.

Whatever is kept is the greatest, the least or the newest of all that was seen. So two rows of one payment,
each with a part of what was seen, make together what one row with all of it would be, and to apply a sight or
a row once more changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from trackrev_stream.domain.payments.payment import FactKind, Move, PaymentFact
from trackrev_stream.domain.payments.payment_row import EVERY_CHARGE, ChargeRow, DisputeRow, PaymentRow, Said
from trackrev_stream.domain.payments.reversals import FAILED

K = TypeVar("K")
V = TypeVar("V")


def observe_charge(row: PaymentRow, fact: PaymentFact) -> None:
    """Apply a sight of a charge."""
    _note_payer(row, fact.customer)
    known = row.charges.get(fact.charge)
    if known is None:
        known = row.charges[fact.charge] = ChargeRow(fact)
    elif not known.paid:
        # What older programs have written tells by the snapshot alone that it was paid, and of how much.
        known.paid = is_paid(known.snapshot)
        _note_authorized(known, known.snapshot)
    known.paid |= is_paid(fact)
    known.snapshot = _newest_sight(known.snapshot, fact)
    known.disputed |= fact.disputed
    _note_details(known.said, fact)
    if not fact.captured:  # what an authorization that was cancelled shows as refunded was never paid
        return
    least = known.least_refunded.get(fact.amount_minor, fact.refunded_minor)
    known.least_refunded[fact.amount_minor] = min(least, fact.refunded_minor)
    _note_authorized(known, fact)
    if fact.released and fact.amount_minor not in known.released:
        known.released = sorted([*known.released, fact.amount_minor])
    if fact.refunded_minor:
        since = known.refunded_since.get(fact.refunded_minor, fact.observed_at)
        known.refunded_since[fact.refunded_minor] = min(since, fact.observed_at)


def _note_authorized(known: ChargeRow, fact: PaymentFact) -> None:
    """Keep the least that was told to be authorized; older programs have told nothing of it."""
    if fact.captured and fact.authorized_minor:
        least = known.least_authorized.get(fact.amount_minor, fact.authorized_minor)
        known.least_authorized[fact.amount_minor] = min(least, fact.authorized_minor)


def observe_link(row: PaymentRow, fact: PaymentFact) -> None:
    """Apply what is said beside the money, of one charge or of all."""
    if fact.customer:
        _note_payer(row, fact.customer)
    _note_details(row.links.setdefault(fact.charge or EVERY_CHARGE, {}), fact)


def _note_payer(row: PaymentRow, customer: str) -> None:
    if customer not in row.payers:
        row.payers = sorted([*row.payers, customer])


def observe_refund(row: PaymentRow, fact: PaymentFact) -> None:
    """Apply a sight of a refund."""
    row.refunds[fact.id] = _newest_sight(row.refunds.get(fact.id, fact), fact)
    if fact.status in FAILED:
        since = row.failed_since.get(fact.id, fact.observed_at)
        row.failed_since[fact.id] = min(since, fact.observed_at)


def observe_dispute(row: PaymentRow, fact: PaymentFact) -> None:
    """Apply a sight of a dispute."""
    known = row.disputes.setdefault(fact.id, DisputeRow(fact.charge))
    known.charge = max(known.charge, fact.charge)
    known.said = max(known.said, (fact.observed_at, fact.amount_minor, fact.currency))
    for move in fact.moves:
        name = move.id or ("-" if move.amount_minor < 0 else "+")
        known.moves[name] = min(known.moves.get(name, move), move, key=_first_told)


def _first_told(move: Move) -> tuple[int, int, bool, int, str, int]:
    # Of a balance transaction that older versions have read without its fee, the sight that tells it.
    told = (move.fee_minor is None, move.fee_minor or 0, move.settled_currency, move.settled_minor)
    return (move.moved_at, move.amount_minor, *told)


def _note_details(said: Said, fact: PaymentFact) -> None:
    """Keep what a fact says beside the money where it is the newest saying; the text breaks a tie."""
    details = {
        "customer": fact.customer,
        "email_key": fact.email_key,
        "visitor": fact.visitor,
        "invoice": fact.invoice,
        "subscription": fact.subscription,
        "fee": "" if fact.fee_minor is None else f"{fact.fee_minor} {fact.fee_currency}",
    }
    if fact.settled_minor:
        details |= {
            "settled": _settled(fact),
            "application_fee": str(fact.application_fee_minor or ""),
        }
    for name, value in details.items():
        if value:
            said[name] = max(said.get(name, (0, "")), (fact.observed_at, value))


def _settled(fact: PaymentFact) -> str:
    """What the balance transaction of a charge entered, for how much of the charge, and in which currency."""
    of = fact.authorized_minor if fact.released else fact.amount_minor
    entered = fact.captured and fact.settled_minor > 0 and of > 0
    return f"{fact.settled_minor} {of} {fact.settled_currency}" if entered else ""


def _newest_sight(known: PaymentFact, fact: PaymentFact) -> PaymentFact:
    """Of two sights of one object the newer; a charge that only the other one names is not forgotten."""
    newest, charge = max(known, fact, key=_recency), max(known.charge, fact.charge)
    return newest if newest.charge == charge else replace(newest, charge=charge)


def _recency(fact: PaymentFact) -> tuple[tuple[int, bool], bool, int, int, tuple[bool, int], str]:
    # Stripe's times tie within a second. Money only moves one way meanwhile (a failure is the end), and
    # content breaks what is left of the tie, so that no order of arrival decides.
    # Less is told to be authorized where more is known (see Stripe's charges), and nothing by older programs.
    known_more = (fact.authorized_minor > 0, -fact.authorized_minor)
    when = fact.observed_at, fact.kind is FactKind.CHARGE and fact.status == "failed"
    return when, fact.captured, fact.refunded_minor, fact.amount_minor, known_more, fact.status


def is_paid(snapshot: PaymentFact) -> bool:
    """Whether a charge is money: captured, not only authorized."""
    # `paid` is true for uncaptured authorizations too (https://docs.stripe.com/api/charges/object).
    return snapshot.status == "succeeded" and snapshot.captured and snapshot.amount_minor > 0


def join(row: PaymentRow, other: PaymentRow) -> None:
    """Add all that another row of the same payment has seen."""
    row.ahead = max(row.ahead, other.order)
    row.payers = sorted({*row.payers, *other.payers})
    for name, charge in other.charges.items():
        if name in row.charges:
            _join_charge(row.charges[name], charge)
        else:
            row.charges[name] = charge
    for name, refund in other.refunds.items():
        row.refunds[name] = _newest_sight(row.refunds.get(name, refund), refund)
    _keep(row.failed_since, other.failed_since, min)
    for name, dispute in other.disputes.items():
        known = row.disputes.setdefault(name, dispute)
        known.charge, known.said = max(known.charge, dispute.charge), max(known.said, dispute.said)
        for of, move in dispute.moves.items():
            known.moves[of] = min(known.moves.get(of, move), move, key=_first_told)
    for charge_id, said in other.links.items():
        _keep(row.links.setdefault(charge_id, {}), said, max)


def _join_charge(known: ChargeRow, other: ChargeRow) -> None:
    known.paid |= other.paid
    known.disputed |= other.disputed
    known.snapshot = _newest_sight(known.snapshot, other.snapshot)
    known.released = sorted({*known.released, *other.released})
    _keep(known.said, other.said, max)
    for mine, more in (
        (known.refunded_since, other.refunded_since),
        (known.least_refunded, other.least_refunded),
        (known.least_authorized, other.least_authorized),
    ):
        _keep(mine, more, min)


def _keep(mine: dict[K, V], more: Mapping[K, V], which: Callable[[V, V], V]) -> None:
    for name, value in more.items():
        mine[name] = which(mine[name], value) if name in mine else value
