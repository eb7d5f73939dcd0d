import asyncio
import base64
import gzip
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.deps import Limits
from tests.collectors.edge import (
    BROWSER,
    NOW,
    VISITOR,
    WORKSPACE,
    DictDirectory,
    Edge,
    identify,
    on_edge,
    pageview,
    running,
)
from trackrev_stream.contracts import click_token
from trackrev_stream.contracts.topics import PIXEL_HITS
from trackrev_stream.domain.ids import email_key, is_visitor_id, partition_of, visitor_key
from trackrev_stream.domain.touch import DAY_MS, Click, HitKind, Trust

OTHER = "0192f0c1-7c1e-7abc-8def-aaaaaaaaaaaa"
CLICK = Click("0192f0c1-7c1e-7abc-8def-cccccccccccc", "spring", "Newsletter", "anna", NOW - 5_000)


def proof(email: str, expiry: int, secret: bytes = WORKSPACE.identify_secret) -> str:
    return f"{expiry}.{hmac.new(secret, f'{email}.{expiry}'.encode(), hashlib.sha256).hexdigest()}"


def test_a_page_view_is_accepted_and_durable() -> None:
    async def scenario(edge: Edge) -> None:
        view = pageview(referrer="https://www.google.com/search?q=shoes")
        status, body, response = await edge.post_hits(view, visitor=VISITOR)
        [hit] = edge.log.hits()
        [record] = edge.log.of(PIXEL_HITS.name)
        assert (status, body) == (202, {"accepted": 1, "dropped": [], "visitor": VISITOR})
        assert record.partition == partition_of(visitor_key("ws_1", VISITOR), 4)
        assert (hit.workspace, hit.id, hit.visitor, hit.kind) == ("ws_1", "h1", VISITOR, HitKind.PAGEVIEW)
        assert (hit.occurred_at, hit.received_at) == (NOW, NOW)
        assert (hit.url, hit.referrer) == ("https://shop.example/", "https://www.google.com/search?q=shoes")
        assert hit.site == "shop.example"
        assert response.headers["Cache-Control"] == "no-store"

    on_edge(scenario)


def test_plain_text_and_gzip_are_read_alike() -> None:
    async def scenario(edge: Edge) -> None:
        raw = json.dumps({"workspace": "ws_1", "sent_at": NOW, "hits": [pageview()]}).encode()
        headers = {"Content-Type": "text/plain;charset=UTF-8", "User-Agent": BROWSER}
        assert (await edge.client.post("/e", data=raw, headers=headers)).status == 202
        headers["Content-Encoding"] = "gzip"
        assert (await edge.client.post("/e", data=gzip.compress(raw), headers=headers)).status == 202
        assert (await edge.client.post("/e", data=b"no gzip at all", headers=headers)).status == 400
        bomb = gzip.compress(b" " * 50_000_000)
        assert (await edge.client.post("/e", data=bomb, headers=headers)).status == 413
        assert len(edge.log.hits()) == 2

    on_edge(scenario)


@pytest.mark.parametrize(
    ("ago", "corrected"),
    [(0, 0), (90_000, 90_000), (-60_000, 0), (8 * DAY_MS, 7 * DAY_MS)],
)
@pytest.mark.parametrize("wrong_by", [0, 3_600_000, -20 * 365 * DAY_MS])
def test_the_browser_s_clock_is_corrected(ago: int, corrected: int, wrong_by: int) -> None:
    async def scenario(edge: Edge) -> None:
        sent_at = NOW + wrong_by
        await edge.post_hits(pageview(at=sent_at - ago), sent_at=sent_at)
        assert edge.log.hits()[0].occurred_at == NOW - corrected

    on_edge(scenario)


# Cookies


def test_the_cookie_is_first_party_long_and_refreshed() -> None:
    async def scenario(edge: Edge) -> None:
        _, body, response = await edge.post_hits(pageview())
        cookie = response.cookies["tr_vid"]
        assert is_visitor_id(cookie.value)
        assert cookie.value == body["visitor"] == edge.log.hits()[0].visitor
        assert cookie["max-age"] == "34560000"
        assert (cookie["path"], cookie["samesite"]) == ("/", "Lax")
        assert (cookie["secure"], cookie["domain"]) == ("", "")
        _, _, response = await edge.post_hits(pageview(), headers={"Cookie": f"tr_vid={cookie.value}"})
        assert response.cookies["tr_vid"].value == cookie.value

    on_edge(scenario)


def test_the_cookie_wins_over_the_body() -> None:
    async def scenario(edge: Edge) -> None:
        await edge.post_hits(pageview(), headers={"Cookie": f"tr_vid={OTHER}"}, visitor=VISITOR)
        await edge.post_hits(pageview(), headers={"Cookie": "tr_vid=rubbish"}, visitor=VISITOR.upper())
        assert [hit.visitor for hit in edge.log.hits()] == [OTHER, VISITOR]

    on_edge(scenario)


@pytest.mark.parametrize(
    ("host", "domain"),
    [("t.shop.example", "shop.example"), ("shop.example:8080", "shop.example"), ("notshop.example", "")],
)
def test_the_cookie_is_for_the_whole_site_where_the_request_came_in_under_it(host: str, domain: str) -> None:
    async def scenario(edge: Edge) -> None:
        _, _, response = await edge.post_hits(pageview(), headers={"Host": host})
        assert response.cookies["tr_vid"]["domain"] == domain

    on_edge(scenario)


@pytest.mark.parametrize(("behind_proxy", "secure"), [(True, True), (False, "")])
def test_only_a_trusted_proxy_makes_the_cookie_secure(behind_proxy: bool, secure: object) -> None:
    async def scenario(edge: Edge) -> None:
        _, _, response = await edge.post_hits(pageview(), headers={"X-Forwarded-Proto": "https"})
        assert response.cookies["tr_vid"]["secure"] == secure

    on_edge(scenario, Limits(behind_proxy=behind_proxy))


# CORS


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", True),
        ("https://www.shop.example:8443", True),
        ("http://localhost:3000", True),
        ("http://127.0.0.1:5500", True),
        ("http://[::1]:5500", True),
        ("https://evil.example", False),
        ("https://notshop.example", False),
        ("https://shop.example.evil.example", False),
        ("null", False),
        ("https://[", False),
    ],
)
def test_only_the_workspace_s_pages_may_read_the_answer(origin: str, allowed: bool) -> None:
    async def scenario(edge: Edge) -> None:
        status, _, response = await edge.post_hits(pageview(), headers={"Origin": origin})
        assert status == 202
        assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert ("Access-Control-Allow-Credentials" in response.headers) == allowed
        assert response.headers["Vary"] == "Origin"

    on_edge(scenario)


def test_a_preflight_allows_json() -> None:
    async def scenario(edge: Edge) -> None:
        asked = {
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        response = await edge.client.options("/e", headers=asked)
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert response.headers["Access-Control-Allow-Credentials"] == "true"
        assert response.headers["Access-Control-Allow-Headers"] == "Content-Type"
        assert response.headers["Access-Control-Allow-Methods"] == "POST"

    on_edge(scenario)


def test_pages_can_read_why_they_were_refused() -> None:
    async def scenario(edge: Edge) -> None:
        edge.log.down = True
        origin = {"Origin": "https://shop.example"}
        status, body, response = await edge.post_hits(pageview(), headers=origin)
        assert (status, body["error"]["code"]) == (503, "unavailable")
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert response.headers["Access-Control-Expose-Headers"] == "Retry-After"
        assert int(response.headers["Retry-After"]) > 0
        status, _, response = await edge.post_hits(pageview(), headers=origin, workspace="ws_2")
        assert (status, response.headers["Access-Control-Allow-Origin"]) == (404, "https://shop.example")

    on_edge(scenario)


# Refusals


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 10_000, "JSON"),
        (b"[]", "object"),
        (b'{"sent_at":1,"hits":[]}', "workspace"),
        (b'{"workspace":["ws_1"],"sent_at":1,"hits":[]}', "workspace"),
        (b'{"workspace":"a|b","sent_at":1,"hits":[]}', "workspace"),
        (b'{"workspace":"ws_1","hits":[]}', "sent_at"),
        (b'{"workspace":"ws_1","sent_at":true,"hits":[]}', "sent_at"),
        (b'{"workspace":"ws_1","sent_at":1e300,"hits":[]}', "sent_at"),
        (b'{"workspace":"ws_1","sent_at":1,"hits":{}}', "hits"),
        (b'{"workspace":"ws_1","sent_at":1,"hits":[],"visitor":"undefined"}', "visitor"),
    ],
)
def test_a_malformed_body_is_refused_by_name(raw: bytes, named: str) -> None:
    async def scenario(edge: Edge) -> None:
        response = await edge.client.post("/e", data=raw)
        error = (await response.json())["error"]
        assert (response.status, error["code"]) == (400, "malformed")
        assert named in error["message"]
        assert "Set-Cookie" not in response.headers

    on_edge(scenario)


def test_too_much_is_refused() -> None:
    async def scenario(edge: Edge) -> None:
        assert (await edge.post_hits(*[pageview()] * 101))[0] == 413
        assert (await edge.post_hits(pageview(padding="x" * 65_536)))[0] == 413
        assert (await edge.post_hits(*[pageview(f"h{n}") for n in range(100)]))[0] == 202
        assert (await edge.post_hits())[1]["accepted"] == 0
        assert len(edge.log.hits()) == 100

    on_edge(scenario)


def test_a_workspace_has_its_rate() -> None:
    async def scenario(edge: Edge) -> None:
        assert (await edge.post_hits(*[pageview()] * 20))[0] == 202
        status, body, response = await edge.post_hits(*[pageview()] * 5)
        assert (status, body["error"]["code"]) == (429, "too_many")
        assert response.headers["Retry-After"] == "1"
        assert (await edge.post_hits(pageview(), workspace="ws_2"))[0] == 202
        edge.now += 500
        assert (await edge.post_hits(*[pageview()] * 5))[0] == 202
        assert (await edge.post_hits(pageview()))[0] == 429

    workspaces = {"ws_1": WORKSPACE, "ws_2": replace(WORKSPACE, id="ws_2")}
    on_edge(scenario, Limits(hits_a_second=10), DictDirectory(workspaces))


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


# Not durable


def test_nothing_is_promised_that_is_not_durable() -> None:
    async def scenario(edge: Edge) -> None:
        edge.log.down = True
        status, body, response = await edge.post_hits(pageview())
        assert (status, body["error"]["code"]) == (503, "unavailable")
        assert response.headers["Retry-After"] == "5"
        edge.log.down = False
        assert (await edge.post_hits(pageview()))[0] == 202

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


def test_health() -> None:
    state = {"ready": True}

    async def run() -> None:
        async with running(ready=lambda: state["ready"]) as edge:
            assert (await edge.client.get("/live")).status == 200
            assert (await edge.client.get("/ready")).status == 200
            state["ready"] = False
            response = await edge.client.get("/ready")
            assert (response.status, (await response.json())["error"]["code"]) == (503, "not_ready")
            assert (await edge.client.get("/live")).status == 200

    asyncio.run(run())
