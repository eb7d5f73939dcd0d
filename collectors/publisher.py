"""Publishing to the log: hits in frames, facts and dead letters one by one, each awaited until durable.

A hit that comes alone goes alone, and at once. While a frame of a partition is on its way to the log, and for
as long as its spacing to the one before lasts, the hits of that partition gather into the next one: a record
costs the agents as much as many hits within it.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from trackrev_stream.contracts.codec import MOST_BYTES_A_FRAME, MOST_HITS_A_FRAME, encode, encode_frame
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.ports import Publisher, Unavailable
from trackrev_stream.contracts.topics import DEAD_LETTERS, PIXEL_HITS, STRIPE_ACCOUNTS, STRIPE_PAYMENTS
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.payments.subscription import AccountFact
from trackrev_stream.domain.values.ids import partition_of, visitor_key
from trackrev_stream.metrics import DEAD_LETTERS as DEAD_LETTERS_TOTAL


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many records may be waiting for the log, how long a caller waits, and how closely frames follow.

    The frames of a partition are ``spacing_s`` apart at least; those of all together are no more than
    ``frames_a_second``, for each costs the log and the agents as much as some fifty hits within it.
    """

    most_pending: int = 20_000
    longest_wait_s: float = 5.0
    spacing_s: float = 0.01
    frames_a_second: float = 120.0


_DEFAULT = Bounds()


class _Ticket:
    """What one caller waits for: all that it gave, which may travel by several ways."""

    def __init__(self, given: int) -> None:
        self._left = given
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, failure: BaseException | None) -> None:
        self._left -= 1
        if self.done.done():  # something else of it failed, or the caller has gone
            return
        if failure is not None:
            self.done.set_exception(failure)
        elif self._left == 0:
            self.done.set_result(None)

    async def wait(self, longest_s: float) -> None:
        """Return once all is durable. Raises Unavailable when it is not, or not within ``longest_s``."""
        # Not by asyncio.timeout, which costs as much as half of the write that is waited for.
        timer = self.done.get_loop().call_later(longest_s, self._expire, longest_s)
        try:
            await self.done
        finally:
            timer.cancel()

    def _expire(self, waited_s: float) -> None:
        if not self.done.done():
            self.done.set_exception(Unavailable(f"the log has not confirmed within {waited_s} s"))


@dataclass(slots=True)
class _Lane:
    """One partition: what waits for it, and the task that carries it there while there is any."""

    waiting: deque[tuple[bytes, _Ticket]] = field(default_factory=deque)
    carrier: asyncio.Task[None] | None = None
    left_at: float = float("-inf")  # when the last frame left, by the loop's clock


class HitPublisher:
    """Publishes hits to ``pixel-hits`` in frames of at most 200 hits and 64 KB."""

    def __init__(self, publisher: Publisher, partitions: int, bounds: Bounds = _DEFAULT) -> None:
        self._publisher = publisher
        self._lanes = [_Lane() for _ in range(partitions)]
        self._bounds = bounds
        self._spacing_s = max(bounds.spacing_s, partitions / bounds.frames_a_second)
        self._pending = 0

    async def put(self, hits: Sequence[Hit], wait_s: float | None = None) -> None:
        """Return once all ``hits`` are durable; wait at most ``wait_s`` seconds for it.

        Raises Unavailable when they are not, or not yet, or when too much is waiting already. Some of the
        hits may be saved nevertheless: to offer them again is harmless, for their ids are the same.
        """
        if not hits:
            return
        if self._pending + len(hits) > self._bounds.most_pending:
            raise Unavailable(f"{self._pending} hits are waiting for the log already")
        ticket = _Ticket(len(hits))
        self._pending += len(hits)
        for hit in hits:
            number = partition_of(visitor_key(hit.workspace, hit.visitor), len(self._lanes))
            self._enqueue(number, encode(hit), ticket)
        await ticket.wait(self._bounds.longest_wait_s if wait_s is None else wait_s)

    def _enqueue(self, number: int, hit: bytes, ticket: _Ticket) -> None:
        lane = self._lanes[number]
        lane.waiting.append((hit, ticket))
        if lane.carrier is None:
            lane.carrier = asyncio.create_task(self._carry(number, lane))

    async def _carry(self, number: int, lane: _Lane) -> None:
        """Publish what waits in a lane, frame by frame, until nothing does."""
        try:
            while lane.waiting:
                await self._space(lane)
                frame = _next_frame(lane.waiting)
                try:
                    value = encode_frame(hit for hit, _ in frame)
                    await self._publisher.publish(PIXEL_HITS.name, number, None, value)
                except asyncio.CancelledError:
                    lane.waiting.extendleft(reversed(frame))
                    raise
                except Exception as error:  # noqa: BLE001 - even of a bug those who wait have to hear
                    self._settle(frame, error)
                else:
                    self._settle(frame, None)
        finally:
            lane.carrier = None
            self._settle(lane.waiting, Unavailable("the collector is stopping"))
            lane.waiting.clear()

    async def _space(self, lane: _Lane) -> None:
        """Wait until the next frame may leave; a full one waits for nothing."""
        now = asyncio.get_running_loop().time()
        early_s = lane.left_at + self._spacing_s - now
        if early_s > 0 and len(lane.waiting) < MOST_HITS_A_FRAME:
            await asyncio.sleep(early_s)
        lane.left_at = asyncio.get_running_loop().time()

    def _settle(self, hits: Collection[tuple[bytes, _Ticket]], failure: Exception | None) -> None:
        self._pending -= len(hits)
        for _, ticket in hits:
            ticket.settle(failure)


def _next_frame(waiting: deque[tuple[bytes, _Ticket]]) -> list[tuple[bytes, _Ticket]]:
    frame = [waiting.popleft()]
    size = len(frame[0][0])
    while waiting and len(frame) < MOST_HITS_A_FRAME:
        size += 1 + len(waiting[0][0])  # a line feed before each further hit
        if size > MOST_BYTES_A_FRAME:
            break
        frame.append(waiting.popleft())
    return frame


class FactPublisher:
    """Publishes facts of Stripe: a payment's to ``stripe-payments``, the rest to ``stripe-accounts``."""

    def __init__(self, publisher: Publisher, partitions: int, bounds: Bounds = _DEFAULT) -> None:
        self._records = _Records(publisher, partitions, bounds)

    async def put(self, facts: Iterable[PaymentFact | AccountFact]) -> None:
        """Return once all ``facts`` are durable. Raises Unavailable when they are not, or not yet."""
        payments: list[tuple[str, bytes]] = []
        accounts: list[tuple[str, bytes]] = []
        for fact in facts:
            if isinstance(fact, PaymentFact):
                payments.append((fact.key, encode(fact)))
            else:
                accounts.append((fact.payer, encode(fact)))
        # What is known of a payer first, so that a charge need not be decided twice; no more than a courtesy.
        await self._records.put(STRIPE_ACCOUNTS.name, accounts)
        await self._records.put(STRIPE_PAYMENTS.name, payments)


class DeadLetterPublisher:
    """Publishes what the edge could not read to ``dead-letters``, counted."""

    def __init__(self, publisher: Publisher, partitions: int, bounds: Bounds = _DEFAULT) -> None:
        self._records = _Records(publisher, partitions, bounds)

    async def put(self, workspace: str, letters: Sequence[DeadLetter]) -> None:
        """Return once all ``letters`` are durable. Raises Unavailable when they are not, or not yet."""
        await self._records.put(DEAD_LETTERS.name, [(workspace, encode(letter)) for letter in letters])
        for letter in letters:
            DEAD_LETTERS_TOTAL.labels(letter.processor).inc()


class _Records:
    """Records that travel each on its own, with a bound on how many are on their way."""

    def __init__(self, publisher: Publisher, partitions: int, bounds: Bounds) -> None:
        self._publisher = publisher
        self._partitions = partitions
        self._bounds = bounds
        self._pending = 0

    async def put(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        if not records:
            return
        if self._pending + len(records) > self._bounds.most_pending:
            raise Unavailable(f"{self._pending} records are waiting for the log already")
        ticket = _Ticket(len(records))
        for key, value in records:
            self._send(topic, key, value, ticket)
        await ticket.wait(self._bounds.longest_wait_s)

    def _send(self, topic: str, key: str, value: bytes, ticket: _Ticket) -> None:
        """A record that is on its way stays so, and counted, when its caller no longer waits."""
        partition = partition_of(key, self._partitions)
        sent = asyncio.ensure_future(self._publisher.publish(topic, partition, key.encode(), value))
        self._pending += 1
        sent.add_done_callback(partial(self._arrived, ticket))

    def _arrived(self, ticket: _Ticket, sent: asyncio.Future[int]) -> None:
        self._pending -= 1
        ticket.settle(Unavailable("the collector is stopping") if sent.cancelled() else sent.exception())
