"""Mutated bodies and headers at the webhook of the real program.

Of ten eight were altered after they had been signed, which nobody may get in; one is an event of test mode
that was mutated and then signed, of which a live account has no use; and one the same of live mode, into a
workspace of their own, for which it may be an event like others.
"""

import asyncio
import base64
import json
import random
import re
import urllib.request
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, func, select

from ops.bench.harness import usage
from ops.bench.harness.http_client import Pool, request
from ops.standin.webhooks import signature
from ops.standin.year import year
from tests.program.running import Program, Shop, free_port, now_ms
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import charges, dead_letters, entries

CONNECTIONS = 16
KINDS = {0: "test mode", 1: "live mode"}
MOST_GROWTH = 1.15
"""Of the memory beside RocksDB's, from a tenth of the requests to the end."""
MOST_ROCKSDB_MB = 300
"""What its options allow it on one partition; it takes that as what is there to be kept fills it."""
Json = dict[str, Any]
Say = Callable[[str], None]

_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, 10**30, 1e308, 0.1, "", "x" * 5_000, "\u0000", "\ud7ff", "%s", "../x"),
    *([], {}, [[]], {"id": None}, [{"id": "ch_1"}], "ch_1|own", "jenny@shop.example"),
)


@dataclass(frozen=True, slots=True)
class Form:
    """So many requests, mutated as a seed has it."""

    seed: int
    requests: int


SMALL = Form(seed=5, requests=1_500)


@dataclass
class Came:
    """What came of it: answers by kind and status, and what there is afterwards.

    Megabytes of memory after a tenth of the requests and at their end: RocksDB's own, and the rest.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)
    rocksdb: list[float] = field(default_factory=list)
    booked: int = 0
    personal: int = 0
    alive: bool = False

    def wrong(self) -> list[str]:
        """What should not be."""
        found = [
            f"{kind}: {times} x {status}"
            for (kind, status), times in sorted(self.statuses.items())
            if status >= 500 or (kind == "altered" and status == 200)
        ]
        found += [f"{self.booked} charges or entries of what nobody should get in"] if self.booked else []
        found += [f"{self.personal} dead letters with an address in them"] if self.personal else []
        found += [] if self.alive else ["the program does not take an event any more"]
        before, after = self.memory
        grew = f"memory grew from {before:.0f} to {after:.0f} MB"
        found += [grew] if after > before * MOST_GROWTH else []
        return found + (
            [f"RocksDB takes {self.rocksdb[1]:.0f} MB"] if self.rocksdb[1] > MOST_ROCKSDB_MB else []
        )

    def told(self) -> str:
        """The answers by status."""
        by_status = Counter[int]()
        for (_, status), times in self.statuses.items():
            by_status[status] += times
        return ", ".join(f"{times:,} x {status}" for status, times in sorted(by_status.items()))


async def run(form: Form, place: Path, say: Say = lambda _: None) -> Came:
    """Send them all."""
    admin = free_port()
    program, came = Program(place / "data", TRACKREV_ADMIN_PORT=str(admin)), Came()
    try:
        await asyncio.to_thread(program.start)
        shut = await asyncio.to_thread(Shop.open, program, "ws_shut")
        open_ = await asyncio.to_thread(Shop.open, program, "ws_open")
        memory = partial(_memory, program._running.pid, f"http://127.0.0.1:{admin}/metrics")
        await _send_all(form, (shut, open_), came, memory, say)
        came.alive = await asyncio.to_thread(_takes_an_event, shut)
    finally:
        program.kill()
    _look(place / "data", came)
    return came


def _memory(pid: int, metrics: str) -> tuple[float, float]:
    """The megabytes of a program: what RocksDB takes, and the rest."""
    with urllib.request.urlopen(metrics) as answer:
        told = re.findall(rb"^trackrev_rocksdb_bytes\{.*\} (.+)$", answer.read(), re.MULTILINE)
    rocksdb = sum(map(float, told)) / 2**20
    return rocksdb, usage.megabytes(pid) - rocksdb


async def _send_all(
    form: Form, shops: tuple[Shop, Shop], came: Came, memory: Callable[[], tuple[float, float]], say: Say
) -> None:
    shut, open_ = shops
    rng, pool = random.Random(form.seed), Pool(shut.program.url)
    made = year(seed=form.seed, charges=200).events
    left = iter(range(form.requests))

    async def weigh() -> None:
        rocksdb, rest = await asyncio.to_thread(memory)
        came.rocksdb.append(rocksdb)
        came.memory.append(rest)

    async def keep_busy() -> None:
        for number in left:
            kind = KINDS.get(number % 10, "altered")
            shop = open_ if kind == "live mode" else shut
            raw = _request(rng, shop, rng.choice(made), kind)
            status, _ = await pool.ask(raw)
            came.statuses[kind, status] += 1
            if number == form.requests // 10:
                await weigh()
            if number % 20_000 == 19_999:
                rocksdb, rest = await asyncio.to_thread(memory)
                say(f"{number + 1:,} requests, {rest:.0f} MB, and {rocksdb:.0f} MB of RocksDB")

    await asyncio.gather(*(keep_busy() for _ in range(CONNECTIONS)))
    await weigh()
    pool.close()


def _request(rng: random.Random, shop: Shop, event: Json, kind: str) -> bytes:
    told = event if kind == "altered" else _mutated(rng, event, livemode=kind == "live mode")
    body = json.dumps(told).encode()
    header = signature(body, [shop.secret], now_ms() // 1_000)
    if kind == "altered":
        while (altered := _altered(rng, body, header)) == (body, header):
            pass
        body, header = altered
    headers = {"Content-Type": "application/json", "Stripe-Signature": header}
    return request("POST", f"{shop.program.url}/webhooks/stripe/{shop.workspace}", headers, body)


def _altered(rng: random.Random, body: bytes, header: str) -> tuple[bytes, str]:
    """Another body than was signed, or a header that does not sign it."""
    at = rng.randrange(len(body))
    bodies: tuple[Callable[[], bytes], ...] = (
        lambda: body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :],
        lambda: body[:at],
        lambda: body[:at] + body[at : at + 40] * rng.randrange(2, 9) + body[at:],
        lambda: body.replace(b'"amount": ', b'"amount": 9', 1) + b" ",
        lambda: rng.randbytes(rng.randrange(300)),
    )
    headers: tuple[Callable[[], str], ...] = (
        lambda: "",
        lambda: header.replace("v1=", "v0="),
        lambda: header[: rng.randrange(len(header))],
        lambda: header[::-1],
        lambda: f"t={rng.randrange(10**12)},{header.partition(',')[2]}",
        lambda: ",".join(f"v1={rng.randbytes(32).hex()}" for _ in range(rng.randrange(1, 90))),
        lambda: "".join(chr(rng.randrange(0x21, 0x7F)) for _ in range(rng.randrange(400))),
    )
    if rng.random() < 0.5:
        return rng.choice(bodies)(), header
    return body, rng.choice(headers)()


def _mutated(rng: random.Random, event: Json, *, livemode: bool) -> Json:
    """An event with one to four values that are other ones, at any depth; its mode is what it shall be."""
    found: Json = json.loads(json.dumps(event))
    for _ in range(rng.randrange(1, 5)):
        at: Any = found
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.8:
                at = at[key]
                continue
            if rng.random() < 0.2:
                del at[key]
            else:
                at[key] = deepcopy(rng.choice(_ODD))
            break
    # Anything but true is of no live account; what is no truth at all is malformed.
    found["livemode"] = True if livemode else rng.choice((False, False, False, None, 0, "true", []))
    return found


def _takes_an_event(shop: Shop) -> bool:
    """Whether the program is still there, and knows what it does: an event without effect is acknowledged."""
    paid = {"id": "evt_1", "object": "event", "type": "payout.paid", "created": 1, "livemode": True}
    answer = shop.webhook(paid)
    return answer.status == 200 and answer.json == {"received": True, "ignored": "event_type"}


def _count(sql: Connection, asked: Select[int]) -> int:
    return sql.execute(asked).scalar_one()


def _look(data: Path, came: Came) -> None:
    store = Store.open(f"sqlite:///{data}/trackrev.db")
    try:
        for table in (charges, entries):
            count = select(func.count()).select_from(table).where(table.c.workspace == "ws_shut")
            came.booked += store.read_now(partial(_count, asked=count))
        payloads = store.read_now(lambda sql: sql.execute(select(dead_letters.c.payload)).scalars().all())
    finally:
        store.close()
    came.personal = sum(b"@people.example" in base64.b64decode(one) for one in payloads)
