"""`python -m ops.bench.harness.plain_consumer`: aiokafka reads one topic and looks at nothing."""

import argparse
import asyncio
import json
import time

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from trackrev_stream.eventlog.kafka.cluster import Cluster


async def read(address: str, topic: str, partitions: int, records: int) -> dict[str, float]:
    """Read so many records; the seconds and the CPU time that it took, the start of the program apart."""
    consumer = AIOKafkaConsumer(**Cluster(address).options, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(partitions)])
        seen, began_s, began_cpu_s = 0, time.perf_counter(), time.process_time()
        while seen < records:
            seen += sum(map(len, (await consumer.getmany(timeout_ms=1_000)).values()))
        return {"seconds": time.perf_counter() - began_s, "cpu_s": time.process_time() - began_cpu_s}
    finally:
        await consumer.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.bench.harness.plain_consumer")
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--records", type=int, required=True)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(read(given.broker, given.topic, given.partitions, given.records))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
