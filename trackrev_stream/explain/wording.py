"""The words for decisions, payers and amounts that people are told, times in UTC."""

from trackrev_stream.contracts.times import utc_minute
from trackrev_stream.domain.attribution.decision import Decision, Reason
from trackrev_stream.domain.journeys.touch import Touch, Trust
from trackrev_stream.domain.payments.payment import FactKind
from trackrev_stream.domain.values.ids import OWN_ACCOUNT, name_of, scope_of
from trackrev_stream.domain.values.money import format_minor
from trackrev_stream.store.operations.waiting_money import Waiting
from trackrev_stream.store.reports.charges import ChargeSummary

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
    Reason.FAILED: "the payment failed after it had succeeded, and nothing of it stands",
    Reason.NO_VISITOR: "no visitor has identified with the email of this charge so far",
    Reason.LEFT: "the charge went to another payer, under whom its money stands",
    Reason.TOO_LATE: "the charge became known too late: visits from before it may be forgotten already",
    Reason.NO_TOUCH: "the visitor is known, but no touch of theirs lies in the attribution window",
}
_MISSING_EMAIL = (
    "Its customer {} may have one, but Stripe has told of none: let the key read customers, or subscribe the "
    "webhook to customer.created and customer.updated."
)
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
        place(credit.touch)
        if credit.weight == credit.of
        else f"{place(credit.touch)} ({credit.weight}/{credit.of})"
        for credit in decision.credits
    ]
    return f"Credited to {joined_with_and(shares)}: {reason}{origin}."


def missing(decision: Decision, payer: str) -> str:
    """What of a charge's payer was never told, and could be; empty where nothing is known to be missing."""
    lacks_email = decision.reason is Reason.NO_EMAIL and not _is_guest(name_of(payer))
    return _MISSING_EMAIL.format(name_of(payer)) if lacks_email else ""


def _is_guest(name: str) -> bool:
    return name.startswith(("pi_", "ch_", "py_"))


def of_payer(payer: str) -> str:
    """A payer for people: its customer, or the payment of a guest, and where it lies if not as usual."""
    name, scope = name_of(payer), scope_of(payer)
    who = f"a guest (payment {name})" if _is_guest(name) else f"customer {name}"
    account = f", account {scope.account}" if scope.account != OWN_ACCOUNT else ""
    return f"{who}{account}{'' if scope.livemode else ', test mode'}"


def joined_by(decision: Decision, join: str) -> str:
    """Whether it was the identity under this join key that led to the credit."""
    identity = decision.identity
    if identity is None:
        return "No identity leads to it."
    through = f", through {decision.inherited_from}" if decision.inherited_from else ""
    if identity.join == join:
        return f"Joined by this address{through}, {trusted(identity.trust)}."
    if identity.trust is Trust.STRIPE:
        return f"Joined by Stripe's own object{through}, which outranks every address."
    return f"Joined by another address of the payer{through}, {trusted(identity.trust)}."


def trusted(trust: Trust) -> str:
    """Who vouches for an identity."""
    return _TRUST[trust]


def worth(charge: ChargeSummary) -> str:
    """What was paid, what of it remains, and what was kept of it.

    What a platform takes of a direct charge is in the fee, and is not Stripe's.
    """
    text = f"{format_minor(charge.gross_minor, charge.currency)} paid"
    if charge.net_minor != charge.gross_minor:
        back = format_minor(charge.gross_minor - charge.net_minor, charge.currency)
        text += f", {back} went back, {format_minor(charge.net_minor, charge.currency)} remain"
    fee, dispute_fee = charge.fee_minor, charge.dispute_fee_minor
    if fee is None:
        text += "; what Stripe kept is not known"
    else:
        text += f"; {_kept(charge, fee)}"
    if dispute_fee is None:
        text += "; what it took for a dispute is not known"
    elif dispute_fee:
        taken = format_minor(dispute_fee, charge.dispute_fee_currency or charge.currency)
        text += f", and {taken} for disputes"
    return f"{text}."


def _kept(charge: ChargeSummary, fee_minor: int) -> str:
    """Who kept what."""
    currency, taken = charge.fee_currency or charge.currency, charge.application_fee_minor
    fee = format_minor(fee_minor, currency)
    if taken is None and charge.account != OWN_ACCOUNT:
        return f"fees of {fee} were kept, Stripe's and perhaps the platform's"
    if not taken:
        return f"Stripe kept a fee of {fee}"
    own = format_minor(fee_minor - taken, currency)
    return f"fees of {fee} were kept: {own} by Stripe, {format_minor(taken, currency)} by the platform"


def released(charge: ChargeSummary) -> list[str]:
    """That what went back may have been what was never captured, if it may."""
    told = (
        "Only a part of what was held was captured, and as much as the rest went back. Whether that is a "
        "refund, or the release of the rest (which API versions before 2025-03-31.basil show alike), is not "
        "known: it counts as a refund. Let the key read balance transactions, or subscribe the webhook to "
        "charge.captured."
    )
    return [told] if charge.release_unclear else []


def waits(one: Waiting) -> list[str]:
    """What waits for its charge, and why it counts nowhere."""
    found = []
    for fact in one.facts:
        amount = f" of {format_minor(fact.amount_minor, fact.currency)}" if fact.currency else ""
        what = (
            "What is said beside the money"
            if fact.kind is FactKind.LINK
            else f"The {fact.kind} {fact.id}{amount}"
        )
        of = f"charge {fact.charge}" if fact.charge else f"payment {one.payment}"
        found.append(
            f"{what} waits since {utc_minute(one.since)}: it names {of}, and no charge of that was seen. It "
            "counts nowhere until the charge is: `trackrev stripe sync` reads it, or send its event again."
        )
    return found


def disputed(charge: ChargeSummary) -> list[str]:
    """That there is a dispute of which nothing is known, if there is."""
    told = "It is disputed; the outcome is not known, for no dispute of it was seen."
    return [told] if charge.dispute_unseen else []


def place(touch: Touch) -> str:
    """Where a touch came from."""
    return named(touch.channel, touch.link, touch.partner)


def named(channel: str, link: str, partner: str) -> str:
    """A place that may earn."""
    more = [f"link {link}"] * bool(link) + [f"partner {partner}"] * bool(partner)
    return f"{channel} ({', '.join(more)})" if more else channel


def joined_with_and(parts: list[str]) -> str:
    """Some things in one sentence."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
