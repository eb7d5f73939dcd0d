"""The stand-in's own books: what moved when of which charge, and what channels earned by the shop's word.

Nothing here reads what the product makes of the webhooks: the books are the referee.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from ops.standin.errors import ApiError, Json

CHANNEL_KEY = "standin_channel"
UNTAGGED = "(untagged)"
"""Where payments are counted for which the shop named no channel."""


@dataclass(slots=True)
class _Sums:
    gross_minor: int = 0
    net_minor: int = 0
    charges: int = 0
    refunds: int = 0


@dataclass(slots=True)
class _Row:
    clicks: int = 0
    by_currency: dict[str, _Sums] = field(default_factory=dict)

    def sums(self, currency: str) -> _Sums:
        return self.by_currency.setdefault(currency, _Sums())

    def as_json(self) -> Json:
        native = [
            {
                "currency": currency,
                "gross_minor": sums.gross_minor,
                "net_minor": sums.net_minor,
                "charges": sums.charges,
                "refunds": sums.refunds,
            }
            for currency, sums in sorted(self.by_currency.items())
        ]
        # Amounts of several currencies have no sum: the books convert nothing.
        one = native[0] if len(native) == 1 else None
        empty = 0 if not native else None
        return {
            "clicks": self.clicks,
            "gross_minor": one["gross_minor"] if one else empty,
            "net_minor": one["net_minor"] if one else empty,
            "charges": sum(sums.charges for sums in self.by_currency.values()),
            "refunds": sum(sums.refunds for sums in self.by_currency.values()),
            "currency": one["currency"] if one else None,
            "native": native,
        }


class Kind(StrEnum):
    """What moved money."""

    CAPTURED = "captured"
    BOUNCED = "bounced"
    """The payment failed after all: what was captured is gone."""
    REFUNDED = "refunded"
    REFUND_UNDONE = "refund_undone"
    """A refund failed or was canceled: its money came home."""
    WITHDRAWN = "withdrawn"
    REINSTATED = "reinstated"


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved at `at_s`, in seconds since the epoch; `source` is what moved it. Never negative."""

    kind: Kind
    account: str
    charge: str
    source: str
    currency: str
    amount_minor: int
    at_s: int


@dataclass(slots=True)
class Balance:
    """Where a charge stands, in minor units of its currency. A pending refund counts, until it is undone."""

    account: str
    currency: str
    captured_minor: int = 0
    refunded_minor: int = 0
    disputed_minor: int = 0
    refunds: int = 0

    @property
    def net_minor(self) -> int:
        """What is left: more cannot go than came."""
        return self.captured_minor - min(self.captured_minor, self.refunded_minor + self.disputed_minor)

    def apply(self, movement: Movement) -> None:
        amount_minor = movement.amount_minor
        match movement.kind:
            case Kind.CAPTURED:
                self.captured_minor += amount_minor
            case Kind.BOUNCED:
                self.captured_minor -= amount_minor
            case Kind.REFUNDED:
                self.refunded_minor += amount_minor
                self.refunds += 1
            case Kind.REFUND_UNDONE:
                self.refunded_minor -= amount_minor
                self.refunds -= 1
            case Kind.WITHDRAWN:
                self.disputed_minor += amount_minor
            case Kind.REINSTATED:
                self.disputed_minor -= amount_minor


class Books:
    """Every movement of money in the order in which it happened, and the channels that the shop reports."""

    def __init__(self) -> None:
        self.movements: list[Movement] = []
        self._clicks: Counter[str] = Counter()
        self._channel_by_charge: dict[str, str] = {}
        self._account_by_charge: dict[str, str] = {}

    def opened(self, account: str, charge: Json, private_metadata: Mapping[str, str]) -> None:
        """Notes whose a charge is, and where the shop says that its buyer came from."""
        self._account_by_charge[charge["id"]] = account
        if CHANNEL_KEY in private_metadata:
            self._channel_by_charge[charge["id"]] = private_metadata[CHANNEL_KEY]

    def private_of(self, charge: str) -> dict[str, str]:
        """The private metadata of a charge, for another charge of the same payment."""
        channel = self._channel_by_charge.get(charge)
        return {} if channel is None else {CHANNEL_KEY: channel}

    def captured(self, charge: Json, at_s: int) -> None:
        self._move(Kind.CAPTURED, charge["id"], charge, charge["amount_captured"], at_s)

    def bounced(self, charge: Json, at_s: int) -> None:
        self._move(Kind.BOUNCED, charge["id"], charge, charge["amount_captured"], at_s)

    def refunded(self, refund: Json, at_s: int) -> None:
        self._move(Kind.REFUNDED, refund["charge"], refund, refund["amount"], at_s)

    def refund_undone(self, refund: Json, at_s: int) -> None:
        self._move(Kind.REFUND_UNDONE, refund["charge"], refund, refund["amount"], at_s)

    def withdrawn(self, dispute: Json, at_s: int) -> None:
        self._move(Kind.WITHDRAWN, dispute["charge"], dispute, dispute["amount"], at_s)

    def reinstated(self, dispute: Json, at_s: int) -> None:
        self._move(Kind.REINSTATED, dispute["charge"], dispute, dispute["amount"], at_s)

    def _move(self, kind: Kind, charge: str, source: Json, amount_minor: int, at_s: int) -> None:
        account = self._account_by_charge[charge]
        self.movements.append(
            Movement(kind, account, charge, source["id"], source["currency"], amount_minor, at_s)
        )

    def visit(self, report: Json) -> None:
        """Counts `clicks` (1 by default) for `channel`. Raises ApiError 400 for what is no such report."""
        channel, clicks = report.get("channel"), report.get("clicks", 1)
        if not isinstance(channel, str) or not channel:
            raise ApiError(400, "channel: say the name of the channel that was visited from", param="channel")
        if not isinstance(clicks, int) or isinstance(clicks, bool) or clicks < 1:
            raise ApiError(400, f"clicks: a whole number from 1, not {clicks!r}", param="clicks")
        self._clicks[channel] += clicks

    def by_charge(self, until_s: int | None = None) -> dict[str, Balance]:
        """Where each charge stood at the end of a second since the epoch, or stands now."""
        found: dict[str, Balance] = {}
        for movement in self.movements:
            if until_s is None or movement.at_s <= until_s:
                new = Balance(movement.account, movement.currency)
                found.setdefault(movement.charge, new).apply(movement)
        return found

    def by_day(self) -> dict[str, dict[str, Balance]]:
        """What moved on each day, in UTC, by currency: `captured_minor` and so on are the day's own.

        `net_minor` of a day cannot be told from these: what goes beyond a charge's amount counts for nothing.
        See `net_by_day`.
        """
        days: dict[str, dict[str, Balance]] = {}
        for movement in self.movements:
            day = days.setdefault(_day(movement.at_s), {})
            day.setdefault(movement.currency, Balance("", movement.currency)).apply(movement)
        return days

    def net_by_day(self) -> dict[str, Counter[str]]:
        """How much each day, in UTC, changed what all charges are worth, by currency; minor units."""
        days: dict[str, Counter[str]] = {}
        charges: dict[str, Balance] = {}
        for movement in self.movements:
            charge = charges.setdefault(movement.charge, Balance(movement.account, movement.currency))
            before = charge.net_minor
            charge.apply(movement)
            days.setdefault(_day(movement.at_s), Counter())[movement.currency] += charge.net_minor - before
        return days

    def report(self) -> Json:
        """By channel: gross is what was captured, net what is left of it after refunds and disputes."""
        rows: dict[str, _Row] = {channel: _Row(clicks) for channel, clicks in self._clicks.items()}
        totals = _Row(self._clicks.total())
        for charge, balance in self.by_charge().items():
            row = rows.setdefault(self._channel_by_charge.get(charge, UNTAGGED), _Row())
            for sums in (row.sums(balance.currency), totals.sums(balance.currency)):
                sums.charges += 1
                sums.refunds += balance.refunds
                sums.gross_minor += balance.captured_minor
                sums.net_minor += balance.net_minor
        channels = {channel: row.as_json() for channel, row in sorted(rows.items())}
        return {"channels": channels, "totals": totals.as_json()}


def _day(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()
