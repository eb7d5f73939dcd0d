"""`poller`: how many charges a second the poller reads of a history, parses and has durable in the log."""

import json
import time
from functools import partial
from pathlib import Path

from collectors.stripe.poll_round import PollDeps, poll_deps
from collectors.stripe.poller import Poller
from ops.bench.harness.figures import Result
from ops.bench.harness.stripe_year import KEY
from ops.demo.processes import DemoError, child
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.domain.values.ids import OWN_ACCOUNT
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.embedded.publisher import EmbeddedPublisher
from trackrev_stream.eventlog.records import TopicSpec
from trackrev_stream.program.process import tune_memory
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer, open_sealer
from trackrev_stream.store.operations import poller_state
from trackrev_stream.store.operations.poller_state import StorePollState
from trackrev_stream.store.operations.reconciliations import StoreLedgerReader
from trackrev_stream.store.workspaces import stripe_connections, workspaces
from trackrev_stream.store.workspaces.directory import StoreDirectory

LEAST_A_SECOND = 3_000
_WORKSPACE = "ws_bench"
_PARTITIONS = 12
_CHARGES_A_SECOND = 1_000
"""So many charges for each second that it may take: it has to end, whatever the machine."""


async def run(place: Path, seconds: float) -> Result:
    """Have the poller read a year that a stand-in serves from a process of its own. Raises DemoError."""
    result = Result("poller", "a first round over a history: reading, parsing, durable in the embedded log")
    charges = ("--charges", str(int(seconds * _CHARGES_A_SECOND)))
    async with child(
        "the stand-in", "-m", "ops.bench.harness.stripe_year", *charges, errors=place / "year.log"
    ) as running:
        told = json.loads(await running.line())
        connection = StripeConnection(_WORKSPACE, OWN_ACCOUNT, False, (), KEY, told["url"])
        log, store = Log.open(place / "log"), Store.open(f"sqlite:///{place}/trackrev.db")
        try:
            log.create_topics([TopicSpec(topic.name, _PARTITIONS) for topic in TOPICS])
            tune_memory()  # as every role does
            poller = Poller(_deps(log, store, open_sealer(place), connection))
            began, began_cpu = time.perf_counter(), time.process_time()
            await poller.poll(connection)
            took_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
            done = store.read_now(partial(poller_state.find_progress, connection=connection, now=now_ms()))
        finally:
            store.close()
            await log.close()
    if done is None or done.report.result != "ok":
        raise DemoError(f"the poller did not come to an end: {done and done.report.result}")
    note = "; in a second of its CPU, its log's included"
    result.reach("charges", told["charges"] / cpu_s, LEAST_A_SECOND, "charges", note)
    result.add("charges, by the clock", told["charges"] / took_s, "charges/s", "the stand-in is no faster")
    result.add("facts", done.report.facts / cpu_s, "facts", "of all lists, in a second of its CPU")
    result.add("reads", done.reads, "requests")
    return result


def _deps(log: Log, store: Store, sealer: Sealer, connection: StripeConnection) -> PollDeps:
    create = partial(workspaces.create_workspace, sealer=sealer, domain="shop.example", now=0)
    store.write_now(partial(create, workspace=_WORKSPACE))
    store.write_now(partial(stripe_connections.put_connection, sealer=sealer, wanted=connection, now=0))
    return poll_deps(
        StoreDirectory(store, sealer, now_ms),
        StorePollState(store, sealer),
        StoreLedgerReader(store),
        publisher=EmbeddedPublisher(log),
        partitions=_PARTITIONS,
        clock=now_ms,
    )
