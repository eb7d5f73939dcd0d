"""The read API over real HTTP."""

import dataclasses
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest

from tests.api.conftest import OpenSite
from tests.store.builders import NOON, WS, charge, decision_of, run, touch, visit
from trackrev_stream.api.script_tag import STUB
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.attribution.decision import Credit
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.workspaces.stripe_connections import put_connection
from trackrev_stream.store.workspaces.workspaces import create_workspace

NEWS, TUBE = touch(), touch("YouTube", "video", partner="ada")
HOUR = 3_600_000


def native(
    currency: str, gross: int, net: int, fee: int | None, *, unconverted: int = 0
) -> dict[str, object]:
    return {
        "currency": currency,
        "gross_minor": gross,
        "net_minor": net,
        "fee_minor": fee,
        "unconverted": unconverted,
    }


CHANNELS = [
    {
        "channel": "Newsletter",
        "visitors": 1,
        "clicks": 4,
        "gross_minor": 4_900,
        "net_minor": 4_000,
        "fee_minor": None,
        "currency": "usd",
        "native": [
            native("eur", 1_000, 1_000, None, unconverted=1),
            native("usd", 4_900, 4_000, 172),
        ],
    },
    {
        "channel": "unattributed",
        "visitors": 0,
        "clicks": 0,
        "gross_minor": 500,
        "net_minor": 500,
        "fee_minor": 30,
        "currency": "usd",
        "native": [native("usd", 500, 500, 30)],
    },
    {
        "channel": "Direct",
        "visitors": 2,
        "clicks": 2,
        "gross_minor": 0,
        "net_minor": 0,
        "fee_minor": 0,
        "currency": "usd",
        "native": [],
    },
]


def test_channels_bring_visits_and_money_together(open_site: OpenSite) -> None:
    async def story() -> Any:
        async with open_site() as site:
            site.put(
                charge(touches=(NEWS,), refunds=(("re_1", 900),), fee=172),
                charge("ch_2", touches=(NEWS,), currency="eur", amount=1_000),
                charge("ch_3", amount=500, fee=30),
                charge("ch_old", touches=(TUBE,), at=NOON - 40 * DAY_MS),
                visit("v1", clicks=2),
                visit("v1", day=NOON // DAY_MS + 1),
                visit("v2", landed=False),
                visit("v3", channel="Direct", link=""),
                visit("v1", channel="Direct", link=""),
                visit("v9", day=NOON // DAY_MS - 40),
            )
            return await site.get(f"{WS}/channels?days=30")

    found = run(story())
    assert found["channels"] == CHANNELS
    total = found["total"]
    assert (total["visitors"], total["clicks"], total["net_minor"]) == (2, 6, 4_500)  # v1 counts once
    assert found["exponents"] == {"eur": 2, "usd": 2}


@pytest.mark.parametrize(
    ("zone", "first", "second", "refund"),
    [
        ("UTC", "2025-10-09", "2025-10-09", "2025-10-10"),
        ("Asia/Kathmandu", "2025-10-09", "2025-10-10", "2025-10-11"),
        ("America/New_York", "2025-10-08", "2025-10-09", "2025-10-10"),
        ("Pacific/Kiritimati", "2025-10-09", "2025-10-10", "2025-10-11"),
    ],
)
def test_days_are_those_of_the_workspace(
    open_site: OpenSite, zone: str, first: str, second: str, refund: str
) -> None:
    midnight = NOON // DAY_MS * DAY_MS

    async def story() -> Any:
        async with open_site(zone) as site:
            site.put(
                charge("ch_a", at=midnight, amount=1, touches=(NEWS,)),
                charge("ch_b", at=midnight + 20 * HOUR, amount=10, refunds=(("re_1", 3),)),
            )
            return await site.get(f"{WS}/revenue?days=6")

    days = run(story())["days"]
    assert len(days) == 6
    gross, net = Counter({first: 1}), Counter({first: 1})
    gross[second] += 10
    net[second] += 10
    net[refund] -= 3  # on its own day
    assert Counter({one["date"]: one["gross_minor"] for one in days if one["gross_minor"]}) == gross
    assert Counter({one["date"]: one["net_minor"] for one in days if one["net_minor"]}) == net


def test_a_day_in_spring_has_23_hours(open_site: OpenSite) -> None:
    async def story() -> Any:
        async with open_site("Europe/Berlin") as site:
            return await site.get(f"{WS}/revenue?days=366")

    dates = [one["date"] for one in run(story())["days"]]
    assert len(set(dates)) == 366
    assert dates == sorted(dates)


@pytest.mark.parametrize(
    ("fees", "currency", "shown", "natively"),
    [
        ((30, 12), "usd", 42, 42),
        ((30, 0), "usd", 30, 30),
        ((30, None), "usd", None, None),  # one that is not known makes the sum unknown, and never zero
        ((30, 12), "eur", None, None),  # kept in another currency, and not converted yet
    ],
)
def test_fees_are_apart_and_known_or_null(
    open_site: OpenSite, fees: tuple[int, int | None], currency: str, shown: int | None, natively: int | None
) -> None:
    async def story() -> None:
        async with open_site() as site:
            site.put(
                *(
                    charge(f"ch_{n}", amount=1_000, fee=fee, fee_currency=currency)
                    for n, fee in enumerate(fees)
                )
            )
            channels: Any = await site.get(f"{WS}/channels")
            revenue: Any = await site.get(f"{WS}/revenue")
            for found in (channels["channels"], revenue["days"]):
                [row] = [one for one in found if one["native"]]
                assert (row["net_minor"], row["fee_minor"]) == (2_000, shown)
                assert row["native"] == [native("usd", 2_000, 2_000, natively)]
            of_charge: Any = await site.get(f"{WS}/charges/ch_1")
            known = fees[1] is not None
            assert (of_charge["fee_minor"], of_charge["fee_currency"]) == (
                fees[1],
                currency if known else None,
            )
            assert of_charge["net_minor"] == 1_000

    run(story())


@pytest.mark.parametrize(("taken", "shown"), [((1_500,), 1_530), ((1_500, -1_500), 30), (None, None)])
def test_fees_of_disputes_are_among_the_fees_and_known_or_null(
    open_site: OpenSite, taken: tuple[int, ...] | None, shown: int | None
) -> None:
    async def story() -> None:
        async with open_site() as site:
            disputed = charge(disputes=(("dp_1", 900),), dispute_fees=taken, fee=30)
            site.put(disputed, charge("ch_2", fee=0))
            channels: Any = await site.get(f"{WS}/channels")
            assert (channels["total"]["net_minor"], channels["total"]["fee_minor"]) == (8_900, shown)
            known: Any = await site.get(f"{WS}/charges/ch_1")
            assert (known["fee_minor"], known["net_minor"]) == (30, 4_000)
            assert known["dispute_fee_minor"] == (None if taken is None else sum(taken))
            without: Any = await site.get(f"{WS}/charges/ch_2")
            assert (without["dispute_fee_minor"], without["dispute_fee_currency"]) == (0, "usd")

    run(story())


def test_a_dispute_that_nobody_has_seen_is_told_and_its_fee_is_not_known(open_site: OpenSite) -> None:
    async def story() -> None:
        async with open_site() as site:
            site.put(charge("ch_1", fee=30, dispute_unseen=True), charge("ch_2", fee=30))
            first, second = [await site.get(f"{WS}/charges/{name}") for name in ("ch_1", "ch_2")]
            assert (first["dispute"], second["dispute"]) == ("unknown", None)
            assert (first["dispute_fee_minor"], second["dispute_fee_minor"]) == (None, 0)
            assert first["net_minor"] == second["net_minor"]
            channels: Any = await site.get(f"{WS}/channels")
            assert channels["total"]["fee_minor"] is None
            listing: Any = await site.get(f"{WS}/charges")
            assert {one["charge"]: one["dispute"] for one in listing["charges"]} == {
                "ch_1": "unknown",
                "ch_2": None,
            }

    run(story())


def test_a_refund_counts_on_its_own_day_or_on_that_of_its_charge(open_site: OpenSite) -> None:
    async def story() -> list[Any]:
        async with open_site() as site:
            site.put(charge(refunds=(("re_1", 900),), at=NOON))
            await site.get(f"{WS}/revenue?by=moon", status=400)
            paths = (
                "revenue?days=4",
                "revenue?days=4&by=own_day",
                "revenue?days=4&by=charge_day",
                "channels?by=charge_day",
            )
            return [await site.get(f"{WS}/{path}") for path in paths]

    plain, own, of_charge, channels = run(story())
    assert plain == own
    days = [
        {one["date"]: one["net_minor"] for one in found["days"] if one["net_minor"]}
        for found in (own, of_charge)
    ]
    assert days == [{"2025-10-09": 4_900, "2025-10-10": -900}, {"2025-10-09": 4_000}]
    assert channels["total"]["net_minor"] == 4_000


def shared_charge(open_site: OpenSite) -> Any:
    """A charge first unattributed, then shared by two touches; and the list of the latest."""
    shares = (Credit("v1", NEWS, 2, 5), Credit("v1", TUBE, 3, 5))
    decision = dataclasses.replace(decision_of(NEWS, TUBE), credits=shares)

    async def story() -> Any:
        async with open_site() as site:
            site.put(charge(), charge(versions=(1, 2), decision=decision, fee=172))
            return await site.get(f"{WS}/charges/ch_1"), await site.get(f"{WS}/charges?limit=5")

    return run(story())


def test_a_charge_tells_who_earned_it(open_site: OpenSite) -> None:
    found, latest = shared_charge(open_site)
    assert [share["amount_minor"] for share in latest["charges"][0]["shares"]] == [2_940, 1_960]
    assert (found["charge"], found["status"], found["reason"]) == (
        "ch_1",
        "credited",
        "last_non_direct_click",
    )
    assert (found["gross_minor"], found["net_minor"], found["fee_minor"]) == (4_900, 4_900, 172)
    assert [one["fraction"] for one in found["credits"]] == ["2/5", "3/5"]
    assert sum(Fraction(one["fraction"]) for one in found["credits"]) == 1
    assert found["credits"][1] == {
        "channel": "YouTube",
        "source": "link",
        "link": "video",
        "partner": "ada",
        "fraction": "3/5",
        "touch": {
            "visitor": "v1",
            "occurred_at": "2025-10-08T12:00:00.000Z",
            "url": "https://shop.example/?a=1",
        },
    }
    assert found["explanation"].startswith(
        "Credited to Newsletter (link spring) (2/5) and YouTube (link video"
    )


def test_a_charge_tells_why_and_what_was_posted(open_site: OpenSite) -> None:
    found, _ = shared_charge(open_site)
    assert found["decision"]["identity"] == {
        "by": "email",
        "trust": "signed",
        "identified_at": "2025-10-08T12:00:00.000Z",
        "known_at": "2025-10-08T12:00:00.000Z",
    }
    assert [one["verdict"] for one in found["decision"]["considered"]] == ["credited", "credited"]
    entries = found["entries"]
    assert [one["amount_minor"] for one in entries[:2]] == [4_900, -4_900]
    assert sorted(one["amount_minor"] for one in entries[2:4]) == [1_960, 2_940]
    assert [(one["reason"], one["amount_minor"]) for one in entries[4:]] == [("fee", -69), ("fee", -103)]
    assert entries[1]["retracts"] == entries[0]["entry_id"]
    assert {"seq", "cause", "posted_at", "occurred_at", "usd_minor", "channel", "link"} <= entries[0].keys()


def test_latest_charges_come_newest_first(open_site: OpenSite) -> None:
    async def story() -> Any:
        async with open_site() as site:
            site.put(*(charge(f"ch_{n}", at=NOON + n) for n in (2, 3, 1)))
            return await site.get(f"{WS}/charges?limit=2")

    assert [one["charge"] for one in run(story())["charges"]] == ["ch_3", "ch_2"]


def test_the_ledger_is_read_page_by_page(open_site: OpenSite) -> None:
    async def story() -> list[Any]:
        async with open_site() as site:
            site.put(*(charge(f"ch_{n}") for n in range(5)), charge("ch_other", workspace="ws_other"))
            pages, after = [], 0
            while after is not None:
                pages.append(await site.get(f"{WS}/ledger?after={after}&limit=2"))
                after = pages[-1]["next"]  # type: ignore[assignment]  # JSON, or a row: untyped here
            return pages

    pages = run(story())
    assert [[one["charge"] for one in page["entries"]] for page in pages] == [
        ["ch_0", "ch_1"],
        ["ch_2", "ch_3"],
        ["ch_4"],
    ]


def test_one_mode_is_shown(open_site: OpenSite) -> None:
    async def story() -> None:
        async with open_site() as site:
            site.put(charge(livemode=False), charge("ch_live"))
            paths = ("charges", "ledger", "channels", "revenue")
            live = [repr(await site.get(f"{WS}/{path}")) for path in paths]
            assert "'ch_live'" in live[0] + live[1]
            assert "'ch_1'" not in live[0] + live[1]
            await site.get(f"{WS}/charges/ch_1", status=404)
            test = StripeConnection(WS, "own", livemode=False, webhook_secrets=())
            site.store.write_now(lambda c: put_connection(c, site.sealer, test, 1))
            assert [one["charge"] for one in (await site.get(f"{WS}/charges"))["charges"]] == ["ch_1"]  # type: ignore[attr-defined]  # JSON, or a row: untyped here
            assert (await site.get(f"{WS}/charges/ch_1"))["livemode"] is False
            assert (await site.get(WS))["livemode"] is False

    run(story())


def test_who_may_read_what(open_site: OpenSite) -> None:
    async def story() -> None:
        async with open_site() as site:
            other = site.store.write_now(
                lambda c: create_workspace(c, site.sealer, domain="b.example", workspace="ws_b", now=1)
            )
            for key, path, status, code in (
                ("trk_wrong", WS, 401, "unauthorized"),
                (other.api_key, WS, 403, "forbidden"),
                (site.key, "ws_b", 403, "forbidden"),
                (site.key, "ws_none", 403, "forbidden"),
            ):
                found: Any = await site.get(f"{path}/channels", status=status, key=key)
                assert found["error"]["code"] == code
                assert found["error"]["message"]
            for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer "}):
                async with site.client.get(f"/api/workspaces/{WS}/channels", headers=headers) as answer:
                    assert answer.status == 401
                    assert answer.headers["WWW-Authenticate"] == "Bearer"
            await site.get(f"{WS}/nothing", status=404)
            await site.get(f"{WS}/charges/ch_none", status=404)

    run(story())


@pytest.mark.parametrize(
    "query",
    ["channels?days=0", "channels?days=367", "channels?days=ten", "channels?days=", "revenue?days=-1",
     "revenue?days=1.5", "charges?limit=0", "ledger?after=-1", "ledger?after=99999999999999999999999999",
     "ledger?limit=1&limit=2", "revenue?days=%D9%A1"],
)  # fmt: skip
def test_bad_parameters_are_named(open_site: OpenSite, query: str) -> None:
    async def story() -> Any:
        async with open_site() as site:
            return await site.get(f"{WS}/{query}", status=400)

    error = run(story())["error"]
    name = query.partition("?")[2].partition("=")[0]
    assert error["code"] == "bad_parameter"
    assert error["message"].startswith(f"{name} must be one whole number")


def test_the_workspace_tells_its_script_tag(open_site: OpenSite) -> None:
    async def story() -> None:
        async with open_site() as site:
            found = await site.get(WS)
            origin = str(site.client.make_url("/")).rstrip("/")
            assert found["script_tag"] == (
                f'<script>{STUB}</script>\n<script async\n  src="{origin}/p.js"\n  data-workspace="{WS}"\n'
                '  data-cookie-domain=".shop.example"></script>'
            )

    run(story())
