"""One channel, however it is spelled: in links, in rules, and in what reports make of old lines."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.store.builders import NOON, WS, at_offsets, charge, standing_lines, touch, visit
from tests.store.workspaces.builders import make
from trackrev_stream.contracts.choices import By
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.journeys.journey import Visit
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import links
from trackrev_stream.store.database.sealer import Sealer, open_sealer
from trackrev_stream.store.ledger.post import post
from trackrev_stream.store.reports.channels_and_revenue import channels
from trackrev_stream.store.reports.links import links_brought
from trackrev_stream.store.reports.ltv import ltv
from trackrev_stream.store.workspaces.channel_rules import put_rules
from trackrev_stream.store.workspaces.links import put_link

URL = "https://shop.example/"


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return open_sealer(tmp_path)


@pytest.fixture
def site(store: Store, sealer: Sealer) -> Store:
    make(store, sealer, workspace=WS)
    return store


def put(store: Store, slug: str, channel: str, now: int = 1) -> str:
    return store.write_now(
        lambda c: put_link(c, workspace=WS, slug=slug, url=URL, channel=channel, now=now)
    ).channel


def rule(store: Store, *names: str) -> list[str]:
    raw = [{"source": f"s{number}", "channel": name} for number, name in enumerate(names)]
    return [one.channel for one in store.write_now(lambda c: put_rules(c, WS, raw, now=9)).rules]


def test_links_and_rules_keep_the_spelling_that_came_first(site: Store) -> None:
    assert put(site, "a", "newsletter") == "newsletter"
    assert put(site, "b", " Newsletter ") == "newsletter"
    assert put(site, "c", "paid search") == "Paid Search", "the standard channels were there before"
    assert rule(site, "NEWSLETTER", "Pod cast", "podcast") == ["newsletter", "Pod cast", "Pod cast"]
    assert put(site, "d", "PODCAST", now=10) == "Pod cast"


def test_another_spelling_of_its_own_channel_changes_no_link(site: Store) -> None:
    put(site, "a", "newsletter")
    site.write_now(lambda c: c.execute(update(links).values(channel="NewsLetter")))  # by an older program
    assert put(site, "a", "newsletter") == "NewsLetter"
    assert site.read_now(lambda c: c.execute(select(links.c.version)).scalar()) == 1


@pytest.mark.parametrize("name", ["Unattributed", "direct", " DIRECT "])
def test_reserved_names_are_refused(site: Store, name: str) -> None:
    with pytest.raises(InvalidSetting, match="cannot be a channel of yours"):
        put(site, "a", name)
    with pytest.raises(InvalidSetting, match="cannot be a channel of yours"):
        rule(site, name)


def test_reports_have_one_row_for_all_spellings_and_no_line_changes(site: Store) -> None:
    put(site, "spring", "newsletter")
    records: list[AttributedCharge | Visit] = [
        charge("ch_1", touches=(touch("Newsletter"),), payer="cus_1"),
        charge("ch_2", touches=(touch("newsletter"),), payer="cus_1", amount=1_000),
        charge("ch_3", payer="cus_2"),
        visit("v1", channel="Newsletter", clicks=2),
        visit("v1", channel="newsletter", clicks=1),
        visit("v2", channel="newsletter", link="", clicks=1),
    ]
    site.write_now(lambda c: post(c, at_offsets(*records), NOON))
    before = site.read_now(standing_lines)
    found = site.read_now(lambda c: channels(c, WS, 30, NOON, "UTC"))
    assert [(row.channel, row.visitors, row.clicks, row.money.net_minor) for row in found.rows] == [
        ("newsletter", 2, 4, 5_900),
        ("unattributed", 0, 0, 4_900),
    ]
    assert (found.total.visitors, found.total.clicks) == (2, 4)
    [cohort] = site.read_now(lambda c: ltv(c, WS, By.CHANNEL, "UTC"))
    assert [(row.channel, row.payers) for row in cohort.rows] == [("newsletter", 1), ("unattributed", 1)]
    assert cohort.rows[0].months[0].usd.net_minor == 5_900
    assert site.read_now(standing_lines) == before
    assert {line[2] for line in before} == {"newsletter", "Newsletter", "unattributed"}


def test_what_links_brought_is_told_of_all_at_once(site: Store) -> None:
    records: list[AttributedCharge | Visit] = [
        charge("ch_1", touches=(touch(link="spring"),), currency="eur", refunds=(("re_1", 900),)),
        charge("ch_2", touches=(touch("YouTube", link="yt"),), payer="cus_2"),
        charge("ch_3", payer="cus_3"),
        visit("v1", link="spring", clicks=2),
        visit("v1", link="spring", clicks=1, day=NOON // DAY_MS - 3),
        visit("v2", link="spring", clicks=1, landed=False),
        visit("v3", channel="Email", link=""),
    ]
    site.write_now(lambda c: post(c, at_offsets(*records), NOON))
    # Refunds of the builders come a day after their charge.
    found = site.read_now(lambda c: links_brought(c, WS, 2, NOON + DAY_MS, "UTC"))
    assert set(found) == {"spring", "yt"}
    spring = found["spring"]
    assert (spring.visitors, spring.clicks) == (1, 3)
    assert (spring.money.native["eur"].gross_minor, spring.money.native["eur"].net_minor) == (4_900, 4_000)
    assert found["yt"].money.net_minor == 4_900
