"""Which touches earn a charge by itself, and how they share it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Context, Decimal

from ops.auditor.charges import Charge
from ops.auditor.facts import DAY_MS, Fact
from ops.auditor.people import TRUSTS, Claim, Known, Place, Touch

SAME_SECOND_MS = 1_000
HALF_LIFE_MS = 7 * DAY_MS
EXACT = Context(prec=60)


@dataclass(frozen=True)
class Decision:
    """Why, and the weights of places, the place of the latest touch first; none: unattributed.

    ``heard`` is when the edge heard of the late identity that alone leads to the credit.
    """

    reason: str
    shares: tuple[tuple[Place, int], ...] = ()
    direct: bool = False
    heard: int | None = None

    @property
    def late(self) -> bool:
        """Whether only an identity heard of after the charge leads to the credit."""
        return self.heard is not None


def decide(charge: Charge, known: list[Known], rules: Fact) -> Decision:
    """Who earned a charge, before any inheritance."""
    if not known:
        return Decision("nobody_known")
    late = [one for one in known if _is_late(one.claim, charge)]
    decision = _in_time([one for one in known if one not in late], charge, rules)
    if decision.shares:
        return decision
    for one in sorted(late, key=lambda one: (one.claim.heard, one.claim.join, one.claim.visitor)):
        filled = _share([one], charge, rules)
        if filled.shares:
            return replace(filled, reason="late_identity", heard=one.claim.heard)
    return decision


def _in_time(known: list[Known], charge: Charge, rules: Fact) -> Decision:
    """The strongest who vouch for a touch decide with those above; direct only where nothing else is."""
    levels = [
        [one for one in known if TRUSTS.index(one.claim.trust) <= rank]
        for rank, trust in enumerate(TRUSTS)
        if any(one.claim.trust == trust for one in known)
    ]
    decisions = [_share(level, charge, rules) for level in levels]
    earned = [one for one in decisions if one.shares]
    brought = [one for one in earned if one.reason != "only_direct_touches"]
    return next(iter([*brought, *earned]), Decision("no_touch_in_window"))


def _is_late(claim: Claim, charge: Charge) -> bool:
    return claim.trust == "unsigned" and claim.heard > charge.created_at + SAME_SECOND_MS


def _may_earn(touch: Touch, claim: Claim, charge: Charge, rules: Fact) -> bool:
    """Not after the charge; within the window before it, or before the identify (rule 7)."""
    lookback, created_at = rules["lookback_days"] * DAY_MS, charge.created_at
    if touch.at > created_at + SAME_SECOND_MS:
        return False
    identified_at = min(claim.since, created_at)
    soon_identified = identified_at - lookback <= touch.at <= identified_at
    longest = rules["identify_days"]
    soon_paid = longest is None or created_at - identified_at <= longest * DAY_MS
    return touch.at >= created_at - lookback or (soon_identified and soon_paid)


def _share(known: Iterable[Known], charge: Charge, rules: Fact) -> Decision:
    eligible = sorted(
        {touch for one in known for touch in one.touches if _may_earn(touch, one.claim, charge, rules)},
        key=lambda touch: touch.order,
    )
    if not eligible:
        return Decision("no_touch_in_window")
    brought = [touch for touch in eligible if not touch.direct]
    model = rules["model"]
    sharing = eligible if model == "last_click" else brought or eligible
    weights = _weights(model, [touch.at for touch in sharing])
    shares: dict[Place, int] = {}
    for touch, weight in reversed(list(zip(sharing, weights, strict=True))):
        if weight:
            shares[touch.place] = shares.get(touch.place, 0) + weight
    earners = [touch for touch, weight in zip(sharing, weights, strict=True) if weight]
    direct = all(touch.direct for touch in earners)
    return Decision(model if brought else "only_direct_touches", tuple(shares.items()), direct)


def _weights(model: str, times: list[int]) -> list[int]:
    """What each touch earns of the sum of all, the earliest first."""
    count = len(times)
    match model:
        case "last_click" | "last_non_direct_click":
            return [int(index == count - 1) for index in range(count)]
        case "first_click":
            return [int(index == 0) for index in range(count)]
        case "position_based" if count > 2:
            share_of_ends, share_between = 40 * (count - 2), 20
            return [share_of_ends if index in (0, count - 1) else share_between for index in range(count)]
        case "time_decay":
            return [_decayed(times[-1] - at) for at in times]
    return [1] * count


def _decayed(age_ms: int) -> int:
    """2 to the power of 40, halved for every half-life, and never nothing."""
    exponent = EXACT.subtract(Decimal(40), EXACT.divide(Decimal(age_ms), Decimal(HALF_LIFE_MS)))
    return max(1, int(EXACT.power(Decimal(2), exponent)))
