"""The charges of one batch in memory: loaded at once, changed record by record, saved at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from trackrev_stream.contracts.codec import encode
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.attribution.decision import Reason
from trackrev_stream.domain.ledger.fx import Rate, Rates
from trackrev_stream.domain.ledger.lines import REVENUE, Line, LineChange, changes, dispute_fee_of, net_of
from trackrev_stream.domain.ledger.usd import RateOf, in_usd
from trackrev_stream.domain.values.days import day_of
from trackrev_stream.store.database.errors import LedgerBroken
from trackrev_stream.store.database.postgresql import lock_for_appending
from trackrev_stream.store.database.schema import charges, entries, lines, storable, upsert

LINE_FIELDS = tuple(item.name for item in fields(Line))
_OF_CHARGE = ("workspace", "livemode", "created_at", "currency", "net_minor", "rules_version")


@dataclass(slots=True)
class Standing:
    """One charge as it stands in the ledger."""

    key: str
    workspace: str = ""
    livemode: bool = False
    created_at: int = 0
    """When Stripe made the charge, in milliseconds."""
    currency: str = ""
    net_minor: int = 0
    """What it is worth: captured, less what went back; fees apart."""
    cause: str = ""
    """Why its lines changed in this batch, if they did."""
    order: tuple[int, int] = (-1, -1)
    """The versions of the last record applied; an older one changes nothing."""
    rules_version: int = 0
    """The version of the attribution settings that decided it."""
    lines: dict[str, Line] = field(default_factory=dict)
    """The standing lines, by id."""
    posted_by: dict[str, str] = field(default_factory=dict)
    """By line id, the entry that posted it."""
    counts: dict[str, int] = field(default_factory=dict)
    """By line id, how many entries it has had: an entry's id is made of it."""
    loaded: dict[str, str] = field(default_factory=dict)
    """``posted_by`` as the database has it."""
    record: AttributedCharge | None = None
    """The last record applied in this batch."""


class Book:
    """The charges that a batch touches, by their keys; ``rates`` are those known now.

    ``apply`` and ``convert`` change the charges, ``save`` writes and proves the result.
    """

    def __init__(self, connection: Connection, keys: Iterable[str], rates: Rates) -> None:
        self._connection = connection
        self._rates = rates
        # In one order, so that two writers never wait for each other in a circle.
        self._charges = {key: Standing(key) for key in sorted(keys)}
        self.entries: list[dict[str, Any]] = []
        self.received_at: list[int] = []  # when the edge received the facts that changed a payment
        self._load()

    def surpasses(self, record: AttributedCharge) -> bool:
        """Whether what stands is at least as new as ``record``, or the record changes nothing."""
        # Without lines the charge has left this payer: its money stands under another, whose newer record
        # takes the lines over in one transaction. Until it comes they stay, and the charge keeps its worth.
        # Unless it failed: then it is worth nothing, with anybody.
        order = (record.payment_version, record.version)
        gone = record.decision.reason is Reason.FAILED
        return not (record.lines or gone) or order <= self._charges[record.key].order

    def apply(self, record: AttributedCharge, posted_at: int) -> None:
        """Make the lines of ``record``, which is not surpassed, stand; note the entries that this takes."""
        standing = self._charges[record.key]
        standing.cause = _cause(standing, record)
        if record.payment_version > standing.order[0]:
            self.received_at.append(record.payment_received_at)
        standing.workspace, standing.livemode = record.workspace, record.livemode
        standing.created_at, standing.currency = record.state.created_at, record.state.currency
        standing.net_minor = net_of(record.state)
        self._restate(standing, in_usd(record.lines, self._rate_of(standing)), posted_at)
        standing.order = (record.payment_version, record.version)
        standing.rules_version = record.rules_version
        standing.record = record

    def convert(self, key: str, posted_at: int) -> None:
        """Give the lines of a charge the US dollars that its rates have by now."""
        standing = self._charges[key]
        in_order = [line for _, line in sorted(standing.lines.items())]
        desired = in_usd(in_order, self._rate_of(standing))
        if any(standing.lines[line.line_id] != line for line in desired):
            standing.cause = f"rates of {max(line.rate_date or '' for line in desired)}"
            self._restate(standing, desired, posted_at)

    def _restate(self, standing: Standing, desired: Iterable[Line], posted_at: int) -> None:
        in_order = dict(sorted(standing.lines.items()))  # not as they happened to be loaded
        for change in changes(in_order, map(_as_kept, desired)):
            self.entries.append(_entry(standing, change) | {"posted_at": posted_at})

    def _rate_of(self, standing: Standing) -> RateOf:
        """The rates of a charge: those of its posted lines, for these are never changed, else of its day."""
        posted = {line.currency: line for line in standing.lines.values() if line.rate_date}

        def rate_of(currency: str) -> Rate | None:
            if line := posted.get(currency):
                return Rate.posted(line.rate or "", line.rate_date or "")
            found = self._rates.rate(currency, day_of(standing.created_at))
            return found if isinstance(found, Rate) else None

        return rate_of

    def save(self, posted_at: int) -> None:
        """Write charges, lines and entries; raises LedgerBroken when they do not add up."""
        touched = [standing for standing in self._charges.values() if standing.cause]
        told = [standing for standing in touched if standing.record]
        upsert(self._connection, charges, [_charge_columns(standing, posted_at) for standing in told])
        # Of a charge that was only converted the row is written too: two writers of one charge must collide.
        for some in _chunks([standing.key for standing in touched if not standing.record]):
            self._connection.execute(
                update(charges).where(charges.c.key.in_(some)).values(posted_at=posted_at)
            )
        gone = [line_id for standing in touched for line_id in standing.loaded.keys() - standing.lines.keys()]
        for some in _chunks(gone):
            self._connection.execute(delete(lines).where(lines.c.line_id.in_(some)))
        upsert(self._connection, lines, [row for standing in touched for row in _new_lines(standing)])
        if self.entries:
            if self._connection.dialect.name == "postgresql":
                lock_for_appending(self._connection)
            self._connection.execute(insert(entries), self.entries)
        _prove(self._connection, touched)

    def _load(self) -> None:
        columns = [charges.c[name] for name in ("key", "payment_version", "version", *_OF_CHARGE)]
        known = []
        for some in _chunks(list(self._charges)):
            for row in self._connection.execute(select(*columns).where(charges.c.key.in_(some))):
                standing = self._charges[row.key]
                standing.order = (row.payment_version, row.version)
                for name in _OF_CHARGE:
                    setattr(standing, name, getattr(row, name))
                known.append(row.key)
        for some in _chunks(known):
            for row in self._connection.execute(select(lines).where(lines.c.charge_key.in_(some))):
                standing = self._charges[row.charge_key]
                line = Line(**{name: getattr(row, name) for name in LINE_FIELDS})
                standing.lines[line.line_id] = line
                standing.posted_by[line.line_id] = standing.loaded[line.line_id] = row.entry_id
            counted = select(entries.c.charge_key, entries.c.line_id, func.count()).where(
                entries.c.charge_key.in_(some)
            )
            for key, line_id, count in self._connection.execute(
                counted.group_by(entries.c.charge_key, entries.c.line_id)
            ):
                self._charges[key].counts[line_id] = count


def _entry(standing: Standing, change: LineChange) -> dict[str, Any]:
    """Post or take back a line of ``standing``; the columns of the entry that does."""
    line, retracts = change.line, None
    number = standing.counts.get(line.line_id, 0) + 1
    standing.counts[line.line_id] = number
    entry_id = f"{line.line_id}:{number}"
    if change.retracts:
        del standing.lines[line.line_id]
        retracts = standing.posted_by.pop(line.line_id)
        usd_minor = None if line.usd_minor is None else -line.usd_minor
        line = replace(line, amount_minor=-line.amount_minor, usd_minor=usd_minor)
    else:
        standing.lines[line.line_id] = line
        standing.posted_by[line.line_id] = entry_id
    how = {"entry_id": entry_id, "retracts": retracts, "cause": standing.cause}
    return _line_columns(line, standing) | how


def _as_kept(line: Line) -> Line:
    """The line as it would be loaded; all of its other texts are ours, or were checked."""
    source = storable(line.source)
    return line if source == line.source else replace(line, source=source)


def _cause(standing: Standing, record: AttributedCharge) -> str:
    """What changed since the record before."""
    if record.payment_version > standing.order[0]:
        return record.payment_cause
    if record.rules_version != standing.rules_version:
        return f"rules v{record.rules_version}"
    return "journeys"


def _line_columns(line: Line, standing: Standing) -> dict[str, Any]:
    columns = {name: getattr(line, name) for name in LINE_FIELDS}
    return columns | {
        "charge_key": standing.key,
        "workspace": standing.workspace,
        "livemode": standing.livemode,
    }


def _new_lines(standing: Standing) -> Iterator[dict[str, Any]]:
    for line_id, line in standing.lines.items():
        entry_id = standing.posted_by[line_id]
        if standing.loaded.get(line_id) != entry_id:
            yield _line_columns(line, standing) | {"entry_id": entry_id}


def _charge_columns(standing: Standing, posted_at: int) -> dict[str, Any]:
    record = standing.record
    assert record is not None
    state, decision = record.state, record.decision
    dispute_fee, dispute_fee_currency = dispute_fee_of(state) or (None, None)
    return {
        "key": record.key,
        "workspace": record.workspace,
        "account": record.account,
        "livemode": record.livemode,
        "charge": state.charge,
        "payer": record.payer,
        "payment": record.payment,
        "status": "credited" if decision.credits else "unattributed",
        "reason": decision.reason.value,
        "currency": state.currency,
        "gross_minor": state.amount_minor,
        "net_minor": net_of(state),
        "fee_minor": state.fee_minor,
        "fee_currency": None if state.fee_minor is None else state.fee_currency or state.currency,
        "dispute_fee_minor": dispute_fee,
        "dispute_fee_currency": dispute_fee_currency,
        "dispute_unseen": state.dispute_unseen,
        "release_unclear": state.release_unclear,
        "application_fee_minor": None if state.fee_minor is None else state.application_fee_minor,
        "created_at": state.created_at,
        "payment_version": record.payment_version,
        "version": record.version,
        "rules_version": record.rules_version,
        "posted_at": posted_at,
        "detail": encode(decision).decode(),
    }


def _prove(connection: Connection, touched: Sequence[Standing]) -> None:
    """Raise LedgerBroken unless, for each charge, entries add up to lines and revenue to the net amount."""
    for some in _chunks(touched):
        keys = [each.key for each in some]
        posted, standing = (_sums(connection, table, keys) for table in (entries, lines))
        if posted != standing:
            wrong = sorted({key for key, *_ in posted.items() ^ standing.items()})
            raise LedgerBroken(f"the entries of these charges do not add up to their lines: {wrong[:5]}")
        worth: dict[tuple[str, str], int] = {}
        for (key, currency, reason), amount in standing.items():
            if reason in REVENUE:
                worth[key, currency] = worth.get((key, currency), 0) + amount
        owed = {(each.key, each.currency): each.net_minor for each in some}
        astray = sorted(key for key in worth.keys() | owed.keys() if worth.get(key, 0) != owed.get(key, 0))
        if astray:
            raise LedgerBroken(f"the lines of these charges are not what the charges are worth: {astray[:5]}")


def _sums(connection: Connection, table: Any, keys: Sequence[str]) -> dict[tuple[str, str, str], int]:
    group = (table.c.charge_key, table.c.currency, table.c.reason)
    rows = connection.execute(
        select(*group, func.sum(table.c.amount_minor)).where(table.c.charge_key.in_(keys)).group_by(*group)
    )
    return {(key, currency, reason): int(total) for key, currency, reason, total in rows if total}


def _chunks(items: Sequence[Any], size: int = 500) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
