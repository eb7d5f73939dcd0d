"""`python -m ops.bench [NAME ...]`: run benchmarks, print a table, write the figures to a file."""

import argparse
import asyncio
import json
import logging
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from ops.bench import (
    cluster,
    domain,
    edge,
    latency,
    log,
    payers,
    poller,
    recovery,
    stitch,
    visitors,
    webhooks,
)
from ops.bench.harness.figures import Result
from ops.bench.harness.ledger_reader import Rates
from ops.bench.harness.open_loop import HITS_EACH
from ops.demo.processes import DemoError
from ops.kafka.jars import Missing as NoKafka
from ops.postgres import Missing as NoPostgres

Benchmark = Callable[[Path, float], Awaitable[Result]]

BENCHMARKS: dict[str, tuple[Benchmark, float]] = {
    "latency": (latency.run, 60.0),
    "edge": (edge.run, 10.0),
    "domain": (domain.run, 10.0),
    "payers": (payers.run, 10.0),
    "log": (log.run, 8.0),
    "webhooks": (webhooks.run, 10.0),
    "poller": (poller.run, 10.0),
    "stitch": (stitch.run, 15.0),
    "recovery": (recovery.run, 100.0),
    "visitors": (visitors.run, 30.0),
    "cluster": (cluster.run, 120.0),
}
"""By name: what runs it, and for how many seconds unless told otherwise."""


def main() -> int:
    """Run what was asked for: 0 when all ran, 1 when one could not, 130 when interrupted."""
    given = _arguments().parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="trackrev-bench-", ignore_cleanup_errors=True) as place:
            return asyncio.run(_run(given, Path(place)))
    except asyncio.CancelledError:
        print("\nStopped before the end.")
        return 130
    except (DemoError, NoKafka, NoPostgres, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.bench", description=__doc__)
    known = list(BENCHMARKS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)} (default: all)")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long each one measures")
    plan = cluster.DEFAULT
    parser.add_argument(
        "--hits", type=int, default=plan.rates.hits, metavar="N", help="a second, of `cluster`"
    )
    parser.add_argument("--charges", type=int, default=plan.rates.webhooks, metavar="N", help="as --hits")
    parser.add_argument(
        "--together", type=int, default=plan.rates.together, choices=(1, 2, 5, HITS_EACH), metavar="N",
        help="hits in a request, of `cluster`: p.js sends those of a second together, ten at most",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=plan.workers, metavar="N", help="of `cluster`")
    default = Path(tempfile.gettempdir()) / "trackrev-bench" / "last.json"
    parser.add_argument("--out", type=Path, default=default, metavar="FILE", help=f"default {default}")
    return parser


async def _run(given: argparse.Namespace, place: Path) -> int:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    names = given.names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        raise DemoError(f"no benchmark is called {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    # Brokers that have just started are asked again, and again; the benchmarks say what they cannot do.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    print(f"{machine}, load before {os.getloadavg()[0]:.1f}", flush=True)
    plan = cluster.Plan(Rates(given.hits, given.charges, given.together), given.workers)
    if (visitors := given.hits // HITS_EACH) < given.charges:
        raise DemoError(
            f"{given.charges} charges/s are of {given.charges} visitors/s; {given.hits} hits/s are of "
            f"{visitors}, for each has {HITS_EACH} hits"
        )
    results = []
    for name in names:
        benchmark, seconds = BENCHMARKS[name]
        if name == "cluster":
            benchmark = partial(cluster.run, plan=plan)
        own = place / name
        own.mkdir()
        results.append(await benchmark(own, given.seconds or seconds))
        print(*results[-1].as_lines(), sep="\n", flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(
        json.dumps({"machine": machine, "results": [r.as_json() for r in results]}, indent=1)
    )
    print(f"\nWritten to {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
