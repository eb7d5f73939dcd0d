"""The live page, in a real browser."""

import pytest

from tests.api.conftest import OpenSite, Site
from tests.browser import Chromium, View
from tests.store.builders import NOON, WS, charge, run, touch, visit

NEWS = touch()
TEXT = "document.querySelector('main').innerText"


def address(site: Site) -> str:
    return f"{site.client.make_url('/')}#key={site.key}&ws={WS}"


def test_the_page_fills_by_itself_and_explains_a_charge(
    open_site: OpenSite, running_chromium: Chromium
) -> None:
    async def story() -> None:
        async with open_site() as site, running_chromium.connect() as browser:
            page = await browser.open(address(site))
            await page.wait_for(f"{TEXT}.includes('Nothing has come in yet')")
            assert f'data-workspace="{WS}"' in await page.evaluate(TEXT)
            assert await page.evaluate("location.hash") == ""  # the key does not stay in the address bar

            site.put(charge(touches=(NEWS,), refunds=(("re_1", 900),)), visit(), visit("v2"))
            await page.wait_for("document.querySelector('.charge')")
            assert "Newsletter · spring" in await page.evaluate(TEXT)
            figures = "[...document.querySelectorAll('.figure b')].map((one) => one.innerText)"
            assert await page.evaluate(figures) == ["$40.00", "$49.00", "2", "2"]

            await page.evaluate("document.querySelector('.charge').click()")
            told = await page.wait_for("document.querySelector('dialog[open]')?.innerText")
            assert "Credited to Newsletter (link spring): it was the last click" in told
            assert "refund · Newsletter" in told
            assert "disputed" not in told
            assert page.problems == []

    run(story())


def test_the_page_says_that_the_outcome_of_a_dispute_is_not_known(
    open_site: OpenSite, running_chromium: Chromium
) -> None:
    async def story() -> None:
        async with open_site() as site, running_chromium.connect() as browser:
            site.put(charge(dispute_unseen=True))
            page = await browser.open(address(site))
            await page.wait_for("document.querySelector('.charge')")
            await page.evaluate("document.querySelector('.charge').click()")
            told = await page.wait_for("document.querySelector('dialog[open]')?.innerText")
            assert "It is disputed; the outcome is not known." in told
            assert page.problems == []

    run(story())


def test_money_has_the_decimals_of_its_currency(open_site: OpenSite, running_chromium: Chromium) -> None:
    async def story() -> None:
        async with open_site() as site, running_chromium.connect() as browser:
            site.put(
                *(
                    charge(f"ch_{currency}", currency=currency, amount=123_456, at=NOON + n)
                    for n, currency in enumerate(("kwd", "jpy", "isk", "usd"))
                )
            )
            page = await browser.open(address(site))
            await page.wait_for("document.querySelector('.charge')")
            sums = await page.evaluate(
                "[...document.querySelectorAll('.charge .sum')].map((one) => one.innerText)"
            )
            assert [one.replace("\xa0", " ") for one in sums] == [
                "$1,234.56",
                "ISK 1,234.56",
                "¥123,456",
                "KWD 123.456",
            ]
            # Nothing but the USD line is in the totals, and the page says so.
            assert "Not included for want of an exchange rate: lines in ISK, JPY, KWD" in await page.evaluate(
                TEXT
            )

    run(story())


def test_what_comes_in_is_text_and_never_markup(open_site: OpenSite, running_chromium: Chromium) -> None:
    async def story() -> None:
        async with open_site() as site, running_chromium.connect() as browser:
            bad = touch("<img src=x onerror=alert(1)>", "<script>alert(2)</script>")
            site.put(charge(touches=(bad,)), visit(channel="<b>bold</b>"))
            page = await browser.open(address(site))
            await page.wait_for("document.querySelector('.charge')")
            assert "<img src=x" in await page.evaluate(TEXT)
            assert (
                await page.evaluate("document.querySelectorAll('main img, main script, main b b').length")
                == 0
            )
            # And if it were markup, the policy would stop it.
            await page.evaluate(
                "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hit=1\">')"
            )
            await page.evaluate(
                "document.body.append(Object.assign(document.createElement('script'), {text: 'hit = 1'}))"
            )
            assert await page.evaluate("typeof hit") == "undefined"
            assert any("Content Security Policy" in problem for problem in page.problems)

    run(story())


def test_a_wrong_key_asks_for_another_and_the_right_one_opens(
    open_site: OpenSite, running_chromium: Chromium
) -> None:
    async def story() -> None:
        async with open_site() as site, running_chromium.connect() as browser:
            site.put(charge())
            page = await browser.open(f"{site.client.make_url('/')}#key=trk_wrong&ws={WS}")
            await page.wait_for("document.querySelector('#wrong').innerText.includes('not known')")
            await page.evaluate(f"document.querySelector('#secret').value = '{site.key}'")
            await page.evaluate("document.querySelector('#key button').click()")
            await page.wait_for("document.querySelector('.charge')")
            assert await page.evaluate("document.querySelector('#key').checkVisibility()") is False

    run(story())


def test_a_lost_connection_is_told_and_what_was_seen_stays(
    open_site: OpenSite, running_chromium: Chromium
) -> None:
    async def story() -> None:
        async with open_site() as site, running_chromium.connect() as browser:
            site.put(charge())
            page = await browser.open(address(site))
            await page.wait_for("document.querySelector('#state.live') && document.querySelector('.charge')")
            await page.call("Network.enable")
            offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
            await page.call("Network.emulateNetworkConditions", offline=True, **offline)
            await page.wait_for(
                "document.querySelector('#state.lost')?.innerText.includes('Connection lost')"
            )
            assert await page.evaluate("document.querySelectorAll('.charge').length") == 1
            await page.call("Network.emulateNetworkConditions", offline=False, **offline)
            await page.wait_for("document.querySelector('#state.live')")

    run(story())


@pytest.mark.parametrize("width", [360, 600, 960, 1400])
def test_nothing_sticks_out(open_site: OpenSite, running_chromium: Chromium, width: int) -> None:
    async def story() -> None:
        async with open_site() as site, running_chromium.connect() as browser:
            long = touch(
                "A channel with quite a long name for a table", "a-link-" + "x" * 57, partner="p" * 60
            )
            site.put(charge(touches=(long, NEWS), amount=123_456_789), visit(channel="W" * 64))
            page = await browser.open(address(site), view=View(width))
            await page.wait_for("document.querySelector('.charge')")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            cards = (
                "[...document.querySelectorAll('.card')].filter((one) => one.scrollWidth > one.clientWidth)"
            )
            assert await page.evaluate(f"{cards}.map((one) => one.innerText)") == []
            await page.evaluate("document.querySelector('.charge').click()")
            await page.wait_for("document.querySelector('dialog[open]')")
            assert await page.evaluate("document.querySelector('dialog').scrollWidth <= innerWidth - 20")

    run(story())
