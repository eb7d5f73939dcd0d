"""Gathers what the doctor looks at: from the database, the disk, Stripe and the public address.

Nothing is changed by it, and nothing takes long: who does not answer in time is told as such.
"""

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from collectors.stripe.permissions import Probe, probe
from trackrev_stream.contracts.ports import StripeConnection, Workspace
from trackrev_stream.doctor.facts import (
    ConnectionFacts,
    PlaceFacts,
    RunningFacts,
    SecretFacts,
    WorkspaceFacts,
)
from trackrev_stream.domain.values.days import DAY_MS, day_of, last_ecb_day
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import SecretKeyError
from trackrev_stream.store.database.sealer import KEY_FILE, Sealer
from trackrev_stream.store.operations.poller_state import find_progress
from trackrev_stream.store.operations.waiting_money import list_waiting
from trackrev_stream.store.reports.health import workspace_health
from trackrev_stream.store.workspaces.stripe_connections import find_connections

MOST_PROBED = 10
"""Of more connections than this the last round of the poller is believed."""
PROBE_S = 20.0
REACH_S = 5.0
STRIPE = "Stripe"

Probes = dict[tuple[str, str], Probe]


@dataclass(frozen=True, slots=True)
class GatheredConnection:
    """A workspace with its Stripe connections, secrets and all."""

    workspace: Workspace
    connections: tuple[StripeConnection, ...]


def running_from(told: dict[str, Any] | None) -> RunningFacts | None:
    """What the running program has told, if there is one."""
    if told is None:
        return None
    return RunningFacts(
        roles=tuple(told["roles"]),
        url=told["url"],
        trouble=told["trouble"],
        clock_refused=told["clock_refused"],
        lag=told["lag"],
        hits={name: tuple(kept) for name, kept in told["hits"].items()},
        webhooks={name: tuple(kept) for name, kept in told["webhooks"].items()},
        forwarded=told["forwarded"],
        direct=told["direct"],
    )


def connected(store: Store, sealer: Sealer, workspaces: Sequence[Workspace]) -> list[GatheredConnection]:
    """The workspaces with their connections. Raises SecretKeyError."""
    return [
        GatheredConnection(each, store.read_now(partial(find_connections, sealer=sealer, workspace=each.id)))
        for each in workspaces
    ]


async def probed(of: Sequence[GatheredConnection]) -> Probes:
    """What the keys may read now, as Stripe answers; of none where there are many."""
    keyed = [one for each in of for one in each.connections if one.api_key]
    if len(keyed) > MOST_PROBED:
        return {}
    found: Probes = {}

    async def ask(one: StripeConnection) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PROBE_S):
                found[one.workspace, one.account] = await probe(one)

    await asyncio.gather(*map(ask, keyed))
    return found


def stripe_clock(probes: Probes, now: int) -> dict[str, int]:
    """How far this machine's clock is ahead of Stripe's: what a request took is not counted."""
    seen = [one.seen_at for one in probes.values() if one.seen_at is not None]
    return {STRIPE: now - max(seen)} if seen else {}


def workspace_facts(store: Store, of: GatheredConnection, probes: Probes, now: int) -> WorkspaceFacts:
    """A workspace as the database and Stripe show it."""
    name = of.workspace.id
    health = store.read_now(partial(workspace_health, workspace=name, now=now))
    waiting = store.read_now(partial(list_waiting, workspace=name))
    return WorkspaceFacts(
        id=name,
        domain=of.workspace.domain,
        last_visit_day=health.last_visit_day,
        last_webhook_at=health.last_webhook_at,
        last_charge_at=health.last_charge_at,
        charges=health.charges,
        reasons=health.reasons,
        connections=tuple(
            _connection(store, one, probes, now) for one in of.connections if one.account != EVERY_ACCOUNT
        ),
        waiting=sum(len(one.facts) for one in waiting),
        waits_since=min((one.since for one in waiting), default=0),
    )


def _connection(store: Store, one: StripeConnection, probes: Probes, now: int) -> ConnectionFacts:
    progress = store.read_now(partial(find_progress, connection=one, now=now)) if one.api_key else None
    asked = probes.get((one.workspace, one.account))
    permissions = dict(asked.permissions) if asked is not None else {}
    warnings = asked.warnings if asked is not None else ()
    if asked is None and progress is not None and progress.report.missing:
        permissions = dict.fromkeys(progress.report.missing, "missing")
    return ConnectionFacts(
        account=one.account,
        has_key=bool(one.api_key),
        has_webhook_secret=bool(one.webhook_secrets),
        started_at=progress.report.started_at if progress is not None else None,
        due_at=progress.due_at if progress is not None else 0,
        result=progress.report.result if progress is not None else "",
        permissions=permissions,
        warnings=warnings,
    )


def disk_of(data: Path) -> tuple[int | None, int]:
    """Free bytes and all bytes of the disk that the data directory is on."""
    with suppress(OSError):
        usage = shutil.disk_usage(data)
        return usage.free, usage.total
    return None, 0


def spooled_in(data: Path) -> int:
    """The bytes that collectors which are gone have left for Kafka."""
    logs = [path for path in data.glob("spool-*/log/**/*") if path.is_file()]
    return sum(path.stat().st_size for path in logs)


def secret_facts(settings: Settings, error: SecretKeyError | None) -> SecretFacts:
    """The secret key, and what was wrong when a secret was opened with it."""
    mode = None
    if not settings.secret_key:
        with suppress(OSError):
            mode = (settings.data / KEY_FILE).stat().st_mode & 0o777
    return SecretFacts(mode, str(error) if error is not None else "")


def rates_due(now: int) -> int:
    """The day through which rates should be known: they come in the afternoon, and a day late is no fault."""
    return last_ecb_day(day_of(now - DAY_MS)) - 1


async def place_facts(settings: Settings, told: dict[str, Any] | None) -> PlaceFacts:
    """Where the program is reached, as it has it itself where it runs."""
    public_url = told["public_url"] if told else settings.public_url
    return PlaceFacts(
        public_url=public_url,
        host=told["host"] if told else settings.host,
        behind_proxy=told["behind_proxy"] if told else settings.behind_proxy,
        reached=await _reached(public_url) if public_url else "",
    )


async def _reached(public_url: str) -> str:
    """Empty where the public URL answers as this program does, else what happened."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(REACH_S)) as session,
            session.get(f"{public_url}/live") as response,
        ):
            body = await response.read()
            if response.status == 200 and b'"live":true' in body:
                return ""
            return f"it answered {response.status}, and not as this program"
    except TimeoutError:
        return f"no answer within {REACH_S:g} s"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return str(error).partition("\n")[0] or type(error).__name__
