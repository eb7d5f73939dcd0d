"""The words of scenarios for what Stripe says of money, told in its own events where it has some."""

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from tests.collectors.edge import WORKSPACE
from tests.contracts.stripe.objects import dispute, event
from tests.scenarios.amounts import money
from trackrev_stream.contracts.stripe.events import facts_of
from trackrev_stream.domain.payments.payment import FactKind, PaymentFact
from trackrev_stream.domain.values.days import day_of


class _Tells(Protocol):
    """What the words need of the teller: the sight of a charge, and what was told of it before."""

    money: "Told"

    def paid(self, at: int, received: int, charge: str, amount: str, *whom: str) -> PaymentFact: ...

    def sight(self, charge: str, at: int, received: int) -> PaymentFact: ...


@dataclass
class Told:
    """What was told so far: rates by day, refunds, and what moved in a dispute."""

    rates: dict[int, str] = field(default_factory=dict)
    refunds: dict[str, PaymentFact] = field(default_factory=dict)
    moves: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


class MoneyWords:
    def rates(self: _Tells, at: int, _: int, *quotes: str) -> list[PaymentFact]:
        self.money.rates[day_of(at)] = " ".join(quotes)
        return []

    def authorized(self: _Tells, at: int, received: int, charge: str, amount: str, *whom: str) -> PaymentFact:
        held = self.paid(at, received, charge, amount, *whom)
        return replace(held, captured=False, authorized_minor=held.amount_minor, amount_minor=0)

    def captured(self: _Tells, at: int, received: int, charge: str, amount: str, *shown: str) -> PaymentFact:
        """As the event of the capture tells it, or (``seen``) as any later look at the charge does."""
        held = self.sight(charge, at, received)
        taken, refunded = money(amount)[0], money(shown[0])[0] if shown else 0
        rest = held.amount_minor - taken
        return replace(
            held,
            amount_minor=taken,
            authorized_minor=held.amount_minor,
            refunded_minor=refunded,
            released="seen" not in shown and 0 < rest == refunded,
        )

    def expired(self: _Tells, at: int, received: int, charge: str) -> PaymentFact:
        held = self.sight(charge, at, received)
        return replace(held, captured=False, amount_minor=0, refunded_minor=held.amount_minor)

    def declined(self: _Tells, at: int, received: int, charge: str, amount: str, *whom: str) -> PaymentFact:
        return replace(self.paid(at, received, charge, amount, *whom), status="failed")

    def fee(self: _Tells, at: int, received: int, charge: str, amount: str) -> PaymentFact:
        kept, currency = money(amount)
        return replace(self.sight(charge, at, received), fee_minor=kept, fee_currency=currency)

    def bounced(self: _Tells, at: int, received: int, charge: str) -> PaymentFact:
        return replace(self.sight(charge, at, received), status="failed")

    def alone(self: _Tells, at: int, received: int, charge: str, amount: str, *whom: str) -> PaymentFact:
        return replace(self.paid(at, received, charge, amount, *whom), payment=charge)

    def settled(self: _Tells, at: int, received: int, charge: str, amount: str) -> PaymentFact:
        entered, currency = money(amount)
        return replace(self.sight(charge, at, received), settled_minor=entered, settled_currency=currency)

    def refund(
        self: _Tells, at: int, received: int, charge: str, name: str, amount: str, *by: str
    ) -> PaymentFact:
        of = replace(self.sight(charge, at, received), kind=FactKind.REFUND, id=name, created_at=at)
        told = replace(of, amount_minor=money(amount)[0], email_key="", customer="")
        self.money.refunds[name] = _named_by(told, by[-1] if by else "both")
        return self.money.refunds[name]

    def failed(self: _Tells, at: int, received: int, name: str, status: str = "failed") -> PaymentFact:
        return replace(self.money.refunds[name], observed_at=at, received_at=received, status=status)

    def canceled(self: _Tells, at: int, received: int, name: str) -> PaymentFact:
        return replace(self.money.refunds[name], observed_at=at, received_at=received, status="canceled")

    def inquiry(self: _Tells, at: int, _: int, *case: str) -> list[PaymentFact]:
        return _disputed(self, at, "created", "warning_needs_response", *case)

    def closed(self: _Tells, at: int, _: int, *case: str) -> list[PaymentFact]:
        return _disputed(self, at, "closed", "warning_closed", *case)

    def disputed(self: _Tells, at: int, _: int, *case: str) -> list[PaymentFact]:
        return _disputed(self, at, "created", "needs_response", *case)

    def withdrawn(self: _Tells, at: int, _: int, *case: str) -> list[PaymentFact]:
        _move(self, at, -1, *case)
        return _disputed(self, at, "funds_withdrawn", "needs_response", *case)

    def countered(self: _Tells, at: int, _: int, *case: str) -> list[PaymentFact]:
        name, fee = case[1], case[-1]
        taken, currency = money(fee)
        _booked(self, name, at, amount=-taken, currency=currency, type="stripe_fee")
        return _disputed(self, at, "updated", "under_review", *case)

    def lost(self: _Tells, at: int, _: int, *case: str) -> list[PaymentFact]:
        return _disputed(self, at, "closed", "lost", *case)

    def won(self: _Tells, at: int, _: int, *case: str) -> list[PaymentFact]:
        return _disputed(self, at, "closed", "won", *case)

    def reinstated(self: _Tells, at: int, _: int, *case: str) -> list[PaymentFact]:
        _move(self, at, 1, *case)
        return _disputed(self, at, "funds_reinstated", "won", *case)


def _named_by(fact: PaymentFact, name: str) -> PaymentFact:
    """A refund that names both its intent and its charge, or but one of them."""
    if name == "charge":
        return replace(fact, payment=fact.charge)
    return replace(fact, charge="") if name == "intent" else fact


def _move(teller: _Tells, at: int, sign: int, *case: str) -> None:
    """A balance transaction: in the dispute's currency, or ``settled`` in another; perhaps with a ``fee``."""
    _, name, amount, *more = case[: case.index("by")] if "by" in case else case
    told = dict(zip(more[::2], more[1::2], strict=True))
    moved, currency = money(told.get("settled", amount))
    # As Stripe has it: units of the balance's currency for one of the dispute's.
    booked: dict[str, Any] = {"amount": sign * moved, "exchange_rate": moved / money(amount)[0]}
    if "fee" in told:
        booked["fee"] = money(told["fee"])[0]
    _booked(teller, name, at, currency=currency, **booked)


def _booked(teller: _Tells, name: str, at: int, **transaction: Any) -> None:
    moves = teller.money.moves.setdefault(name, [])
    moves.append({"id": f"{name}_{len(moves)}", "created": at // 1_000, **transaction})


def _disputed(teller: _Tells, at: int, named: str, status: str, *case: str) -> list[PaymentFact]:
    charge, name, amount, *_ = case
    asked, currency = money(amount)
    shown = dispute(
        id=name,
        charge=charge,
        payment_intent=None if case[-2:] == ("by", "charge") else teller.sight(charge, at, at).payment,
        status=status,
        amount=asked,
        currency=currency,
        balance_transactions=list(teller.money.moves.get(name, [])),
    )
    told = facts_of(
        event(f"charge.dispute.{named}", shown, created=at // 1_000, id=f"evt_{at}"), WORKSPACE, at, "webhook"
    )
    return [fact for fact in told if isinstance(fact, PaymentFact)]
