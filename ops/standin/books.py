"""The stand-in's own books: what each channel earned, by the shop's word and the stand-in's own charges.

Nothing here reads what the product makes of the webhooks: the books are the referee.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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


class Books:
    """Keeps the channels of charges and the reported clicks; sums are computed when they are asked for."""

    def __init__(self) -> None:
        self._clicks: Counter[str] = Counter()
        self._channel_by_charge: dict[str, str] = {}

    def tag(self, charge: str, private_metadata: Mapping[str, str]) -> None:
        """Notes where the shop says that the buyer of this charge came from."""
        if CHANNEL_KEY in private_metadata:
            self._channel_by_charge[charge] = private_metadata[CHANNEL_KEY]

    def visit(self, report: Json) -> None:
        """Counts `clicks` (1 by default) for `channel`. Raises ApiError 400 for what is no such report."""
        channel, clicks = report.get("channel"), report.get("clicks", 1)
        if not isinstance(channel, str) or not channel:
            raise ApiError(400, "channel: say the name of the channel that was visited from", param="channel")
        if not isinstance(clicks, int) or isinstance(clicks, bool) or clicks < 1:
            raise ApiError(400, f"clicks: a whole number from 1, not {clicks!r}", param="clicks")
        self._clicks[channel] += clicks

    def report(self, charges: Iterable[Json], refunds: Iterable[Json]) -> Json:
        """Gross is what was captured, net is gross less the refunds that succeeded; minor units."""
        rows: dict[str, _Row] = {channel: _Row(clicks) for channel, clicks in self._clicks.items()}
        totals = _Row(self._clicks.total())

        def both(charge: str, currency: str) -> tuple[_Sums, _Sums]:
            row = rows.setdefault(self._channel_by_charge.get(charge, UNTAGGED), _Row())
            return row.sums(currency), totals.sums(currency)

        for charge in charges:
            for sums in both(charge["id"], charge["currency"]):
                sums.charges += 1
                sums.gross_minor += charge["amount_captured"]
                sums.net_minor += charge["amount_captured"]
        for refund in refunds:
            if refund["status"] != "succeeded":
                continue
            for sums in both(refund["charge"], refund["currency"]):
                sums.refunds += 1
                sums.net_minor -= refund["amount"]
        channels = {channel: row.as_json() for channel, row in sorted(rows.items())}
        return {"channels": channels, "totals": totals.as_json()}
