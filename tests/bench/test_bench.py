"""The benchmarks: they run, count right, and say what they cannot do. No figure is asserted."""

from collections import Counter
from pathlib import Path

import pytest

from ops.bench.harness.figures import Result, percentile
from ops.bench.harness.open_loop import LIFE_S, schedule
from tests.bench.running import bench, figures


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3.0], 0.99, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 1.0, 4.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
    ],
)
def test_percentiles_are_nearest_ranks(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


@pytest.mark.parametrize("together", [1, 5])
def test_the_load_is_due_at_the_rates_that_it_names(together: int) -> None:
    due = list(schedule("http://127.0.0.1:1", 4.0, 100, 5, together))
    assert due == sorted(due)
    full = [one for one in due if LIFE_S <= one.at_s < LIFE_S + 4.0]
    hits, webhooks = Counter[int](), Counter[int]()
    for one in full:
        hits[int(one.at_s)] += one.hits
        webhooks[int(one.at_s)] += not one.hits
        assert one.raw is None or one.raw.count(b'"at"') == one.hits
    assert all(abs(count - 100) <= 10 * together for count in hits.values()), "to a request of each visitor"
    assert set(webhooks.values()) == {5}
    identified = {one.visitor: one.at_s for one in due if one.raw and b'"identify"' in one.raw}
    payers = [one for one in full if not one.hits]
    assert all(identified[one.visitor] <= one.at_s - 2 for one in payers), "known well before the charge"


def test_what_runs_in_one_process(tmp_path: Path) -> None:
    out = tmp_path / "last.json"
    done = bench("domain", "log", "--seconds", "1", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout
    assert figures(out, "domain")["events, frames of 50"] > 0
    assert figures(out, "domain")["the domain alone"] > 0
    assert figures(out, "log")["fetch"] > 0


def test_under_load_nothing_is_lost(tmp_path: Path) -> None:
    out = tmp_path / "last.json"
    done = bench("latency", "edge", "--seconds", "1", "--out", str(out))
    assert done.returncode == 0, done.stderr
    latency, edge = figures(out, "latency"), figures(out, "edge")
    assert latency["not taken"] == latency["never credited"] == edge["not taken"] == 0
    assert latency["webhook to credited entry p50"] >= latency["webhook to readable entry p50"]


def test_stripe_is_taken_by_webhook_and_by_poller(tmp_path: Path) -> None:
    out = tmp_path / "last.json"
    done = bench("webhooks", "poller", "--seconds", "1", "--out", str(out))
    assert done.returncode == 0, done.stderr
    webhooks, poller = figures(out, "webhooks"), figures(out, "poller")
    assert webhooks["not taken"] == 0
    assert webhooks["taken by the edge"] > 0
    assert poller["facts"] > poller["charges"] > 0


def test_it_says_which_names_it_knows() -> None:
    done = bench("speed")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "bench: no benchmark is called 'speed'; there are latency, edge, domain, payers, log,"
    )


def test_more_charges_than_visitors_are_refused() -> None:
    done = bench("cluster", "--hits", "100", "--charges", "20")
    assert done.returncode == 1
    assert (
        done.stderr
        == "bench: 20 charges/s are of 20 visitors/s; 100 hits/s are of 10, for each has 10 hits\n"
    )


def test_a_shortfall_is_named() -> None:
    result = Result("recovery", "about")
    result.aim("ready after", 90, 120, "s")
    assert not result.shortfalls
    result.aim("memory", 1_100, 1_024, "MB")
    assert result.as_lines()[-1] == "  SHORTFALL: memory is 1,100 MB, the aim is at most 1,024"
    result.reach("fetched", 5_000, 4_000, "records/s")
    result.reach("taken", 3_900, 4_000, "requests/s")
    assert result.as_lines()[-2:] == [
        "  SHORTFALL: memory is 1,100 MB, the aim is at most 1,024",
        "  SHORTFALL: taken is 3,900 requests/s, the aim is at least 4,000",
    ]


def test_a_table_is_for_people() -> None:
    result = Result("log", "about")
    result.add("fetch", 123_456.7, "records/s", "pages")
    result.add("none", float("nan"), "ms")
    assert result.as_lines()[1] == "log: about"
    assert result.as_lines()[2].split() == ["fetch", "123,457", "records/s", "pages"]
