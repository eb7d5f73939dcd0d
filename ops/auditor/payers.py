"""Who inherits from whom: subscriptions and their first charges, and what a payer's first credited one lends."""

from collections.abc import Iterable
from dataclasses import dataclass

from ops.auditor.charges import Charge
from ops.auditor.credit import Decision
from ops.auditor.facts import Fact, key_of

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Tie:
    """The subscription of a charge (empty: none is known); ``open`` says that it may have one all the same."""

    subscription: str = ""
    open: bool = False


def tie(charge: Charge, accounts: Iterable[Fact]) -> Tie:
    """The subscription by name, else by its invoice, else the only one that asks for this amount at this time."""
    if charge.said["subscription"]:
        return Tie(charge.said["subscription"])
    if charge.guest:
        return Tie()
    facts = [fact for fact in accounts if key_of(fact, fact["customer"]) == charge.payer]
    subscriptions = [fact for fact in facts if fact["kind"] == "subscription"]
    if invoice := charge.said["invoice"]:
        itself = [fact for fact in facts if fact["kind"] == "invoice" and fact["id"] == invoice]
        said = [(fact["observed_at"], fact["subscription"]) for fact in itself if fact["subscription"]]
        claimed = [fact["id"] for fact in subscriptions if fact["invoice"] == invoice]
        if said:
            return Tie(max(said)[1])
        if claimed:
            return Tie(min(claimed))
        if itself:
            return Tie()
    over = {s["id"] for s in subscriptions if s["ended_at"] is not None and s["ended_at"] < charge.created_at}
    asking = {_subscription_of(fact) for fact in facts if _asks_for(fact, charge)} - over - {""}
    if len(asking) == 1:
        return Tie(asking.pop())
    return Tie(open=bool(asking or charge.said["invoice"]))


def _subscription_of(fact: Fact) -> str:
    return str(fact["id"] if fact["kind"] == "subscription" else fact["subscription"])


def _asks_for(fact: Fact, charge: Charge) -> bool:
    begins, ends = fact["period_start_at"], fact["period_end_at"]
    if fact["kind"] == "customer" or begins is None or ends is None:
        return False
    same = (fact["amount_minor"], fact["currency"]) == (charge.captured, charge.currency)
    return same and begins - HOUR_MS <= charge.created_at < ends


@dataclass(frozen=True)
class Placed:
    """A charge, its tie, what it earns by itself, and the setting for payers who return."""

    charge: Charge
    tie: Tie
    own: Decision
    returning: str


def settle(charges: Iterable[Placed]) -> dict[str, Decision]:
    """The decisions of all charges of one payer, by charge."""
    ordered = sorted(charges, key=lambda one: one.charge.order)
    origin = {one.tie.subscription: one for one in reversed(ordered) if one.tie.subscription}
    roots = [one for one in ordered if origin.get(one.tie.subscription, one) is one]
    firm = next((one for one in roots if one.own.shares and not one.own.late), None)
    before = roots[: roots.index(firm)] if firm else roots
    lenders = [one for one in before if one.own.late]
    weak = min(lenders, key=lambda one: (one.own.heard or 0, *one.charge.order), default=None)
    found: dict[str, Decision] = {}
    for root in roots:
        lender = firm if root not in before else None
        found[root.charge.name] = _of_root(root, lender, weak)
    for one in ordered:
        if one not in roots:
            first = found[origin[one.tie.subscription].charge.name]
            reason = (
                "inherited_from_first_charge_of_subscription"
                if first.shares
                else "first_charge_of_subscription_unattributed"
            )
            found[one.charge.name] = Decision(reason, first.shares)
    return found


def _of_root(root: Placed, firm: Placed | None, weak: Placed | None) -> Decision:
    inherited = "inherited_from_first_credited_charge"
    if firm and firm is not root:
        asks = root.returning == "ask" and not root.tie.open
        came_back = bool(root.own.shares) and not root.own.late and not root.own.direct
        return root.own if asks and came_back else Decision(inherited, firm.own.shares)
    if not root.own.shares and weak and weak.charge.order < root.charge.order:
        return Decision(inherited, weak.own.shares)
    return root.own
