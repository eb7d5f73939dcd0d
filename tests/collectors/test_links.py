from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from collectors.links import with_token
from tests.collectors.edge import BROWSER, LINK, WORKSPACE, DictDirectory, Edge, on_edge
from tests.facts import VISITOR
from trackrev_stream.contracts import click_token
from trackrev_stream.contracts.ports import Link
from trackrev_stream.domain.journeys.touch import Click, HitKind, touch_of
from trackrev_stream.domain.values.ids import is_visitor_id
from trackrev_stream.metrics import REGISTRY

PERSON = {"User-Agent": BROWSER, "Referer": "https://www.facebook.com/story?id=1"}


def clicks(counted: str) -> float:
    return REGISTRY.get_sample_value("trackrev_link_clicks_total", {"counted": counted}) or 0.0


def token_of(location: str) -> str:
    return parse_qs(urlsplit(location).query)["tr_click"][0]


def test_a_click_is_counted_and_the_person_sent_on() -> None:
    async def scenario(edge: Edge) -> None:
        before = clicks("yes")
        response = await edge.client.get("/l/spring", headers=PERSON, allow_redirects=False)
        location = response.headers["Location"]
        [hit] = edge.log.hits()
        assert response.status == 302
        assert response.headers["Cache-Control"] == "no-store, private"
        assert location.startswith("https://shop.example/landing?a=1&tr_click=")
        assert location.endswith("#plans")
        click = click_token.verify_click(token_of(location), "ws_1", WORKSPACE.click_secret, edge.now)
        assert click == hit.click == Click(hit.id, "spring", "Newsletter", "anna", edge.now)
        assert hit.kind is HitKind.CLICK
        assert hit.referrer == "https://www.facebook.com/story?id=1"
        assert is_visitor_id(hit.visitor)
        assert response.cookies["tr_vid"].value == hit.visitor
        assert clicks("yes") == before + 1

    on_edge(scenario)


def test_the_landing_is_the_same_touch_as_the_click() -> None:
    async def scenario(edge: Edge) -> None:
        response = await edge.client.get("/l/spring", headers=PERSON, allow_redirects=False)
        landing = {"id": "h1", "type": "pageview", "at": edge.now, "url": response.headers["Location"]}
        cookie = {"Cookie": f"tr_vid={response.cookies['tr_vid'].value}"}
        assert (await edge.post_hits(landing, headers=cookie))[0] == 202
        click, landed = edge.log.hits()
        assert landed.visitor == click.visitor
        assert landed.url == "https://shop.example/landing?a=1"
        touches = touch_of(click), touch_of(landed)
        assert touches[0]
        assert touches[1]
        assert touches[0].id == touches[1].id
        assert [touch.clicks for touch in touches if touch] == [1, 0]

    on_edge(scenario)


def test_the_cookie_names_the_visitor() -> None:
    async def scenario(edge: Edge) -> None:
        headers = PERSON | {"Cookie": f"tr_vid={VISITOR}"}
        response = await edge.client.get("/l/spring", headers=headers, allow_redirects=False)
        assert edge.log.hits()[0].visitor == VISITOR
        assert response.cookies["tr_vid"].value == VISITOR

    on_edge(scenario)


@pytest.mark.parametrize("agent", ["Googlebot/2.1 (+http://www.google.com/bot.html)", "curl/8.5.0"])
def test_bots_follow_without_counting_and_without_a_token(agent: str) -> None:
    async def scenario(edge: Edge) -> None:
        response = await edge.client.get("/l/spring", headers={"User-Agent": agent}, allow_redirects=False)
        assert response.status == 302
        assert response.headers["Location"] == LINK.url
        assert "Set-Cookie" not in response.headers
        assert edge.log.records == []

    on_edge(scenario)


def test_head_does_not_count() -> None:
    async def scenario(edge: Edge) -> None:
        response = await edge.client.head("/l/spring", headers=PERSON, allow_redirects=False)
        assert (response.status, response.headers["Location"]) == (302, LINK.url)
        assert edge.log.records == []

    on_edge(scenario)


def test_a_prefetch_does_not_count_but_keeps_the_token() -> None:
    async def scenario(edge: Edge) -> None:
        headers = PERSON | {"Sec-Purpose": "prefetch;prerender"}
        response = await edge.client.get("/l/spring", headers=headers, allow_redirects=False)
        assert token_of(response.headers["Location"])
        assert edge.log.records == []

    on_edge(scenario)


def test_a_link_never_breaks() -> None:
    async def scenario(edge: Edge) -> None:
        before = clicks("not_recorded")
        edge.log.down = True
        response = await edge.client.get("/l/spring", headers=PERSON, allow_redirects=False)
        token = token_of(response.headers["Location"])
        click = click_token.verify_click(token, "ws_1", WORKSPACE.click_secret, edge.now)
        assert response.status == 302
        assert click is not None
        assert click.link == "spring"
        assert clicks("not_recorded") == before + 1

    on_edge(scenario)


def test_an_archived_link_leads_on_and_counts_nothing() -> None:
    async def scenario(edge: Edge) -> None:
        before = clicks("archived")
        response = await edge.client.get("/l/spring", headers=PERSON, allow_redirects=False)
        assert (response.status, response.headers["Location"]) == (302, LINK.url)
        assert "Set-Cookie" not in response.headers
        assert edge.log.records == []
        assert clicks("archived") == before + 1

    archived = replace(LINK, archived_at=1)
    on_edge(scenario, directory=DictDirectory(links={"spring": archived}))


@pytest.mark.parametrize("slug", ["winter", "a%7Cb", "%0a", "x" * 500, "%F0%9F%92%A9", "%FF"])
def test_an_unknown_slug_is_a_page_for_people(slug: str) -> None:
    async def scenario(edge: Edge) -> None:
        response = await edge.client.get(f"/l/{slug}", headers=PERSON)
        assert response.status == 404
        assert response.content_type == "text/html"
        assert "leads nowhere" in await response.text()

    on_edge(scenario)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", "https://a.example?tr_click=T"),
        ("https://a.example/?", "https://a.example/?tr_click=T"),
        ("https://a.example/#top", "https://a.example/?tr_click=T#top"),
        ("https://a.example/?q=%20x&", "https://a.example/?q=%20x&tr_click=T"),
        ("https://a.example/?q=a#b?c", "https://a.example/?q=a&tr_click=T#b?c"),
    ],
)
def test_the_token_joins_the_query(url: str, expected: str) -> None:
    assert with_token(url, "T") == expected


def test_a_target_cannot_break_the_headers() -> None:
    async def scenario(edge: Edge) -> None:
        response = await edge.client.get("/l/odd", headers=PERSON, allow_redirects=False)
        assert response.headers["Location"].startswith(
            "https://shop.example/%C3%BC%0D%0ASet-Cookie:%20x=1?tr_click="
        )
        assert "x" not in response.cookies

    odd = Link("odd", "ws_1", "https://shop.example/ü\r\nSet-Cookie: x=1", "Newsletter", "", 1)
    on_edge(scenario, directory=DictDirectory(links={"odd": odd}))
