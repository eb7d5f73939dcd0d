"""The way into the log for commands: by the running program, or straight where no program has it open."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.ports import Publisher
from trackrev_stream.errors import ForPeople
from trackrev_stream.eventlog.open import open_broker
from trackrev_stream.eventlog.port import Broker
from trackrev_stream.eventlog.records import LogBusy
from trackrev_stream.program import admin_client
from trackrev_stream.settings import Settings, is_kafka


class Unreachable(ForPeople):
    """The log is there, and cannot be written to now: for people."""


@asynccontextmanager
async def way_in(settings: Settings, action: str) -> AsyncIterator[admin_client.Client | Broker]:
    """The running program that has this action, else the log itself, opened.

    Raises Unreachable, and what opening the log raises.
    """
    async with AsyncExitStack() as stack:
        client: admin_client.Client | None = None
        if not is_kafka(settings.broker):
            with suppress(admin_client.NotAnswering):
                client = await stack.enter_async_context(admin_client.reached(settings.data, action))
        if client is not None:
            yield client
            return
        try:
            broker = await open_broker(settings, now_ms)
        except LogBusy as error:
            raise Unreachable(
                f"a program has the log of {settings.data} open and does not answer: it starts or stops "
                "just now, or is of an older version. Try again in a moment, or stop it and try again"
            ) from error
        stack.push_async_callback(broker.close)
        yield broker


@asynccontextmanager
async def publisher(settings: Settings) -> AsyncIterator[tuple[Publisher, bool]]:
    """A publisher into the log of the settings, and whether agents read at once what it publishes.

    Raises as `way_in` does.
    """
    async with way_in(settings, admin_client.PUBLISH) as way:
        if isinstance(way, admin_client.Client):
            yield way, True
        else:
            yield way.publisher, is_kafka(settings.broker)
