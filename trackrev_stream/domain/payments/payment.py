"""Payments: what Stripe shows of them, fact by fact, and the money state that the facts come to."""

from enum import StrEnum

from trackrev_stream.domain.values.fast_dataclass import fast_dataclass
from trackrev_stream.domain.values.ids import Scope, key_in


class FactKind(StrEnum):
    """What a fact of ``stripe-payments`` says."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    LINK = "link"  # what a checkout, an invoice payment or a payment intent says beside the money


@fast_dataclass(frozen=True, slots=True)
class Move:
    """Money that a dispute moved: negative where it was withdrawn, positive where it was reinstated.

    ``id`` is the balance transaction's, or empty where only an event or a final status tells of the move.
    ``amount_minor`` is in the dispute's currency; where the balance is in another, ``settled_minor`` moved
    there. ``fee_minor`` is what Stripe took for it, in the currency of the balance (negative: gave back);
    None where it is not told. A fee with a transaction of its own is a move of nothing else.
    """

    id: str
    amount_minor: int
    moved_at: int
    settled_minor: int = 0
    settled_currency: str = ""
    fee_minor: int | None = None


@fast_dataclass(frozen=True, slots=True)
class PaymentFact:
    """One observation of a charge, refund, dispute or link, as Stripe showed it at ``observed_at``.

    For a charge ``amount_minor`` is what was captured of ``authorized_minor``, ``refunded_minor`` the
    cumulative refund and ``fee_minor`` what Stripe kept, in ``fee_currency``, and ``disputed`` that there was
    a dispute of it, without telling which or how it ended; for a refund or dispute
    ``amount_minor`` is its own amount. ``payment`` is the payment intent, else the charge. ``id`` is the
    charge's, the refund's, the dispute's or that of the object that makes the link; a link may not know
    ``charge``, and is of all charges of its payment then. A refund or dispute may know but one of ``payment``
    and ``charge``: without the first, ``payment`` is the charge; without the other ``charge`` is empty.
    ``via`` is the way it came, for people.

    ``settled_minor`` is what a charge's own balance transaction entered, in ``settled_currency``; 0 where
    that was not seen. ``released`` says that the rest of an authorization is known to be in
    ``refunded_minor``. ``application_fee_minor`` is what of the fee a platform took.
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
    fee_currency: str = ""
    authorized_minor: int = 0
    moves: tuple[Move, ...] = ()
    disputed: bool = False
    settled_minor: int = 0
    settled_currency: str = ""
    released: bool = False
    application_fee_minor: int = 0

    @property
    def scope(self) -> Scope:
        """Where the object lives."""
        return Scope(self.workspace, self.account, self.livemode)

    @property
    def key(self) -> str:
        """The key of the payment the fact is about."""
        return key_in(self.workspace, self.account, self.payment, livemode=self.livemode)


@fast_dataclass(frozen=True, slots=True)
class Reversal:
    """Money that went back on the day it did: a refund or a dispute, positive ``amount_minor``.

    Negative is money that returned: a refund that failed, a dispute that was reinstated.
    """

    id: str
    reason: str
    amount_minor: int
    occurred_at: int


@fast_dataclass(frozen=True, slots=True)
class DisputeFee:
    """What Stripe took for a dispute, in the currency of the balance; negative is what it gave back."""

    id: str
    amount_minor: int
    currency: str
    occurred_at: int


@fast_dataclass(frozen=True, slots=True)
class ChargeState:
    """The whole money state of one paid charge; ``reversals`` in the order in which they count.

    ``dispute_fees`` are those that are known; whether these are all says ``knows_dispute_fees``.
    ``dispute_unseen`` says that Stripe calls it disputed, and nobody has seen a dispute of it;
    ``release_unclear`` that what counts as refunded may have been the release of what was never captured.
    """

    charge: str
    created_at: int
    amount_minor: int
    currency: str
    email_key: str = ""
    visitor: str = ""
    invoice: str = ""
    subscription: str = ""
    fee_minor: int | None = None
    fee_currency: str = ""
    reversals: tuple[Reversal, ...] = ()
    dispute_fees: tuple[DisputeFee, ...] = ()
    dispute_fees_told: bool = False
    dispute_unseen: bool = False
    release_unclear: bool = False
    application_fee_minor: int = 0

    @property
    def knows_dispute_fees(self) -> bool:
        """Whether all fees of its disputes are known; records of older versions do not tell of any."""
        if self.dispute_unseen:
            return False
        return self.dispute_fees_told or not any(one.reason == "dispute" for one in self.reversals)


@fast_dataclass(frozen=True, slots=True)
class WaitingFact:
    """What waits for a charge that was not seen; ``charge`` is empty where it names its intent alone.

    Of a link ``id`` is the charge, and it moves no money.
    """

    kind: FactKind
    id: str
    charge: str
    amount_minor: int
    currency: str


@fast_dataclass(frozen=True, slots=True)
class PaymentState:
    """The charges of one payment as its payer shall see them; without charges it has left that payer.

    ``undone`` are those that had been paid, and are not any more: nothing of them stands, with anybody.
    ``cause`` names the fact that made this version, ``received_at`` is when the edge received it.
    """

    payer: str
    payment: str
    version: int
    charges: tuple[ChargeState, ...] = ()
    cause: str = ""
    received_at: int = 0
    undone: tuple[ChargeState, ...] = ()
