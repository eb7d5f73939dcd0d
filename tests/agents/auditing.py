"""Agents and auditor over one history, fact by fact: what they disagree about, and what shows it."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from ops.auditor import Standing, audit
from tests.agents.histories import START
from tests.agents.simulation import Simulation
from tests.agents.wide import DAYS, Fact, History
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.attribution.attribution_settings import SettingsTimeline
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.domain.ledger.fx import Rate, Rates
from trackrev_stream.domain.ledger.lines import credit_key_of
from trackrev_stream.domain.ledger.usd import in_usd
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.values.days import day_of, day_of_iso

Row = tuple[Any, ...]
# An ECB day has rates of its own, so that the wrong day shows; "aed" has none. There are no holidays then.
FIRST_DAY = datetime.fromtimestamp(START // 1000, UTC).date() - timedelta(days=10)
QUOTES = {
    day.isoformat(): {"usd": f"1.1{n:02}", "jpy": f"16{n % 10}.7{n % 10}", "kwd": f"0.3{n:02}"}
    for n in range(DAYS + 20)
    if (day := FIRST_DAY + timedelta(days=n)).weekday() < 5
}
RATES = Rates({day_of_iso(day): " ".join(map("=".join, quote.items())) for day, quote in QUOTES.items()})
NOBODY = {"no_email": "nobody_known", "no_visitor_identified": "nobody_known"}


class Audit:
    """Both, as they hear of one fact after the other."""

    def __init__(self, history: History) -> None:
        self._simulation = Simulation(SettingsTimeline(versions=history.settings))
        self._settings = {
            workspace: [(since, asdict(rules)) for since, rules in versions]
            for workspace, versions in history.settings.items()
        }
        self._told: dict[str, list[dict[str, Any]]] = {"hits": [], "payments": [], "accounts": []}
        self._shown: dict[str, tuple[AttributedCharge, Any]] = {}

    def hear(self, fact: Fact) -> str:
        """Let both hear of a fact; what they disagree about then, or nothing."""
        kind = (
            "hits" if isinstance(fact, Hit) else "payments" if isinstance(fact, PaymentFact) else "accounts"
        )
        self._told[kind].append(asdict(fact))
        self._simulation.feed(fact)
        self._simulation.run()
        due = audit(settings=self._settings, quotes=QUOTES, **self._told)
        expected = {key: _as_due(standing) for key, standing in due.items()}
        found = {
            key: shown for key, charge in self._simulation.charges.items() if (shown := self._show(charge))
        }
        wrong = [key for key in sorted({*expected, *found}) if expected.get(key) != found.get(key)]
        return "\n".join(f"{key}\n  auditor {expected.get(key)}\n  agents  {found.get(key)}" for key in wrong)

    def _show(self, charge: AttributedCharge) -> Any:
        known = self._shown.get(charge.key)
        if known is None or known[0] is not charge:
            known = self._shown[charge.key] = (charge, _as_found(charge))
        return known[1]


def _as_due(standing: Standing) -> Any:
    rows = [
        (ln.name, ln.reason, *ln.place, ln.amount, ln.currency, ln.at, ln.usd, ln.rate, ln.rate_day)
        for ln in standing.lines
    ]
    return standing.payer, standing.reason, sorted(rows)


def _as_found(charge: AttributedCharge) -> Any:
    """As the auditor shows it; a charge that left its payer, and whose money stands nowhere, is none."""
    if not charge.lines:
        return None

    def rate_of(currency: str) -> Rate | None:
        rate = RATES.rate(currency, day_of(charge.state.created_at))
        return rate if isinstance(rate, Rate) else None

    rows = [
        (
            ln.line_id,
            ln.reason,
            *credit_key_of(ln),
            ln.amount_minor,
            ln.currency,
            ln.occurred_at,
            ln.usd_minor,
            ln.rate,
            ln.rate_date,
        )
        for ln in in_usd(charge.lines, rate_of)
    ]
    reason = charge.decision.reason.value
    return charge.payer, NOBODY.get(reason, reason), sorted(rows)


def disagreement(history: History) -> str:
    """What agents and auditor disagree about first, or nothing. A fault of either is a disagreement."""
    both = Audit(history)
    for number, fact in enumerate(history.facts):
        try:
            wrong = both.hear(fact)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is shown with the history
            wrong = repr(error)
        if wrong:
            return f"after fact {number}, {fact}:\n{wrong}"
    return ""


def shortened(history: History) -> History:
    """The history without the facts, and the settings, that a disagreement does not need."""
    if history.settings and disagreement(plain := replace(history, settings={})):
        history = plain
    number = len(history.facts)
    while number:
        number -= 1
        less = replace(history, facts=history.facts[:number] + history.facts[number + 1 :])
        if disagreement(less):
            history = less
    return history


def report(seed: str, history: History) -> str:
    """A disagreement for people."""
    short = shortened(history)
    facts = "\n".join(map(str, short.facts))
    return f"history {seed}\nsettings {short.settings}\n{facts}\n{disagreement(short)}"


def random_of(seed: int, number: int) -> Random:
    """What draws one history of a run."""
    return Random(f"{seed}/{number}")
