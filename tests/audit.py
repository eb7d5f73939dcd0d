"""The agents against the auditor, at length: ``python -m tests.audit --histories 100000 --seed 7``.

Ends with 3 at the first disagreement, which is shown with the least that makes it.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.agents.auditing import disagreement, random_of, report
from tests.agents.wide import wide

BATCH = 500
RESULTS = Path(__file__).parent.parent / "ops" / "soak.md"
TABLE = "| date | commit | seed | histories | facts | result | minutes |\n|---|---|---|---|---|---|---|\n"
DISAGREED = 3  # an error of Python's own ends with 1


def main(arguments: list[str]) -> int:
    """Run histories until they are through, or one shows a disagreement."""
    parser = argparse.ArgumentParser(prog="python -m tests.audit", description=__doc__)
    parser.add_argument("--histories", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first history")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--record", action="store_true", help="add the result to ops/soak.md")
    given = parser.parse_args(arguments)
    last = given.first + given.histories
    starts = range(given.first, last, BATCH)
    facts, began = 0, time.monotonic()
    print(f"seed {given.seed}, histories {given.first} to {last - 1}", flush=True)
    with ProcessPoolExecutor(given.processes) as pool:
        for start, (heard, wrong) in zip(
            starts, pool.map(partial(check, given.seed, last), starts), strict=True
        ):
            if wrong:
                print(wrong)
                pool.shutdown(cancel_futures=True)
                return DISAGREED
            facts += heard
            if (start - given.first) // BATCH % 20 == 19:
                print(f"{start + BATCH - given.first} histories, {facts} facts: agreed", flush=True)
    print(f"seed {given.seed}: {given.histories} histories, {facts} facts, after each of which all agreed")
    if given.record:
        minutes = (time.monotonic() - began) / 60
        record(f"{given.seed} | {given.histories:,} | {facts:,} | all agreed | {minutes:.0f}")
    return 0


def record(result: str) -> None:
    """Add a row to the table of results, the newest first."""
    asked = ("git", "rev-parse", "--short", "HEAD")
    done = subprocess.run(asked, cwd=RESULTS.parent, capture_output=True, text=True, check=True)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    RESULTS.write_text(
        RESULTS.read_text().replace(TABLE, f"{TABLE}| {today} | {done.stdout.strip()} | {result} |\n", 1)
    )


def check(seed: int, last: int, start: int) -> tuple[int, str]:
    """How many facts a batch of histories had, and its first disagreement."""
    facts = 0
    for number in range(start, min(start + BATCH, last)):
        history = wide(random_of(seed, number))
        facts += len(history.facts)
        if disagreement(history):
            return facts, report(f"{seed}/{number}", history)
    return facts, ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
