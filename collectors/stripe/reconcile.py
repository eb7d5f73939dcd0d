"""Reconciling with Stripe: what its lists show of a period's charges, against what the ledger has of them.

A charge belongs to a period when it was created in it, or when money of it went or returned in it, by
Stripe's word or the ledger's. It is compared whole then, with all its refunds and disputes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from collectors.stripe.client import NotPermitted, RequestRefused, StripeReader
from collectors.stripe.lists import CHARGES, DISPUTE_ENDS_DAYS, DISPUTES, REFUND_FAILS_DAYS, REFUNDS, Listed
from trackrev_stream.clock import Clock
from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.ports import Checked, LedgerReader, StripeConnection, Workspace
from trackrev_stream.contracts.stripe.fields import Observation
from trackrev_stream.domain.payments.payment import FactKind, PaymentFact
from trackrev_stream.domain.payments.reversals import FAILED
from trackrev_stream.domain.reconciliation.differences import Difference, compare, residuals
from trackrev_stream.domain.reconciliation.movements import ChargeMovements, Period, Totals, shown_of, totals
from trackrev_stream.domain.values.days import DAY_MS

VIA = "reconcile"
MONEY = replace(CHARGES, expand=("refunds",))
GIVEN_BACK = replace(REFUNDS, expand=())
"""Charges and refunds with nothing but what moves money, which every key may read."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was compared, and what differs. ``missing`` are permissions that the key lacks.

    ``unread`` are objects that Stripe showed and that could not be understood.
    """

    checked: Checked
    charges: int
    stripe: Totals
    ledger: Totals
    differences: list[Difference]
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


async def reconcile(
    reader: StripeReader,
    book: LedgerReader,
    workspace: Workspace,
    connection: StripeConnection,
    *,
    period: Period,
    clock: Clock,
) -> Reconciliation:
    """Compare the whole days of a period and keep what it came to. Raises NotPermitted, CannotRead."""
    moved = await book.moved(connection, period)
    side = _StripeSide(reader, workspace, connection, clock)
    shown = await side.read(period, moved)
    names = moved | shown.keys()
    booked = await book.booked(connection, names)
    heard = await book.heard(connection, names - booked.keys())
    # Unpaid ones are in neither book.
    shown = {name: one for name, one in shown.items() if one.movements or name in booked}
    differences = compare(shown, {n: one for n, one in booked.items() if n not in side.unread}, heard)
    stripe, ledger = _both(shown, booked, differences, period)
    currencies = {one.currency for one in (*shown.values(), *booked.values())}
    residual = residuals(differences)
    checked = Checked(
        period, clock(), {currency: residual[currency] for currency in sorted(currencies)}, len(differences)
    )
    await book.keep(connection, checked)
    missing, unread = tuple(sorted(side.missing)), tuple(sorted(side.unread))
    return Reconciliation(checked, len(shown), stripe, ledger, differences, missing, unread)


def _both(
    shown: dict[str, ChargeMovements],
    booked: dict[str, ChargeMovements],
    differences: list[Difference],
    period: Period,
) -> tuple[Totals, Totals]:
    """The totals of both sides. A charge that agrees has the ledger's days, for Stripe does not tell all."""
    differ = {one.charge for one in differences}
    agreed = {name: booked[name] for name in shown if name in booked and name not in differ}
    return totals((shown | agreed).values(), period), totals(booked.values(), period)


@dataclass
class _StripeSide:
    """Reads what Stripe shows of a period's charges."""

    reader: StripeReader
    workspace: Workspace
    connection: StripeConnection
    clock: Clock
    missing: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)

    async def read(self, period: Period, moved: Iterable[str]) -> dict[str, ChargeMovements]:
        """The charges of the period, and those of which the ledger says that money moved."""
        found = {shown["id"]: shown for shown in await self._all(MONEY, _created(period))}
        others = set(moved)
        refunds = await self._permitted(GIVEN_BACK, _created(period, REFUND_FAILS_DAYS))
        others |= {
            str(one.get("charge"))
            for one in refunds or ()
            if one.get("status") in FAILED or period.holds(_day(one))
        }
        disputes = await self._permitted(DISPUTES, _created(period, DISPUTE_ENDS_DAYS))
        others |= {str(one.get("charge")) for one in disputes or () if _moved_in(one, period)}
        for name in sorted(others - found.keys() - {"None"}):
            shown = await self._charge(name)
            if shown is not None:
                found[name] = shown
        accounts = {}
        for name, shown in found.items():
            try:
                accounts[name] = await self._account(shown, readable=disputes is not None)
            except Malformed:
                self.unread.add(name)
        return accounts

    async def _all(self, listed: Listed, params: Json) -> list[Json]:
        """All objects of a list. Raises NotPermitted, CannotRead."""
        expand = {"expand": [f"data.{each}" for each in listed.expand]} if listed.expand else {}
        return [
            one async for page in self.reader.pages(listed.path, **params, **expand) for one in page.objects
        ]

    async def _permitted(self, listed: Listed, params: Json) -> list[Json] | None:
        """All objects of a list, or None where the key may not read it."""
        try:
            return await self._all(listed, params)
        except NotPermitted as error:
            self.missing.add(error.permission)
            return None

    async def _charge(self, name: str) -> Json | None:
        """A charge by its id, or None where there is none with it in this account and mode."""
        try:
            shown, _ = await self.reader.one(f"{CHARGES.path}/{name}", expand=list(MONEY.expand))
        except RequestRefused:
            return None
        return shown

    async def _account(self, shown: Json, *, readable: bool) -> ChargeMovements:
        """A charge with all its refunds and disputes. Raises Malformed."""
        name = shown["id"]
        refunds = shown.get("refunds") or {}
        disputed = bool(shown.get("disputed"))
        if refunds.get("has_more") or (shown.get("amount_refunded") and not refunds.get("data")):
            shown = shown | {"refunds": {"data": await self._permitted(GIVEN_BACK, {"charge": name}) or []}}
        disputes = await self._permitted(DISPUTES, {"charge": name}) if disputed and readable else None
        account = self._moved(shown, disputes, unreadable=disputed and disputes is None)
        if account.or_else or any(one.get("currency") != shown.get("currency") for one in disputes or ()):
            # What the charge itself had entered tells, where the key may read that.
            entered = await self._entered(name)
            account = self._moved(
                shown | {"balance_transaction": entered}, disputes, unreadable=account.unreadable
            )
        return account

    def _moved(self, shown: Json, disputes: list[Json] | None, *, unreadable: bool) -> ChargeMovements:
        facts = self._facts(CHARGES.facts, [shown])
        charge = next(one for one in facts if one.kind is FactKind.CHARGE)
        refunds = [one for one in facts if one.kind is FactKind.REFUND]
        return shown_of(charge, refunds, self._facts(DISPUTES.facts, disputes or []), unreadable=unreadable)

    async def _entered(self, name: str) -> object:
        """The balance transaction of a charge, or None where the key may not read it."""
        try:
            shown, _ = await self.reader.one(f"{CHARGES.path}/{name}", expand=["balance_transaction"])
        except NotPermitted as error:
            self.missing.add(error.permission)
            return None
        except RequestRefused:
            return None
        return shown.get("balance_transaction")

    def _facts(self, facts_of: Callable[..., list[Any]], objects: list[Json]) -> list[PaymentFact]:
        seen = Observation(
            account=self.connection.account,
            livemode=self.connection.livemode,
            observed_at=self.clock(),
            received_at=self.clock(),
            via=VIA,
            source_id="",
        )
        found = [fact for one in objects for fact in facts_of(one, self.workspace, seen)]
        return [fact for fact in found if isinstance(fact, PaymentFact)]


def _created(period: Period, days_before: int = 0) -> Json:
    """Created in a period, or so many days before."""
    first, end = max(0, period.first - days_before), period.last + 1
    return {"created": {"gte": first * DAY_MS // 1_000, "lt": end * DAY_MS // 1_000}}


def _day(shown: Json) -> int:
    return int(shown.get("created") or 0) * 1_000 // DAY_MS


def _moved_in(dispute: Json, period: Period) -> bool:
    """Whether a dispute began in a period, or moved money in it."""
    moves = [one for one in dispute.get("balance_transactions") or () if isinstance(one, dict)]
    return any(period.holds(_day(one)) for one in (dispute, *moves))
