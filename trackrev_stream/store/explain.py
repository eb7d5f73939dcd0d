"""A charge in words: who earned it and why, what was passed over, what was posted when."""

from datetime import UTC, datetime

from trackrev_stream.domain.attribution import Considered, Decision, Reason
from trackrev_stream.domain.money import format_minor
from trackrev_stream.domain.subscription import BoundBy
from trackrev_stream.domain.touch import Touch, Trust
from trackrev_stream.store.queries import ChargeDetail, Entry

_REASONS = {
    Reason.LAST_NON_DIRECT: "it was the last click before the charge that was not direct",
    Reason.LAST: "it was the last touch before the charge",
    Reason.FIRST: "it was the first click that led to the charge and was not direct",
    Reason.LINEAR: "the clicks that led to the charge share it alike",
    Reason.POSITION: "the first and the last click have 40 % each, those between share the rest",
    Reason.TIME_DECAY: "the clicks that led to it share it, half as much for every week they are older",
    Reason.ONLY_DIRECT: "nothing but direct visits came before the charge",
    Reason.LATE_IDENTITY: "the visitor became known only after the charge, and nobody else had earned it",
    Reason.INHERITED: "the customer's first credited charge was earned there, and later ones inherit it",
    Reason.RENEWAL: "the subscription's first charge was earned there, and renewals inherit it",
    Reason.RENEWAL_UNATTRIBUTED: "nobody earned the subscription's first charge, and renewals inherit that",
    Reason.NO_EMAIL: "the charge has no email and names no visitor, so no visit can be found for it",
    Reason.NO_VISITOR: "no visitor has identified with the email of this charge so far",
    Reason.LEFT: "the charge went to another payer, under whom its money stands",
    Reason.TOO_LATE: "the charge became known too late: visits from before it may be forgotten already",
    Reason.NO_TOUCH: "the visitor is known, but no touch of theirs lies in the attribution window",
}
_BINDINGS = {
    BoundBy.NAMED: "It is a payment of subscription {}, as Stripe says of the payment.",
    BoundBy.INVOICE: "It is a payment of subscription {}, to which its invoice belongs.",
    BoundBy.PERIOD: "It is taken for a payment of subscription {}, which alone asked for this amount then.",
    BoundBy.AMBIGUOUS: "It may be a payment of one of several subscriptions that asked for this amount then.",
    BoundBy.UNKNOWN: "It may be a renewal: to which subscription its invoice belongs is not known.",
    BoundBy.NONE: "",
}
_TRUST = {
    Trust.STRIPE: "as Stripe's own object says",
    Trust.SIGNED: "signed by the site's backend",
    Trust.UNSIGNED: "as the browser said, unsigned",
}


def why(decision: Decision) -> str:
    """One sentence: who earned the charge and why, or why nobody did."""
    reason = _REASONS.get(decision.reason, decision.reason.value.replace("_", " "))
    origin = f" (from {decision.inherited_from})" if decision.inherited_from else ""
    if not decision.credits:
        return f"Unattributed: {reason}{origin}."
    shares = [
        _place(credit.touch)
        if credit.weight == credit.of
        else f"{_place(credit.touch)} ({credit.weight}/{credit.of})"
        for credit in decision.credits
    ]
    return f"Credited to {_and(shares)}: {reason}{origin}."


def explain(detail: ChargeDetail) -> str:
    """The whole story of a charge as text for people, times in UTC."""
    charge, decision = detail.summary, detail.decision
    mode = "" if charge.livemode else ", test mode"
    parts = [
        f"Charge {charge.charge} of {moment(charge.created_at)}{mode}",
        _worth(detail),
        why(decision),
        *_tied(detail),
    ]
    if decision.identity is not None:
        identity = decision.identity
        parts.append(f"The visitor identified on {moment(identity.identified_at)}, {_TRUST[identity.trust]}.")
    if decision.considered:
        parts += ["", "Touches considered, latest first:"]
        parts += [f"  {_considered(one)}" for one in decision.considered]
    seqs = {entry.entry_id: entry.seq for entry in detail.entries}
    parts += ["", "Entries:", *(f"  {_entry(entry, seqs)}" for entry in detail.entries)]
    return "\n".join(parts)


def _tied(detail: ChargeDetail) -> list[str]:
    """How the charge belongs to a subscription, and by which settings it was decided, where that matters."""
    decision = detail.decision
    found = [_BINDINGS[decision.binding].format(decision.subscription)]
    if decision.rules_version != detail.rules_version:
        found.append(
            f"Settings of version {detail.rules_version} were in effect; what it inherits was decided by "
            f"version {decision.rules_version}."
        )
    elif detail.rules_version > 1:
        found.append(f"It was decided by version {detail.rules_version} of the settings.")
    return [text for text in found if text]


def moment(at: int) -> str:
    """A time for people: ``2026-11-23 09:35 UTC``."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _worth(detail: ChargeDetail) -> str:
    charge = detail.summary
    text = f"{format_minor(charge.gross_minor, charge.currency)} paid"
    if charge.net_minor != charge.gross_minor:
        back = format_minor(charge.gross_minor - charge.net_minor, charge.currency)
        text += f", {back} went back, {format_minor(charge.net_minor, charge.currency)} remain"
    if charge.fee_minor is not None:
        text += (
            f"; Stripe kept a fee of {format_minor(charge.fee_minor, charge.fee_currency or charge.currency)}"
        )
    return f"{text}."


def _considered(one: Considered) -> str:
    return f"{moment(one.touch.occurred_at)}  {_place(one.touch)}: {one.verdict}"


def _entry(entry: Entry, seqs: dict[str, int]) -> str:
    amount = format_minor(entry.amount_minor, entry.currency)
    place = _named(entry.channel, entry.link, entry.partner)
    back = f", takes back {seqs[entry.retracts]}" if entry.retracts else ""
    return f"{entry.seq}. {moment(entry.posted_at)}: {amount}, {entry.reason}, {place}{back} [{entry.cause}]"


def _place(touch: Touch) -> str:
    return _named(touch.channel, touch.link, touch.partner)


def _named(channel: str, link: str, partner: str) -> str:
    more = [f"link {link}"] * bool(link) + [f"partner {partner}"] * bool(partner)
    return f"{channel} ({', '.join(more)})" if more else channel


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
