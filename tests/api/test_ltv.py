"""Lifetime value over real HTTP."""

from typing import Any

import pytest

from tests.api.conftest import OpenSite
from tests.store.builders import NOON, WS, charge, run, touch
from trackrev_stream.domain.values.days import DAY_MS

NEWS, MORE, TUBE = touch(), touch(link="summer"), touch("YouTube", "video")
# NOON is on the 9th of October 2025; so is the first hour of November in Berlin:
IN_BERLIN = NOON + 22 * DAY_MS + 11 * 3_600_000 + 1_800_000


def sums(
    gross: int, net: int, so_far: tuple[int, int], unconverted: int = 0, until: int = 0
) -> dict[str, int]:
    return {
        "gross_minor": gross,
        "net_minor": net,
        "unconverted": unconverted,
        "cumulative_gross_minor": so_far[0],
        "cumulative_net_minor": so_far[1],
        "cumulative_unconverted": until,
    }


def test_a_cohort_by_channel_in_dollars_and_by_currency(open_site: OpenSite) -> None:
    async def story() -> None:
        async with open_site() as site:
            site.put(
                charge("ch_1", touches=(NEWS,)),
                charge("ch_2", touches=(NEWS,), at=NOON + 40 * DAY_MS, refunds=(("re_1", 900),)),
                charge("ch_3", touches=(TUBE,), at=NOON + 40 * DAY_MS, amount=700, currency="eur"),
            )
            found: Any = await site.get(f"{WS}/ltv")
            assert (found["by"], found["currency"], found["exponents"]) == (
                "channel",
                "usd",
                {"eur": 2, "usd": 2},
            )
            (cohort,) = found["cohorts"]
            assert (cohort["cohort"], cohort["payers"]) == ("2025-10", 1)
            assert [(row["channel"], row["payers"]) for row in cohort["rows"]] == [
                ("Newsletter", 1),
                ("YouTube", 1),
            ]
            second = cohort["rows"][0]["months"][1]
            money = sums(4_900, 4_000, (9_800, 8_900))
            assert second == {"age": 1} | money | {"native": [{"currency": "usd"} | money]}
            euros = {"currency": "eur"} | sums(700, 700, (700, 700), 1, 1)
            tube = cohort["rows"][1]["months"][1]
            assert tube == {"age": 1} | sums(0, 0, (0, 0), 1, 1) | {"native": [euros]}

    run(story())


def test_links_within_their_channel(open_site: OpenSite) -> None:
    async def story() -> None:
        async with open_site() as site:
            site.put(
                charge("ch_1", touches=(NEWS,), payer="cus_1"),
                charge("ch_2", touches=(MORE,), payer="cus_2"),
                charge("ch_3", touches=(MORE,), payer="cus_3", amount=100),
            )
            by_link: Any = await site.get(f"{WS}/ltv?by=link")
            (cohort,) = by_link["cohorts"]
            rows = [(row["channel"], row["link"], row["payers"]) for row in cohort["rows"]]
            assert rows == [("Newsletter", "summer", 2), ("Newsletter", "spring", 1)]
            by_channel: Any = await site.get(f"{WS}/ltv")
            (cohort,) = by_channel["cohorts"]
            assert [(row["channel"], row["payers"]) for row in cohort["rows"]] == [("Newsletter", 3)]

    run(story())


@pytest.mark.parametrize(("time_zone", "month"), [("UTC", "2025-10"), ("Europe/Berlin", "2025-11")])
def test_months_are_the_workspace_s(open_site: OpenSite, time_zone: str, month: str) -> None:
    async def story() -> None:
        async with open_site(time_zone) as site:
            site.put(charge("ch_1", at=IN_BERLIN))
            found: Any = await site.get(f"{WS}/ltv")
            assert [each["cohort"] for each in found["cohorts"]] == [month]

    run(story())


def test_nothing_yet_and_what_cannot_be_asked(open_site: OpenSite) -> None:
    async def story() -> None:
        async with open_site() as site:
            assert (await site.get(f"{WS}/ltv"))["cohorts"] == []
            refused: Any = await site.get(f"{WS}/ltv?by=partner", status=400)
            assert refused["error"]["message"] == "by must be one of channel, link"

    run(story())
