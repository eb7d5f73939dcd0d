from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import scrub
from collectors.pixel.rate_limit import Buckets
from collectors.scrub import BadUrl, scrub_referrer, scrub_text, scrub_url, values_of
from trackrev_stream.domain.acquisition.landing import CLICK_IDS

SITE = "https://shop.example"


@pytest.mark.parametrize(
    ("url", "scrubbed"),
    [
        ("/", "/"),
        ("", ""),
        ("/a%20b/c?q=red%20shoes&page=2", "/a%20b/c?q=red%20shoes&page=2"),
        ("/#section", "/"),
        (
            "/?utm_source=mail&utm_campaign=key_code&gclid=abc",
            "/?utm_source=mail&utm_campaign=key_code&gclid=abc",
        ),
        ("/?ref=anna&source=x", "/?ref=anna&source=x"),
        ("/?a=1&token=x&b=2", "/?a=1&b=2"),
        ("/?access_token=x", "/"),
        ("/?accessToken=x&API_KEY=y&apiKey=z&session_id=1&PHPSESSID=2", "/?PHPSESSID=2"),
        ("/?password=x&code=1&auth=2&jwt=3&key=4&sig=5&otp=6", "/"),
        ("/?keyword=shoes&author=jo&decode=1&monkey=2", "/?keyword=shoes&author=jo&decode=1&monkey=2"),
        ("/?x=eyJhbGciOiJI.eyJzdWIiOiIx.sig", "/"),
        ("/verify/eyJhbGciOiJI.eyJzdWIiOiIx.sig/now", "/verify/removed/now"),
        ("/?mail=jo@shop.example", "/"),
        ("/?q=jo%40shop.example&a=1", "/?a=1"),
        ("/?q=jo%252540shop.example", "/"),
        ("/?next=https%3A%2F%2Fshop.example%2F%3Femail%3Djo%2540shop.example", "/"),
        ("/?jo@shop.example", "/"),
        ("/users/jo@shop.example/edit", "/users/removed/edit"),
        ("/users/jo%40shop.example", "/users/removed"),
        ("/@jo/status", "/@jo/status"),
        ("/?tr_click=x&a=1", "/?a=1"),
        ("/?TR_CLICK=x&&a=1&", "/?a=1"),
    ],
)
def test_what_is_scrubbed(url: str, scrubbed: str) -> None:
    assert scrub_url(SITE + url, 2_048, drop="tr_click") == SITE + scrubbed


def test_who_was_logged_in_by_the_url_goes() -> None:
    assert scrub_url("https://jo:secret@shop.example:8443/", 2_048) == "https://shop.example:8443/"


@given(st.text(), st.integers(1, 200))
def test_any_text_is_scrubbed_or_refused(text: str, longest: int) -> None:
    with suppress(BadUrl):
        assert len(scrub_url(text, longest)) <= longest
    assert len(scrub_referrer(text, longest)) <= longest
    scrub_text(text, longest)


@given(st.emails(), st.sampled_from(["/?q={}", "/{}/x", "/?{}=1", "/?a=1&b={}", "/#{}"]))
def test_no_email_passes(email: str, place: str) -> None:
    local = email.partition("@")[0]
    try:
        scrubbed = scrub_url(SITE + place.format(email), 2_048)
    except BadUrl:
        return
    assert "@" not in scrubbed or local not in scrubbed


_PIECES = (
    "a",
    "B7",
    "shop.example",
    ".",
    "-",
    "~",
    "_",
    ":80",
    ":99999",
    ":",
    "/",
    "//",
    "..",
    "eyJabcde.abcdef",
    "eyJ",
)


@given(st.sampled_from(("http://", "https://")), st.lists(st.sampled_from(_PIECES), max_size=6).map("".join))
def test_what_passes_as_clean_had_nothing_to_take_out(scheme: str, rest: str) -> None:
    url = scheme + rest
    if scrub.CLEAN.fullmatch(url):
        assert scrub_url(f"{url}?", 2_048) == url  # the query, empty as it is, has it looked through


@pytest.mark.parametrize(
    ("referrer", "scrubbed"),
    [
        ("https://www.google.com/", "https://www.google.com/"),
        ("android-app://com.google.android.gm/", "android-app://com.google.android.gm/"),
        ("android-app://com.Slack", "android-app://com.slack/"),
        ("android-app://com.reader/https/app.example/?email=jo@shop.example", "android-app://com.reader/"),
        ("android-app://jo@shop.example/", ""),
        ("about:client", ""),
        ("", ""),
        ("https://t.co/" + "x" * 3_000, "https://t.co/"),
        ("https://app.example/?email=jo@shop.example", "https://app.example/"),
        ("https://[", ""),
    ],
)
def test_a_referrer_never_costs_the_page_view(referrer: str, scrubbed: str) -> None:
    assert scrub_referrer(referrer, 2_048) == scrubbed


@pytest.mark.parametrize("name", CLICK_IDS)
def test_click_ids_are_kept(name: str) -> None:
    url = f"{SITE}/?{name}=Cj0KCQ-x_y"
    assert scrub_url(url, 2_048) == url


def test_values() -> None:
    assert list(values_of("a=1&b=%20x&a=&a", "a")) == ["1", "", ""]
    assert list(values_of("%61=1+2", "a")) == ["1 2"]


def test_a_bucket_fills_with_time() -> None:
    buckets = Buckets(10)
    assert [buckets.take("a", 1, 0) for _ in range(21)] == [0] * 20 + [100]
    assert buckets.take("b", 20, 0) == 0
    assert buckets.take("a", 1, 99) == 1
    assert buckets.take("a", 1, 100) == 0
    assert buckets.take("a", 1, 50) == 100  # a clock that goes back gives nothing and takes nothing
    assert buckets.take("a", 1_000, 10_000) == 0  # at most a full bucket is asked for
