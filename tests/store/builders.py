"""Charges, journeys and visits for tests of the store: built with the domain's own functions."""

import asyncio
import base64
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select

from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.records import AttributedCharge, WaitingMoney
from trackrev_stream.contracts.topics import JOURNEYS
from trackrev_stream.domain.attribution.decision import Considered, Credit, Decision, Reason
from trackrev_stream.domain.journeys.identity import Identity
from trackrev_stream.domain.journeys.journey import Visit
from trackrev_stream.domain.journeys.touch import Touch, Trust
from trackrev_stream.domain.ledger.lines import lines_of
from trackrev_stream.domain.payments.payment import ChargeState, DisputeFee, Reversal
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import entries, lines, metadata
from trackrev_stream.store.ledger.post import Posting

WS = "ws_test"
NOON = 1_760_000_400_000 // DAY_MS * DAY_MS + DAY_MS // 2
TOPIC = "attributed-charges"

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def touch(channel: str = "Newsletter", link: str = "spring", at: int = NOON - DAY_MS, **more: Any) -> Touch:
    fields: dict[str, Any] = {
        "source": "link" if link else channel.lower(),
        "url": "https://shop.example/?a=1",
    }
    return Touch(id=f"t-{channel}-{link}", occurred_at=at, channel=channel, link=link, **(fields | more))


def decision_of(*touches: Touch) -> Decision:
    if not touches:
        return Decision(Reason.NO_TOUCH)
    identity = Identity(f"{WS}|e:abc", Trust.SIGNED, NOON - DAY_MS, NOON - DAY_MS)
    earned = tuple(Credit("v1", one, 1, len(touches)) for one in touches)
    considered = tuple(Considered("v1", one, "credited") for one in touches)
    return Decision(Reason.LAST_NON_DIRECT, earned, identity, considered=considered)


def charge(
    name: str = "ch_1",
    *,
    versions: tuple[int, int] = (1, 1),
    amount: int = 4_900,
    refunds: tuple[tuple[str, int], ...] = (),
    touches: tuple[Touch, ...] = (),
    payer: str = "cus_1",
    at: int = NOON,
    currency: str = "usd",
    livemode: bool = True,
    gone: bool = False,
    rules_version: int = 1,
    decision: Decision | None = None,
    workspace: str = WS,
    fee: int | None = None,
    fee_currency: str = "",
    disputes: tuple[tuple[str, int], ...] = (),
    dispute_fees: tuple[int, ...] | None = (),
    dispute_unseen: bool = False,
) -> AttributedCharge:
    scope = f"{workspace}|own|{'live' if livemode else 'test'}|"
    reversals = tuple(Reversal(one, "refund", part, at + DAY_MS) for one, part in refunds)
    reversals += tuple(Reversal(one, "dispute", part, at + DAY_MS) for one, part in disputes)
    taken = tuple(
        DisputeFee(f"dp:{number}", part, fee_currency or currency, at + DAY_MS)
        for number, part in enumerate(dispute_fees or ())
    )
    state = ChargeState(
        *(name, at, amount, currency, "abc"),
        fee_minor=fee,
        fee_currency=fee_currency,
        reversals=reversals,
        dispute_fees=taken,
        dispute_fees_told=dispute_fees is not None,
        dispute_unseen=dispute_unseen,
    )
    found = decision or decision_of(*touches)
    return AttributedCharge(
        key=scope + name,
        workspace=workspace,
        account="own",
        livemode=livemode,
        payer=scope + payer,
        payment=scope + name.replace("ch", "pi"),
        payment_version=versions[0],
        version=versions[1],
        state=state,
        decision=found,
        rules_version=rules_version,
        lines=() if gone else lines_of(scope + name, state, found),
        payment_cause=f"payment v{versions[0]}",
        payment_received_at=at,
    )


def visit(
    visitor: str = "v1", *, channel: str = "Newsletter", version: int = 1, clicks: int = 1, **more: Any
) -> Visit:
    fields: dict[str, Any] = {"workspace": WS, "day": NOON // DAY_MS, "link": "spring", "landed": True}
    return Visit(channel=channel, visitor=visitor, version=version, clicks=clicks, **(fields | more))


def at_offsets(
    *records: AttributedCharge | Visit | WaitingMoney | None, first: int = 0, topic: str = TOPIC
) -> list[Posting]:
    framed = ((record,) if isinstance(record, Visit) else record for record in records)
    return [Posting(topic, 0, first + index, record) for index, record in enumerate(framed)]


def standing_lines(connection: Connection) -> list[tuple[Any, ...]]:
    columns = [
        lines.c[name]
        for name in ("charge_key", "line_id", "channel", "link", "reason", "amount_minor", "currency")
    ]
    return [tuple(row) for row in connection.execute(select(*columns).order_by(lines.c.line_id))]


def all_entries(connection: Connection) -> list[Any]:
    return list(connection.execute(select(entries).order_by(entries.c.seq)))


def sum_of_entries(connection: Connection, key: str) -> int:
    total = select(func.sum(entries.c.amount_minor)).where(entries.c.charge_key == key)
    return int(connection.execute(total).scalar() or 0)


NOW = 1_760_000_000_000


def letter(offset: int, raw: bytes = b"{broken", *, index: int = 0, **more: Any) -> DeadLetter:
    fields: dict[str, Any] = {"processor": "gather", "topic": JOURNEYS.name, "partition": 0} | more
    payload = base64.b64encode(raw).decode()
    told: dict[str, Any] = {
        "failure": "malformed",
        "message": f"not a Journey, at {offset}",
        "failed_at": NOW + offset,
    }
    return DeadLetter(**(told | fields), payload=payload, offset=offset, index=index)


SEALED = {"workspaces", "api_keys", "stripe_connections", "meta"}  # what differs by chance


def rows(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    def dump(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
        tables = [table for table in metadata.sorted_tables if table.name not in SEALED]
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in tables
        }

    return store.read_now(dump)
