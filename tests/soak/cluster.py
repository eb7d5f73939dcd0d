"""Workers over a real Kafka and PostgreSQL, fed while one fault after the other befalls them."""

import asyncio
import contextlib
import random
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.kafka.broker import Broker
from ops.kafka.lag import Lag
from ops.postgres import Server
from ops.synthetic_traffic import Fact
from tests.eventlog.kafka.workers import Feed, Supervisor
from tests.program.running import until
from tests.soak.form import Fault, Form, portions
from tests.soak.worker import DIE_AT_COMMIT, DIE_BETWEEN
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.lease import SAFE_SHARE
from trackrev_stream.eventlog.kafka.transport import SESSION_S
from trackrev_stream.eventlog.kafka.watchdog import EXIT_CODE

AT_A_TIME = 500
PATIENCE_S = 180.0
NAP_S = SESSION_S * SAFE_SHARE
DEADLY = (
    Fault.KILL,
    Fault.KILL_AT_COMMIT,
    Fault.KILL_BETWEEN,
    Fault.NAP,
    Fault.BROKER_AND_WORKER,
    Fault.DATABASE,
)
_LOOK_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True)
class Ground:
    """What workers stand on: a broker, a database server, a directory, and who hears of the progress."""

    broker: Broker
    server: Server
    directory: Path
    say: Callable[[str], None]


@dataclass
class Suffering:
    """A run; ``lags`` are the records in flight at each fault, ``ended`` how workers ended by themselves."""

    form: Form
    ground: Ground
    broken: str = ""
    faults: Sequence[Fault] = ()
    lags: list[int] = field(default_factory=list)
    ended: Counter[int] = field(default_factory=Counter)

    def run(self, facts: Sequence[Fact]) -> str:
        """Let all of it happen; the database's URL. Raises AssertionError, TimeoutError where it hangs."""
        self.faults = self.faults or self.form.schedule()
        self._url = self.ground.server.new_database()
        self._rng = random.Random(self.form.seed + 1)
        self._workers: list[Supervisor] = []
        self._started = 0
        with contextlib.ExitStack() as self._stack:
            try:
                asyncio.run(self._run(facts))
            except BaseException:
                for worker in self._workers:
                    self.ground.say(
                        f"{worker.name}, {worker.ended}: ...{worker.worker.everything_said()[-1500:]}"
                    )
                raise
            for worker in self._workers:
                assert worker.stop() == 0, worker.worker.said()[-2000:]
                self.ended.update(worker.ended)
        return self._url

    async def _run(self, facts: Sequence[Fact]) -> None:
        ground, form = self.ground, self.form
        self._feed = Feed(ground.broker, form.partitions)
        self._lag = Lag(Cluster(ground.broker.address), form.partitions)
        for _ in range(form.workers):
            self._add()
        await self._healed()
        parts = portions(facts, len(self.faults) + 1)
        for number, (fault, part) in enumerate(zip(self.faults, parts, strict=False), 1):
            await self._suffer(f"{number} of {len(self.faults)}", fault, part)
        await self._feed.put(parts[-1], AT_A_TIME)
        ground.say(f"all {len(facts):,} facts are published (lag {await self._lag.behind()})")
        await self._healed()
        await self._lag.settled(5 * PATIENCE_S)
        await self._feed.close()
        await self._lag.close()

    async def _suffer(self, number: str, fault: Fault, part: Sequence[Fact]) -> None:
        first, second = portions(part, 2)
        # Every third fault comes before the one before has healed, where it can.
        if fault not in (Fault.KILL, Fault.BROKER, Fault.BROKER_KILL, Fault.ADD) or self._rng.random() < 0.67:
            await self._healed()
        worker = self._rng.choice(self._workers)
        feeding = asyncio.create_task(self._feed.put(first, AT_A_TIME))
        lag = await self._in_flight(feeding)
        self.lags.append(lag)
        named = f" {worker.name}" if fault not in (Fault.ADD, Fault.BROKER, Fault.BROKER_KILL) else ""
        self.ground.say(f"fault {number}: {fault}{named} (lag {lag:,})")
        before = len(worker.ended)
        rest = asyncio.create_task(self._strike(fault, worker, second))
        await asyncio.gather(feeding, rest)
        if fault in DEADLY:
            await _until(lambda: len(worker.ended) > before, f"{worker.name} dies")
            # A nap, or a broker that is slow to start, may have been longer than the session.
            silent = fault in (Fault.NAP, Fault.BROKER_AND_WORKER)
            known = (-signal.SIGKILL, EXIT_CODE) if silent else (-signal.SIGKILL,)
            assert worker.ended[before] in known, worker.worker.everything_said()[-2000:]

    async def _strike(self, fault: Fault, worker: Supervisor, part: Sequence[Fact]) -> None:
        if fault is Fault.FREEZE:
            await self._freeze(worker, part)
            return
        feeding = asyncio.create_task(self._feed.put(part, AT_A_TIME))
        match fault:
            case Fault.KILL:
                worker.worker.signal(signal.SIGKILL)
            case Fault.KILL_AT_COMMIT:
                worker.worker.signal(DIE_AT_COMMIT)
            case Fault.KILL_BETWEEN:
                worker.worker.signal(DIE_BETWEEN)
            case Fault.NAP:
                await _nap(worker)
            case Fault.STOP:
                self._workers.remove(worker)
                code = await asyncio.to_thread(worker.stop)
                assert code == 0, f"{worker.name} was stopped and ended with {code}"
                self.ended.update(worker.ended)
            case Fault.ADD:
                self._add()
            case Fault.BROKER:
                await asyncio.to_thread(self.ground.broker.restart)
            case Fault.BROKER_AND_WORKER:
                self.ground.broker.kill()
                # What it goes on to do meanwhile cannot leave it before the broker is back; nor can a commit.
                worker.worker.signal(DIE_AT_COMMIT)
                await asyncio.to_thread(self.ground.broker.start)
            case Fault.BROKER_KILL:
                await asyncio.to_thread(self._kill_broker)
            case Fault.DATABASE:
                await self._cut_power(worker, feeding)
        await feeding

    async def _freeze(self, worker: Supervisor, part: Sequence[Fact]) -> None:
        """Until others have its partitions and are at work; then it wakes up and believes in them still."""
        before = len(worker.ended)
        worker.worker.signal(signal.SIGSTOP)
        try:
            await self._lag.shared_by(len(self._workers) - 1, PATIENCE_S)
            feeding = asyncio.create_task(self._feed.put(part, AT_A_TIME))
            lag = await self._in_flight(feeding)
        finally:
            worker.worker.signal(signal.SIGCONT)
        self.ground.say(f"  {worker.name} goes on (lag {lag:,})")
        await feeding
        if "lease" not in self.broken:
            await _until(lambda: len(worker.ended) > before, f"{worker.name} ends")
            assert worker.ended[before] == EXIT_CODE, worker.worker.everything_said()[-2000:]

    async def _cut_power(self, worker: Supervisor, feeding: asyncio.Task[None]) -> None:
        server = self.ground.server
        await asyncio.to_thread(server.stop, at_once=True)
        try:
            # What was read meanwhile waits for the writer; a commit over it, and its death loses it.
            await feeding
            await self._lag.still(PATIENCE_S)
            worker.worker.signal(signal.SIGKILL)
        finally:
            await asyncio.to_thread(server.start)

    def _kill_broker(self) -> None:
        self.ground.broker.kill()
        self.ground.broker.start()

    def _add(self) -> None:
        self._started += 1
        directory = self.ground.directory
        worker = Supervisor(
            directory / "data",
            self.ground.broker,
            f"worker-{self._started}",
            program=("tests.soak.worker", *(("--broken", self.broken) if self.broken else ())),
            TRACKREV_PARTITIONS=str(self.form.partitions),
            TRACKREV_STORE=self._url,
        )
        self._workers.append(self._stack.enter_context(worker))

    async def _healed(self) -> None:
        """Once all workers are at work and share the partitions."""
        for worker in self._workers:
            await _until(worker.is_ready, f"{worker.name} is ready")
        await self._lag.shared_by(len(self._workers), PATIENCE_S)

    async def _in_flight(self, feeding: asyncio.Task[None]) -> int:
        """How many records wait to be done, once there are any."""
        while not (lag := await self._lag.behind()):
            assert not feeding.done(), "nothing was in flight: the portions are too small"
            await asyncio.sleep(_LOOK_AGAIN_S)
        return lag


async def _nap(worker: Supervisor) -> None:
    """Its partitions stay its own, but it may not write before that is confirmed; it may commit."""
    worker.worker.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(NAP_S)  # its length is the fault itself
        worker.worker.signal(DIE_AT_COMMIT)
    finally:
        worker.worker.signal(signal.SIGCONT)


async def _until(condition: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(until, condition, what, PATIENCE_S)
