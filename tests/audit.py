"""The agents against the auditor, at length: ``python -m tests.audit --histories 100000 --seed 7``.

Ends with 3 at the first disagreement, which is shown with the least that makes it.
"""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.agents.auditing import disagreement, random_of, report
from tests.agents.wide import wide

BATCH = 500
DISAGREED = 3  # an error of Python's own ends with 1


def main(arguments: list[str]) -> int:
    """Run histories until they are through, or one shows a disagreement."""
    parser = argparse.ArgumentParser(prog="python -m tests.audit", description=__doc__)
    parser.add_argument("--histories", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first history")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args(arguments)
    last = given.first + given.histories
    starts = range(given.first, last, BATCH)
    facts = 0
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
    return 0


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
