"""The composition root: log, store, agents, writer, collectors, API and page, or some of them."""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Coroutine
from functools import partial
from typing import Any

from aiohttp import web

from collectors.deps import EdgeDeps
from collectors.limits import Limits
from collectors.recent import Recent
from collectors.routes import add_routes
from collectors.stripe.poll_round import poll_deps
from collectors.stripe.poller import Pace, Poller
from trackrev_stream.agents import ties
from trackrev_stream.api import page
from trackrev_stream.api.routes import ReadApi
from trackrev_stream.clock import Clock, now_ms
from trackrev_stream.contracts.codec import Json
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.erasure.eraser import Eraser
from trackrev_stream.eventlog.open import open_broker
from trackrev_stream.eventlog.port import Agents, Broker, Intake
from trackrev_stream.exchange_rates.ecb import bundled
from trackrev_stream.exchange_rates.live import LiveRates
from trackrev_stream.program import listen_address
from trackrev_stream.program.admin import Action, Admin, newest, publishing
from trackrev_stream.program.admin_client import DOCTOR
from trackrev_stream.program.agents import define_agents
from trackrev_stream.program.first_run import FirstRun, FirstWorkspace, first_run
from trackrev_stream.program.listeners import Listeners, admin_app
from trackrev_stream.program.roles import Role
from trackrev_stream.program.running_note import noting
from trackrev_stream.settings import Settings, SettingsError, is_kafka
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.ledger import pending_rates
from trackrev_stream.store.ledger.applied_positions import StorePositions
from trackrev_stream.store.ledger.writer import Writer
from trackrev_stream.store.operations.overview import Overview, look_over_all
from trackrev_stream.store.operations.poller_state import StorePollState
from trackrev_stream.store.operations.reconciliations import StoreLedgerReader
from trackrev_stream.store.workspaces.directory import StoreDirectory
from trackrev_stream.store.workspaces.last_seen import keep_seen
from trackrev_stream.store.workspaces.noticing import Noticing

MOST_SHOWN = 10

log = logging.getLogger(__name__)


class Program:
    """The roles of one process. ``start`` returns when it is ready, ``run`` ends when it was told to stop.

    ``first`` is the workspace that a first start made, ``there`` what there was of each when it started, of
    MOST_SHOWN at most, and how many there were.

    Raises LogBusy, StoreError and others with messages for people when it cannot start.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock = now_ms,
        roles: Collection[Role] = frozenset(Role),
        wanted: FirstWorkspace = FirstWorkspace(),  # noqa: B008 - it never changes
    ) -> None:
        self.settings = settings
        self.roles = roles
        self.url = ""
        self.admin_url = ""
        self.first: FirstRun | None = None
        self._wanted = wanted
        self.there: tuple[list[Overview], int] = ([], 0)
        self._clock = clock
        self._ready = False
        self._recent = Recent()
        self._taking: Intake | None = None
        self._closing = contextlib.AsyncExitStack()
        self._failed: asyncio.Future[BaseException] | None = None

    async def start(self) -> None:
        """Start everything; what was started is stopped again when something fails."""
        self._failed = asyncio.get_running_loop().create_future()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop in the order that loses nothing: the edge first, then the agents, the writer, the log."""
        self._ready = False
        await self._closing.aclose()

    async def wait(self) -> None:
        """Wait until something fails, and raise it."""
        assert self._failed is not None, "wait comes after start"
        raise await self._failed

    async def _start(self) -> None:
        settings = self.settings
        broker = await self._open_broker()
        self._closing.push_async_callback(broker.close)
        store = Store.open(settings.store)
        self._closing.callback(store.close)
        sealer = open_sealer(settings.data, settings.secret_key)
        directory = StoreDirectory(store, sealer, self._clock)
        if set(self.roles) == set(Role):
            self.first = first_run(settings.data, store, sealer, self._clock(), self._wanted)
            look = partial(look_over_all, sealer=sealer, now=self._clock(), most=MOST_SHOWN)
            self.there = await store.read(look)
        positions = StorePositions(store)
        erasing = partial(Eraser, broker.erasure_scope(positions), store, sealer, self._clock)
        if broker.exclusive:
            await erasing().resume()
        agents = await self._work(broker, store, positions) if Role.WORK in self.roles else None
        for chore in broker.chores():
            self._spawn(chore)
        listeners = Listeners(settings, self._closing)
        pausable = agents.pausable if agents is not None else None
        # On Kafka commands reach the log themselves.
        eraser = erasing(agents=pausable, caught_up=broker.caught_up) if broker.exclusive else None
        await self._open_admin(listeners, broker, eraser)
        await self._open_public(listeners, broker, directory, store, StorePollState(store, sealer))
        if set(self.roles) == set(Role):
            self._closing.enter_context(noting(settings))
        self._ready = True

    async def _open_public(
        self,
        listeners: Listeners,
        broker: Broker,
        directory: StoreDirectory,
        store: Store,
        polls: StorePollState,
    ) -> None:
        """The edge, the poller, the API and the page, as far as they are roles of this process."""
        settings = self.settings
        public = web.Application()
        intake = await self._intake(broker, directory) if Role.COLLECT in self.roles else None
        self._taking = intake
        if intake is not None:
            add_routes(public, self._edge(intake, directory, store, polls))
        if Role.POLL in self.roles:
            await self._poll(broker, directory, polls, StoreLedgerReader(store))
        if Role.SERVE in self.roles:
            api = ReadApi(store, directory, self._clock, settings.public_url)
            public.add_routes([*page.page_routes(), *api.routes()])
        if set(self.roles) & {Role.COLLECT, Role.SERVE}:
            self.url = await listeners.public(public)
        if intake is not None:
            listen_address.note_address(settings.data, self.url)
            self._closing.push_async_callback(intake.settle)

    async def _open_broker(self) -> Broker:
        settings = self.settings
        if set(self.roles) != set(Role) and not is_kafka(settings.broker):
            raise SettingsError(
                f"TRACKREV_BROKER is {settings.broker!r}, a log for one process: run `trackrev up`, or set "
                "TRACKREV_BROKER to kafka://HOST:PORT to run collect, worker and api apart"
            )
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        patient = set(self.roles) == {Role.COLLECT}
        return await open_broker(settings, self._clock, patient=patient, agents=Role.WORK in self.roles)

    async def _work(self, broker: Broker, store: Store, positions: StorePositions) -> Agents:
        await broker.resume(positions)
        rates = LiveRates(await asyncio.to_thread(bundled), store, self.settings.rates_url, self._clock)
        await rates.open()
        writer = Writer(store, self._clock, on_fatal=self._fail, rates=lambda: rates.current)
        writer.start()
        self._closing.push_async_callback(writer.stop)
        define = partial(define_agents, settings=self.settings, store=store, writer=writer, clock=self._clock)
        agents = broker.agents(define, writer.barrier, writer.release)
        self._closing.push_async_callback(agents.stop)
        await agents.start()
        self._spawn(agents.run())
        self._spawn(ties.keep_tied(store, broker.publisher, self.settings.partitions))
        self._spawn(pending_rates.keep_converted(store, self._clock, lambda: rates.current))
        if self.settings.rates_url:
            self._spawn(rates.run())
        return agents

    async def _poll(
        self, broker: Broker, directory: StoreDirectory, state: StorePollState, book: StoreLedgerReader
    ) -> None:
        if broker.exclusive:  # whoever polled before is gone
            await state.free_all()
        deps = poll_deps(
            directory,
            state,
            book,
            publisher=broker.publisher,
            partitions=self.settings.partitions,
            clock=self._clock,
        )
        self._spawn(Poller(deps, Pace(every_ms=self.settings.poll_minutes * 60_000)).run())

    async def _intake(self, broker: Broker, directory: StoreDirectory) -> Intake:
        intake = await broker.intake(directory)
        self._closing.push_async_callback(intake.close)
        self._spawn(intake.run())
        return intake

    def _edge(
        self, intake: Intake, directory: StoreDirectory, store: Store, polls: StorePollState
    ) -> EdgeDeps:
        seen = Noticing(store, self._clock, keep_seen)
        return EdgeDeps(
            directory=directory,
            publisher=intake,
            partitions=self.settings.partitions,
            clock=self._clock,
            limits=Limits(behind_proxy=self.settings.behind_proxy),
            ready=lambda: self._ready and intake.ready(),
            trouble=intake.trouble,
            recent=self._recent,
            overrides=directory.overrides,
            read_soon=polls.read_soon,
            seen=lambda workspace, what: seen.note((workspace, what)),
        )

    async def _open_admin(self, listeners: Listeners, broker: Broker, eraser: Eraser | None) -> None:
        actions: dict[str, Action] = {DOCTOR: partial(self._tell_doctor, broker)}
        if eraser is not None:
            publish, find = publishing(broker.publisher), newest(broker.newest)
            actions |= {"publish": publish, "newest": find, "erase": eraser.act}
        # On Kafka several processes may share a data directory: the one that collects is the one to ask.
        asked = eraser is not None or Role.COLLECT in self.roles
        admin = Admin(**actions) if asked else None
        served = admin_app(broker, admin, TOPICS if Role.WORK in self.roles else ())
        url = self.admin_url = await listeners.admin(served)
        if admin is not None:
            admin.open(self.settings.data, url)
            self._closing.callback(admin.close, self.settings.data)

    async def _tell_doctor(self, broker: Broker, _asked: Json) -> Json:
        """The admin action: what only this process knows of how it goes."""
        settings = self.settings
        return {
            "roles": sorted(self.roles),
            "url": self.url,
            "public_url": settings.public_url,
            "host": settings.host,
            "behind_proxy": settings.behind_proxy,
            "trouble": self._taking.trouble() if self._taking is not None else "",
            "clock_refused": self._taking is not None and self._taking.clock_refused(),
            "lag": {topic.name: broker.lag(topic.name) for topic in TOPICS if Role.WORK in self.roles},
        } | self._recent.as_json()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)

        async def end() -> None:
            task.cancel()
            await asyncio.wait([task])

        self._closing.push_async_callback(end)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._ready = False
        if self._failed is not None and not self._failed.done():
            self._failed.set_result(error)
