"""A charge in words: who earned it and why, what was passed over, what was posted when."""

from trackrev_stream.contracts.times import utc_minute
from trackrev_stream.domain.attribution.decision import Considered, Decision
from trackrev_stream.domain.attribution.models import Model
from trackrev_stream.domain.journeys.touch import Trust
from trackrev_stream.domain.ledger.fx import BASE_CURRENCY
from trackrev_stream.domain.payments.subscription import MatchEvidence
from trackrev_stream.domain.values.money import format_minor
from trackrev_stream.explain.rounding import exactly, in_dollars, shares_of
from trackrev_stream.explain.wording import (
    disputed,
    joined_with_and,
    missing,
    named,
    of_payer,
    place,
    released,
    trusted,
    waits,
    why,
    worth,
)
from trackrev_stream.store.reports.charges import ChargeDetail, Entry

_BINDINGS = {
    MatchEvidence.NAMED: "It is a payment of subscription {}, as Stripe says of the payment.",
    MatchEvidence.INVOICE: "It is a payment of subscription {}, to which its invoice belongs.",
    MatchEvidence.PERIOD: "It counts as a payment of subscription {}: no other asked for this amount then.",
    MatchEvidence.AMBIGUOUS: "It may be a payment of one of several subscriptions with this amount and time.",
    MatchEvidence.UNKNOWN: "It may be a renewal: to which subscription its invoice belongs is not known.",
    MatchEvidence.NONE: "",
}
_MODELS = {
    Model.LAST_NON_DIRECT: "the last click that was not direct has it all",
    Model.LAST: "the last touch has it all",
    Model.FIRST: "the first click that was not direct has it all",
    Model.LINEAR: "all clicks share alike",
    Model.POSITION: "the first and the last click have 40 % each, the others share the rest",
    Model.TIME_DECAY: "clicks share, with half the weight for every week they are older",
}
_CAUSES = {"journeys": "what is known of the payer and its visitors changed"}


def explain(detail: ChargeDetail) -> str:
    """The whole story of a charge as text for people, times in UTC."""
    charge, decision = detail.summary, detail.decision
    parts = [
        f"Charge {charge.charge} of {utc_minute(charge.created_at)}, of {of_payer(detail.payer)}",
        worth(charge),
        *_disputed(detail),
        *released(charge),
        *_dollars(detail),
        " ".join(filter(None, (why(decision), missing(decision, detail.payer)))),
        *(line for one in detail.waiting for line in waits(one)),
    ]
    path = [*_path(decision), *_tied(detail), *_rule(detail)]
    parts += ["", "How it came to that:", *(f"  {line}" for line in path)]
    if decision.considered:
        parts += ["", "Touches considered, latest first:"]
        parts += [f"  {_considered(one)}" for one in decision.considered]
    if rounded := _rounding(detail):
        parts += ["", "How it was rounded:", *(f"  {line}" for line in rounded)]
    seqs = {entry.entry_id: entry.seq for entry in detail.entries}
    parts += ["", "Entries, as they were posted:", *(f"  {_entry(entry, seqs)}" for entry in detail.entries)]
    return "\n".join(parts)


def _path(decision: Decision) -> list[str]:
    """By which identity the touches are the payer's, and who vouches for it."""
    identity = decision.identity
    if identity is None:
        return []
    visitors = sorted({credit.visitor for credit in decision.credits})
    who, since = (
        f"Visitor {joined_with_and(visitors)}" if visitors else "A visitor",
        utc_minute(identity.identified_at),
    )
    of = f"Of {decision.inherited_from}: " if decision.inherited_from else ""
    if identity.trust is Trust.STRIPE:
        return [
            f"{of}{who} is named for this payer by Stripe's own object since {since}, whatever its email."
        ]
    heard = f"That was heard on {utc_minute(identity.known_at)}"
    if decision.late:
        heard += ", after the charge: it may fill what nobody had earned, and moves nothing"
    return [
        f"{of}{who} identified on {since} with an email of this payer, {trusted(identity.trust)}.",
        f"{heard}.",
    ]


def _tied(detail: ChargeDetail) -> list[str]:
    """How the charge belongs to a subscription."""
    found = _BINDINGS[detail.decision.binding].format(detail.decision.subscription)
    return [found] if found else []


def _rule(detail: ChargeDetail) -> list[str]:
    """By which settings it was decided."""
    decided, rules = detail.decision.rules_version, detail.settings
    found = f"It was decided by version {decided} of the settings."
    if decided != detail.rules_version:
        found = (
            f"What it inherits was decided by version {decided} of the settings, not {detail.rules_version}."
        )
    if rules is None:
        return [found]
    days = rules.identify_days
    since = "however long before the charge" if days is None else f"at most {days} days before the charge"
    window = f"up to {rules.lookback_days} days before the charge, or before the visitor identified"
    return [found, f"They say: {_MODELS[rules.model]}; of touches {window}, {since}."]


def _disputed(detail: ChargeDetail) -> list[str]:
    """That what a dispute took back may be missing, and what to do about it."""
    told = disputed(detail.summary)
    hint = (
        "Likely the key cannot read disputes: grant it that permission, or subscribe the webhook to "
        "charge.dispute.*. Until then nothing that the dispute took is in any sum."
    )
    return [f"{one} {hint}" for one in told]


def _dollars(detail: ChargeDetail) -> list[str]:
    """What that is in US dollars, by which rate."""
    currency, found = detail.summary.currency, in_dollars(detail)
    if currency == BASE_CURRENCY or not detail.summary.gross_minor:
        return []
    if found.gross_minor is None or found.net_minor is None:
        return ["In US dollars it is not known: the ECB has not published the rate yet, or has none."]
    paid, remains = (format_minor(minor, BASE_CURRENCY) for minor in (found.gross_minor, found.net_minor))
    rate = f"at {found.rate} for 1 {currency.upper()}, the ECB's rate of {found.rate_date}"
    return [f"In US dollars: {paid} paid, {remains} remain, {rate}; what goes back takes the same."]


def _rounding(detail: ChargeDetail) -> list[str]:
    """What was no whole number of minor units, and what became of it."""
    charge, usd, found = detail.summary, in_dollars(detail), []
    paid = format_minor(charge.gross_minor, charge.currency)
    if usd.exact is not None and usd.gross_minor is not None and usd.exact.denominator != 1:
        posted = format_minor(usd.gross_minor, BASE_CURRENCY)
        exact = exactly(usd.exact, BASE_CURRENCY)
        found.append(f"{paid} are {exact}, posted as {posted}: half a cent goes to the even one.")
    shares = shares_of(charge, detail.decision)
    if any(one.exact.denominator != 1 for one in shares):
        for one in shares:
            where = named(one.share.channel, one.share.link, one.share.partner)
            posted = format_minor(one.share.amount_minor, charge.currency)
            exact = exactly(one.exact, charge.currency)
            found.append(f"{where} has {one.fraction} of {paid}, {exact}, posted as {posted}.")
        found.append("What is left over goes to those who are furthest below their exact share.")
    return found


def _considered(one: Considered) -> str:
    touch = one.touch
    rules = f", named by channel rules {touch.channel_rules}" if touch.channel_rules else ""
    return f"{utc_minute(touch.occurred_at)}  {place(touch)}, visitor {one.visitor}{rules}: {one.verdict}"


def _entry(entry: Entry, seqs: dict[str, int]) -> str:
    amount = format_minor(entry.amount_minor, entry.currency)
    if entry.usd_minor is not None and entry.currency != BASE_CURRENCY:
        amount += f" = {format_minor(entry.usd_minor, BASE_CURRENCY)}"
    where = named(entry.channel, entry.link, entry.partner)
    back = f", takes back {seqs[entry.retracts]}" if entry.retracts else ""
    what = f"{amount}, {entry.reason} of {utc_minute(entry.occurred_at)}, {where}{back}"
    return f"{entry.seq}. {utc_minute(entry.posted_at)}: {what} [{_CAUSES.get(entry.cause, entry.cause)}]"
