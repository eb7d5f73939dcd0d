"""A small backfill that is killed three times. The whole one: `make soak-stripe ARGS=kills`."""

from pathlib import Path

from tests.stripe_year.kills import SMALL, run


def test_a_backfill_that_is_killed_goes_on_where_it_was_and_restates_no_renewal(tmp_path: Path) -> None:
    came = run(SMALL, tmp_path)
    assert came.wrong == []
    assert came.charges == SMALL.charges
    # From the beginning each time it would have been half as many again, and more.
    assert came.again < came.charges * 3 // 4
    assert came.renewals > 30
    assert came.restated == []
