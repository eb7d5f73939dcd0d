import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from collectors.pixel.script import MOST_GZIPPED_BYTES, stripped
from tests.browser import PERSON, Chromium, wait_until
from tests.collectors.edge import Edge, on_edge
from tests.collectors.site import Site, site_of
from tests.facts import NOW, VISITOR
from trackrev_stream.domain.journeys.touch import HitKind
from trackrev_stream.domain.values.ids import email_key, is_visitor_id

# Time runs a hundred times faster for the page's timers, which are noted.
FAST = """
window.delays = []
const slow = window.setTimeout
window.setTimeout = (callback, ms, ...more) => { delays.push(ms); return slow(callback, ms / 100, ...more) }
"""


def test_the_script_is_small_cached_and_compressed() -> None:
    async def scenario(edge: Edge) -> None:
        headers = {"Accept-Encoding": "gzip", "User-Agent": PERSON}
        response = await edge.client.get("/p.js", headers=headers)
        body = await response.read()
        assert response.status == 200
        assert response.content_type == "text/javascript"
        assert response.headers["Content-Encoding"] == "gzip"
        assert "max-age=" in response.headers["Cache-Control"]
        plain = await edge.client.get("/p.js", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert await plain.read() == body
        fresh = await edge.client.get("/p.js", headers={"If-None-Match": response.headers["ETag"]})
        assert fresh.status == 304
        assert len(gzip.compress(await plain.read(), 9)) <= MOST_GZIPPED_BYTES
        assert int(response.headers["Content-Length"]) <= MOST_GZIPPED_BYTES

    on_edge(scenario)


def test_stripping_takes_comments_and_indentation_alone() -> None:
    source = "// a\n  // b\n  var url = 'https://x' // kept: it may be in a string\n\n"
    assert stripped(source) == "var url = 'https://x' // kept: it may be in a string\n"


Scenario = Callable[[Site], Awaitable[None]]
Browse = Callable[[Scenario], None]


@pytest.fixture
def browse(running_chromium: Chromium) -> Browse:
    def run(scenario: Scenario) -> None:
        async def visit() -> None:
            async with site_of(running_chromium) as site:
                await scenario(site)

        asyncio.run(visit())

    return run


def test_a_page_view_at_load(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        page = await site.visit("/pricing")
        [hit] = await site.hits(1)
        assert (hit.kind, hit.url) == (HitKind.PAGEVIEW, site.url("/pricing"))
        assert hit.occurred_at <= NOW
        assert site.bodies[0]["content_type"] == "text/plain"
        await page.wait_for("document.cookie.includes('tr_vid=')")
        assert await page.evaluate("document.cookie") == f"tr_vid={hit.visitor}"
        assert await page.evaluate("new Promise(done => trackrev('visitor', done))") == hit.visitor

    browse(scenario)


def test_single_page_apps(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        page = await site.visit("/one")
        await site.hits(1)
        await page.evaluate("history.pushState({}, '', '/two')")
        await page.evaluate("history.replaceState({}, '', '/two?sorted=1')")
        await page.evaluate("history.pushState({}, '', '/three#top')")
        await page.evaluate("history.back()")
        await page.wait_for("location.pathname == '/two'")
        await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        hits = await site.hits(5)
        assert [hit.url.removeprefix(site.url("")) for hit in hits] == [
            "/one", "/two", "/three", "/two?sorted=1", "/two?sorted=1",
        ]  # fmt: skip
        assert [hit.referrer for hit in hits[:3]] == ["", site.url("/one"), site.url("/two")]
        assert len({hit.visitor for hit in hits}) == 1

    browse(scenario)


def test_identify_with_proof_goes_at_once(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        stub = "trackrev('identify', 'Jo@Shop.example', {proof: '1.ab'})"
        page = await site.visit(stub=stub)
        await site.hits(1)
        await wait_until(lambda: site.bodies, "the first request")
        assert [hit["type"] for hit in site.bodies[0]["hits"]] == ["pageview", "identify"]
        assert site.bodies[0]["hits"][1]["proof"] == "1.ab"
        await page.evaluate("trackrev('identify', 'Jo@Shop.example')")
        hits = await site.hits(2)
        assert hits[1].kind is HitKind.IDENTIFY
        assert hits[1].email_key == email_key(b"email-secret", "jo@shop.example")

    browse(scenario)


def test_a_marked_field_identifies_on_submit(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        page = await site.visit()
        await site.hits(1)
        await page.evaluate("document.querySelector('input').value = 'jo@shop.example'")
        await page.evaluate("document.querySelector('button').click()")
        await wait_until(lambda: len(site.log.hits()) >= 3, "the identify and the next page")
        kinds = {(hit.kind, hit.visitor) for hit in site.log.hits()}
        assert kinds == {(kind, site.log.hits()[0].visitor) for kind in (HitKind.PAGEVIEW, HitKind.IDENTIFY)}
        assert not any("jo@" in hit.url or "jo%40" in hit.url for hit in site.log.hits())

    browse(scenario)


def test_what_waits_is_sent_when_the_page_goes(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        # Timers never end here: only leaving can send.
        page = await site.visit("/leaving", before="window.setTimeout = () => 1")
        await page.wait_for("typeof trackrev.q == 'undefined'")
        assert site.bodies == []
        await page.go(site.url("/next", attributes="data-consent=required"))
        hits = await site.hits(1)
        assert [hit.url for hit in hits] == [site.url("/leaving")]

    browse(scenario)


def test_batches_of_ten(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        page = await site.visit("/", before="window.setTimeout = () => 1")
        await page.wait_for("typeof trackrev.q == 'undefined'")
        await page.evaluate("for (let i = 0; i < 24; i++) trackrev('pageview')")
        await site.hits(20)
        await page.close()
        await site.hits(25)
        assert sorted(len(body["hits"]) for body in site.bodies) == [5, 10, 10]
        ids = [hit["id"] for body in site.bodies for hit in body["hits"]]
        assert len(set(ids)) == 25
        assert all(is_visitor_id(hit) for hit in ids)

    browse(scenario)


def test_a_refused_batch_is_sent_again_as_told(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        site.answers = [web.Response(status=503, headers={"Retry-After": "20"}), web.Response(status=500)]
        page = await site.visit(before=FAST)
        [hit] = await site.hits(1)
        assert [body["hits"][0]["id"] for body in site.bodies] == [hit.id] * 3
        said, first, second = (await page.evaluate("delays.filter(ms => ms > 0)"))[:3]
        assert said == 1_000
        assert first == 20_000
        assert 6_000 <= second <= 9_000

    browse(scenario)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_what_is_wrong_is_not_sent_again(browse: Browse, status: int) -> None:
    async def scenario(site: Site) -> None:
        site.answers = [web.Response(status=status)]
        page = await site.visit(before=FAST)
        await page.evaluate("new Promise(done => trackrev('visitor', done))")
        await page.evaluate("trackrev('identify', 'jo@shop.example')")
        [hit] = await site.hits(1)
        assert hit.kind is HitKind.IDENTIFY
        assert max(await page.evaluate("delays")) == 1_000

    browse(scenario)


def test_a_refusal_stores_and_sends_nothing(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        page = await site.visit("/refused", stub="trackrev('consent', false)")
        await page.wait_for("typeof trackrev.q == 'undefined'")
        await page.evaluate("trackrev('identify', 'jo@shop.example')")
        await page.evaluate("history.pushState({}, '', '/refused-too')")
        assert await page.evaluate("document.cookie") == ""
        # Consent later starts afresh; what was before it has never been sent.
        await page.evaluate("trackrev('consent', true)")
        [hit] = await site.hits(1)
        assert hit.url == site.url("/refused-too")
        assert len(site.bodies) == 1
        await page.wait_for("document.cookie.includes('tr_vid=')")
        await page.evaluate("trackrev('pageview'); trackrev('consent', false)")
        assert await page.evaluate("document.cookie") == ""

    browse(scenario)


def test_required_consent_waits_and_keeps_what_there_is(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        remember = f"document.cookie = 'tr_vid={VISITOR};path=/'"
        page = await site.visit(attributes="data-consent=required", before=remember)
        await page.wait_for("typeof trackrev.q == 'undefined'")
        assert site.bodies == []
        assert VISITOR in await page.evaluate("document.cookie")
        await page.evaluate("trackrev('consent', true)")
        assert [hit.visitor for hit in await site.hits(1)] == [VISITOR]

    browse(scenario)


def test_a_collector_on_another_site_uses_the_page_s_own_cookie(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        options = {"collector": "collector.example", "attributes": "data-cookie-domain=.shop.example"}
        page = await site.visit("/", host="www.shop.example", before="", **options)
        [hit] = await site.hits(1)
        assert await page.evaluate("document.cookie") == f"tr_vid={hit.visitor}"
        await page.go(site.url("/again", host="shop.example", **options))
        hits = await site.hits(2)
        assert hits[1].visitor == hit.visitor
        assert site.bodies[1]["visitor"] == hit.visitor
        assert await page.evaluate("new Promise(done => trackrev('visitor', done))") == hit.visitor

    browse(scenario)


def test_a_collector_on_a_subdomain_sets_the_cookie_of_the_site(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        options = {"collector": "t.shop.example", "attributes": "data-cookie-domain=.shop.example"}
        page = await site.visit("/", host="shop.example", before="", **options)
        [hit] = await site.hits(1)
        await page.wait_for(f"document.cookie == 'tr_vid={hit.visitor}'")
        # The collector's own cookie outranks what the page says.
        await page.evaluate("document.cookie = 'tr_vid=;path=/;domain=shop.example;max-age=0'")
        await page.evaluate("trackrev('identify', 'jo@shop.example')")
        hits = await site.hits(2)
        assert hits[1].visitor == hit.visitor

    browse(scenario)


def test_two_tags_count_once(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        page = await site.visit("/")
        again = "new Promise(done => { const tag = document.createElement('script'); tag.onload = done;"
        again += "tag.src = '/p.js?again'; tag.dataset.workspace = 'ws_1'; document.head.append(tag) })"
        await page.wait_for("typeof trackrev.q == 'undefined'")
        await page.evaluate(f"{again}.then(() => 0)")
        await page.evaluate("trackrev('identify', 'jo@shop.example')")
        hits = await site.hits(2)
        assert [hit.kind for hit in hits] == [HitKind.PAGEVIEW, HitKind.IDENTIFY]

    browse(scenario)


def test_a_page_rendered_in_advance_counts_when_it_is_seen(browse: Browse) -> None:
    async def scenario(site: Site) -> None:
        before = "window.ahead = true; Object.defineProperty(document, 'prerendering', {get: () => ahead})"
        page = await site.visit("/ahead", before=before, stub="trackrev('identify', 'jo@shop.example')")
        await page.wait_for("document.trackrev")
        await page.evaluate("history.pushState({}, '', '/seen')")
        assert site.bodies == []
        assert await page.evaluate("document.cookie") == ""
        await page.evaluate("ahead = false; document.dispatchEvent(new Event('prerenderingchange')); 0")
        hits = await site.hits(2)
        assert [hit.kind for hit in hits] == [HitKind.PAGEVIEW, HitKind.IDENTIFY]
        assert hits[0].url == site.url("/seen")

    browse(scenario)


@pytest.mark.parametrize("host", ["www.shop.example", "www.other.example"])
def test_one_tag_serves_all_domains_of_a_site(browse: Browse, host: str) -> None:
    async def scenario(site: Site) -> None:
        domains = 'data-cookie-domain=".shop.example%20.other.example"'
        options = {"collector": "track.shop.example", "attributes": domains}
        page = await site.visit("/", host, **options)
        await page.wait_for("document.cookie.includes('tr_vid=')")
        cookies = (await page.call("Network.getAllCookies"))["cookies"]
        valid = {cookie["domain"] for cookie in cookies if cookie["name"] == "tr_vid"}
        assert f".{host.removeprefix('www.')}" in valid
        first = await page.evaluate("document.cookie")
        await page.go(site.url("/again", host, **options))
        await page.wait_for("!!window.trackrev")
        assert await page.evaluate("document.cookie") == first

    browse(scenario)
