"""The names of channels that a workspace knows, in the order in which they were first written."""

from collections.abc import Iterable, Mapping

import orjson
from sqlalchemy import ColumnElement, Connection, case, func, select

from trackrev_stream.domain.acquisition.channel_names import STANDARD, first_spelling, is_reserved, respelled
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import links
from trackrev_stream.store.database.workspace_schema import channel_rules


def known_channels(connection: Connection, workspace: str) -> list[str]:
    """The spellings of all channels: the standard ones, then those of links and rules as they came."""
    of_links = select(links.c.channel, func.min(links.c.created_at)).where(links.c.workspace == workspace)
    written = [(int(at), 0, name) for name, at in connection.execute(of_links.group_by(links.c.channel))]
    of_rules = select(channel_rules.c.rules, channel_rules.c.created_at, channel_rules.c.version).where(
        channel_rules.c.workspace == workspace
    )
    for rules, at, version in connection.execute(of_rules):
        written += [(at, version, rule["channel"]) for rule in orjson.loads(rules)]
    return [*STANDARD, *(name for _, _, name in sorted(written))]


def channel_to_write(name: str, known: Iterable[str]) -> str:
    """The name as links and rules keep it, in its first spelling. Raises InvalidSetting if reserved."""
    if is_reserved(name):
        raise InvalidSetting(
            f"{name!r} cannot be a channel of yours: Unattributed is what nobody earned, and Direct what "
            "nothing brought; choose another name"
        )
    return first_spelling(name, known)


def shown_as(connection: Connection, workspace: str, found: Iterable[str]) -> dict[str, str]:
    """Those of the channels ``found`` that reports show under another spelling, with that one."""
    return respelled(found, known_channels(connection, workspace))


def as_shown(column: ColumnElement[str], shown: Mapping[str, str]) -> ColumnElement[str]:
    """A column of channels as reports show it."""
    return case(dict(shown), value=column, else_=column) if shown else column
