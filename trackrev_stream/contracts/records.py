"""The records that agents exchange beside those of the domain."""

from trackrev_stream.domain.attribution.decision import Decision
from trackrev_stream.domain.journeys.journey import Journey
from trackrev_stream.domain.ledger.lines import Line
from trackrev_stream.domain.payments.payment import ChargeState, WaitingFact
from trackrev_stream.domain.payments.payment_row import PaymentRow
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass


@fast_dataclass(frozen=True, slots=True)
class Interest:
    """A payer wants to know the journeys under a join key."""

    join: str
    payer: str
    version: int


@fast_dataclass(frozen=True, slots=True)
class PayerJourneys:
    """All journeys under one join key, as an interested payer is told of them."""

    payer: str
    join: str
    version: int
    journeys: tuple[Journey, ...]


@fast_dataclass(frozen=True, slots=True)
class ChargeTie:
    """The charge with the key ``charge`` is one of the payment with the key ``payment``, its intent's."""

    charge: str
    payment: str


@fast_dataclass(frozen=True, slots=True)
class JoinedFacts:
    """All that is known under the key of a charge, told to the ``payment`` that the charge is of."""

    payment: str
    row: PaymentRow


@fast_dataclass(frozen=True, slots=True)
class WaitingMoney:
    """Refunds and disputes under the key of a payment whose charge was not seen; empty once all were joined.

    ``received_at`` is when the edge received the fact that was applied last.
    """

    payment: str
    version: int
    received_at: int
    facts: tuple[WaitingFact, ...]


@fast_dataclass(frozen=True, slots=True)
class AttributedCharge:
    """A charge with the whole set of lines that shall stand for it.

    ``(payment_version, version)`` orders the records of one charge: a receiver ignores what it has surpassed.
    Without lines the charge has left this payer (its money stands under another), or it failed after all, as
    its decision says, and stands nowhere. ``rules_version`` are the
    settings in effect when the charge was created. ``payment_cause`` names the fact that made this version of
    the payment, ``payment_received_at`` is when the edge received it.
    """

    key: str
    workspace: str
    account: str
    livemode: bool
    payer: str
    payment: str
    payment_version: int
    version: int
    state: ChargeState
    decision: Decision
    rules_version: int
    lines: tuple[Line, ...]
    payment_cause: str = ""
    payment_received_at: int = 0
