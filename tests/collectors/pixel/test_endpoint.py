import asyncio
import gzip
import json
import re
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from collectors.deps import EdgeDeps
from collectors.limits import Limits
from collectors.routes import add_routes
from tests.collectors.edge import (
    BROWSER,
    LINK,
    PARTITIONS,
    WORKSPACE,
    DictDirectory,
    Edge,
    RecordingPublisher,
    identify,
    on_edge,
    pageview,
    running,
)
from tests.facts import NOW, VISITOR
from trackrev_stream.contracts.choices import Arrival
from trackrev_stream.contracts.ports import SiteDomain
from trackrev_stream.contracts.topics import PIXEL_HITS
from trackrev_stream.domain.journeys.touch import HitKind, touch_of
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import is_visitor_id, partition_of, visitor_key

OTHER = "0192f0c1-7c1e-7abc-8def-aaaaaaaaaaaa"


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


@pytest.mark.parametrize("path", ["/e", "/l/spring", "/webhooks/stripe/ws_1", "/p.js"])
def test_no_bytes_in_headers_break_the_edge(path: str) -> None:
    async def scenario(edge: Edge) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.client.port)
        odd = b"https://shop.example/\xff\xfe%00"
        names = (
            b"Origin",
            b"Referer",
            b"Cookie",
            b"User-Agent",
            b"Sec-Purpose",
            b"Stripe-Signature",
            b"If-None-Match",
        )
        lines = b"".join(name + b": " + odd + b"\r\n" for name in names)
        for method in (b"GET", b"POST", b"OPTIONS"):
            start = method + b" " + path.encode() + b" HTTP/1.1\r\nHost: \xff[\r\nContent-Length: 0\r\n"
            writer.write(start + lines + b"\r\n")
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", answer)
            await reader.readexactly(int(length[1]) if length else 0)
            assert answer[9:10] in b"234", answer
        writer.close()

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


def test_health() -> None:
    state = {"ready": True}
    trouble = [""]

    async def run() -> None:
        async with running(ready=lambda: state["ready"], trouble=lambda: trouble[0]) as edge:
            assert (await edge.client.get("/live")).status == 200
            assert (await edge.client.get("/ready")).status == 200
            state["ready"] = False
            response = await edge.client.get("/ready")
            assert (response.status, (await response.json())["error"]["code"]) == (503, "not_ready")
            trouble[0] = "the clock is wrong"
            response = await edge.client.get("/ready")
            assert (await response.json())["error"]["message"] == "the clock is wrong"
            state["ready"] = True
            response = await edge.client.get("/ready")
            assert await response.json() == {"ready": True, "trouble": trouble[0]}
            assert (await edge.client.get("/live")).status == 200

    asyncio.run(run())


SEVERAL = replace(WORKSPACE, more_domains=(SiteDomain("shop.de", ".shop.de"),))


def test_a_site_of_several_domains_is_one_site() -> None:
    async def scenario(edge: Edge) -> None:
        for domain in ("www.shop.example", "www.shop.de", "elsewhere.example"):
            origin = f"https://{domain}"
            view = pageview(domain, url=f"{origin}/", referrer="https://shop.de/cart")
            status, _, response = await edge.post_hits(
                view, headers={"Origin": origin, "Host": f"t.{domain}"}
            )
            assert status == 202
            allowed = response.headers.get("Access-Control-Allow-Origin")
            assert allowed == (None if domain == "elsewhere.example" else origin)
            told = {"www.shop.example": "shop.example", "www.shop.de": "shop.de"}.get(domain, "")
            assert response.cookies["tr_vid"]["domain"] == told
        hits = edge.log.hits()
        assert [hit.site for hit in hits] == ["shop.example shop.de"] * 3
        assert [touch_of(hit) for hit in hits] == [None] * 3, (
            "who comes from the site's other domain is no referral"
        )

    on_edge(scenario, directory=DictDirectory({"ws_1": SEVERAL}))


def test_an_archived_workspace_takes_no_hits_and_says_so_to_its_pages() -> None:
    async def scenario(edge: Edge) -> None:
        headers = {"Origin": "https://shop.example"}
        status, body, response = await edge.post_hits(pageview(), headers=headers)
        assert (status, body["error"]["code"]) == (410, "archived_workspace")
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        link = await edge.client.get("/l/spring", headers={"User-Agent": BROWSER}, allow_redirects=False)
        assert link.headers["Location"] == LINK.url, "a link leads on, uncounted"
        assert edge.log.records == []

    on_edge(scenario, directory=DictDirectory({"ws_1": replace(WORKSPACE, archived=True)}))


def test_what_came_in_is_noted() -> None:
    seen: list[tuple[str, Arrival]] = []

    async def scenario() -> None:
        log, found = RecordingPublisher(), DictDirectory()
        deps = EdgeDeps(found, log, PARTITIONS, lambda: NOW, seen=lambda *what: seen.append(what))
        app = web.Application()
        add_routes(app, deps)
        async with TestClient(TestServer(app)) as client:
            for hits in ([pageview(), identify("anna@example.com")], [identify("nobody")], []):
                sent = {"workspace": "ws_1", "sent_at": NOW, "hits": hits}
                await client.post("/e", json=sent, headers={"User-Agent": BROWSER})

    asyncio.run(scenario())
    assert seen == [("ws_1", Arrival.HIT), ("ws_1", Arrival.IDENTIFY)], "what was dropped did not come in"
