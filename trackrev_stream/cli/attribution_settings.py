"""`trackrev workspace settings`: how a workspace decides its charges, in versions."""

import argparse
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from trackrev_stream.cli.context import known_workspace, opened
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.choices import UNLIMITED
from trackrev_stream.contracts.times import rfc3339, utc_minute
from trackrev_stream.domain.attribution.decision import Returning
from trackrev_stream.domain.attribution.models import Model
from trackrev_stream.settings import Settings
from trackrev_stream.store.workspaces import attribution_settings
from trackrev_stream.store.workspaces.attribution_settings import SettingsVersion


def workspace_settings(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`workspace settings`: all versions, after one was added or withdrawn where that is asked for."""
    changes = _changes(args)
    if args.withdraw and (changes or args.effective_from):
        raise CommandError("--withdraw takes the last version back as it is; leave the other options out")
    if args.effective_from and not changes:
        raise CommandError("--effective-from says when, but nothing says what to change; see --help")
    now = now_ms()
    with opened(settings) as (store, sealer):
        workspace = known_workspace(store, sealer, args.workspace)
        if args.withdraw:
            store.write_now(partial(attribution_settings.withdraw_version, workspace=workspace.id, now=now))
        elif changes:
            at = _parse(args.effective_from, workspace.time_zone) if args.effective_from else None
            store.write_now(
                partial(
                    attribution_settings.add_version,
                    workspace=workspace.id,
                    changes=changes,
                    now=now,
                    effective_from=at,
                )
            )
        versions = store.read_now(partial(attribution_settings.list_versions, workspace=workspace.id))
    held = _in_effect(versions, now)
    return CommandResult(
        "\n".join(_line(version, held) for version in versions),
        {"workspace": workspace.id, "versions": [_json(version, held) for version in versions]},
    )


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if args.lookback_days is not None:
        found["lookback_days"] = args.lookback_days
    if "identify_days" in args:
        found["identify_days"] = args.identify_days
    if args.model is not None:
        found["model"] = Model(args.model)
    if args.returning is not None:
        found["returning"] = Returning(args.returning)
    return found


def _parse(text: str, time_zone: str) -> int:
    """A time in ms since the epoch; where it names no zone, it is the workspace's."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"{text!r} is no time; give one such as 2026-12-01T00:00 or 2026-12-01T00:00Z"
        ) from error
    return int((at if at.tzinfo else at.replace(tzinfo=ZoneInfo(time_zone))).timestamp()) * 1000


def _in_effect(versions: Sequence[SettingsVersion], now: int) -> int:
    begun = [v for v in versions if v.withdrawn_at is None and v.effective_from <= now]
    return begun[-1].rules.version


def _line(version: SettingsVersion, held: int) -> str:
    chosen = version.rules
    since = f"from {utc_minute(version.effective_from)}" if version.effective_from else "from the beginning"
    if version.withdrawn_at is not None:
        state = f"withdrawn on {utc_minute(version.withdrawn_at)}"
    elif chosen.version == held:
        state = "in effect"
    else:
        state = "over" if chosen.version < held else "not yet in effect"
    days = UNLIMITED if chosen.identify_days is None else f"{chosen.identify_days} days"
    return (
        f"version {chosen.version}, {since}: {state}\n"
        f"  model {chosen.model}, lookback {chosen.lookback_days} days, identify to charge {days}, "
        f"returning customers: {chosen.returning}"
    )


def _json(version: SettingsVersion, held: int) -> dict[str, Any]:
    chosen = version.rules
    withdrawn_at = version.withdrawn_at
    return {
        "version": chosen.version,
        "effective_from": rfc3339(version.effective_from) if version.effective_from else None,
        "in_effect": chosen.version == held,
        "model": chosen.model,
        "lookback_days": chosen.lookback_days,
        "identify_days": chosen.identify_days,
        "returning": chosen.returning,
        "created_at": rfc3339(version.created_at),
        "withdrawn_at": None if withdrawn_at is None else rfc3339(withdrawn_at),
    }
