"""One broker and controller in one Java process, on free ports of loopback.

    with Broker(directory) as broker:
        ...  # clients connect to broker.address

Its ports and data stay the same over `kill` and `start`, so clients find it again.
"""

import contextlib
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import Self

from ops.kafka.certificates import certificates
from ops.kafka.jars import jars

CLUSTER = "dHJhY2tyZXYtdGVzdHMtMQ"
PATIENCE_S = 60.0

# Small and quick: a test sees retention and compaction within seconds, and one node is the whole quorum.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl},\
SSL://127.0.0.1:{tls},SASL_SSL://127.0.0.1:{sasl_tls},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl},\
SSL://127.0.0.1:{tls},SASL_SSL://127.0.0.1:{sasl_tls}
controller.listener.names=CONTROLLER
listener.security.protocol.map=\
PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
listener.name.sasl_plaintext.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
log.dirs={logs}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=6000
group.min.session.timeout.ms=1000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
offsets.topic.segment.bytes=1048576
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=2
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.backoff.ms=100
log.initial.task.delay.ms=100
log.retention.check.interval.ms=200
log.segment.delete.delay.ms=100
"""
_JAVA = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

# For benchmarks: Kafka's own defaults, where those above are for tests that wait for what it does by itself.
LASTING_PROPERTIES = """\
log.cleaner.dedupe.buffer.size=134217728
log.cleaner.backoff.ms=15000
log.retention.check.interval.ms=300000
log.segment.delete.delay.ms=60000
"""
LASTING_JAVA = ("-Xms1g", "-Xmx1g", "-XX:+UseG1GC")
_QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


class Broker:
    """A broker whose data is in `directory`; blocking methods, for tests and scripts.

    One that is `lasting` takes longer to start, and works as one in earnest does.
    Raises `ops.kafka.jars.Missing` without Java, RuntimeError when the broker does not start.
    """

    user, password = "trackrev", "secret-of-the-tests"

    def __init__(self, directory: Path, *, lasting: bool = False) -> None:
        self._lasting = lasting
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        plain, sasl, tls, sasl_tls, controller = _free_ports(5)
        self.address = f"127.0.0.1:{plain}"
        #: Where each of the program's TRACKREV_KAFKA_SECURITY is asked for.
        self.addresses = {
            "plaintext": self.address,
            "sasl": f"127.0.0.1:{sasl}",
            "tls": f"127.0.0.1:{tls}",
            "sasl+tls": f"127.0.0.1:{sasl_tls}",
        }
        #: Who signed its certificate.
        self.authority = directory / "ca.pem"
        self._ports = {
            "plain": plain,
            "sasl": sasl,
            "tls": tls,
            "sasl_tls": sasl_tls,
            "controller": controller,
        }
        self._classpath = f"{jars()}/*"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def log(self) -> Path:
        """What the broker wrote for people."""
        return self._directory / "broker.out"

    def start(self) -> None:
        """Start, on the data that is there, and wait until it answers."""
        assert self._process is None, "it runs already"
        properties = self._directory / "server.properties"
        if not properties.exists():
            self._format(properties)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", properties), stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )
        self._wait()

    def stop(self) -> None:
        """Stop as an administrator would, with its data written."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill -9; nothing if it does not run."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start on the same data and ports."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _format(self, properties: Path) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        made = certificates(self._directory)
        text = _PROPERTIES.format(
            logs=self._directory / "data", keystore=made.keystore, user=self.user, password=self.password,
            **self._ports,
        )  # fmt: skip
        properties.write_text(text + (LASTING_PROPERTIES if self._lasting else ""))
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", properties, *self._users()),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            properties.unlink()
            raise RuntimeError(f"Kafka's storage could not be formatted:\n{done.stdout}{done.stderr}")

    def _users(self) -> list[str]:
        """Whom SCRAM knows; those of PLAIN are in the properties."""
        mechanisms = ("SCRAM-SHA-256", "SCRAM-SHA-512")
        who = f"[name={self.user},password={self.password}]"
        return [word for mechanism in mechanisms for word in ("--add-scram", f"{mechanism}={who}")]

    def _java(self, main: str, *arguments: object) -> list[str]:
        java = shutil.which("java") or "java"
        return [
            java,
            *(LASTING_JAVA if self._lasting else _JAVA),
            _QUIET,
            "-cp",
            self._classpath,
            main,
            *map(str, arguments),
        ]

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not answers(self._ports["plain"]):
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka does not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)  # not a guess: the condition is asked again, for nobody tells when it answers

    def _signal(self, number: int) -> None:
        assert self._process is not None, "it does not run"
        self._process.send_signal(number)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.wait(PATIENCE_S)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(socket.socket()) for _ in range(count)]
        for place in places:
            place.bind(("127.0.0.1", 0))
        return [place.getsockname()[1] for place in places]


def answers(port: int) -> bool:
    """Whether a broker answers an ApiVersions request (key 18, version 0, no client id)."""
    request = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.settimeout(1)
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(4)) == 4
    except OSError:
        return False
