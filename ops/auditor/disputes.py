"""What disputes moved of a charge, and what Stripe took for them (ops/decisions/0014 and 0018)."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from ops.auditor.facts import Fact, grouped

Entered = tuple[int, int, str]  # of the balance, of the charge, and the balance's currency


@dataclass(frozen=True)
class Move:
    """Money that went (positive) or returned (negative), by the name of what moved it."""

    at: int
    name: str
    reason: str
    amount: int

    @property
    def order(self) -> tuple[int, bool, str]:
        """By time; within a moment what goes before what returns, then by name."""
        return self.at, self.amount < 0, self.name


@dataclass(frozen=True)
class Fee:
    """What Stripe took for a dispute (or, negative, gave back), by the name of what moved it."""

    at: int
    name: str
    amount: int
    currency: str


class Dispute:
    """All sights of one dispute of a charge."""

    def __init__(self, charge: Fact, entered: Entered | None, name: str, sights: list[Fact]) -> None:
        self._charge = charge
        self._entered = entered
        self._name = name
        self._last = max(sights, key=lambda s: (s["observed_at"], s["amount_minor"], s["currency"]))
        told = [move for sight in sights for move in sight["moves"]]
        named = grouped(told, lambda move: (move["id"], move["id"] or move["amount_minor"] < 0))
        self._told = [min(seen, key=_sooner) for seen in named.values()]

    def moves(self) -> list[Move]:
        """An inquiry has none, and what returns is never more than what went."""
        told = [(self._of_charge(move), move) for move in self._told]
        went = _booked([(-amount, move) for amount, move in told if amount < 0])
        found = [
            Move(move["moved_at"], f"{self._name}:{move['id'] or 'withdrawn'}", "dispute", amount)
            for amount, move in went
        ]
        left = sum(amount for amount, _ in went)
        for amount, move in _booked([pair for pair in told if pair[0] > 0]):
            back, part = min(left, amount), move["id"] or "reinstated"
            left -= back
            if back:
                found.append(Move(move["moved_at"], f"{self._name}:{part}", "dispute_reinstated", -back))
        return found

    def fees(self) -> list[Fee]:
        """What the balance transactions say was taken, in the currency of settlement."""
        default = self._last["currency"] or self._charge["currency"]
        return [
            Fee(
                move["moved_at"],
                f"{self._name}:{move['id']}",
                move["fee_minor"],
                move["settled_currency"] or default,
            )
            for move in self._told
            if move["id"] and move["fee_minor"]
        ]

    def _of_charge(self, move: Fact) -> int:
        """In the charge's currency: as it is, as it was settled, as its part of what the charge had entered,
        or as its part of a dispute of all of it.
        """
        moved, currency = int(move["amount_minor"]), self._charge["currency"]
        if self._last["currency"] in ("", currency) or not moved:
            return moved
        if move["settled_currency"] == currency:
            return int(move["settled_minor"])
        captured: int = self._charge["amount_minor"]
        if self._entered:
            entered, of, balance = self._entered
            there = {move["settled_currency"]: move["settled_minor"], self._last["currency"]: moved}
            if balance in there:
                taken = round(Fraction(there[balance] * of, entered))  # to even
                # Within half a percent it is all of it: the rates of two days differ.
                whole = Fraction(abs(abs(taken) - captured), 1) <= Fraction(captured, 200)
                return (captured if taken > 0 else -captured) if whole else taken
        part = Fraction(moved, self._last["amount_minor"] or abs(moved))
        return round(part * captured)  # to even


def disputes_of(charge: Fact, entered: Entered | None, facts: Iterable[Fact]) -> list[Dispute]:
    """The disputes of a charge, of which its balance transaction entered so much, for so much of it."""
    every = grouped(facts, lambda fact: fact["id"]).items()
    return [Dispute(charge, entered, name, seen) for name, seen in every]


def _sooner(move: Fact) -> tuple[int, int, bool, int, str, int]:
    """A move is as it was first seen; of several of one moment the lesser, and one that tells a fee."""
    fee, beside = move["fee_minor"], (move["settled_currency"], move["settled_minor"])
    return (move["moved_at"], move["amount_minor"], fee is None, fee or 0, *beside)


def _booked(moves: list[tuple[int, Fact]]) -> list[tuple[int, Fact]]:
    """By time and name; what an event told of counts only where no balance transaction tells of any."""
    ordered = sorted(moves, key=lambda pair: (pair[1]["moved_at"], pair[1]["id"]))
    return [pair for pair in ordered if pair[1]["id"]] or ordered
