"""Channels as a GA4 user would expect them: landing URL, referrer, channel group, source."""

import pytest

from trackrev_stream.domain.channel import classify, is_internal

SITE = "https://shop.example/"
CASES = [
    ("", "", "Direct", "direct"),
    ("", "https://www.google.com/", "Organic Search", "google"),
    ("", "https://www.google.co.uk/search?q=x", "Organic Search", "google"),
    ("", "https://duckduckgo.com/", "Organic Search", "duckduckgo"),
    ("", "https://search.brave.com/", "Organic Search", "brave"),
    ("?gclid=abc", "https://www.google.com/", "Paid Search", "google"),
    ("?gclid=abc", "", "Paid Search", "google"),
    ("?msclkid=abc", "https://www.bing.com/", "Paid Search", "bing"),
    ("?fbclid=abc", "https://l.facebook.com/", "Organic Social", "facebook"),
    ("?fbclid=abc", "", "Organic Social", "facebook"),
    ("?utm_source=facebook&utm_medium=cpc", "", "Paid Social", "facebook"),
    ("?utm_source=google&utm_medium=cpc", "", "Paid Search", "google"),
    ("?utm_source=youtube&utm_medium=paid", "", "Paid Video", "youtube"),
    ("?utm_source=acme&utm_medium=cpc", "", "Paid Other", "acme"),
    ("?utm_source=acme&utm_medium=banner", "", "Display", "acme"),
    ("?utm_source=newsletter&utm_medium=email", "", "Email", "newsletter"),
    ("?utm_source=newsletter", "", "Email", "newsletter"),
    ("", "https://mail.google.com/mail/u/0/", "Email", "gmail"),
    ("?utm_source=acme&utm_medium=affiliate", "", "Affiliates", "acme"),
    ("?utm_source=acme&utm_medium=sms", "", "SMS", "acme"),
    ("?utm_source=acme&utm_medium=push", "", "Mobile Push Notifications", "acme"),
    ("?utm_source=acme&utm_medium=podcast", "", "Unassigned", "acme"),
    ("?ref=producthunt.com", "", "Organic Social", "producthunt"),
    ("", "https://t.co/xyz", "Organic Social", "twitter"),
    ("", "https://www.linkedin.com/feed/", "Organic Social", "linkedin"),
    ("", "https://news.ycombinator.com/item?id=1", "Organic Social", "hackernews"),
    ("", "https://www.youtube.com/watch?v=1", "Organic Video", "youtube"),
    ("", "https://blog.example.org/review", "Referral", "blog.example.org"),
    ("?utm_source=blog&utm_medium=referral", "", "Referral", "blog"),
]


@pytest.mark.parametrize(("query", "referrer", "channel", "source"), CASES)
def test_channel_and_source(query: str, referrer: str, channel: str, source: str) -> None:
    assert classify(SITE + query, referrer) == (channel, source)


@pytest.mark.parametrize(
    ("url", "referrer", "internal"),
    [
        (SITE, "", False),
        (SITE, "https://shop.example/pricing", True),
        (SITE, "https://blog.shop.example/", True),
        ("https://app.shop.example/", "https://www.shop.example/", True),
        (SITE, "https://checkout.stripe.com/c/pay", True),
        (SITE, "https://www.paypal.com/checkout", True),
        (SITE, "https://notshop.example/", False),
        (SITE + "?utm_source=x", "https://shop.example/pricing", False),
        (SITE, "https://www.google.com/", False),
        (SITE, "http://[broken", False),
    ],
)
def test_what_continues_a_visit(url: str, referrer: str, internal: bool) -> None:
    assert is_internal(url, referrer, "shop.example") is internal
