"""The rules by which workspaces name channels themselves, every version of them."""

from dataclasses import asdict, replace

import orjson
from sqlalchemy import Connection, insert, select

from trackrev_stream.domain.acquisition.channel_names import first_spelling
from trackrev_stream.domain.acquisition.channel_overrides import (
    NO_OVERRIDES,
    BadChannelRules,
    ChannelOverrides,
    ChannelRule,
    parse_rules,
)
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import bump_meta
from trackrev_stream.store.database.workspace_schema import channel_rules
from trackrev_stream.store.workspaces.channel_names import channel_to_write, known_channels
from trackrev_stream.store.workspaces.links import plain_name
from trackrev_stream.store.workspaces.require import require_workspace
from trackrev_stream.store.workspaces.settings_version import SETTINGS_VERSION


def put_rules(connection: Connection, workspace: str, raw: object, now: int) -> ChannelOverrides:
    """Give a workspace the rules in ``raw``, parsed JSON, as a new version unless they are those it has.

    They hold for hits that come from now on. A channel that is known in another spelling is kept in that one.
    Raises InvalidSetting.
    """
    require_workspace(connection, workspace)
    try:
        parsed = parse_rules(raw)
    except BadChannelRules as error:
        raise InvalidSetting(str(error)) from error
    rules = _respelled(connection, workspace, parsed)
    known = find_overrides(connection, workspace)
    if rules == known.rules:
        return known
    made = ChannelOverrides(known.version + 1, rules)
    row = {
        "workspace": workspace,
        "version": made.version,
        "rules": orjson.dumps([rule_as_written(rule) for rule in rules]).decode(),
        "created_at": now,
    }
    connection.execute(insert(channel_rules).values(row))
    bump_meta(connection, SETTINGS_VERSION)
    return made


def find_overrides(connection: Connection, workspace: str) -> ChannelOverrides:
    """The rules of a workspace as they stand."""
    mine = select(channel_rules).where(channel_rules.c.workspace == workspace)
    row = connection.execute(mine.order_by(channel_rules.c.version.desc()).limit(1)).first()
    return ChannelOverrides(row.version, parse_rules(orjson.loads(row.rules))) if row else NO_OVERRIDES


def _respelled(
    connection: Connection, workspace: str, rules: tuple[ChannelRule, ...]
) -> tuple[ChannelRule, ...]:
    """The rules with each channel in its first spelling. Raises InvalidSetting for a name that cannot be."""
    known = known_channels(connection, workspace)
    for rule in rules:
        known.append(channel_to_write(plain_name("channel", rule.channel), known))
    return tuple(replace(rule, channel=first_spelling(rule.channel, known)) for rule in rules)


def rule_as_written(rule: ChannelRule) -> dict[str, str]:
    """A rule as people write it: what it matches, and the channel."""
    return {name: value for name, value in asdict(rule).items() if value}
