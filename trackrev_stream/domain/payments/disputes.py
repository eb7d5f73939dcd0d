"""Disputes: what one moved of its charge, in the charge's currency, and what Stripe took for it.

A dispute counts by the moves of its money: an inquiry has none, a lost one keeps the withdrawal, a won one
gets the reinstatement beside it. What returns is never more than what went (ops/decisions/0014, 0018).
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from trackrev_stream.domain.payments.payment import DisputeFee, Move, Reversal
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass

ROUNDING_PARTS = 200  # an amount that went through an exchange rate is the whole one when 0.5 % apart


@fast_dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute of ``amount_minor``, and all that was seen to move; without currency it has its charge's."""

    id: str
    amount_minor: int
    currency: str
    moves: tuple[Move, ...]

    def of_charge(
        self, currency: str, captured_minor: int, settled: "BalanceEntry | None" = None
    ) -> "Dispute":
        """The dispute with its moves in the currency of its charge.

        Where Stripe tells of no amount in that, it is the part that the move is of what the charge itself
        had entered (``settled``); where that is in yet another currency, or was not seen, the dispute is
        taken for one of all that was captured.
        """
        if self.currency in ("", currency):
            return self
        moves = tuple(
            replace(one, amount_minor=self._moved(one, currency, captured_minor, settled))
            for one in self.moves
        )
        return replace(self, moves=moves)

    def _moved(self, move: Move, currency: str, captured_minor: int, settled: "BalanceEntry | None") -> int:
        if not move.amount_minor or move.settled_currency == currency:
            return move.settled_minor
        entered = None if settled is None else self._entered(move, settled.currency)
        if settled is not None and entered is not None:
            part = round(Fraction(entered * settled.of_minor, settled.minor))
            # The rates of two days differ by a little: what is all of it but for that is all of it.
            if abs(abs(part) - captured_minor) * ROUNDING_PARTS <= captured_minor:
                part = captured_minor if part > 0 else -captured_minor
            return part
        whole = self.amount_minor or abs(move.amount_minor)
        return round(Fraction(move.amount_minor * captured_minor, whole))  # half a unit to the even neighbour

    def _entered(self, move: Move, currency: str) -> int | None:
        """What a move was in this currency, or None where that is not told."""
        if self.currency == currency:
            return move.amount_minor
        return move.settled_minor if move.settled_currency == currency else None


@fast_dataclass(frozen=True, slots=True)
class BalanceEntry:
    """What a charge's balance transaction entered: ``minor`` of ``currency`` for ``of_minor`` of its own."""

    minor: int
    of_minor: int
    currency: str


def dispute_reversals(dispute: Dispute) -> Iterator[Reversal]:
    """What one dispute moved; an event's word counts where no balance transaction tells."""
    withdrawn, reinstated = _counted(dispute)
    left = -sum(move.amount_minor for move in withdrawn)
    for move in withdrawn:
        name = f"{dispute.id}:{move.id or 'withdrawn'}"
        yield Reversal(name, "dispute", -move.amount_minor, move.moved_at)
    for move in reinstated:
        back = min(move.amount_minor, left)
        left -= back
        if back:
            name = f"{dispute.id}:{move.id or 'reinstated'}"
            yield Reversal(name, "dispute_reinstated", -back, move.moved_at)


def dispute_fees(dispute: Dispute, currency: str) -> Iterator[DisputeFee]:
    """The fees that its balance transactions tell, in the order of their ids."""
    for move in sorted(dispute.moves, key=lambda move: move.id):
        if move.id and move.fee_minor:
            settled = move.settled_currency or dispute.currency or currency
            yield DisputeFee(f"{dispute.id}:{move.id}", move.fee_minor, settled, move.moved_at)


def tells_fees(dispute: Dispute) -> bool:
    """Whether all that moved has a balance transaction, and each of these tells its fee."""
    return all(move.id and move.fee_minor is not None for moves in _counted(dispute) for move in moves)


def _counted(dispute: Dispute) -> tuple[list[Move], list[Move]]:
    """The moves that count: what was withdrawn, what was reinstated."""
    went = [move for move in dispute.moves if move.amount_minor < 0]
    returned = [move for move in dispute.moves if move.amount_minor > 0]
    return _by_transaction(went), _by_transaction(returned)


def _by_transaction(moves: list[Move]) -> list[Move]:
    ordered = sorted(moves, key=lambda move: (move.moved_at, move.id))
    return [move for move in ordered if move.id] or ordered
