"""Defects that a soak must find: each takes one defence out of the installed program.

A defect changes the text of a function, so it fails loudly when that text is there no longer.
"""

import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any

from faust.transport.consumer import Consumer as StockConsumer
from faust.transport.drivers import aiokafka as driver

from trackrev_stream.agents import gather
from trackrev_stream.agents.attribute import agent, rows
from trackrev_stream.agents.worker import Worker
from trackrev_stream.eventlog.faust_patches.commit_barriers import CommitBarriers
from trackrev_stream.eventlog.faust_patches.ordered_acks import DeliveredInOrder
from trackrev_stream.eventlog.faust_patches.ordered_sends import SendsInOrder
from trackrev_stream.eventlog.faust_patches.recovery import Recovery
from trackrev_stream.eventlog.kafka.lease import Lease
from trackrev_stream.eventlog.kafka.producer import Buffer, Producer
from trackrev_stream.eventlog.kafka_broker import KafkaBroker
from trackrev_stream.store.ledger import post
from trackrev_stream.store.ledger.book import Book

_FLUSH = "            await self.app.producer.flush()\n"
_BARRIERS = """\
            for barrier in self.commit_barriers:
                await barrier()
"""
_ROWS = """\
            table.write(record.partition, {key.encode(): row for key, row in rows.puts.items()})
"""
_OUTPUTS = "            await self._send(result, guard)\n"


def versions() -> None:
    """Receivers apply what they have surpassed."""
    change(gather._on_journey, "journey.version > known.version", "True")
    change(rows.put_journeys, "known.version > told.version", "False")
    change(agent._on_payment, "state.version < known.state.version", "False")
    change(Book.surpasses, "not record.lines or order <= self._charges[record.key].order", "not record.lines")
    change(post._check_redelivered, "if not applied", "if False")


def inverted() -> None:
    """Outputs leave before the rows that they come of; commits wait for both."""
    change(Worker.add, _ROWS + _OUTPUTS, _OUTPUTS + _ROWS)


def order() -> None:
    """Outputs leave before the rows that they come of, and commits wait for no delivery."""
    inverted()
    change(CommitBarriers.behind_barriers, _FLUSH, "")
    change(StockConsumer._commit_offsets, "    " + _FLUSH, "")  # which calls our flush as well


def flush() -> None:
    """Faust's own buffer of sends, its flush and offsets, and a commit that knows no barrier."""
    change(CommitBarriers.behind_barriers, _BARRIERS, "")
    del Buffer.size, Buffer.flush, Buffer.wait_until_ebb, SendsInOrder.send_soon
    Producer.flush = driver.Producer.flush  # type: ignore[method-assign]  # on purpose
    DeliveredInOrder._new_offset = StockConsumer._new_offset  # type: ignore[method-assign]  # on purpose
    DeliveredInOrder._add_gap = StockConsumer._add_gap  # type: ignore[method-assign]  # on purpose


def lease() -> None:
    """A worker that was frozen goes on as if nothing had been."""
    change(Lease.holds, "self.now() < self._until", "True")
    change(Lease.lose, "self._on_lost(", "str(")


def refusal() -> None:
    """A worker starts over a database that holds less than was committed."""
    change(KafkaBroker.resume, "offset > wanted", "False")


def standby() -> None:
    """A copy of another worker's table has the last row of each batch, and is taken for whole."""
    change(
        Recovery.restore, "tp.partition, fresh)", "tp.partition, fresh[-1 if tp in self.standby_tps else 0:])"
    )


DEFECTS: dict[str, Callable[[], None]] = {
    defect.__name__: defect for defect in (versions, inverted, order, flush, lease, refusal, standby)
}


def change(function: Any, old: str, new: str) -> None:
    """Give a function the code of its text with ``old`` replaced, wherever the function is known."""
    assert isinstance(function, FunctionType), function
    text = textwrap.dedent(inspect.getsource(function))
    indented = textwrap.indent(text, "    ") if old.startswith(" ") else text
    assert indented.count(old) == 1, f"{function.__qualname__} has no longer: {old}"
    scope: dict[str, Any] = {}
    exec(
        compile(textwrap.dedent(indented.replace(old, new)), function.__module__, "exec"),
        function.__globals__,
        scope,
    )
    function.__code__ = scope[function.__name__].__code__
