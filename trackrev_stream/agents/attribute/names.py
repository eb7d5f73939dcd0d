"""What a payer is known by: the emails of its charges and customer, and the visitors that Stripe names.

An email's join key is asked of gather; a visitor is told to stitch, which answers by way of gather under the
payer's own join key. Both are functions of what Stripe says, so no order of arrival matters.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from trackrev_stream.agents.attribute.rows import (
    MOST_JOINS,
    PaidRow,
    PayerRow,
    join_keys,
    payments_of,
    visitors_named,
)
from trackrev_stream.agents.step import Rows, StepResult
from trackrev_stream.contracts.records import Interest
from trackrev_stream.contracts.topics import BINDS, INTERESTS
from trackrev_stream.domain.journeys.identity import VisitorClaim
from trackrev_stream.domain.payments.payment import ChargeState
from trackrev_stream.domain.payments.subscription import AccountFact, AccountKind
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass
from trackrev_stream.domain.values.ids import SEPARATOR, email_join, payer_join, visitor_key, workspace_of

MOST_UNNAMED = 100

First = tuple[int, str]
N = TypeVar("N", int, First)


@fast_dataclass(frozen=True, slots=True)
class Names:
    """The join keys and the visitors that a payer is known by, each visitor with the time since when."""

    joins: tuple[str, ...] = ()
    visitors: tuple[tuple[str, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.joins or self.visitors)


def names_of(row: PayerRow) -> Names:
    """What the payer is known by now."""
    return Names(tuple(join_keys(row)), tuple(visitors_named(row).items()))


def names_in(payer: str, charges: Iterable[ChargeState]) -> tuple[dict[str, First], dict[str, First]]:
    """The join keys and the visitors that charges name, each with the first charge that does."""
    joins: dict[str, First] = {}
    visitors: dict[str, First] = {}
    workspace = workspace_of(payer)
    for state in charges:
        first = (state.created_at, state.charge)
        if state.email_key:
            join = email_join(workspace, state.email_key)
            joins[join] = min(first, joins.get(join, first))
        if state.visitor:
            visitors[state.visitor] = min(first, visitors.get(state.visitor, first))
    return joins, visitors


def note_payment(rows: Rows, row: PayerRow, paid: PaidRow) -> None:
    """Bring what the payer's charges name up to date; counted anew over all when one no longer does first."""
    joins, visitors = names_in(row.payer, paid.state.charges)
    gone = _first_no_more(row.joins, joins, paid) or _first_no_more(row.visitors, visitors, paid)
    if gone:
        charges = (state for other in payments_of(rows, row) for state in other.state.charges)
        joins, visitors = names_in(row.payer, charges)
    row.joins = _first_named(joins, {} if gone else row.joins)
    row.visitors = _first_named(visitors, {} if gone else row.visitors)


def _first_no_more(known: Mapping[str, First], found: Mapping[str, First], paid: PaidRow) -> bool:
    """Whether a charge of this payment was the first to name something, and the payment now does so later."""
    own = {state.charge for state in paid.state.charges} | paid.left.keys()
    return any(
        first[1] in own and (name not in found or found[name] > first) for name, first in known.items()
    )


def note_account(row: PayerRow, fact: AccountFact) -> None:
    """Add what a customer, or what else Stripe keeps of the payer, names."""
    if fact.email_key and fact.kind is AccountKind.CUSTOMER:
        row.emails = _first_named({fact.email_key: fact.observed_at}, row.emails)
    if fact.visitor:
        row.named = _first_named({fact.visitor: fact.created_at}, row.named)


def emit_names(result: StepResult, row: PayerRow, before: Names) -> None:
    """Ask and tell what is new since ``before``, once there is something to pay for."""
    now = names_of(row)
    if now == before:
        return
    named = dict(now.visitors)
    lost = dict(before.visitors).keys() - named.keys()
    row.unnamed = sorted({*row.unnamed, *lost} - named.keys())[:MOST_UNNAMED]
    _ask(result, row, [join for join in now.joins if join not in before.joins])
    _bind(result, row, [name for name, _ in set(now.visitors) - set(before.visitors)] + sorted(lost))


def emit_again(result: StepResult, row: PayerRow) -> None:
    """Ask and tell once more all that there is."""
    _ask(result, row, join_keys(row))
    _bind(result, row, [*visitors_named(row), *row.unnamed])


def _first_named(found: Mapping[str, N], known: Mapping[str, N]) -> dict[str, N]:
    named = dict(known)
    for name, first in found.items():
        named[name] = min(first, named.get(name, first))
    if len(named) < 2:
        return named
    return dict(sorted(named.items(), key=lambda item: (item[1], item[0]))[:MOST_JOINS])


def _ask(result: StepResult, row: PayerRow, joins: Iterable[str]) -> None:
    for join in joins:
        interest = Interest(join, row.payer, row.version)
        result.send(INTERESTS, interest, route=join, key=SEPARATOR.join((join, row.payer)))


def _bind(result: StepResult, row: PayerRow, visitors: Iterable[str]) -> None:
    workspace, join = workspace_of(row.payer), payer_join(row.payer)
    named = visitors_named(row)
    for visitor in sorted(visitors):
        bind = VisitorClaim(join, workspace, visitor, row.version, named.get(visitor))
        key = visitor_key(workspace, visitor)
        result.send(BINDS, bind, route=key, key=SEPARATOR.join((key, join)))
