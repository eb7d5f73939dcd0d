"""A workspace's rules of channels are applied at the edge, and the hit carries what they said."""

from dataclasses import replace
from typing import Any

from tests.collectors.edge import WORKSPACE, DictDirectory, Edge, identify, on_edge, pageview
from tests.facts import hit
from trackrev_stream.contracts import click_token
from trackrev_stream.contracts.codec import decode, encode
from trackrev_stream.domain.acquisition.channel_overrides import ChannelOverrides, ChannelRule
from trackrev_stream.domain.journeys.touch import Click, Hit, Touch, same_touch, touch_of

PARTNERS = ChannelOverrides(
    3, (ChannelRule("Partners", host="*.partner.example"), ChannelRule("Search ads", click_id="gclid"))
)
FROM_PARTNER = "https://www.blog.partner.example/?email=jo@shop.example"


def test_a_hit_carries_what_the_rules_say_and_their_version() -> None:
    async def scenario(edge: Edge) -> None:
        await edge.post_hits(
            pageview("h1", referrer=FROM_PARTNER),
            pageview("h2", "https://shop.example/?gclid=x"),
            pageview("h3", referrer="https://www.google.com/"),
            identify("jo@shop.example", "h4"),
        )
        stamped = {found.id: (found.channel, found.channel_rules) for found in edge.log.hits()}
        assert stamped == {"h1": ("Partners", 3), "h2": ("Search ads", 3), "h3": ("", 3), "h4": ("", 0)}
        touches = {found.id: touch for found in edge.log.hits() if (touch := touch_of(found))}
        assert {name: (touch.channel, touch.source) for name, touch in touches.items()} == {
            "h1": ("Partners", "blog.partner.example"),
            "h2": ("Search ads", "google"),
            "h3": ("Organic Search", "google"),
        }
        assert {touch.channel_rules for touch in touches.values()} == {3}

    on_edge(scenario, directory=DictDirectory(channel_rules={"ws_1": PARTNERS}))


def test_rules_are_one_workspaces_own() -> None:
    async def scenario(edge: Edge) -> None:
        await edge.post_hits(pageview(referrer=FROM_PARTNER))
        [found] = edge.log.hits()
        assert (found.channel, found.channel_rules) == ("", 0)

    on_edge(scenario, directory=DictDirectory(channel_rules={"ws_2": PARTNERS}))


def test_a_tracked_link_outranks_them() -> None:
    async def scenario(edge: Edge) -> None:
        click = Click("c1", "spring", "Newsletter", "", edge.now)
        token = click_token.sign(click, WORKSPACE.id, WORKSPACE.click_secret)
        await edge.post_hits(pageview(url=f"https://shop.example/?tr_click={token}", referrer=FROM_PARTNER))
        [found] = edge.log.hits()
        touch = touch_of(found)
        assert touch is not None
        assert (found.channel, touch.channel) == ("", "Newsletter")

    on_edge(scenario, directory=DictDirectory(channel_rules={"ws_1": PARTNERS}))


def test_what_goes_on_with_a_visit_is_no_touch_whatever_they_say() -> None:
    assert touch_of(hit(referrer="https://shop.example/", site="shop.example", channel="Partners")) is None


def test_a_hit_seen_again_under_newer_rules_stays_what_it_was() -> None:
    old, new = touch_of(hit(channel="B", channel_rules=1)), touch_of(hit(channel="A", channel_rules=2))
    assert old is not None
    assert new is not None
    assert same_touch(old, new) == same_touch(new, old) == old
    newest = replace(old, channel="A", rule_version=old.rule_version + 1)  # of a later program
    assert same_touch(old, newest) == same_touch(newest, old) == old


def changed(touch: Touch, **fields: Any) -> Touch:
    return replace(touch, **fields)


def test_of_sights_of_one_moment_none_counts_for_having_come_first() -> None:
    seen = touch_of(hit(channel="Direct"))
    assert seen is not None
    names = ("channel", "source", "link", "partner")
    for before, after in ([{name: "Direct"}, {name: "Direct mail"}] for name in names):
        one, other = (changed(seen, **named) for named in (before, after))
        assert same_touch(one, other) == same_touch(other, one) == one


def test_hits_from_before_there_were_rules_are_read() -> None:
    raw = encode(hit()).replace(b',"channel":"","channel_rules":0', b"")
    assert b"channel" not in raw
    assert decode(Hit, raw) == hit()
