"""What the read API answers with: the shapes of its JSON."""

from collections.abc import Iterable
from fractions import Fraction

from trackrev_stream.contracts.choices import By
from trackrev_stream.contracts.codec import Json
from trackrev_stream.contracts.times import rfc3339
from trackrev_stream.domain.attribution.attribution_settings import AttributionSettings
from trackrev_stream.domain.attribution.decision import Credit, Decision
from trackrev_stream.domain.journeys.touch import Touch
from trackrev_stream.domain.ledger.fx import BASE_CURRENCY
from trackrev_stream.domain.values.ids import name_of
from trackrev_stream.domain.values.money import exponent
from trackrev_stream.explain.rounding import InDollars, Rounded, in_dollars, shares_of
from trackrev_stream.explain.wording import missing, why
from trackrev_stream.store.operations.waiting_money import Waiting
from trackrev_stream.store.reports.channels_and_revenue import ChannelRow, Money
from trackrev_stream.store.reports.charges import ChargeDetail, ChargeSummary, Entry
from trackrev_stream.store.reports.ltv import Cohort, Month, Sum


def exponents(currencies: Iterable[str]) -> dict[str, int]:
    """How many decimals the minor unit of each currency has, USD always among them."""
    return {currency: exponent(currency) for currency in sorted({BASE_CURRENCY, *currencies})}


def currencies(charge: ChargeSummary) -> list[str]:
    """The currencies that amounts of a charge are in: its own, and those of its fees."""
    return [charge.currency, *filter(None, (charge.fee_currency, charge.dispute_fee_currency))]


def money(total: Money) -> Json:
    """Totals in USD with the amounts they are made of; fees are null where one is not known."""
    return {
        "gross_minor": total.gross_minor,
        "net_minor": total.net_minor,
        "fee_minor": total.fees.shown,
        "currency": BASE_CURRENCY,
        "native": [
            {
                "currency": one.currency,
                "gross_minor": one.gross_minor,
                "net_minor": one.net_minor,
                "fee_minor": one.fees.shown,
                "unconverted": one.unconverted,
            }
            for one in sorted(total.native.values(), key=lambda one: one.currency)
        ],
    }


def channel(row: ChannelRow) -> Json:
    """One row of the channels table."""
    return {"channel": row.channel, "visitors": row.visitors, "clicks": row.clicks} | money(row.money)


def lifetime_values(cohorts: list[Cohort], by: By, time_zone: str) -> Json:
    """Lifetime value by cohort, who earned it and month of age; totals in USD."""
    currencies = {
        currency for each in cohorts for month in each.total.months for currency in month.native_so_far
    }
    return {
        "by": by.value,
        "time_zone": time_zone,
        "currency": BASE_CURRENCY,
        "cohorts": [
            {
                "cohort": each.month,
                "payers": each.total.payers,
                "months": [_age(*aged) for aged in enumerate(each.total.months)],
                "rows": [
                    {"channel": row.channel}
                    | ({"link": row.link} if by is By.LINK else {})
                    | {"payers": row.payers, "months": [_age(*aged) for aged in enumerate(row.months)]}
                    for row in each.rows
                ],
            }
            for each in cohorts
        ],
        "exponents": exponents(currencies),
    }


def _age(age: int, month: Month) -> Json:
    native = [
        {"currency": currency} | _sums(month.native.get(currency, Sum()), so_far)
        for currency, so_far in sorted(month.native_so_far.items())
    ]
    return {"age": age} | _sums(month.usd, month.usd_so_far) | {"native": native}


def _sums(own: Sum, so_far: Sum) -> Json:
    return {
        "gross_minor": own.gross_minor,
        "net_minor": own.net_minor,
        "unconverted": own.unconverted,
        "cumulative_gross_minor": so_far.gross_minor,
        "cumulative_net_minor": so_far.net_minor,
        "cumulative_unconverted": so_far.unconverted,
    }


def summary(charge: ChargeSummary) -> Json:
    """A charge as the list of the latest shows it."""
    return {
        "charge": charge.charge,
        "account": charge.account,
        "livemode": charge.livemode,
        "status": charge.status,
        "reason": charge.reason,
        "shares": [
            {
                "channel": share.channel,
                "source": share.source,
                "link": share.link,
                "partner": share.partner,
                "amount_minor": share.amount_minor,
            }
            for share in charge.shares
        ],
        "gross_minor": charge.gross_minor,
        "net_minor": charge.net_minor,
        "fee_minor": charge.fee_minor,
        "fee_currency": charge.fee_currency,
        "dispute_fee_minor": charge.dispute_fee_minor,
        "dispute_fee_currency": charge.dispute_fee_currency,
        "dispute": "unknown" if charge.dispute_unseen else None,
        "release": "unknown" if charge.release_unclear else None,
        "application_fee_minor": charge.application_fee_minor,
        "currency": charge.currency,
        "created_at": rfc3339(charge.created_at),
        "posted_at": rfc3339(charge.posted_at),
    }


def detail(found: ChargeDetail) -> Json:
    """A charge with its decision and entries."""
    decision = found.decision
    return summary(found.summary) | {
        "explanation": why(decision),
        "missing": missing(decision, found.payer) or None,
        "credits": [_credit(credit) for credit in decision.credits],
        "decision": _decision(decision),
        "payer": name_of(found.payer),
        "guest": found.payer == found.payment,
        "settings": found.settings and settings(found.settings),
        "usd": _usd(in_dollars(found)),
        "rounding": [_rounded(one) for one in shares_of(found.summary, decision)],
        "payment_version": found.payment_version,
        "version": found.version,
        "rules_version": found.rules_version,
        "entries": [entry(one) for one in found.entries],
        "waiting": [fact for one in found.waiting for fact in waiting(one)],
    }


def waiting(one: Waiting) -> list[Json]:
    """What waits for its charge; of a link, which moves no money, only that there is one."""
    return [
        {
            "kind": fact.kind.value,
            "id": fact.id,
            "charge": fact.charge or None,
            "payment": one.payment if one.payment != fact.charge else None,
            "amount_minor": fact.amount_minor if fact.currency else None,
            "currency": fact.currency or None,
            "since": rfc3339(one.since),
        }
        for fact in one.facts
    ]


def settings(rules: AttributionSettings) -> Json:
    """A version of the settings that charges are decided by; windows in days, null is unlimited."""
    return {
        "version": rules.version,
        "model": rules.model.value,
        "lookback_days": rules.lookback_days,
        "identify_days": rules.identify_days,
        "returning": rules.returning.value,
    }


def _usd(found: InDollars) -> Json:
    """Null is what is not known; ``exact_minor`` is what was paid before it was rounded, a fraction."""
    return {
        "gross_minor": found.gross_minor,
        "net_minor": found.net_minor,
        "exact_minor": None if found.exact is None else str(found.exact),
        "rate": found.rate,
        "rate_date": found.rate_date,
    }


def _rounded(one: Rounded) -> Json:
    return {
        "channel": one.share.channel,
        "source": one.share.source,
        "link": one.share.link,
        "partner": one.share.partner,
        "fraction": str(one.fraction),
        "exact_minor": str(one.exact),
        "amount_minor": one.share.amount_minor,
        "exact_usd_minor": None if one.exact_usd is None else str(one.exact_usd),
        "usd_minor": one.share.usd_minor,
    }


def entry(one: Entry) -> Json:
    """An entry of the ledger."""
    return {
        "seq": one.seq,
        "entry_id": one.entry_id,
        "line_id": one.line_id,
        "charge": one.charge,
        "reason": one.reason,
        "retracts": one.retracts,
        "cause": one.cause,
        "channel": one.channel,
        "source": one.source,
        "link": one.link,
        "partner": one.partner,
        "amount_minor": one.amount_minor,
        "currency": one.currency,
        "usd_minor": one.usd_minor,
        "rate": one.rate,
        "rate_date": one.rate_date,
        "occurred_at": rfc3339(one.occurred_at),
        "posted_at": rfc3339(one.posted_at),
    }


def _credit(credit: Credit) -> Json:
    touch = credit.touch
    return {
        "channel": touch.channel,
        "source": touch.source,
        "link": touch.link,
        "partner": touch.partner,
        "fraction": str(Fraction(credit.weight, credit.of)),
        "touch": _touch(credit.visitor, touch),
    }


def _decision(decision: Decision) -> Json:
    identity = decision.identity
    return {
        "identity": identity
        and {
            # The join key itself is a keyed hash of an email: it tells people nothing.
            "by": "email" if "|e:" in identity.join else "stripe object",
            "trust": identity.trust.value,
            "identified_at": rfc3339(identity.identified_at),
            "known_at": rfc3339(identity.known_at),
        },
        "late": decision.late,
        "inherited_from": decision.inherited_from or None,
        "subscription": decision.subscription or None,
        "binding": decision.binding.value,
        "rules_version": decision.rules_version,
        "considered": [
            _touch(one.visitor, one.touch)
            | {
                "channel": one.touch.channel,
                "source": one.touch.source,
                "link": one.touch.link,
                "partner": one.touch.partner,
                "verdict": one.verdict,
            }
            for one in decision.considered
        ],
    }


def _touch(visitor: str, touch: Touch) -> Json:
    return {"visitor": visitor, "occurred_at": rfc3339(touch.occurred_at), "url": touch.url}
