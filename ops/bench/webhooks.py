"""`webhooks`: how many webhooks a second are verified, scrubbed and durable; connections never rest."""

from pathlib import Path

from ops.bench.harness.closed_loop_runner import CONNECTIONS, Rushed, rushed
from ops.bench.harness.figures import Result
from ops.bench.harness.processes import new, the_collector, the_program

LEAST_A_SECOND = 4_000


async def run(place: Path, seconds: float) -> Result:
    """Load the edge alone over an embedded log, then the whole program. Raises DemoError."""
    about = f"webhooks of charges, {CONNECTIONS} connections, {seconds:.0f} s, each acknowledged when durable"
    result = Result("webhooks", about)
    async with the_collector(new(place, "collector")) as target:
        found = await rushed(target, place, seconds, "--webhooks")
    note = "; the edge alone, one process"
    result.reach("taken by the edge", found.a_second, LEAST_A_SECOND, "requests/s", note)
    result.add("taken in a second of its CPU", len(found.waits_s) / found.cpu_s, "requests")
    result.add_percentiles("answered", found.waits_s)
    _add_refused(result, found)
    async with the_program(new(place, "program")) as target:
        whole = await rushed(target, place, seconds, "--webhooks")
    result.add("taken by `trackrev up`", whole.a_second, "requests/s", "while its agents are at it")
    _add_refused(result, whole)
    return result


def _add_refused(result: Result, found: Rushed) -> None:
    refused = {status: count for status, count in found.statuses.items() if status != "200"}
    result.add("not taken", sum(refused.values()), "requests", ", ".join(sorted(refused)))
