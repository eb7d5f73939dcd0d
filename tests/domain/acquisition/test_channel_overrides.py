"""A workspace's own rules of channels: what they match, in which order, and what is no rule."""

import pytest

from trackrev_stream.domain.acquisition.channel_overrides import (
    MOST_RULES,
    BadChannelRules,
    ChannelOverrides,
    ChannelRule,
    parse_rules,
)
from trackrev_stream.domain.acquisition.landing import landing_of

SITE = "https://shop.example/"


def channel(landing: str, referrer: str, *rules: dict[str, str]) -> str:
    return ChannelOverrides(1, parse_rules(list(rules))).channel_of(
        landing_of(SITE + landing, referrer, "shop.example")
    )


@pytest.mark.parametrize(
    ("landing", "referrer", "rule", "matches"),
    [
        ("?utm_source=Acme", "", {"source": "acme"}, True),
        ("?utm_source=acme-2", "", {"source": "acme"}, False),
        ("?utm_source=acme-2", "", {"source": "ACME*"}, True),
        ("?utm_source=facebook.com", "", {"source": "facebook"}, True),  # as reports call it
        ("?utm_source=a&utm_medium=podcast", "", {"medium": "podcast"}, True),
        ("?utm_source=a&utm_campaign=2026-summer", "", {"campaign": "*summer*"}, True),
        ("", "https://www.partner.example/", {"host": "partner.example"}, True),
        ("", "https://a.partner.example/", {"host": "partner.example"}, False),
        ("", "https://a.partner.example/", {"host": "*.partner.example"}, True),
        ("", "https://www.google.co.uk/", {"host": "google.co.uk"}, True),  # the source is google
        ("", "android-app://com.partner/", {"host": "com.partner"}, True),
        ("?gclid=x", "", {"click_id": "gclid"}, True),
        ("?gclid=x&fbclid=y", "", {"click_id": "g*"}, True),
        ("", "https://www.google.com/", {"click_id": "*"}, False),
        ("", "https://www.google.com/", {"medium": "organic", "source": "google"}, True),
        ("?gclid=x", "https://www.google.com/", {"medium": "organic", "source": "google"}, False),
        ("", "", {"source": "(direct)"}, True),
        ("", "https://shop.example/cart", {"host": "shop.example"}, False),  # the site is no referrer
    ],
)
def test_what_a_rule_matches(landing: str, referrer: str, rule: dict[str, str], *, matches: bool) -> None:
    assert channel(landing, referrer, rule | {"channel": "Ours"}) == ("Ours" if matches else "")


def test_the_first_rule_that_matches_wins() -> None:
    one, other = {"source": "acme", "channel": "One"}, {"medium": "*", "channel": "Other"}
    assert channel("?utm_source=acme", "", one, other) == "One"
    assert channel("?utm_source=acme", "", other, one) == "Other"
    assert channel("?utm_source=nobody", "") == ""


def test_rules_as_they_are_read() -> None:
    assert parse_rules([{"host": " *.Partner.example ", "channel": " Partner Sites "}]) == (
        ChannelRule("Partner Sites", host="*.partner.example"),
    )


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({}, "should be a list"),
        (None, "should be a list"),
        (["x"], "rule 1 should be an object"),
        ([{"channel": "A", "source": "a"}, {"source": "b"}], "rule 2 has no channel"),
        ([{"channel": "A"}], "matches everything"),
        ([{"channel": "A", "sauce": "b"}], "has 'sauce'; it may have channel, source"),
        ([{"channel": "A", "source": 1}], "source should be text"),
        ([{"channel": "A", "source": " "}], "source should be text"),
        ([{"channel": "", "source": "a"}], "channel should be text"),
        ([{"channel": "A", "source": "x" * 201}], "source should be text of 1 to 200"),
        ([{"channel": "A", "source": "[ab]"}], r"only \* has a meaning"),
        ([{"channel": "A", "source": "a"}] * (MOST_RULES + 1), "at most 200"),
    ],
    ids=str,
)
def test_what_is_no_rule_is_said(raw: object, said: str) -> None:
    with pytest.raises(BadChannelRules, match=said):
        parse_rules(raw)
