"""The versions of the attribution settings, and what a worker knows of them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from trackrev_stream.agents.attribution_settings import StoredSettings
from trackrev_stream.domain.attribution.attribution_settings import KNOWN_MS, MARGIN_MS, SettingsBehind
from trackrev_stream.domain.attribution.decision import Returning
from trackrev_stream.domain.attribution.models import Model
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import InvalidSetting, UnknownWorkspace
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.workspaces.attribution_settings import (
    add_version,
    list_versions,
    rule_versions,
    withdraw_version,
)
from trackrev_stream.store.workspaces.workspaces import create_workspace

NOW = 1_790_000_000_000
WS = "ws_shop"


@pytest.fixture
def shop(store: Store, tmp_path: Path) -> Store:
    sealer = open_sealer(tmp_path, "")
    store.write_now(
        lambda c: create_workspace(c, sealer, domain="shop.example", now=NOW, workspace=WS, time_zone="UTC")
    )
    return store


def change(store: Store, at: int | None = None, now: int = NOW, **changes: Any) -> int:
    made = store.write_now(lambda c: add_version(c, WS, changes, now, at))
    return made.rules.version


def in_effect(store: Store, at: int) -> int:
    versions = store.read_now(rule_versions)[WS]
    return next(rules.version for effective_from, rules in versions if effective_from <= at)


def test_the_first_version_holds_from_the_beginning(shop: Store) -> None:
    (first,) = shop.read_now(lambda c: list_versions(c, WS))
    assert (first.effective_from, first.rules.version, first.rules.lookback_days) == (0, 1, 30)
    assert in_effect(shop, 0) == 1


def test_a_change_holds_from_its_time_on_and_keeps_the_rest(shop: Store) -> None:
    assert change(shop, lookback_days=7, identify_days=60) == 2
    assert change(shop, NOW + 90_000, returning=Returning.ASK, identify_days=None) == 3
    assert [in_effect(shop, NOW + at) for at in (59_999, 60_000, 89_999, 90_000)] == [1, 2, 2, 3]
    *_, last = shop.read_now(lambda c: list_versions(c, WS))
    assert (last.rules.lookback_days, last.rules.identify_days) == (7, None)
    assert (last.rules.returning, last.rules.model) == (Returning.ASK, Model.LAST_NON_DIRECT)


@pytest.mark.parametrize(
    ("changes", "at", "message"),
    [
        ({"lookback_days": 91}, None, "lookback_days is 91; it may be 1 to 90: older clicks are forgotten"),
        ({"lookback_days": 0}, None, "it may be 1 to 90"),
        ({"identify_days": 0}, None, "or unlimited"),
        ({"lookback_days": 7}, NOW + MARGIN_MS - 1, "60 s from now at the earliest, not on 2026-09-21"),
        ({"lookback_days": 30}, None, "version 1 says the same already"),
    ],
)
def test_what_no_version_can_say(shop: Store, changes: dict[str, Any], at: int | None, message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        change(shop, at, **changes)
    assert len(shop.read_now(lambda c: list_versions(c, WS))) == 1


def test_versions_follow_each_other(shop: Store) -> None:
    change(shop, NOW + 600_000, lookback_days=7)
    with pytest.raises(InvalidSetting, match="choose a later time, or withdraw that version first"):
        change(shop, NOW + 600_000, lookback_days=8)


def test_a_version_is_withdrawn_before_its_time_and_its_number_never_used_again(shop: Store) -> None:
    change(shop, lookback_days=7)
    shop.write_now(lambda c: withdraw_version(c, WS, NOW))
    assert in_effect(shop, NOW + MARGIN_MS) == 1
    assert change(shop, lookback_days=8) == 3
    with pytest.raises(InvalidSetting, match="version 3 takes effect in less than a minute, on 2026-09-21"):
        shop.write_now(lambda c: withdraw_version(c, WS, NOW + 1))
    with pytest.raises(InvalidSetting, match="version 3 is in effect since 2026-09-21"):
        shop.write_now(lambda c: withdraw_version(c, WS, NOW + MARGIN_MS))
    versions = shop.read_now(lambda c: list_versions(c, WS))
    assert [version.withdrawn_at for version in versions] == [None, NOW, None]


def test_the_first_version_stays(shop: Store) -> None:
    with pytest.raises(InvalidSetting, match="version 1 holds from the beginning, and stays"):
        shop.write_now(lambda c: withdraw_version(c, WS, NOW))


def test_no_settings_without_a_workspace(shop: Store) -> None:
    with pytest.raises(UnknownWorkspace, match="There is no workspace 'ws_other'"):
        shop.read_now(lambda c: list_versions(c, "ws_other"))


def test_what_a_worker_knows_stays_true_for_as_long_as_it_says(shop: Store) -> None:
    async def story() -> None:
        known = StoredSettings(shop, lambda: NOW)
        with pytest.raises(SettingsBehind):
            known.book.at(WS, NOW)
        await known.refresh()
        change(shop, now=NOW + 1, lookback_days=7)
        through = known.book.known_through
        assert through == NOW + KNOWN_MS
        assert known.book.at(WS, through).version == in_effect(shop, through) == 1
        with pytest.raises(SettingsBehind):
            known.book.at(WS, through + 1)
        later = StoredSettings(shop, lambda: NOW + MARGIN_MS)
        for_one_record = await later.refresh()
        assert later.book.at(WS, NOW + MARGIN_MS + 1).version == 2
        assert for_one_record.at(WS, NOW * 2).version == 2, "a charge of the future"
        with pytest.raises(SettingsBehind):
            later.book.at(WS, NOW * 2)

    asyncio.run(story())
