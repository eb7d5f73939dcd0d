"""Channels as a user of Google Analytics 4 expects them: ``ga4_pairs.txt``, one landing a line."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackrev_stream.domain.acquisition.channel import RULES, classify
from trackrev_stream.domain.acquisition.landing import CLICK_IDS, host_of, is_internal
from trackrev_stream.domain.acquisition.sources import SourceKind, source_of_host, source_of_tag

SITE = "shop.example"
NO_CONTACT = ("(no contact)", "-")
PAIRS = [
    tuple(cell.strip() for cell in line.split(" | "))
    for line in (Path(__file__).parent / "ga4_pairs.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def answer(landing: str, referrer: str) -> tuple[str, str]:
    url = landing if landing.startswith("http") else f"https://{SITE}{landing}"
    came_from = "" if referrer == "-" else referrer
    return NO_CONTACT if is_internal(url, came_from, SITE) else classify(url, came_from, SITE)


@pytest.mark.parametrize("pair", PAIRS, ids=" | ".join)
def test_channel_and_source(pair: tuple[str, ...]) -> None:
    landing, referrer, channel, source = pair
    assert answer(landing, referrer) == (channel, source)


def test_the_pairs_are_many_different_and_reach_every_channel() -> None:
    assert len({pair[:2] for pair in PAIRS}) == len(PAIRS) >= 300
    assert {name for name, _ in RULES} <= {channel for _, _, channel, _ in PAIRS}
    landings = " ".join(landing.lower() for landing, *_ in PAIRS)
    assert [name for name in CLICK_IDS if f"{name}=" not in landings] == ["igshid"]  # the old name of igsh


@pytest.mark.parametrize(
    ("host", "name", "kind"),
    [
        ("mail.google.com", "gmail", SourceKind.MAIL),  # the longest host wins, not the first section
        ("gemini.google.com", "gemini", SourceKind.AI),
        ("accounts.google.co.uk", "google sign-in", SourceKind.RETURN),
        ("m.facebook.com", "facebook", SourceKind.SOCIAL),
        ("m.me", "messenger", SourceKind.SOCIAL),
        ("pay.amazon.de", "amazon pay", SourceKind.RETURN),
        ("www.amazon.com.br", "amazon", SourceKind.SHOPPING),
        ("app:com.google.android.gm", "gmail", SourceKind.MAIL),
    ],
)
def test_whose_a_host_is(host: str, name: str, kind: SourceKind) -> None:
    found = source_of_host(host)
    assert found is not None
    assert (found.name, found.kind) == (name, kind)


@pytest.mark.parametrize(
    "host", ["", "com", "co.uk", "x", "google", "com.google.android.gm", "app:google.com", "docs.google.com"]
)
def test_what_is_nobodys(host: str) -> None:
    assert source_of_host(host) is None


@pytest.mark.parametrize("tag", ["link", "front", "paypal", "taboola", ""])
def test_words_that_mean_something_else_in_a_tag(tag: str) -> None:
    assert source_of_tag(tag) is None


@given(st.text("ab:/?#@[].\\ \n%А٢", max_size=14))
@example("https://Shop.example:8080/a/b?x=https://other.example/")
@example("https://shop.example?a/b")
@example("https:/a//b")
def test_the_host_of_an_address_is_that_of_its_start(url: str) -> None:
    try:
        expected = (urlsplit(url).hostname or "").lower().rstrip(".")
    except ValueError:
        expected = ""
    assert host_of(url) == expected
