"""Billing: the facts of a payment, in any order and any number, folded into what its payers are told.

What is kept are maxima, minima and newest sayings, each of its own, so that neither order nor repetition of
the facts decides. A detail beside the money (customer, email, visitor, invoice, subscription, fee) is said by
the charge itself or by a link (a checkout, an invoice payment, a payment intent); for each detail alone the
newest saying holds, whoever said it, and an empty one says nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from trackrev_stream.domain.payments.disputes import Dispute, dispute_fees, tells_fees
from trackrev_stream.domain.payments.payment import ChargeState, FactKind, Move, PaymentFact, PaymentState
from trackrev_stream.domain.payments.reversals import FAILED, Seen, released_minor, reversals_of

EVERY_CHARGE = ""  # whom a link speaks of that names no charge

Said = dict[str, tuple[int, str]]  # by detail: when it was said last, and what


@dataclass(slots=True)
class ChargeRow:
    """What was observed of one charge.

    ``snapshot`` is the newest one, for status and amounts; ``said`` the details that it said itself;
    ``refunded_since`` when each cumulative refund of the captured charge was first seen;
    ``least_refunded`` the smallest cumulative refund that was ever seen beside each captured amount;
    ``disputed`` whether it was ever seen to be.
    """

    snapshot: PaymentFact
    said: Said = field(default_factory=dict)
    refunded_since: dict[int, int] = field(default_factory=dict)
    least_refunded: dict[int, int] = field(default_factory=dict)
    disputed: bool = False


@dataclass(slots=True)
class DisputeRow:
    """The moves that were seen of one dispute, by balance transaction; "-" and "+" without one.

    ``said`` is what it was last said to be of: when, and the amount and currency.
    """

    charge: str
    moves: dict[str, Move] = field(default_factory=dict)
    said: tuple[int, int, str] = (0, 0, "")


@dataclass(slots=True)
class PaymentRow:
    """All that is known of one payment: ``version`` counts the facts applied, ``told`` are its payers.

    ``refunds`` are the newest snapshots, ``failed_since`` when each that failed was first seen to have.
    ``links`` are the details that were linked, by charge. ``cause`` and ``received_at`` are those of the
    fact applied last.
    """

    key: str
    version: int = 0
    cause: str = ""
    received_at: int = 0
    told: list[str] = field(default_factory=list)
    charges: dict[str, ChargeRow] = field(default_factory=dict)
    refunds: dict[str, PaymentFact] = field(default_factory=dict)
    failed_since: dict[str, int] = field(default_factory=dict)
    disputes: dict[str, DisputeRow] = field(default_factory=dict)
    links: dict[str, Said] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)


def absorb_payment(row: PaymentRow, fact: PaymentFact) -> list[PaymentState]:
    """Apply a fact to a payment's row in place; return what its payers are to be told.

    When the payer changes (a customer was set later), the old one is told first that the payment left it.
    Versions are even for what leaves and odd for what stands, so that standing outranks leaving.
    """
    row.version += 1
    row.cause, row.received_at = f"{fact.kind} {fact.id}, {fact.via} {fact.source_id}", fact.received_at
    match fact.kind:
        case FactKind.CHARGE:
            _observe_charge(row, fact)
        case FactKind.REFUND:
            _observe_refund(row, fact)
        case FactKind.DISPUTE:
            _observe_dispute(row, fact)
        case FactKind.LINK:
            _note(row.links.setdefault(fact.charge or EVERY_CHARGE, {}), fact)
    return states_of(row)


def states_of(row: PaymentRow) -> list[PaymentState]:
    """What the payers are to be told now; nothing before a paid charge was seen."""
    charges = tuple(
        _charge_state(row, charge)
        for charge in sorted(row.charges.values(), key=lambda charge: charge.snapshot.charge)
        if is_paid(charge.snapshot)
    )
    if not charges:
        return []
    payer = _payer(row)
    if payer not in row.told:
        row.told.append(payer)
    left = [PaymentState(told, row.key, 2 * row.version) for told in row.told if told != payer]
    return [*left, PaymentState(payer, row.key, 2 * row.version + 1, charges, row.cause, row.received_at)]


def _payer(row: PaymentRow) -> str:
    everything = [*(charge.said for charge in row.charges.values()), *row.links.values()]
    customers = [said["customer"] for said in everything if "customer" in said]
    if not customers:
        return row.key
    scope = next(iter(row.charges.values())).snapshot.scope
    return scope.key(max(customers)[1])


def is_paid(snapshot: PaymentFact) -> bool:
    """Whether a charge is money: captured, not only authorized."""
    # `paid` is true for uncaptured authorizations too (https://docs.stripe.com/api/charges/object).
    return snapshot.status == "succeeded" and snapshot.captured and snapshot.amount_minor > 0


def _observe_charge(row: PaymentRow, fact: PaymentFact) -> None:
    known = row.charges.get(fact.charge)
    if known is None:
        known = row.charges[fact.charge] = ChargeRow(fact)
    else:
        known.snapshot = max(known.snapshot, fact, key=_recency)
    known.disputed |= fact.disputed
    _note(known.said, fact)
    if not fact.captured:  # what an authorization that was cancelled shows as refunded was never paid
        return
    least = known.least_refunded.get(fact.amount_minor, fact.refunded_minor)
    known.least_refunded[fact.amount_minor] = min(least, fact.refunded_minor)
    if fact.refunded_minor:
        since = known.refunded_since.get(fact.refunded_minor, fact.observed_at)
        known.refunded_since[fact.refunded_minor] = min(since, fact.observed_at)


def _observe_refund(row: PaymentRow, fact: PaymentFact) -> None:
    known = row.refunds.get(fact.id, fact)
    row.refunds[fact.id] = max(known, fact, key=_recency)
    if fact.status in FAILED:
        since = row.failed_since.get(fact.id, fact.observed_at)
        row.failed_since[fact.id] = min(since, fact.observed_at)


def _observe_dispute(row: PaymentRow, fact: PaymentFact) -> None:
    known = row.disputes.setdefault(fact.id, DisputeRow(fact.charge))
    known.said = max(known.said, (fact.observed_at, fact.amount_minor, fact.currency))
    for move in fact.moves:
        name = move.id or ("-" if move.amount_minor < 0 else "+")
        known.moves[name] = min(known.moves.get(name, move), move, key=_first_told)


def _first_told(move: Move) -> tuple[int, int, bool, int, str, int]:
    # Of a balance transaction that older versions have read without its fee, the sight that tells it.
    told = (move.fee_minor is None, move.fee_minor or 0, move.settled_currency, move.settled_minor)
    return (move.moved_at, move.amount_minor, *told)


def _note(said: Said, fact: PaymentFact) -> None:
    """Keep what a fact says beside the money where it is the newest saying; the text breaks a tie."""
    details = {
        "customer": fact.customer,
        "email_key": fact.email_key,
        "visitor": fact.visitor,
        "invoice": fact.invoice,
        "subscription": fact.subscription,
        "fee": "" if fact.fee_minor is None else f"{fact.fee_minor} {fact.fee_currency}",
    }
    for name, value in details.items():
        if value:
            said[name] = max(said.get(name, (0, "")), (fact.observed_at, value))


def _recency(fact: PaymentFact) -> tuple[int, bool, int, int, tuple[bool, int], str]:
    # Stripe's times tie within a second. Money only moves one way meanwhile, and content breaks what is left
    # of the tie, so that no order of arrival decides.
    # Less is told to be authorized where more is known (see Stripe's charges), and nothing by older programs.
    known_more = (fact.authorized_minor > 0, -fact.authorized_minor)
    return fact.observed_at, fact.captured, fact.refunded_minor, fact.amount_minor, known_more, fact.status


def _charge_state(row: PaymentRow, charge: ChargeRow) -> ChargeState:
    snapshot = charge.snapshot
    said = _merged(charge.said, row.links.get(EVERY_CHARGE, {}), row.links.get(snapshot.charge, {}))
    disputes = tuple(_disputes(row, snapshot)) if row.disputes else ()
    seen = Seen(
        snapshot,
        charge.refunded_since,
        charge.least_refunded.get(snapshot.amount_minor, 0),
        tuple(refund for refund in row.refunds.values() if refund.charge == snapshot.charge),
        row.failed_since,
        disputes,
    )
    # Where the release of an authorization's rest counts as a refund, the fee is still that of the whole.
    fee, _, fee_currency = said.get("fee", "").partition(" ") if not released_minor(seen) else ("", "", "")
    return ChargeState(
        charge=snapshot.charge,
        created_at=snapshot.created_at,
        amount_minor=snapshot.amount_minor,
        currency=snapshot.currency,
        email_key=said.get("email_key", ""),
        visitor=said.get("visitor", ""),
        invoice=said.get("invoice", ""),
        subscription=said.get("subscription", ""),
        fee_minor=int(fee) if fee else None,
        fee_currency=fee_currency,
        reversals=tuple(reversals_of(seen)),
        dispute_fees=tuple(fee for one in disputes for fee in dispute_fees(one, snapshot.currency)),
        dispute_fees_told=all(tells_fees(one) for one in disputes),
        dispute_unseen=charge.disputed and not disputes,
    )


def _disputes(row: PaymentRow, charge: PaymentFact) -> Iterator[Dispute]:
    """The disputes of a charge by their ids, in its currency."""
    for name, known in sorted(row.disputes.items()):
        if known.charge == charge.charge:
            _, amount, currency = known.said
            dispute = Dispute(name, amount, currency, tuple(known.moves.values()))
            yield dispute.of_charge(charge.currency, charge.amount_minor)


def _merged(first: Said, *others: Said) -> dict[str, str]:
    newest = dict(first)
    for said in others:
        for name, saying in said.items():
            newest[name] = max(newest.get(name, saying), saying)
    return {name: value for name, (_, value) in newest.items()}
