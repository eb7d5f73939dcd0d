"""A workspace's rules of channels in the database: versions, what is refused, what the directory sees."""

from pathlib import Path

import pytest
from sqlalchemy import select

from tests.store.builders import run
from tests.store.workspaces.builders import Time, make
from trackrev_stream.domain.acquisition.channel_overrides import NO_OVERRIDES, ChannelOverrides, ChannelRule
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import InvalidSetting, UnknownWorkspace
from trackrev_stream.store.database.sealer import Sealer, open_sealer
from trackrev_stream.store.database.workspace_schema import channel_rules
from trackrev_stream.store.workspaces.channel_rules import find_overrides, put_rules
from trackrev_stream.store.workspaces.directory import StoreDirectory

PARTNERS = {"host": "*.partner.example", "channel": "Partners"}


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return open_sealer(tmp_path)


def put(store: Store, *rules: object, workspace: str = "ws_a") -> ChannelOverrides:
    return store.write_now(lambda c: put_rules(c, workspace, list(rules), now=1))


def test_every_change_is_a_version_and_all_are_kept(store: Store, sealer: Sealer) -> None:
    make(store, sealer)
    assert store.read_now(lambda c: find_overrides(c, "ws_a")) == NO_OVERRIDES
    first = put(store, PARTNERS)
    assert first == ChannelOverrides(1, (ChannelRule("Partners", host="*.partner.example"),))
    assert put(store, PARTNERS) == first  # nothing changed
    assert put(store, PARTNERS, {"medium": "podcast", "channel": "Po\u0301dcasts"}).version == 2
    assert store.read_now(lambda c: find_overrides(c, "ws_a")).rules[1].channel == "P\u00f3dcasts"
    assert put(store) == ChannelOverrides(3)
    assert store.read_now(lambda c: find_overrides(c, "ws_a")) == ChannelOverrides(3)
    assert store.read_now(lambda c: len(c.execute(select(channel_rules)).all())) == 3


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"channel": "A"}, "matches everything"),
        ({"source": "a", "channel": "unattributed"}, "cannot be a channel"),
        ({"source": "a", "channel": "x" * 65}, "at most 64 printable"),
        ({"source": "a", "channel": "a\x00b"}, "printable"),
    ],
)
def test_what_is_refused(store: Store, sealer: Sealer, rule: dict[str, str], said: str) -> None:
    make(store, sealer)
    with pytest.raises(InvalidSetting, match=said):
        put(store, rule)
    with pytest.raises(UnknownWorkspace, match="no workspace 'ws_none'"):
        put(store, PARTNERS, workspace="ws_none")
    assert store.read_now(lambda c: find_overrides(c, "ws_a")) == NO_OVERRIDES


def test_the_directory_sees_a_change_within_a_second(store: Store, sealer: Sealer) -> None:
    time = Time()
    directory = StoreDirectory(store, sealer, time)
    make(store, sealer)

    async def story() -> None:
        assert await directory.overrides("ws_a") == NO_OVERRIDES
        first = put(store, PARTNERS)
        time.now += 1_000
        assert await directory.overrides("ws_a") == first
        second = put(store, {**PARTNERS, "channel": "Friends"})
        assert await directory.overrides("ws_a") == first
        time.now += 1_000
        assert await directory.overrides("ws_a") == second

    run(story())
