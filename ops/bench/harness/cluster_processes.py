"""What the benchmarks of the cluster stand on: a broker, and the roles of the program as processes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from ops.bench.harness.processes import Target
from ops.demo.processes import DemoError, child
from ops.kafka.broker import Broker
from trackrev_stream.settings import read_settings

PARTITIONS = read_settings({"TRACKREV_BROKER": "kafka://broker:9092"}).partitions
"""As many as a cluster has unless it is told otherwise."""
START_S = 60.0
_UP = re.compile(r"^trackrev [a-z, ]+ is up(?: at (http://\S+))?;")


@asynccontextmanager
async def role(
    name: str, place: Path, settings: Mapping[str, str], *, number: int = 0, patience_s: float = START_S
) -> AsyncIterator[Target]:
    """`trackrev NAME` over these settings, once it is ready. Raises DemoError when it is not in time."""
    words = () if name == "worker" else ("--port", "0")
    errors = place / f"{name}-{number}.log"
    arguments = ("-m", "trackrev_stream.cli", name, *words)
    async with child(f"trackrev {name}", *arguments, errors=errors, **settings) as running:
        try:
            async with asyncio.timeout(patience_s):
                while not (found := _UP.search(await running.line())):
                    pass
        except TimeoutError:
            said = "\n  ".join(running.complaints())
            raise DemoError(f"trackrev {name} was not ready within {patience_s:.0f} s\n  {said}") from None
        yield Target(found[1] or "", running)


def settings_of(broker: Broker, data: Path, store: str = "") -> dict[str, str]:
    """The settings of every role over this broker; the database is SQLite in `data` unless it is told."""
    settings = {
        "TRACKREV_BROKER": f"kafka://{broker.address}",
        "TRACKREV_DATA": str(data),
        "TRACKREV_ADMIN_PORT": "0",
    }
    return settings | ({"TRACKREV_STORE": store} if store else {})


async def plain_reader(place: Path, broker: Broker, topic: str, records: int) -> dict[str, float]:
    """What it takes a plain consumer to read so many records: `seconds` and `cpu_s`."""
    arguments = ("--broker", broker.address, "--topic", topic, "--partitions", str(PARTITIONS))
    more = ("--records", str(records))
    async with child(
        "the reader", "-m", "ops.bench.harness.plain_consumer", *arguments, *more, errors=place / "reader.log"
    ) as process:
        found: dict[str, float] = json.loads(await process.line())
    return found
