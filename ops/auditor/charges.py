"""What was captured of each charge, what went back of it, and whose it is (ops/decisions/0014, 0021)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ops.auditor.disputes import Fee, Move, disputes_of
from ops.auditor.facts import DAY_MS, Fact, grouped, key_of

DETAILS = ("customer", "email_key", "visitor", "invoice", "subscription")
NO_MONEY = ("failed", "canceled")
SINCE_BASIL = 20_178 * DAY_MS  # the 31st of March 2025
LONGEST_HOLD = 31 * DAY_MS


@dataclass(frozen=True)
class Charge:
    """A paid charge. ``payer`` is the customer's key, or the payment's own for a guest."""

    key: str
    name: str
    workspace: str
    payer: str
    guest: bool
    created_at: int
    captured: int
    currency: str
    said: dict[str, str]
    fee: tuple[int, str] | None
    moves: tuple[Move, ...]
    dispute_fees: tuple[Fee, ...]

    @property
    def order(self) -> tuple[int, str]:
        """Where it stands among the charges of its payer."""
        return self.created_at, self.name


def charges_of(facts: Iterable[Fact]) -> list[Charge]:
    """All paid charges. A payment is its intent, also for what names but a charge of it."""
    every = list(facts)
    paid = {key_of(fact, fact["charge"]) for fact in every if fact["kind"] == "charge" and _is_paid(fact)}
    # A charge that was ever paid is one of the intent that it names itself, or that money of it names.
    intents = {
        key: key_of(fact, fact["payment"])
        for fact in every
        if fact["kind"] != "link" and fact["charge"] not in ("", fact["payment"])
        if (key := key_of(fact, fact["charge"])) in paid
    }

    def payment_of(fact: Fact) -> str:
        named = key_of(fact, fact["payment"])
        return intents.get(named, named)

    payments = grouped(every, payment_of).items()
    return [charge for key, of_payment in payments for charge in _of_payment(key, of_payment)]


def _of_payment(key: str, facts: list[Fact]) -> list[Charge]:
    charges = grouped((f for f in facts if f["kind"] == "charge"), lambda fact: fact["charge"])
    paid = [sights for sights in charges.values() if _is_paid(_newest(sights))]
    facts = [*_with_charges(facts, paid)]
    customer = _said("customer", [fact for fact in facts if fact["kind"] in ("charge", "link")])
    found = []
    for sights in paid:
        newest = _newest(sights)
        about = [fact for fact in facts if fact["kind"] != "charge" and fact["charge"] == newest["charge"]]
        links = [
            fact for fact in facts if fact["kind"] == "link" and fact["charge"] in ("", newest["charge"])
        ]
        fee = _said("fee", [*sights, *links])
        money = Money(sights, [f for f in about if f["kind"] == "refund"])
        disputes = disputes_of(newest, _entered(sights), [f for f in about if f["kind"] == "dispute"])
        moves = [*money.refunds(), *money.without_object(), *(m for one in disputes for m in one.moves())]
        found.append(
            Charge(
                key=key_of(newest, newest["charge"]),
                name=newest["charge"],
                workspace=newest["workspace"],
                payer=key_of(newest, customer) if customer else key,
                guest=not customer,
                created_at=newest["created_at"],
                captured=newest["amount_minor"],
                currency=newest["currency"],
                said={name: _said(name, [*sights, *links]) for name in DETAILS},
                # Where the release of a rest counts as a refund, the fee is that of the whole.
                fee=_fee(fee) if not money.released else None,
                moves=tuple(sorted(moves, key=lambda move: move.order)),
                dispute_fees=tuple(fee for one in disputes for fee in one.fees()),
            )
        )
    return found


def _with_charges(facts: list[Fact], paid: list[list[Fact]]) -> Iterator[Fact]:
    """The facts, with the charge that other sights name; what none names is of the payment's first charge."""
    ordered = sorted((newest["created_at"], newest["charge"]) for newest in map(_newest, paid))
    for fact in facts:
        if fact["kind"] not in ("refund", "dispute") or fact["charge"]:
            yield fact
            continue
        alike = [f["charge"] for f in facts if (f["kind"], f["id"]) == (fact["kind"], fact["id"])]
        yield {**fact, "charge": max(alike) or next((name for _, name in ordered), "")}


def _newest(sights: Iterable[Fact]) -> Fact:
    """The latest; of one second the one that shows more of the money, then knows best what was authorized.

    A charge that failed did so after all else of its second. What knows best is the least amount of those
    that are told: a program that could not tell has written nothing.
    """

    def order(sight: Fact) -> tuple[object, ...]:
        money = tuple(sight[name] for name in ("observed_at", "captured", "refunded_minor", "amount_minor"))
        authorized = sight["authorized_minor"]
        failed = sight["kind"] == "charge" and sight["status"] == "failed"
        return (money[0], failed, *money[1:], authorized != 0, -authorized, sight["status"])

    return max(sights, key=order)


def _is_paid(sight: Fact) -> bool:
    return bool(sight["status"] == "succeeded" and sight["captured"] and sight["amount_minor"])


def _said(name: str, facts: Iterable[Fact]) -> str:
    """What was said last; an empty saying says nothing, and of two of one second the greater text holds."""
    sayings = [(fact["observed_at"], _text(name, fact)) for fact in facts]
    return max((saying for saying in sayings if saying[1]), default=(0, ""))[1]


def _text(name: str, fact: Fact) -> str:
    if name != "fee":
        return str(fact[name])
    return "" if fact["fee_minor"] is None else f"{fact['fee_minor']} {fact['fee_currency']}"


def _entered(sights: list[Fact]) -> tuple[int, int, str] | None:
    """What its balance transaction entered, for how much of the charge, by the sight that told it last."""
    told = []
    for sight in sights:
        of = sight["authorized_minor"] if sight["released"] else sight["amount_minor"]
        if sight["captured"] and sight["settled_minor"] > 0 and of > 0:
            text = f"{sight['settled_minor']} {of} {sight['settled_currency']}"
            told.append((sight["observed_at"], text, (sight["settled_minor"], of, sight["settled_currency"])))
    return max(told)[2] if told else None


def _fee(said: str) -> tuple[int, str] | None:
    kept, _, currency = said.partition(" ")
    return (int(kept), currency) if kept else None


class Money:
    """The refunds of one charge: by their objects, and by the cumulative sum that the charge shows."""

    def __init__(self, sights: list[Fact], refunds: list[Fact]) -> None:
        self.charge = _newest(sights)
        self.sums = [sight for sight in sights if sight["captured"]]
        self.objects = {name: _newest(seen) for name, seen in grouped(refunds, lambda f: f["id"]).items()}
        self.failures = {
            name: min(fact["observed_at"] for fact in seen)
            for name, seen in grouped(
                (f for f in refunds if f["status"] in NO_MONEY), lambda f: f["id"]
            ).items()
        }
        self.released = self._released()
        self.own = self._own()

    def _released(self) -> int:
        """The rest of the authorization, where it is known to count as refunded (decision 0021).

        It cannot where any sight of this capture shows less refunded, or where refunds explain the sum of
        which none can be the release. It is known to where a sight tells, where more went back than was
        captured, and where the charge is older than the versions that do without.
        """
        captured, refunded = self.charge["amount_minor"], self.charge["refunded_minor"]
        alike = [s for s in self.sums if s["amount_minor"] == captured]
        held = [int(s["authorized_minor"]) for s in alike if s["authorized_minor"]]
        rest = min(held, default=0) - captured
        if rest <= 0 or any(sight["refunded_minor"] < rest for sight in alike):
            return 0
        went = [o["amount_minor"] for name, o in self.objects.items() if name not in self.failures]
        if sum(went) >= refunded and not any(self._can_release(o, rest) for o in self.objects.values()):
            return 0
        older = self.charge["created_at"] < SINCE_BASIL - LONGEST_HOLD
        known = older or refunded > captured or any(sight["released"] for sight in alike)
        return rest if known else 0

    def _can_release(self, refund: Fact, rest: int) -> bool:
        """Whether a refund can be the release of the rest: it does not fail, and comes with the capture."""
        soon = refund["created_at"] <= self.charge["created_at"] + LONGEST_HOLD
        return refund["amount_minor"] == rest and soon and refund["id"] not in self.failures

    def _own(self) -> list[Fact]:
        """The refund objects but the first that gives back the rest."""
        ordered = sorted(self.objects.values(), key=lambda o: (o["created_at"], o["id"]))
        for one in ordered:
            if self.released and self._can_release(one, self.released):
                return [each for each in ordered if each is not one]
        return ordered

    def refunds(self) -> list[Move]:
        """Each object on its day, and on the day it was first seen to have failed what that gave back."""
        moves = [Move(o["created_at"], o["id"], "refund", o["amount_minor"]) for o in self.own]
        return moves + [
            Move(
                max(self.failures[o["id"]], o["created_at"]),
                f"{o['id']}:failed",
                "refund_failed",
                -o["amount_minor"],
            )
            for o in self.own
            if o["id"] in self.failures
        ]

    def without_object(self) -> list[Move]:
        """What the newest sum has beyond the objects, in the steps in which sums were seen to grow."""
        now = self.charge["observed_at"]
        explained = sum(o["amount_minor"] for o in self.own if not self.failures.get(o["id"], now) < now)
        steps = {s["refunded_minor"] - self.released for s in self.sums if s["refunded_minor"]}
        reached = [
            step for step in steps if explained < step <= self.charge["refunded_minor"] - self.released
        ]
        found = []
        for step in reached:
            before = max((lower for lower in reached if lower < step), default=explained)
            since = min(
                s["observed_at"]
                for s in self.sums
                if s["refunded_minor"] and s["refunded_minor"] - self.released >= step
            )
            found.append(Move(since, f"{self.charge['charge']}:refunded:{step}", "refund", step - before))
        return found
