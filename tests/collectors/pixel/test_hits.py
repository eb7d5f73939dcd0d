import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.limits import Limits
from tests.collectors.edge import (
    BROWSER,
    WORKSPACE,
    Edge,
    identify,
    on_edge,
    pageview,
)
from tests.facts import NOW, VISITOR
from trackrev_stream.contracts import click_token
from trackrev_stream.contracts.topics import PIXEL_HITS
from trackrev_stream.domain.journeys.touch import Click, HitKind, Trust
from trackrev_stream.domain.values.ids import email_key
from trackrev_stream.metrics import REGISTRY

CLICK = Click("0192f0c1-7c1e-7abc-8def-cccccccccccc", "spring", "Newsletter", "anna", NOW - 5_000)


def proof(email: str, expiry: int, secret: bytes = WORKSPACE.identify_secret) -> str:
    return f"{expiry}.{hmac.new(secret, f'{email}.{expiry}'.encode(), hashlib.sha256).hexdigest()}"


# Unwanted by policy


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}, "bot"),
        ({"User-Agent": BROWSER.replace("Chrome/", "HeadlessChrome/")}, "bot"),
        ({"Sec-Purpose": "prefetch"}, "prefetch"),
        ({"Purpose": "prefetch"}, "prefetch"),
        ({"Sec-Purpose": "prefetch;prerender"}, "prerender"),
        ({"Sec-GPC": "1"}, "gpc"),
    ],
)
def test_what_nobody_wants_is_dropped_whole(headers: dict[str, str], reason: str) -> None:
    async def scenario(edge: Edge) -> None:
        status, body, response = await edge.post_hits(pageview("a"), pageview("b"), headers=headers)
        assert status == 202
        assert body == {"accepted": 0, "dropped": [{"id": name, "reason": reason} for name in "ab"]}
        assert "Set-Cookie" not in response.headers
        assert edge.log.records == []

    on_edge(scenario, Limits(drop_gpc=True))


@pytest.mark.parametrize(
    "headers", [{"Sec-GPC": "1"}, {"User-Agent": "python-requests/2.34"}, {"User-Agent": ""}]
)
def test_what_is_counted_by_default(headers: dict[str, str]) -> None:
    async def scenario(edge: Edge) -> None:
        assert (await edge.post_hits(pageview(), headers=headers))[1]["accepted"] == 1

    on_edge(scenario)


# Bad hits


BAD: list[tuple[str, Any]] = [
    ("bad_hit", "text"),
    ("bad_hit", None),
    ("bad_id", pageview(hit_id="")),
    ("bad_id", pageview(hit_id="x" * 65)),
    ("bad_id", pageview(hit_id="a|b")),
    ("bad_id", {"type": "pageview", "at": NOW, "url": "https://shop.example/"}),
    ("bad_type", pageview() | {"type": "click"}),
    ("bad_type", pageview() | {"type": ["pageview"]}),
    ("bad_time", pageview() | {"at": "now"}),
    ("bad_time", pageview() | {"at": True}),
    ("bad_time", pageview() | {"at": 10**17}),
    ("bad_url", pageview(url="javascript:alert(1)")),
    ("bad_url", pageview(url="ftp://shop.example/")),
    ("bad_url", pageview(url="/relative")),
    ("bad_url", pageview(url="https://shop.example/" + "a" * 2_048)),
    ("bad_url", pageview(url="https://shop.example/\u0000")),
    ("bad_url", pageview(url="https://[::1")),
    ("bad_url", pageview(url="https://shop.example:99999/")),
    ("bad_url", {"id": "h", "type": "pageview", "at": NOW}),
    ("bad_url", pageview(referrer=7)),
    ("bad_email", identify("nobody")),
    ("bad_email", identify("a@b")),
    ("bad_email", identify("a b@shop.example")),
    ("bad_email", identify(["a@shop.example"])),
    ("bad_email", identify("a" * 250 + "@shop.example")),
    ("bad_email", {"id": "h", "type": "identify", "at": NOW}),
    ("bad_proof", identify("jo@shop.example", proof="rubbish")),
    ("bad_proof", identify("jo@shop.example", proof=7)),
    ("bad_proof", identify("jo@shop.example", proof=proof("jo@shop.example", NOW))),
    ("bad_proof", identify("jo@shop.example", proof=proof("al@shop.example", NOW + 60_000))),
    ("bad_proof", identify("jo@shop.example", proof=proof("jo@shop.example", NOW + 60_000, b"other"))),
]


@pytest.mark.parametrize(("reason", "hit"), BAD)
def test_a_bad_hit_is_dropped_alone_into_the_dead_letters(reason: str, hit: Any) -> None:
    async def scenario(edge: Edge) -> None:
        status, body, _ = await edge.post_hits(pageview("good"), hit, visitor=VISITOR)
        hit_id = hit.get("id") if isinstance(hit, dict) else None
        assert status == 202
        assert body["accepted"] == 1
        assert body["dropped"] == [{"id": hit_id and hit_id[:64], "reason": reason}]
        assert [accepted.id for accepted in edge.log.hits()] == ["good"]
        [letter] = edge.log.dead_letters()
        assert (letter.processor, letter.failure, letter.index) == ("collect", reason, 1)
        assert (letter.topic, letter.failed_at) == ("pixel-hits", NOW)
        assert "@" not in base64.b64decode(letter.payload).decode()

    on_edge(scenario)


def refused_as_placeholders() -> float:
    return REGISTRY.get_sample_value("trackrev_hits_dropped_total", {"reason": "placeholder_email"}) or 0.0


@pytest.mark.parametrize("email", ["No-Reply@airline.aero", "guest@shop.example", "anna@localhost"])
def test_an_address_of_nobody_is_dropped_and_counted_alone(email: str) -> None:
    async def scenario(edge: Edge) -> None:
        _, body, _ = await edge.post_hits(pageview("good"), identify(email), visitor=VISITOR)
        assert (body["accepted"], [each["reason"] for each in body["dropped"]]) == (1, ["placeholder_email"])
        assert edge.log.dead_letters() == []

    before = refused_as_placeholders()
    on_edge(scenario)
    assert refused_as_placeholders() == before + 1


def test_a_dead_letter_has_no_email_anywhere() -> None:
    async def scenario(edge: Edge) -> None:
        bad = {
            "id": "jo@shop.example|",
            "type": "jo@shop.example",
            "at": NOW,
            "url": "https://shop.example/?mail=jo%2540shop.example",
            "referrer": "jo@shop.example",
            "email": "jo@shop.example",
            "jo@shop.example": "jo@shop.example",
        }
        assert (await edge.post_hits(bad))[1]["dropped"][0]["reason"] == "bad_id"
        [letter] = edge.log.dead_letters()
        payload = json.loads(base64.b64decode(letter.payload))
        assert payload == {
            "id": "removed|",
            "type": "removed",
            "at": NOW,
            "url": "https://shop.example/?mail=removed",
            "referrer": "removed",
            "email": "str",
        }

    on_edge(scenario)


# Clicks


def test_a_click_is_verified_and_its_token_removed() -> None:
    async def scenario(edge: Edge) -> None:
        token = click_token.sign(CLICK, "ws_1", WORKSPACE.click_secret)
        await edge.post_hits(pageview(url=f"https://shop.example/?a=1&tr_click={token}&b=2#x"))
        [hit] = edge.log.hits()
        assert hit.click == CLICK
        assert hit.url == "https://shop.example/?a=1&b=2"

    on_edge(scenario)


@pytest.mark.parametrize("workspace", ["ws_2", "ws_1"])
def test_a_foreign_token_is_ignored_and_the_page_view_stays(workspace: str) -> None:
    async def scenario(edge: Edge) -> None:
        secret = WORKSPACE.click_secret if workspace == "ws_2" else b"guessed"
        token = click_token.sign(CLICK, workspace, secret)
        _, body, _ = await edge.post_hits(pageview(url=f"https://shop.example/?tr_click={token}"))
        [hit] = edge.log.hits()
        assert body["accepted"] == 1
        assert (hit.click, hit.url) == (None, "https://shop.example/")

    on_edge(scenario)


# Identities


def test_an_identify_carries_a_key_and_never_the_email() -> None:
    async def scenario(edge: Edge) -> None:
        await edge.post_hits(identify("  Jo.Doe+x@Shop.Example "))
        [hit] = edge.log.hits()
        assert hit.kind is HitKind.IDENTIFY
        assert hit.email_key == email_key(WORKSPACE.email_secret, "jo.doe+x@shop.example")
        assert hit.trust is Trust.UNSIGNED
        assert b"@" not in edge.log.records[0].value

    on_edge(scenario)


def test_a_proof_makes_an_identify_signed() -> None:
    async def scenario(edge: Edge) -> None:
        signed = identify("Jo@shop.example", proof=proof("jo@shop.example", NOW + 1))
        assert (await edge.post_hits(signed))[1]["accepted"] == 1
        assert edge.log.hits()[0].trust is Trust.SIGNED

    on_edge(scenario)


def test_a_page_view_takes_no_email() -> None:
    async def scenario(edge: Edge) -> None:
        await edge.post_hits(pageview(email="jo@shop.example", proof="x"))
        assert edge.log.hits()[0].email_key == ""

    on_edge(scenario)


# Whatever comes, the answer is no 5xx


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
URLS = st.text(max_size=60).map("https://shop.example/?".__add__) | st.text(max_size=60) | JSON
HITS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.just("h") | JSON,
            "type": st.sampled_from(["pageview", "identify"]) | JSON,
            "at": JSON,
            "url": URLS,
        },
        optional={"referrer": URLS, "email": st.emails() | JSON, "proof": JSON},
    )
    | JSON,
    max_size=4,
)
BODIES = st.binary(max_size=300) | st.fixed_dictionaries(
    {"workspace": st.just("ws_1") | JSON, "sent_at": st.just(NOW) | JSON, "hits": HITS | JSON},
    optional={"visitor": st.just(VISITOR) | JSON},
).map(lambda body: json.dumps(body).encode())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies=st.lists(BODIES, min_size=1, max_size=8), cookie=st.text('abc-0=;" ', max_size=12))
def test_no_body_breaks_the_pixel(bodies: list[bytes], cookie: str) -> None:
    async def scenario(edge: Edge) -> None:
        for raw in bodies:
            headers = {"User-Agent": BROWSER, "Cookie": f"tr_vid={cookie}"}
            response = await edge.client.post("/e", data=raw, headers=headers)
            body = await response.json()
            assert response.status in (202, 400, 404, 413)
            assert ("accepted" in body) == (response.status == 202)
        assert b"@" not in b"".join(
            record.value for record in edge.log.records if record.topic == PIXEL_HITS.name
        )

    on_edge(scenario)
