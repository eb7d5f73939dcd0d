"""Addresses that stand for nobody, and people's that only look like them."""

import pytest

from trackrev_stream.domain.journeys.placeholder_emails import is_placeholder

SHOP = "www.shop.example"


@pytest.mark.parametrize(
    "email",
    [
        "noreply@airline.aero",
        "no-reply@shop.example",
        "no_reply+42@mail.airline.aero",
        "do-not-reply@x.io",
        "unknown@x.io",
        "none@none.com",
        "whoever@none.com",
        "anna@localhost",
        "anna@till-3.localhost",
        "anna@example.invalid",
        "test@example.com",
        "test.user@example.org",
        "user@mail.example.net",
        "test@test.com",
        "test@gmail.com",
        "guest@shop.example",
        "walk-in@shop.example",
        "orders@mail.www.shop.example",
    ],
)
def test_stands_for_nobody(email: str) -> None:
    assert is_placeholder(email, SHOP)


@pytest.mark.parametrize(
    "email",
    [
        "anna@shop.example",  # staff who buy are people
        "jenny.rosen@example.com",  # as in Stripe's own examples, and in every trial
        "guest@hotel.example",  # another's domain
        "sales@wholesaler.io",  # a firm that buys
        "testa@gmail.com",
        "nora.reply@x.io",
        "test@acme.io",
        "x@nonesuch.com",
        "guest@example",  # a shop's domain is never its top level
        "anna@notlocalhost.com",
    ],
)
def test_stands_for_someone(email: str) -> None:
    assert not is_placeholder(email, SHOP)


def test_a_workspace_without_a_domain() -> None:
    assert not is_placeholder("guest@shop.example", "")


def test_a_shop_with_several_domains_has_tills_at_each() -> None:
    assert is_placeholder("guest@shop.de", "shop.example shop.de")
    assert is_placeholder("guest@shop.example", "shop.example shop.de")
    assert not is_placeholder("guest@other.example", "shop.example shop.de")
