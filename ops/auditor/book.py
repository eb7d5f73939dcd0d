"""The whole book at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.auditor.charges import charges_of
from ops.auditor.credit import decide
from ops.auditor.facts import Fact
from ops.auditor.lines import Line, Quotes, lines_of
from ops.auditor.payers import Placed, settle, tie
from ops.auditor.people import People

# What holds from the beginning, until a version of the settings takes effect.
FIRST = {
    "version": 1,
    "model": "last_non_direct_click",
    "lookback_days": 30,
    "identify_days": None,
    "returning": "keep",
}

Settings = Mapping[str, Sequence[tuple[int, Fact]]]


@dataclass(frozen=True)
class Standing:
    """What must stand for one charge."""

    payer: str
    reason: str
    lines: tuple[Line, ...]


def audit(
    hits: Sequence[Fact],
    payments: Sequence[Fact],
    accounts: Sequence[Fact],
    settings: Settings,
    quotes: Quotes,
) -> dict[str, Standing]:
    """The standing lines of every paid charge by its key, from all facts in any order.

    ``settings`` are the versions of each workspace with the time each takes effect; ``quotes`` what one euro
    was in each currency, by ISO date, without a gap.
    """
    charges = charges_of(payments)
    people = People(list(hits), list(accounts), charges)
    found: dict[str, Standing] = {}
    for payer in {charge.payer for charge in charges}:
        known = people.known_to(payer)
        placed = []
        for charge in (charge for charge in charges if charge.payer == payer):
            rules = _rules(settings, charge.workspace, charge.created_at)
            own = decide(charge, known, rules)
            placed.append(Placed(charge, tie(charge, accounts), own, rules["returning"]))
        decisions = settle(placed)
        for one in placed:
            decision = decisions[one.charge.name]
            lines = lines_of(one.charge, decision, quotes)
            found[one.charge.key] = Standing(payer, decision.reason, tuple(lines))
    return found


def _rules(settings: Settings, workspace: str, at: int) -> Fact:
    """The version that took effect last before a charge."""
    held = [version for version in settings.get(workspace, ()) if version[0] <= at]
    return max(held, key=lambda version: version[0])[1] if held else FIRST
