"""Takes orders, counts them, and says which were accepted; a restart goes on. Run as a program."""

import asyncio
import itertools
import sys
from pathlib import Path

from tests.eventlog.embedded.apps import counting_app, open_log
from trackrev_stream.eventlog.embedded.publisher import EmbeddedPublisher
from trackrev_stream.eventlog.faust_patches.runtime import Runtime


async def main(directory: Path) -> None:
    async with open_log(directory) as log:
        publisher = EmbeddedPublisher(log)

        async def take(writer: int) -> None:
            for n in itertools.count():
                key = b"%d" % (n * 7 % 30)
                offset = await publisher.publish("orders", key[0] % 2, key, b"x")
                sys.stdout.write(f"{key[0] % 2} {offset}\n")
                sys.stdout.flush()
                if n % 5 == writer:
                    await asyncio.sleep(0.001)

        async with Runtime(counting_app(directory, [], broker_commit_interval=0.02)):
            await asyncio.gather(*(take(writer) for writer in range(5)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
