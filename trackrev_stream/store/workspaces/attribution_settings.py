"""The versions of a workspace's attribution settings: added ahead of time, never changed, withdrawn in time.

A version takes effect MARGIN_MS or more after it is made, and is withdrawn as long before it does. So the
versions that a worker reads now tell it the truth about every charge of the next while (ARCHITECTURE.md, rule 9).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import Connection, Row, select, update

from trackrev_stream.contracts.times import utc_second
from trackrev_stream.domain.attribution.attribution_settings import FIRST, MARGIN_MS
from trackrev_stream.domain.attribution.decision import AttributionSettings, Returning
from trackrev_stream.domain.attribution.models import Model
from trackrev_stream.domain.journeys.journey import LARGEST_WINDOW_DAYS
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import add_new, attribution_settings
from trackrev_stream.store.workspaces.require import require_workspace

LONGEST_IDENTIFY_DAYS = 3_650

_RULES = tuple(item.name for item in fields(AttributionSettings))


@dataclass(frozen=True, slots=True)
class SettingsVersion:
    """A version: its rules, when it takes effect, was made and, where it never came to that, withdrawn."""

    rules: AttributionSettings
    effective_from: int
    created_at: int
    withdrawn_at: int | None = None


def add_first(connection: Connection, workspace: str, now: int) -> None:
    """Give a new workspace its first version, which holds from the beginning."""
    _put(connection, workspace, SettingsVersion(FIRST, 0, now))


def list_versions(connection: Connection, workspace: str) -> list[SettingsVersion]:
    """All versions of a workspace, first to last, with those that were withdrawn.

    Raises UnknownWorkspace.
    """
    require_workspace(connection, workspace)
    table = attribution_settings
    found = connection.execute(
        select(table).where(table.c.workspace == workspace).order_by(table.c.version)
    ).all()
    return [_version(row) for row in found]


def add_version(
    connection: Connection,
    workspace: str,
    changes: Mapping[str, Any],
    now: int,
    effective_from: int | None = None,
) -> SettingsVersion:
    """Add a version: the last one with ``changes``, fields of Rules; by default in effect MARGIN_MS from now.

    Raises InvalidSetting.
    """
    versions = list_versions(connection, workspace)
    last = [version for version in versions if version.withdrawn_at is None][-1]
    rules = replace(last.rules, **changes, version=versions[-1].rules.version + 1)
    _check(rules)
    at = now + MARGIN_MS if effective_from is None else effective_from
    if at < now + MARGIN_MS:
        raise InvalidSetting(
            f"a change takes effect {MARGIN_MS // 1000} s from now at the earliest, not on {utc_second(at)}: "
            "charges until then may be decided already"
        )
    if at <= last.effective_from:
        raise InvalidSetting(
            f"version {last.rules.version} takes effect on {utc_second(last.effective_from)}: choose a later "
            "time, or withdraw that version first"
        )
    if replace(rules, version=last.rules.version) == last.rules:
        raise InvalidSetting(f"version {last.rules.version} says the same already: nothing was changed")
    new = SettingsVersion(rules, at, now)
    if not _put(connection, workspace, new):
        raise InvalidSetting(
            "somebody else changed these settings at the same time; look at them, and try again"
        )
    return new


def withdraw_version(connection: Connection, workspace: str, now: int) -> SettingsVersion:
    """Withdraw the last version, which must not be in effect, nor about to be. Raises InvalidSetting."""
    versions = list_versions(connection, workspace)
    last = [version for version in versions if version.withdrawn_at is None][-1]
    if last.effective_from < now + MARGIN_MS:
        begun = (
            "is in effect since" if last.effective_from <= now else "takes effect in less than a minute, on"
        )
        since = (
            f"{begun} {utc_second(last.effective_from)}"
            if last.effective_from
            else "holds from the beginning"
        )
        raise InvalidSetting(
            f"version {last.rules.version} {since}, and stays; to change the settings, make another version"
        )
    table = attribution_settings
    connection.execute(
        update(table)
        .where(table.c.workspace == workspace, table.c.version == last.rules.version)
        .values(withdrawn_at=now)
    )
    return replace(last, withdrawn_at=now)


def rule_versions(connection: Connection) -> dict[str, tuple[tuple[int, AttributionSettings], ...]]:
    """The versions of all workspaces with the times they take effect, latest first; as RuleBook has them."""
    table = attribution_settings
    found: dict[str, list[tuple[int, AttributionSettings]]] = {}
    standing = select(table).where(table.c.withdrawn_at.is_(None))
    for row in connection.execute(standing.order_by(table.c.effective_from.desc())):
        found.setdefault(row.workspace, []).append((row.effective_from, _version(row).rules))
    return {workspace: tuple(versions) for workspace, versions in found.items()}


def find_rules(connection: Connection, workspace: str, version: int) -> AttributionSettings | None:
    """The rules of one version of a workspace's settings, or None."""
    table = attribution_settings
    wanted = select(table).where(table.c.workspace == workspace, table.c.version == version)
    row = connection.execute(wanted).first()
    return _version(row).rules if row else None


def _check(rules: AttributionSettings) -> None:
    if not 1 <= rules.lookback_days <= LARGEST_WINDOW_DAYS:
        raise InvalidSetting(
            f"lookback_days is {rules.lookback_days}; it may be 1 to {LARGEST_WINDOW_DAYS}: older clicks are "
            "forgotten"
        )
    if rules.identify_days is not None and not 1 <= rules.identify_days <= LONGEST_IDENTIFY_DAYS:
        raise InvalidSetting(
            f"identify_days is {rules.identify_days}; it may be 1 to {LONGEST_IDENTIFY_DAYS}, or unlimited"
        )


def _put(connection: Connection, workspace: str, version: SettingsVersion) -> bool:
    row = {name: getattr(version.rules, name) for name in _RULES}
    times = {name: getattr(version, name) for name in ("effective_from", "created_at", "withdrawn_at")}
    return add_new(connection, attribution_settings, {"workspace": workspace} | row | times)


def _version(row: Row[tuple[object, ...]]) -> SettingsVersion:
    rules = AttributionSettings(
        version=row.version,
        model=Model(row.model),
        lookback_days=row.lookback_days,
        identify_days=row.identify_days,
        returning=Returning(row.returning),
    )
    return SettingsVersion(rules, row.effective_from, row.created_at, row.withdrawn_at)
