"""Wide random histories, drawn fast from a seed: in any order, with duplicates, sights that contradict.

Several workspaces, modes, currencies, models and settings; retried payments, disputes, late identities,
subscriptions, a daily visitor and a shared device. All stay within what the program never forgets.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from tests.agents.histories import CHANNELS, EMAILS, START, STRANGER, VISITORS
from tests.facts import account_fact, charge_fact, hit
from trackrev_stream.domain.attribution.attribution_settings import AttributionSettings, Returning
from trackrev_stream.domain.attribution.models import Model
from trackrev_stream.domain.journeys.touch import Click, Hit, HitKind, Trust
from trackrev_stream.domain.payments.payment import FactKind, Move, PaymentFact
from trackrev_stream.domain.payments.subscription import AccountFact, AccountKind
from trackrev_stream.domain.values.days import DAY_MS

HOUR_MS = 3_600_000
DAYS = 60
REGULAR, SHARED = "regular", "shared"
KINDS = (*("direct",) * 2, *("search",) * 3, *("link",) * 4, *("identify",) * 4, "internal")
Fact = Hit | PaymentFact | AccountFact
Settings = dict[str, tuple[tuple[int, AttributionSettings], ...]]
SHARING: Settings = {"ws_1": ((0, AttributionSettings(2, Model.LINEAR, lookback_days=90)),)}


@dataclass(frozen=True)
class History:
    """Facts in the order of arrival, and the settings that hold meanwhile."""

    facts: list[Fact]
    settings: Settings


def wide(rng: Random) -> History:
    """A history of some twenty facts."""
    facts: list[Fact] = [_hit(rng) for _ in range(rng.randrange(3, 13))]
    if rng.random() < 0.6:
        facts.append(_identified(rng))
    shared = rng.random() < 0.2
    if shared:
        facts += _path(rng)
    for number in range(rng.choice((1, 1, 2, 3))):
        payment = _payment(rng, number)
        facts += payment
        if shared:
            facts += [rng.choice((_refund, _refund, _dispute))(rng, payment[0]) for _ in range(4)]
        if rng.random() < 0.15:
            facts.append(_heard_with(rng, payment[0]))
    if rng.random() < 0.7:
        facts += [_account(rng) for _ in range(rng.randrange(1, 6))]
    if rng.random() < 0.04:
        facts += _crowd(rng)
    facts += [fact for fact in facts if rng.random() < 0.1]
    if rng.random() < 0.7:
        rng.shuffle(facts)
    else:
        facts.sort(key=lambda fact: fact.received_at)
    found = SHARING if shared else _settings(rng)
    if rng.random() < 0.6:
        facts = _told_otherwise(rng, facts)
    return History(facts, found)


def _told_otherwise(rng: Random, facts: list[Fact]) -> list[Fact]:
    """What names but its charge or its intent, payments that fail after all, and what knows more or less."""
    found: list[Fact] = []
    lone = {fact.charge for fact in facts if isinstance(fact, PaymentFact) and rng.random() < 0.05}
    for fact in facts:
        told = fact
        if isinstance(fact, PaymentFact) and fact.kind is FactKind.CHARGE:
            told = _known_otherwise(rng, replace(fact, payment=fact.charge) if fact.charge in lone else fact)
            if rng.random() < 0.1:
                failed = replace(_seen_later(rng, told), status="failed", captured=rng.random() < 0.5)
                found.insert(rng.randrange(len(found) + 1), failed)
        elif isinstance(fact, PaymentFact):
            told = _named_otherwise(rng, fact)
        found.append(told)
    return found


def _known_otherwise(rng: Random, sight: PaymentFact) -> PaymentFact:
    if rng.random() < 0.2:
        settled = rng.choice((sight.amount_minor, sight.amount_minor * 9 // 10, 7, 1_000))
        sight = replace(sight, settled_minor=settled, settled_currency=rng.choice(("usd", "eur", "jpy")))
    if sight.authorized_minor > sight.amount_minor and rng.random() < 0.5:
        return replace(sight, released=True)
    knows = sight.authorized_minor > sight.amount_minor and rng.random() < 0.2
    return replace(sight, authorized_minor=sight.amount_minor) if knows else sight


def _named_otherwise(rng: Random, fact: PaymentFact) -> PaymentFact:
    how = rng.random()
    if how < 0.4 and fact.charge:
        return replace(fact, payment=fact.charge)
    return replace(fact, charge="") if how < 0.6 and fact.kind is not FactKind.LINK else fact


def _settings(rng: Random) -> Settings:
    if rng.random() < 0.3:
        return {}
    versions: list[tuple[int, AttributionSettings]] = []
    for version, since in enumerate(sorted({0, START + rng.randrange(DAYS) * DAY_MS}), start=2):
        rules = AttributionSettings(
            version,
            rng.choice((*Model, Model.LINEAR)),
            lookback_days=rng.choice((5, 10, 30, 30, 90)),
            identify_days=rng.choice((None, None, 3, 20)),
            returning=rng.choice(list(Returning)),
        )
        versions.insert(0, (since, rules))
    return {"ws_1": tuple(versions[rng.randrange(2) :])}


def _moment(rng: Random, first: int = 0, last: int = DAYS) -> int:
    """Some hour between two days; mostly full days, so that times tie and windows end to the second."""
    return (
        START + rng.choice((rng.randrange(first * 24, last * 24), rng.randrange(first, last) * 24)) * HOUR_MS
    )


def _workspace(rng: Random) -> str:
    return "ws_2" if rng.random() < 0.05 else "ws_1"


def _hit(rng: Random) -> Hit:
    at = _moment(rng, 0, rng.choice((15, DAYS))) + rng.choice((0, 0, 0, 1_000, 1_001))
    visitor = rng.choice((*VISITORS[:1], *VISITORS[:3]))
    kind = rng.choice(KINDS)
    seen = hit(
        at,
        workspace=_workspace(rng),
        id=f"{kind}-{visitor[-2:]}-{at}",
        visitor=visitor,
        received_at=at + rng.choice((0, 1_000, 1_001, rng.randrange(7 * DAY_MS))),
        site="shop.example",
    )
    match kind:
        case "search":
            engine = rng.choice(("www.google.com", "duckduckgo.com"))
            own_rules = rng.choice(("", "", "Ours"))
            return replace(
                seen, referrer=f"https://{engine}/", channel=own_rules, id=f"{seen.id}{engine}{own_rules}"
            )
        case "internal":
            return replace(seen, referrer="https://shop.example/pricing")
        case "identify":
            return replace(
                seen,
                kind=HitKind.IDENTIFY,
                email_key=rng.choice((EMAILS[0], *EMAILS[:2])),
                trust=rng.choice((Trust.SIGNED, Trust.UNSIGNED)),
            )
        case "link":
            name = rng.choice(CHANNELS)
            partner = rng.choice(("", "", "partner_1"))
            click = Click(f"click-{name}-{at}-{partner}", name, rng.choice((name, "Email")), partner, at)
            return replace(seen, kind=rng.choice((HitKind.CLICK, HitKind.PAGEVIEW)), click=click)
    return seen


def _identified(rng: Random) -> Hit:
    """The visitor most seen says early who it is."""
    said = hit(_moment(rng, 0, 15), visitor=VISITORS[0], kind=HitKind.IDENTIFY, email_key=EMAILS[0])
    trust = rng.choice((Trust.SIGNED, Trust.UNSIGNED))
    return replace(said, id=f"id-{said.occurred_at}-{trust}", trust=trust)


def _path(rng: Random) -> list[Fact]:
    """Three links that share what the visitor most seen pays, and who that is."""
    clicks = [Click(f"path-{name}", name, name, "", START + n * HOUR_MS) for n, name in enumerate(CHANNELS)]
    landings = [hit(c.occurred_at, id=c.id, visitor=VISITORS[0], click=c) for c in clicks]
    return [*landings, replace(_identified(rng), trust=Trust.SIGNED)]


def _heard_with(rng: Random, charge: PaymentFact) -> Hit:
    """An identity of which the edge hears in the second of a charge, or just after it."""
    heard = charge.created_at + rng.choice((1_000, 1_001))
    said = replace(_identified(rng), occurred_at=heard - HOUR_MS, received_at=heard, trust=Trust.UNSIGNED)
    return replace(said, id=f"heard-{heard}", email_key=charge.email_key or EMAILS[0])


def _crowd(rng: Random) -> list[Fact]:
    """A visitor with more direct touches than are kept, or more emails than one device may have."""
    at = _moment(rng)
    if rng.random() < 0.5:
        visits = [hit(at + n * HOUR_MS, id=f"d-{n}", visitor=REGULAR, site="shop.example") for n in range(20)]
        claim = replace(visits[rng.randrange(20)], id="d-id", kind=HitKind.IDENTIFY, email_key=EMAILS[0])
        return [*visits, claim]
    landing = hit(at, id="s-0", visitor=SHARED, site="shop.example")
    names = [*(f"other-{n}" for n in range(11)), EMAILS[0]]
    rng.shuffle(names)
    trust = rng.choice((Trust.SIGNED, Trust.UNSIGNED))
    claims = [
        replace(landing, id=f"s-{n}", kind=HitKind.IDENTIFY, email_key=name, trust=trust, received_at=at + n)
        for n, name in enumerate(names, start=1)
    ]
    return [landing, *claims]


def _payment(rng: Random, number: int) -> list[PaymentFact]:
    """The sights of one payment: one charge, or several attempts."""
    created = _moment(rng, 5)
    charge = charge_fact(
        f"ch_{9 - number}",
        created,
        workspace=_workspace(rng),
        livemode=rng.random() < 0.95,
        payment=f"pi_{rng.choice((number, number, 0))}",
        received_at=created + rng.choice((0, DAY_MS)),
        amount_minor=rng.choice((1, 2, 7, 1_001, 4_800, 4_800, 12_345)),
        currency=rng.choice(("usd", "usd", "eur", "jpy", "kwd", "aed")),
        email_key=rng.choice((EMAILS[0], EMAILS[0], EMAILS[1], "")),
        customer=rng.choice(("cus_1", "cus_1", "cus_1", "cus_2", "")),
        visitor=rng.choice(("", "", "", VISITORS[0], VISITORS[1], STRANGER)),
        invoice=rng.choice(("", "in_1", "in_2")),
        subscription=rng.choice(("", "", "sub_1")),
    )
    if rng.random() < 0.1:  # captured in part, in the old shape: the rest shows as refunded
        rest = rng.randint(1, charge.amount_minor)
        whole = charge.amount_minor + rest
        charge = replace(
            charge, authorized_minor=whole, refunded_minor=rest, fee_minor=rng.choice((None, 30))
        )
    facts = [charge]
    if rng.random() < 0.15:
        facts.append(replace(charge, observed_at=created - 1_000, captured=False))
    if rng.random() < 0.15:
        facts.append(replace(charge, charge=f"{charge.charge}f", id=f"{charge.id}f", status="failed"))
    facts += [rng.choice(ASIDES)(rng, charge) for _ in range(rng.randrange(5))]
    return [replace(fact, received_at=max(fact.received_at, fact.observed_at)) for fact in facts]


def _seen_later(rng: Random, charge: PaymentFact) -> PaymentFact:
    return replace(charge, observed_at=charge.created_at + rng.randrange(6) * DAY_MS)


def _part(rng: Random, charge: PaymentFact) -> int:
    return rng.choice(
        (charge.amount_minor, rng.randint(1, charge.amount_minor), (charge.amount_minor + 1) // 2)
    )


def _sum(rng: Random, charge: PaymentFact) -> PaymentFact:
    refunded = rng.choice((0, _part(rng, charge)))
    return replace(_seen_later(rng, charge), refunded_minor=refunded, visitor="")


def _moved(rng: Random, charge: PaymentFact) -> PaymentFact:
    return replace(_seen_later(rng, charge), customer=rng.choice(("cus_1", "cus_2")), email_key="")


def _capture(rng: Random, charge: PaymentFact) -> PaymentFact:
    part = _part(rng, charge)
    return replace(
        _seen_later(rng, charge),
        authorized_minor=charge.amount_minor + part,
        refunded_minor=rng.choice((0, part)),
    )


def _fee(rng: Random, charge: PaymentFact) -> PaymentFact:
    seen = _seen_later(rng, charge)
    return replace(seen, fee_minor=rng.choice((0, 1, 30, 177)), fee_currency=rng.choice(("usd", "eur", "")))


def _refund(rng: Random, charge: PaymentFact) -> PaymentFact:
    seen, name = _seen_later(rng, charge), rng.choice("12")
    status = rng.choice(("succeeded", "succeeded", "pending", "failed", "canceled"))
    return replace(
        seen,
        kind=FactKind.REFUND,
        id=f"re_{charge.charge}_{name}",
        created_at=charge.created_at + {"1": 1, "2": 33}[name] * DAY_MS,
        status=status,
        amount_minor=_part(rng, charge),
    )


def _dispute(rng: Random, charge: PaymentFact) -> PaymentFact:
    seen, name = _seen_later(rng, charge), f"{charge.charge}_{rng.choice('12')}"
    amount, at = _part(rng, charge), seen.observed_at
    moves = [
        *(Move(f"txn_{name}", -amount, at), Move("", -amount, at)),
        Move("", amount, at + rng.choice((0, DAY_MS))),
        Move(f"txn_{name}_back", amount, at + DAY_MS),
        Move(f"txn_{name}_fee", 0, at + rng.choice((0, DAY_MS))),
    ]
    chosen = tuple(_settled(rng, move) for move in rng.sample(moves, rng.randrange(4)))
    currency = rng.choice((*(charge.currency,) * 4, "usd", "eur", ""))
    asked = amount * rng.choice((1, 1, 1, 3))
    return replace(
        seen, kind=FactKind.DISPUTE, id=f"dp_{name}", amount_minor=asked, currency=currency, moves=chosen
    )


def _settled(rng: Random, move: Move) -> Move:
    """A move with its fee, taken or given back, in a balance of its own currency or another."""
    if not move.id or rng.random() < 0.3:
        return move
    settled = rng.choice(("", "", "usd", "eur", "jpy"))
    fee = rng.choice((None, 0, 1, 1_500, 1_500, -1_500))
    moved = move.amount_minor * 9 // 10 if settled else 0
    return replace(move, settled_minor=moved, settled_currency=settled, fee_minor=fee)


def _link(rng: Random, charge: PaymentFact) -> PaymentFact:
    return replace(
        _seen_later(rng, charge),
        kind=FactKind.LINK,
        id="cs_1",
        amount_minor=0,
        charge=rng.choice(("", charge.charge)),
        customer=rng.choice(("", "", "cus_1", "cus_2")),
        email_key=rng.choice(("", *EMAILS)),
        visitor=rng.choice(("", *VISITORS[:3])),
        invoice=rng.choice(("", "in_1", "in_2")),
        subscription=rng.choice(("", "sub_1", "sub_2")),
    )


ASIDES: tuple[Callable[[Random, PaymentFact], PaymentFact], ...] = (
    *(_sum, _sum, _refund, _refund, _refund, _dispute, _dispute, _link, _moved, _fee, _capture),
)


def _account(rng: Random) -> AccountFact:
    at = _moment(rng)
    kind = rng.choice(list(AccountKind))
    customer, subscription = rng.choice(("cus_1", "cus_1", "cus_2")), rng.choice(("sub_1", "sub_2"))
    named = {"visitor": rng.choice(VISITORS[:3])} if rng.random() < 0.2 else {}
    if kind is AccountKind.CUSTOMER:
        email = rng.choice((*EMAILS[:2], ""))
        return account_fact(kind, customer, at, customer=customer, email_key=email, **named)
    said = account_fact(
        kind,
        subscription if kind is AccountKind.SUBSCRIPTION else rng.choice(("in_1", "in_2")),
        at,
        customer=customer,
        amount_minor=rng.choice((0, 4_800, 4_800, 7)),
        currency=rng.choice(("usd", "usd", "eur")),
        period_start_at=at + rng.choice((0, HOUR_MS, -DAYS * DAY_MS)),
        period_end_at=at + DAYS * DAY_MS,
        **named,
    )
    if kind is AccountKind.INVOICE:
        return replace(said, subscription=rng.choice((subscription, subscription, "")))
    ended_at = rng.choice((None, None, at + 10 * DAY_MS))
    return replace(said, invoice=rng.choice(("", "in_1", "in_2")), ended_at=ended_at)
