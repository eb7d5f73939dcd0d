"""What comes after a payment in a business year: refunds and disputes, by chance."""

import random
from typing import Final

from ops.standin.errors import Json
from ops.standin.merchant import Merchant
from ops.standin.server import StandIn

_DAY_S: Final = 86_400
_REFUNDED: Final = 0.08
_DISPUTED: Final = 0.015


class Aftermath:
    """Sees the events of a stand-in and plans what will come of charges, until a time in seconds."""

    def __init__(self, stand_in: StandIn, seed: int, until_s: int) -> None:
        self._stand_in = stand_in
        self._seed = seed
        self._until_s = until_s

    def see(self, event: Json) -> None:
        """Looks at an event; only those of paid charges have an aftermath."""
        shown = event["data"]["object"]
        if event["type"] not in {"charge.succeeded", "charge.captured"} or not shown["captured"]:
            return
        merchant = self._stand_in.merchants[event.get("account", self._stand_in.platform.account.id)]
        charge = merchant.account.tables["charges"][shown["id"]]
        # Of the charge alone, so that nothing else that happens changes it.
        chance = random.Random(f"{self._seed} {charge['id']}")
        if chance.random() < _REFUNDED:
            for _ in range(chance.choice((1, 1, 1, 2, 3))):
                self._plan_refund(merchant, charge, chance)
        if chance.random() < _DISPUTED:
            self._plan_dispute(merchant, charge, chance)

    def _later(self, merchant: Merchant, days: int, chance: random.Random) -> int:
        """Seconds from now, on one of the next days; beyond the year nothing more is seen."""
        return min(chance.randrange(1, days * _DAY_S), max(self._until_s - merchant.account.now_s(), 1))

    def _plan_refund(self, merchant: Merchant, charge: Json, chance: random.Random) -> None:
        whole = chance.random() < 0.6
        share = chance.randrange(1, 100)

        def act() -> None:
            released = merchant.account.released.get(charge["id"], 0)
            left = charge["amount_captured"] - (charge["amount_refunded"] - released)
            amount = left if whole else max(left * share // 100, 1)
            if left > 0 and charge["id"] not in merchant.account.charged_back:
                merchant.refunds.give_back(charge, amount, reason="requested_by_customer")

        merchant.account.later(self._later(merchant, 60, chance), act)

    def _plan_dispute(self, merchant: Merchant, charge: Json, chance: random.Random) -> None:
        inquiry = chance.random() < 0.2
        part = chance.random() < 0.2
        outcome = chance.choice(("won", "lost", "lost", None))
        days = chance.randrange(1, 60)

        def act() -> None:
            amount = max(charge["amount_captured"] // 2, 1) if part else None
            status = "warning_needs_response" if inquiry else "needs_response"
            dispute = merchant.disputes.open(charge, amount, status=status)
            if inquiry and outcome == "lost":
                merchant.disputes.escalate(dispute)
            if outcome is not None:
                merchant.account.later(days * _DAY_S, lambda: end(dispute))

        def end(dispute: Json) -> None:
            warned = dispute["status"].startswith("warning_")
            merchant.disputes.end(dispute, "warning_closed" if warned else str(outcome))

        merchant.account.later(self._later(merchant, 75, chance), act)
