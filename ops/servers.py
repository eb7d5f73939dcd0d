"""`python -m ops.servers`: a Kafka and a PostgreSQL on loopback, to try the cluster on; gone with Ctrl-C."""

import signal
import sys
import tempfile
from pathlib import Path

from ops.kafka.broker import Broker
from ops.kafka.jars import Missing as NoKafka
from ops.postgres import Missing as NoPostgres
from ops.postgres import postgres


def main() -> int:
    """Run both until a signal comes: 0 then, 1 where one is not installed or does not start."""
    stop = (signal.SIGINT, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="trackrev-servers-", ignore_cleanup_errors=True) as place,
            Broker(Path(place) / "kafka", lasting=True) as broker,
            postgres() as server,
        ):
            print("Both are up; what they hold is gone with Ctrl-C. In every other terminal:\n")
            print(f"export TRACKREV_BROKER=kafka://{broker.address}")
            print(f"export TRACKREV_STORE='{server.new_database()}'")
            print("export TRACKREV_DATA=./cluster-data", flush=True)
            signal.sigwait(stop)
    except (NoKafka, NoPostgres, RuntimeError) as error:
        print(f"servers: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
