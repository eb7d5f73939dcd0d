"""`make soak-stripe`: what the tests of Stripe do in small, at the sizes that are promised.

`ways`: a year by webhooks, by the poller and by backfill; differences planted into its book. `kills`: a long
backfill, killed in the midst of it. `fuzz`: mutated requests at the webhook. `month`: the reads of a month of
hourly polls. Each makes a row of ops/soak.md.
"""

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.soak.__main__ import RESULTS, _commit
from tests.soak.books import differences
from tests.stripe_year import fuzz, kills, year

Say = Callable[[str], None]
Found = tuple[str, str, str, list[str]]
"""What was run, of which size, what came of it, and what is wrong."""
ALLOTTED = 10_000  # reads a month, at least: https://docs.stripe.com/rate-limits


async def ways(given: argparse.Namespace, place: Path, say: Say) -> Found:
    """A year by every way."""
    form = year.Form(given.seed, given.charges or 10_000, given.hours)
    async with year.run(form, place, say) as ran:
        wanted = ran.standing("backfill")
        wrong = [text for way in ("webhooks", "poller") for text in differences(wanted, ran.standing(way))]
        wrong += [f"books: {one}" for one in sorted(ran.worth("backfill").items() ^ ran.books().items())]
        for way in ("webhooks", "poller", "backfill"):
            wrong += [f"reconcile {way}: {answer}" for status, answer in ran.reconciled[way] if status]
        wrong += await year.planted(ran, place, say)
    size = f"{len(ran.books()):,} charges, {len(ran.made.events):,} events, polled every {form.hours} h"
    return "a year by three ways", size, f"{len(wanted):,} charges and lines equal", wrong


async def killed(given: argparse.Namespace, place: Path, say: Say) -> Found:
    """A backfill with kills."""
    form = kills.Form(given.charges or 100_000)
    came = await asyncio.to_thread(kills.run, form, place, say)
    wrong = [*came.wrong, *(f"{name}: a renewal, and restated" for name in came.restated)]
    if came.again > came.charges * 3 // 4:
        wrong.append(f"{came.again:,} charges were published again: it did not go on where it was")
    outcome = f"all as in Stripe's books; {came.again:,} read again; of {came.renewals:,} renewals 0 restated"
    return f"a backfill with {form.kills} x kill -9", f"{came.charges:,} charges", outcome, wrong


async def fuzzed(given: argparse.Namespace, place: Path, say: Say) -> Found:
    """Mutated requests."""
    form = fuzz.Form(given.seed, given.requests)
    came = await fuzz.run(form, place, say)
    wrong = came.wrong()
    outcome = (
        f"{came.told()}; memory {came.memory[0]:.0f} MB after a tenth, {came.memory[1]:.0f} MB at the end, "
        f"beside {came.rocksdb[0]:.0f} and {came.rocksdb[1]:.0f} MB of RocksDB's"
    )
    return "mutated webhooks", f"{sum(came.statuses.values()):,} requests", outcome, wrong


async def month(given: argparse.Namespace, place: Path, say: Say) -> Found:
    """The reads of a month."""
    count, reads = await year.month(year.Form(given.seed, given.charges or 1_250), place)
    say("the month is over")
    wrong = [f"{reads:,} reads"] if reads >= ALLOTTED else []
    return "a month of hourly polls", f"{count:,} charges in one account", f"{reads:,} reads", wrong


COMMANDS: dict[str, Callable[[argparse.Namespace, Path, Say], Coroutine[Any, Any, Found]]] = {
    "ways": ways,
    "month": month,
    "kills": killed,
    "fuzz": fuzzed,
}


@contextmanager
def _directory(*, keep: bool) -> Iterator[str]:
    if keep:
        yield tempfile.mkdtemp(prefix="trackrev-stripe-")
        return
    with tempfile.TemporaryDirectory(prefix="trackrev-stripe-", ignore_cleanup_errors=True) as place:
        yield place


def main() -> int:
    """0 when nothing is wrong, 1 otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.stripe_year",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--charges", type=int, metavar="N", help="10,000 of ways, 100,000 of kills")
    parser.add_argument("--requests", type=int, default=200_000, metavar="N", help="of fuzz")
    parser.add_argument("--hours", type=int, default=6, metavar="N", help="between two polls of ways")
    parser.add_argument("--keep", action="store_true", help="leave the data directory behind, to look at")
    parser.add_argument("--record", action="store_true", help="append the row to ops/soak.md")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever ends it wants no servers left behind
    logging.getLogger("mode").setLevel(logging.ERROR)  # it tells of every commit that took its time
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"[{time.monotonic() - began:7.1f} s] {text}\n")
        sys.stdout.flush()

    with _directory(keep=given.keep) as place, asyncio.Runner() as runner:
        say(f"in {place}")
        name, size, found, wrong = runner.run(COMMANDS[given.what](given, Path(place), say))
    minutes = f"{(time.monotonic() - began) / 60:.1f}"
    outcome = f"**{len(wrong)} wrong**" if wrong else found
    today = time.strftime("%Y-%m-%d", time.gmtime())
    cells = (today, _commit(), name, str(given.seed), size, outcome, minutes)
    text = f"| {' | '.join(cells)} |"
    sys.stdout.write("\n".join((*wrong[:50], text, "")))
    if given.record:
        # The rows of `make soak` are appended at the end: these are before it.
        before, heading, after = RESULTS.read_text().partition("\n## Workers, broker and database\n")
        RESULTS.write_text(f"{before}{text}\n{heading}{after}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
