"""A stand-in of Stripe with a clock that a test sets, a real database, and pollers over both."""

import asyncio
import functools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from collectors.stripe.client import Patience
from collectors.stripe.poll_round import poll_deps
from collectors.stripe.poller import Pace, Poller
from ops.standin import PROMISED_PERMISSIONS, Fault, StandIn
from tests.collectors.edge import WORKSPACE, DictDirectory, RecordingPublisher
from tests.eventlog.embedded.apps import until
from tests.standin.support import START_MS, Hand
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.payments.payment import FactKind
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.operations import poller_state
from trackrev_stream.store.operations.poller_state import StorePollState
from trackrev_stream.store.operations.reconciliations import StoreLedgerReader
from trackrev_stream.store.workspaces import stripe_connections, workspaces

SECRET_KEY = "sk_test_standin"
FOUR = "rk_test_four"
ALL = "rk_test_all"
EVERYTHING = {
    *PROMISED_PERMISSIONS,
    "rak_balance_transaction_source_read",
    "rak_dispute_read",
    "rak_invoice_read",
}
QUICK = Pace(look_s=0.01, patience=Patience(first_wait_s=0.01, longest_wait_s=0.05, timeout_s=5))


def played(scenario: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A scenario as a test."""

    @functools.wraps(scenario)
    def test(*args: Any, **given: Any) -> None:
        asyncio.run(asyncio.wait_for(scenario(*args, **given), timeout=300))

    return test


@dataclass
class Shop:
    """A stand-in with a clock that a test sets, a database, and pollers over both."""

    stripe: StandIn
    clock: Hand
    store: Store
    http: aiohttp.ClientSession
    place: Path
    log: RecordingPublisher = field(default_factory=RecordingPublisher)

    def poller(self, log: RecordingPublisher | None = None) -> Poller:
        directory = DictDirectory({"ws_1": WORKSPACE, "ws_2": replace(WORKSPACE, id="ws_2")})
        state = StorePollState(self.store, open_sealer(self.place))
        deps = poll_deps(
            directory,
            state,
            StoreLedgerReader(self.store),
            publisher=log or self.log,
            partitions=4,
            clock=self.clock,
        )
        return Poller(deps, QUICK)

    def connect(self, key: str = ALL, workspace: str = "ws_1", base: str = "") -> StripeConnection:
        sealer = open_sealer(self.place)
        wanted = StripeConnection(workspace, "own", False, (), key, base or self.stripe.url)
        self.store.write_now(
            lambda c: workspaces.create_workspace(
                c, sealer, domain="shop.example", now=0, workspace=workspace
            )
        )
        self.store.write_now(lambda c: stripe_connections.put_connection(c, sealer, wanted, 0))
        return wanted

    async def post(self, path: str, **data: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        async with self.http.post(self.stripe.url + path, data=data, headers=headers) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def pay(self, amount: int = 4_800) -> str:
        return str(
            (await self.post("/v1/payment_intents", amount=amount, currency="usd", confirm="true"))[
                "latest_charge"
            ]
        )

    def pass_time(self, ms: int) -> None:
        self.clock.now_ms += ms

    def charges(self) -> Counter[str]:
        return Counter(fact.charge for fact in self.log.facts() if fact.kind is FactKind.CHARGE)

    def progress(self, connection: StripeConnection) -> poller_state.PollProgress:
        found = self.store.read_now(lambda c: poller_state.find_progress(c, connection, self.clock()))
        assert found is not None
        return found

    async def ended(self, connection: StripeConnection) -> None:
        """Wait until a round over the connection has ended."""

        def has_ended() -> bool:
            found = self.store.read_now(lambda c: poller_state.find_progress(c, connection, self.clock()))
            return found is not None and found.report.ended_at is not None

        await until(has_ended)


def has_struck(fault: Fault) -> bool:
    return fault.times == 0


@asynccontextmanager
async def shop(place: Path) -> AsyncIterator[Shop]:
    clock = Hand(START_MS)
    stripe = StandIn(
        restricted_keys={FOUR: PROMISED_PERMISSIONS, ALL: EVERYTHING}, clock=clock, sent_clock=clock, seed=1
    )
    await stripe.start()
    store = Store.open(f"sqlite:///{place}/trackrev.db")
    async with aiohttp.ClientSession() as http:
        try:
            yield Shop(stripe, clock, store, http, place)
        finally:
            store.close()
            await stripe.stop()
