"""What the edge keeps of its last requests: bounded, and nothing of a person."""

import json

from collectors.recent import MOST, Outcome, Recent, host_in
from tests.collectors.edge import BROWSER, Edge, identify, on_edge, pageview
from tests.facts import NOW


def kept(edge: Edge) -> dict[str, list[tuple[str, str, str, str]]]:
    found = edge.recent.as_json()["hits"]
    return {
        name: [(one["kind"], one["host"], one["outcome"], one["reason"]) for one in outcomes]
        for name, outcomes in found.items()
    }


def test_what_became_of_hits_is_kept_with_the_reason_and_the_host_alone() -> None:
    async def scenario(edge: Edge) -> None:
        await edge.post_hits(pageview(url="https://anna:pw@Shop.Example:8443/a?email=anna@example.com#x"))
        await edge.post_hits(identify("test@example.com"), {"type": "anna@example.com", "url": 7}, "anna")
        await edge.post_hits(pageview(), headers={"User-Agent": "Googlebot/2.1"})
        await edge.post_hits(pageview(url="https://other.example/"), workspace="anna@example.com")
        edge.log.down = True
        await edge.post_hits(pageview())
        assert kept(edge) == {
            "ws_1": [
                ("pageview", "shop.example", "taken", ""),
                ("identify", "shop.example", "dropped", "placeholder_email"),
                ("hit", "", "dropped", "bad_id"),
                ("hit", "", "dropped", "bad_hit"),
                ("pageview", "shop.example", "dropped", "bot"),
                ("pageview", "shop.example", "refused", "unavailable"),
            ],
            "": [("pageview", "other.example", "refused", "unknown_workspace")],
        }
        told = json.dumps(edge.recent.as_json())
        assert "anna" not in told
        assert str(NOW) in told

    on_edge(scenario)


def test_clicks_on_links_are_kept_too() -> None:
    async def scenario(edge: Edge) -> None:
        for agent in (BROWSER, "Googlebot/2.1"):
            await edge.client.get("/l/spring", headers={"User-Agent": agent}, allow_redirects=False)
        edge.log.down = True
        await edge.client.get("/l/spring", headers={"User-Agent": BROWSER}, allow_redirects=False)
        assert kept(edge)["ws_1"] == [
            ("click", "shop.example", "taken", ""),
            ("click", "shop.example", "dropped", "bot"),
            ("click", "shop.example", "refused", "unavailable"),
        ]

    on_edge(scenario)


def test_a_proxy_is_noticed() -> None:
    async def scenario(edge: Edge) -> None:
        await edge.post_hits(pageview())
        await edge.post_hits(pageview(), headers={"X-Forwarded-Proto": "https"})
        found = edge.recent.as_json()
        assert (found["forwarded"], found["direct"]) == (1, 1)

    on_edge(scenario)


def test_of_many_the_last_are_kept() -> None:
    recent = Recent()
    for at in range(3 * MOST):
        recent.hit("ws_1", Outcome(at, "pageview", "shop.example", "taken"))
    assert [one["at"] for one in recent.as_json()["hits"]["ws_1"]] == list(range(2 * MOST, 3 * MOST))
    for number in range(3_000):
        recent.webhook(f"ws_{number}", Outcome(0, "", "", "taken"))
    assert len(recent.as_json()["webhooks"]) == 1_000


def test_a_host_is_a_host() -> None:
    assert host_in("https://Shop.example:8080/a") == "shop.example"
    for url in (
        None,
        7,
        "",
        "shop",
        "https://",
        f"https://{'a' * 300}.example/",
        "https://a|b/",
        "https://[/",
    ):
        assert host_in(url) == ""
