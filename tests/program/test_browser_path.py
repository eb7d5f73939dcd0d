"""From a click in a real browser to a credited charge and its refund, through the whole program."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.browser import Chromium, Page
from tests.program import stripe
from tests.program.running import ROOT, Json, Program, Shop, now_ms, running

AMOUNT = 48_000
THIRTY_PERCENT = 14_400
# Tells a test how many hits of the page are saved.
COUNTED = """
window.saved = 0
const plain = window.fetch
window.fetch = (url, options) => plain(url, options).then((answer) => {
  if (answer.ok) saved += JSON.parse(options.body).hits.length
  return answer
})
"""


@asynccontextmanager
async def site(script_tag: str, more: str = "") -> AsyncIterator[int]:
    """A site on a port of its own, with the tag on every page, and ``more`` behind it."""

    async def page(_: web.Request) -> web.Response:
        html = f"<!doctype html><title>Shop</title>{script_tag}{more}<h1>Everything must go</h1>"
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    async with TestServer(app, host="127.0.0.1") as server:
        yield server.port or 0


async def click_and_identify(page: Page, link: str, email: str) -> None:
    """What a person does: follow the link, look at the page, sign up."""
    await page.go(link)
    assert "tr_click=" in await page.evaluate("location.search")
    await page.wait_for("!!window.trackrev")
    await page.evaluate(f"trackrev('identify', {email!r})")
    await page.wait_for("saved >= 2")


def buy_and_refund(shop: Shop, email: str) -> Json:
    """A charge of 480.00, seen in the ledger; then 30 % of it goes back, exactly."""
    bought = stripe.charge("ch_1", AMOUNT, now_ms() // 1000 + 1, email)
    assert shop.webhook(stripe.succeeded(bought)).status == 200
    shop.worth("ch_1", AMOUNT)
    assert shop.webhook(stripe.refunded(bought, THIRTY_PERCENT, bought["created"] + 1)).status == 200
    return shop.worth("ch_1", AMOUNT - THIRTY_PERCENT)


@pytest.mark.parametrize(
    ("domain", "host", "public"),
    [
        ("localhost", "127.0.0.1", ""),
        ("localhost", "localhost", ""),
        ("shop.example", "www.shop.example", "track.shop.example"),
    ],
)
def test_a_click_earns_a_charge_and_a_refund_takes_its_share_back(
    tmp_path: Path, running_chromium: Chromium, domain: str, host: str, public: str
) -> None:
    async def story(program: Program) -> None:
        shop = Shop.open(program, domain=domain)
        async with site(shop.script_tag) as port, running_chromium.connect() as connection:
            shop.link("yt-review", "YouTube", f"http://{host}:{port}/landing?plan=pro", partner="ann")
            page = await connection.open(before=COUNTED)
            await click_and_identify(page, shop.url("/l/yt-review"), "Anna@Example.com ")
            cookie = await page.evaluate("document.cookie.match(/tr_vid=([^;]+)/)[1]")
            landing = f"http://{host}:{port}/landing?plan=pro"
        told = buy_and_refund(shop, "anna@example.com")
        assert (told["status"], told["reason"]) == ("credited", "last_non_direct_click")
        [credit] = told["credits"]
        place = {name: credit[name] for name in ("channel", "source", "link", "partner", "fraction")}
        assert place == {
            "channel": "YouTube", "source": "link", "link": "yt-review", "partner": "ann", "fraction": "1"
        }  # fmt: skip
        assert credit["touch"]["visitor"] == cookie
        assert credit["touch"]["url"] == landing
        assert (told["gross_minor"], told["net_minor"]) == (AMOUNT, AMOUNT - THIRTY_PERCENT)
        entries = [(entry["reason"], entry["channel"], entry["amount_minor"]) for entry in told["entries"]]
        assert entries == [("credit", "YouTube", AMOUNT), ("refund", "YouTube", -THIRTY_PERCENT)]
        row = shop.channels()["YouTube"]
        assert (row["clicks"], row["visitors"]) == (1, 1)
        assert (row["gross_minor"], row["net_minor"]) == (AMOUNT, AMOUNT - THIRTY_PERCENT)

    with running(tmp_path / "data", public_host=public) as program:
        asyncio.run(story(program))


def test_the_page_of_the_greeting_shows_the_channel_and_the_charge(
    tmp_path: Path, running_chromium: Chromium
) -> None:
    async def story(program: Program) -> None:
        shop = Shop.greeted(program)
        async with site(shop.script_tag) as port, running_chromium.connect() as connection:
            shop.link("yt-review", "YouTube", f"http://127.0.0.1:{port}/")
            live = await connection.open(f"{program.url}/#ws={shop.workspace}&key={shop.api_key}")
            await live.wait_for(
                "document.querySelector('main').innerText.includes('Nothing has come in yet')"
            )
            page = await connection.open(before=COUNTED)
            await click_and_identify(page, shop.url("/l/yt-review"), "anna@example.com")
            buy_and_refund(shop, "anna@example.com")
            await live.wait_for("document.querySelector('.channels tbody tr')?.innerText.includes('$336.00')")
            row = await live.evaluate("document.querySelector('.channels tbody tr').innerText")
            assert row.split() == ["YouTube", "1", "1", "$480.00", "$336.00"]
            charge = await live.evaluate("document.querySelector('.charge').innerText")
            assert "YouTube · yt-review" in charge
            assert "$336.00" in charge

    with running(tmp_path / "data") as program:
        asyncio.run(story(program))


def test_the_tag_and_the_identify_example_work_as_they_are_printed(
    tmp_path: Path, running_chromium: Chromium
) -> None:
    """The example runs before the script has come: its call waits in the stub's queue."""
    example = re.search(
        r"<script>\s*trackrev\('identify', '([^']+)'.*?</script>", (ROOT / "README.md").read_text()
    )
    assert example is not None

    async def story(program: Program) -> None:
        shop = Shop.open(program, domain="localhost")
        shown = program.command("workspace", "show", shop.workspace)["script_tag"]
        assert shown == shop.script_tag == shop.read("").json["script_tag"]
        async with site(shown, example.group()) as port, running_chromium.connect() as connection:
            shop.link("yt-review", "YouTube", f"http://127.0.0.1:{port}/")
            page = await connection.open(before=COUNTED)
            await page.go(shop.url("/l/yt-review"))
            await page.wait_for("saved >= 2")
            assert page.problems == []
        told = buy_and_refund(shop, example.group(1))
        assert [credit["link"] for credit in told["credits"]] == ["yt-review"]
        seen = program.command("workspace", "show", shop.workspace)
        assert all(seen[f"last_{what}_at"] for what in ("hit", "identify", "webhook"))

    with running(tmp_path / "data") as program:
        asyncio.run(story(program))
