"""An app whose disk refuses in the middle of its work; tells how it ended. Run as a program."""

import asyncio
import json
import resource
import signal
import sys
from pathlib import Path

from tests.eventlog.embedded.apps import add, counting_app, open_log, until
from trackrev_stream.eventlog.faust_patches.runtime import AppFailed, Runtime


async def main(directory: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    seen: list[tuple[str, int, int]] = []
    told: list[str] = []
    async with open_log(directory) as log:
        await add(log, "orders", *(b"%d" % n for n in range(3000)))
        app = counting_app(directory, seen, broker_commit_interval=0.01)
        app.transport.on_fatal.append(lambda error: told.append(type(error).__name__))
        runtime = Runtime(app)
        await runtime.start()
        await until(lambda: len(seen) > 200)
        size = max((directory / "log").glob("*.log")).stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, resource.RLIM_INFINITY))
        ended = "still running"
        try:
            await runtime.wait()
        except AppFailed as error:
            ended = type(error.__cause__).__name__
        await runtime.stop()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    sys.stdout.write(json.dumps({"told": told, "ended": ended}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
