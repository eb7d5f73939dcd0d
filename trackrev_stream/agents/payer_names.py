"""What a payer is known by: the emails of its charges, and the visitors that Stripe's objects name.

An email's join key is asked of gather; a visitor is told to stitch, which answers by way of gather under the
payer's own join key. Both are functions of the payer's charges, so no order of arrival matters.
"""

from collections.abc import Iterable, Mapping

from trackrev_stream.agents.payer_rows import PaidRow, PayerRow, payments_of
from trackrev_stream.agents.step import Outcome, Rows
from trackrev_stream.contracts.records import Interest
from trackrev_stream.contracts.topics import BINDS, INTERESTS
from trackrev_stream.domain.identity import Bind
from trackrev_stream.domain.ids import SEPARATOR, email_join, payer_join, visitor_key, workspace_of
from trackrev_stream.domain.payment import ChargeState

MOST_NAMES = 10
MOST_UNNAMED = 100

First = tuple[int, str]


def names_in(payer: str, charges: Iterable[ChargeState]) -> tuple[dict[str, First], dict[str, First]]:
    """The join keys and the visitors that charges name, each with the first charge that does."""
    joins: dict[str, First] = {}
    visitors: dict[str, First] = {}
    for state in charges:
        first = (state.created_at, state.charge)
        if state.email_key:
            join = email_join(workspace_of(payer), state.email_key)
            joins[join] = min(first, joins.get(join, first))
        if state.visitor:
            visitors[state.visitor] = min(first, visitors.get(state.visitor, first))
    return joins, visitors


def note_names(rows: Rows, row: PayerRow, paid: PaidRow, outcome: Outcome) -> bool:
    """Bring the payer's names up to date after a payment, and ask for what is new.

    True when it had other ones before. First named first, at most MOST_NAMES of each; counted anew over all
    payments when one may have gone.
    """
    joins, visitors = names_in(row.payer, paid.state.charges)
    gone = bool(set(paid.named) - joins.keys() - visitors.keys())
    if gone:
        charges = (state for other in payments_of(rows, row) for state in other.state.charges)
        joins, visitors = names_in(row.payer, charges)
    joins = _first(joins, {} if gone else row.joins)
    visitors = _first(visitors, {} if gone else row.visitors)
    before = {*row.joins, *row.visitors}
    new = [join for join in joins if join not in row.joins]
    moved = [name for name, (named_at, _) in visitors.items() if row.visitors.get(name, (-1,))[0] != named_at]
    lost = row.visitors.keys() - visitors.keys()
    row.unnamed = sorted({*row.unnamed, *lost} - visitors.keys())[:MOST_UNNAMED]
    row.joins, row.visitors = joins, visitors
    _ask(outcome, row, new)
    _bind(outcome, row, [*moved, *lost])
    return bool(before) and before != {*joins, *visitors}


def ask_again(outcome: Outcome, row: PayerRow) -> None:
    """Send once more all that the payer asks and tells, as its row has it."""
    _ask(outcome, row, row.joins)
    _bind(outcome, row, [*row.visitors, *row.unnamed])


def _first(found: Mapping[str, First], known: Mapping[str, First]) -> dict[str, First]:
    named = dict(known)
    for name, first in found.items():
        named[name] = min(first, named.get(name, first))
    return dict(sorted(named.items(), key=lambda item: (item[1], item[0]))[:MOST_NAMES])


def _ask(outcome: Outcome, row: PayerRow, joins: Iterable[str]) -> None:
    for join in joins:
        interest = Interest(join, row.payer, row.version)
        outcome.send(INTERESTS, interest, route=join, key=SEPARATOR.join((join, row.payer)))


def _bind(outcome: Outcome, row: PayerRow, visitors: Iterable[str]) -> None:
    workspace, join = workspace_of(row.payer), payer_join(row.payer)
    for visitor in sorted(visitors):
        named_at = row.visitors[visitor][0] if visitor in row.visitors else None
        bind = Bind(join, workspace, visitor, row.version, named_at)
        key = visitor_key(workspace, visitor)
        outcome.send(BINDS, bind, route=key, key=SEPARATOR.join((key, join)))
