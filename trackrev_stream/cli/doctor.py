"""`trackrev doctor`: looks at everything, with the program up or not, and says what to do."""

import argparse
import asyncio
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from trackrev_stream.cli.hints import as_called
from trackrev_stream.cli.log_access import way_in
from trackrev_stream.cli.result import CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.choices import Status
from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.doctor import gather
from trackrev_stream.doctor.checks import examine
from trackrev_stream.doctor.facts import Facts, LogFacts
from trackrev_stream.doctor.findings import Finding, Severity
from trackrev_stream.doctor.site import last_hits
from trackrev_stream.errors import ForPeople
from trackrev_stream.eventlog.kafka.cluster import cluster_of
from trackrev_stream.eventlog.kafka.status import look_at
from trackrev_stream.program.admin_client import DOCTOR, Client, NotAnswering, reached
from trackrev_stream.settings import Settings, is_kafka
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import SecretKeyError, StoreError
from trackrev_stream.store.database.sealer import Sealer, open_sealer
from trackrev_stream.store.operations.dead_letters import count_letters
from trackrev_stream.store.reports.health import database_clock, newest_entry, newest_rates_day
from trackrev_stream.store.workspaces.require import require_workspace
from trackrev_stream.store.workspaces.workspaces import list_workspaces

Told = dict[str, Any] | None


def doctor(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`doctor`: 1 where something needs doing."""
    facts = _facts(settings, args.workspace)
    findings = examine(facts)
    return CommandResult(
        _text(facts, findings),
        {
            "findings": [
                {
                    "code": x.code,
                    "severity": x.severity.value,
                    "message": as_called(x.message),
                    "do": as_called(x.do),
                }
                for x in findings
            ]
        },
        status=int(any(each.severity.needs_doing for each in findings)),
    )


def _facts(settings: Settings, only: str | None) -> Facts:
    """Gather: first what the running program tells, then what is in the log, the database and elsewhere."""
    told, log = asyncio.run(_log(settings))
    now = now_ms()
    free, total = gather.disk_of(settings.data)
    found: dict[str, Any] = {
        "now": now,
        "data": str(settings.data),
        "running": gather.running_from(told),
        "log": log,
        "free_bytes": free,
        "total_bytes": total,
        "places": asyncio.run(gather.place_facts(settings, told)),
        "rates_fetched": bool(settings.rates_url),
        "rates_due": gather.rates_due(now),
        "poll_minutes": settings.poll_minutes,
    }
    try:
        store = Store.open(settings.store)
    except StoreError as error:
        return Facts(**found, store_wrong=str(error))
    try:
        return Facts(**found, **_from_store(store, settings, only, now))
    except DBAPIError as error:
        return Facts(**found, store_wrong=f"the database does not answer: {error.orig}")
    finally:
        store.close()


def _from_store(store: Store, settings: Settings, only: str | None, now: int) -> dict[str, Any]:
    if only is not None:
        store.read_now(partial(require_workspace, workspace=only))
    clock = store.read_now(database_clock)
    found: dict[str, Any] = {
        "newest_at": store.read_now(newest_entry),
        "rates_known_through": store.read_now(newest_rates_day),
        "dead_letters": store.read_now(partial(count_letters, status=Status.OPEN)),
        "clocks": {} if clock is None else {"PostgreSQL": now_ms() - clock},
    }
    try:
        sealer = open_sealer(settings.data, settings.secret_key)
        of = gather.connected(store, sealer, _wanted(store, sealer, only))
    except SecretKeyError as error:
        return found | {"secret": gather.secret_facts(settings, error)}
    probes = asyncio.run(gather.probed(of))
    return found | {
        "secret": gather.secret_facts(settings, None),
        "clocks": found["clocks"] | gather.stripe_clock(probes, now_ms()),
        "workspaces": tuple(gather.workspace_facts(store, each, probes, now) for each in of),
    }


def _wanted(store: Store, sealer: Sealer, only: str | None) -> list[Workspace]:
    def find(connection: Connection) -> list[Workspace]:
        return [each for each in list_workspaces(connection, sealer) if only in (None, each.id)]

    return store.read_now(find)


async def _log(settings: Settings) -> tuple[Told, LogFacts]:
    """What the running program tells, and how the log stands."""
    told: Told = None
    with suppress(NotAnswering, ForPeople):
        async with reached(settings.data, DOCTOR) as client:
            told = await client.ask(DOCTOR, {})
    if is_kafka(settings.broker):
        return told, await _kafka(settings)
    if told is not None:
        return told, LogFacts()
    return None, await _embedded(settings)


async def _kafka(settings: Settings) -> LogFacts:
    names = [topic.name for topic in TOPICS]
    status = await look_at(cluster_of(settings), settings.partitions)
    return LogFacts(
        kafka=True,
        wrong=status.wrong,
        missing=() if status.wrong else tuple(name for name in names if name not in status.partitions.counts),
        partitions=status.partitions,
        workers=status.workers,
        spooled=gather.spooled_in(settings.data),
    )


async def _embedded(settings: Settings) -> LogFacts:
    """The log of a program that does not run: opened for a look."""
    if not (Path(urlsplit(settings.broker).path) / "CURRENT").exists():
        return LogFacts(made=False)
    async with AsyncExitStack() as stack:
        try:
            way = await stack.enter_async_context(way_in(settings, DOCTOR))
        except ForPeople as error:
            return LogFacts(wrong=str(error))
        if isinstance(way, Client):  # it has just started
            return LogFacts()
        return LogFacts(lag={topic.name: way.lag(topic.name) for topic in TOPICS})


def _text(facts: Facts, findings: list[Finding]) -> str:
    """What needs doing first, then what is well."""
    doing = [each for each in findings if each.severity.needs_doing]
    doing.sort(key=lambda each: each.severity is not Severity.ERROR)
    lines = [
        line for each in doing for line in (f"{each.severity.upper()}  {each.message}", f"       {each.do}")
    ]
    rest = [each for each in findings if not each.severity.needs_doing]
    lines += [f"{each.severity:5}  {each.message}{f' ({each.do})' if each.do else ''}" for each in rest]
    for workspace in facts.workspaces:
        if hits := last_hits(facts, workspace):
            lines += ["", f"The last hits of {workspace.id}:", *(f"  {line}" for line in hits)]
    count = len(doing)
    lines += ["", f"{count} thing{'s' if count != 1 else ''} to do." if count else "Nothing needs doing."]
    return "\n".join(lines)
