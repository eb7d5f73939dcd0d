"""What is remembered of a payment: maxima, minima and newest sayings, of which none depends on an order."""

from dataclasses import dataclass, field

from trackrev_stream.domain.payments.payment import Move, PaymentFact

EVERY_CHARGE = ""  # whom a link speaks of that names no charge

Said = dict[str, tuple[int, str]]  # by detail: when it was said last, and what


@dataclass(slots=True)
class ChargeRow:
    """What was observed of one charge.

    ``snapshot`` is the newest one, for status and amounts; ``said`` the details that it said itself;
    ``refunded_since`` when each cumulative refund of the captured charge was first seen;
    ``least_refunded`` the smallest cumulative refund that was ever seen beside each captured amount, and
    ``least_authorized`` the smallest authorization that was told there; ``released`` are the captured amounts
    beside which the rest was told to count as refunded; ``disputed`` and ``paid`` whether it was ever seen
    to be.
    """

    snapshot: PaymentFact
    said: Said = field(default_factory=dict)
    refunded_since: dict[int, int] = field(default_factory=dict)
    least_refunded: dict[int, int] = field(default_factory=dict)
    disputed: bool = False
    paid: bool = False
    least_authorized: dict[int, int] = field(default_factory=dict)
    released: list[int] = field(default_factory=list)


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
    fact applied last. ``ahead`` is the greatest version of the rows that were joined to this one; ``joined``
    is the payment that this row was joined to: it tells no money of its own any more. ``waited`` says that
    something of this row ever waited to be joined.
    ``payers`` are all that any sight would be told to: the customers that were named, "" for a guest.
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
    payers: list[str] = field(default_factory=list)
    ahead: int = 0
    joined: str = ""
    waited: bool = False

    @property
    def order(self) -> int:
        """The version of all that is in the row. Of two owners who saw more never has the smaller one."""
        return self.version + self.ahead
