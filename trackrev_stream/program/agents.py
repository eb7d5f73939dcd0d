"""All agents and the writer of the ledger, put on one Faust app."""

from collections.abc import Sequence
from functools import partial

from trackrev_stream.agents import dead_letters, post
from trackrev_stream.agents.attribution_settings import StoredSettings
from trackrev_stream.agents.step import InputRecord
from trackrev_stream.agents.worker import AGENTS, Surroundings, Worker
from trackrev_stream.clock import Clock
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.eventlog.faust_patches.protocols import AgentApp
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.ledger.post import Postable, Posting
from trackrev_stream.store.ledger.writer import Writer


def define_agents(app: AgentApp, settings: Settings, store: Store, writer: Writer, clock: Clock) -> None:
    """Put the agents of the registry on ``app``, and what hands records on to ``writer``."""
    surroundings = Surroundings(
        partitions=settings.partitions,
        clock=clock,
        on_bug=app.transport.fail,
        most_rejected=settings.most_rejected,
        letter_stored=partial(dead_letters.until_stored, store),
        rules=StoredSettings(store, clock),
    )
    worker = Worker(app, surroundings)
    for spec in AGENTS:
        worker.add(spec)

    async def submit(record: InputRecord, found: Postable | None, letters: Sequence[DeadLetter]) -> None:
        position = (record.topic, record.partition, record.offset)
        await writer.submit(Posting(*position, found, tuple(letters)))

    worker.add_sink("post", post.read_postable, submit)
    worker.add_sink("bury", dead_letters.read_letter, submit)
