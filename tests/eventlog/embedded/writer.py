"""Appends numbered records to several topics and says which are acknowledged. Run as a program."""

import asyncio
import sys
from pathlib import Path

from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.records import NewRecord, TopicSpec

TOPICS = (TopicSpec("a", 3), TopicSpec("b", 1))


async def main(directory: Path, writers: int) -> None:
    log = Log.open(directory)
    log.create_topics(TOPICS)
    places = [(spec.name, number) for spec in TOPICS for number in range(spec.partitions)]
    numbers = iter(range(sys.maxsize))

    async def write() -> None:
        while True:
            number = next(numbers)
            topic, partition = places[number % 7 % len(places)]
            value = b"%d" % number
            offset = await log.append(
                topic, partition, [NewRecord(number, None, value + bytes(number % 300))]
            )
            sys.stdout.write(f"{number} {topic} {partition} {offset}\n")
            sys.stdout.flush()

    await asyncio.gather(*(write() for _ in range(writers)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
