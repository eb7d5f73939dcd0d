"""What a load and a reader of the ledger see of the program, wherever its parts run."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from ops.bench.harness.http_client import Pool, request
from ops.bench.harness.open_loop import LIFE_S
from ops.bench.harness.traffic import WORKSPACE
from ops.demo.processes import Child, DemoError, child

PAUSE_S = 0.04
_REST_S = 30.0
_GOOD = ("hit 202", "webhook 200")


@dataclass(frozen=True, slots=True)
class Rates:
    """What is sent a second; `together` hits of a visitor share a request."""

    hits: int
    webhooks: int
    together: int = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """What the load generator found.

    `hits_s` and `webhooks_s` are pairs of when a request was due and how long after that it was answered, of
    hits one for each `hits_per_kept`; `charges` tells when the webhook of each was due.
    """

    seconds: float
    sent_late_s: list[float]
    hits_s: list[tuple[float, float]]
    webhooks_s: list[tuple[float, float]]
    charges: dict[str, float]
    statuses: dict[str, int]
    hits_per_kept: int

    def within(self, answered: list[tuple[float, float]]) -> list[float]:
        """Durations of what was due while both rates were full."""
        return [wait for at_s, wait in answered if LIFE_S <= at_s < LIFE_S + self.seconds]

    @property
    def hits_a_second(self) -> float:
        """Hits that were answered while both rates should have been full, whenever they were due."""
        full = sum(LIFE_S <= at_s + wait < LIFE_S + self.seconds for at_s, wait in self.hits_s)
        return full * self.hits_per_kept / self.seconds

    @property
    def refused(self) -> dict[str, int]:
        """Answers by kind and status that say that something was not taken."""
        return {name: count for name, count in self.statuses.items() if name not in _GOOD}


@dataclass(slots=True)
class Load:
    """A load under way; times are those of the monotonic clock."""

    process: Child
    out: Path
    full_from: float
    full_until: float

    async def ended(self) -> Sent:
        """What it found, when all is answered. Raises DemoError."""
        if await self.process.process.wait():
            raise DemoError(self.process.ended())
        found = json.loads(self.out.read_text())
        if not found["hits_s"] or not found["webhooks_s"]:
            raise DemoError(f"the load was not taken: {found['statuses']}")
        return Sent(seconds=self.full_until - self.full_from, **found)


@asynccontextmanager
async def load(url: str, place: Path, seconds: float, rates: Rates) -> AsyncIterator[Load]:
    """Send it; the rates are full from LIFE_S after its start, for so many seconds."""
    out = place / "load.json"
    arguments = ("--url", url, "--out", str(out), "--seconds", str(seconds))
    of_each = (
        "--hits",
        str(rates.hits),
        "--webhooks",
        str(rates.webhooks),
        "--together",
        str(rates.together),
    )
    async with child(
        "the load", "-m", "ops.bench.harness.open_loop", *arguments, *of_each, errors=place / "load.log"
    ) as process:
        full_from: float = json.loads(await process.line())["start"] + LIFE_S
        yield Load(process, out, full_from, full_from + seconds)


async def until(moment: float) -> None:
    """Wait until a moment of the monotonic clock."""
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


@dataclass(slots=True)
class Seen:
    """What a reader saw in the ledger: when each charge first stood there, and when it had a channel."""

    entered: dict[str, float] = field(default_factory=dict)
    credited: dict[str, float] = field(default_factory=dict)
    gaps_s: list[float] = field(default_factory=list)

    async def look(self, url: str, key: str) -> None:
        """Read the ledger again and again; an entry is seen when its page has arrived. Raises DemoError."""
        pool, after, before = Pool(url), 0, time.monotonic()
        headers = {"Authorization": f"Bearer {key}"}
        while True:
            page = f"{url}/api/workspaces/{WORKSPACE}/ledger?limit=1000&after={after}"
            status, body = await pool.ask(request("GET", page, headers))
            now = time.monotonic()
            if status != 200:
                raise DemoError(f"the ledger answered {status}: {body[:200]!r}")
            self.gaps_s.append(now - before)
            before = now
            for entry in orjson.loads(body)["entries"]:
                after = entry["seq"]
                self.entered.setdefault(entry["charge"], now)
                if entry["channel"] != "unattributed":
                    self.credited.setdefault(entry["charge"], now)
            await asyncio.sleep(PAUSE_S)

    async def rest(self, sent: Sent, looking: asyncio.Task[None], patience_s: float = _REST_S) -> None:
        """Wait until all charges that were taken are seen with a channel, for a while; then look no more."""
        deadline = time.monotonic() + patience_s
        while (
            sent.charges.keys() - self.credited.keys() and time.monotonic() < deadline and not looking.done()
        ):
            await asyncio.wait([looking], timeout=0.1)
        if looking.done():
            looking.result()
        looking.cancel()


def waits(sent: Sent, seen: dict[str, float]) -> list[float]:
    """How long after their webhooks were due charges were seen."""
    return [seen[charge] - at for charge, at in sent.charges.items() if charge in seen]
