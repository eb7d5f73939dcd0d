"""The Redpanda of docker-compose.yml by itself, for the tests: `make test-redpanda`, where Docker is.

    with Redpanda() as broker:
        ...  # clients connect to broker.address

It is the image and the command of the compose file; only the address differs that clients are told. It can be
stopped, killed and frozen as `ops.kafka.broker.Broker` can, and keeps its port and data meanwhile.
"""

import contextlib
import json
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import yaml

from ops.kafka.broker import answers

COMPOSE = Path(__file__).parent.parent / "docker-compose.yml"
PATIENCE_S = 120.0
_INSIDE = "--advertise-kafka-addr internal://redpanda:9092"


class Missing(Exception):
    """Docker is not there, or does not answer; the message says which."""


class Redpanda:
    """A container of its own. Raises Missing without Docker, RuntimeError when it does not start."""

    def __init__(self) -> None:
        with contextlib.closing(socket.socket()) as place:
            place.bind(("127.0.0.1", 0))
            self._port: int = place.getsockname()[1]
        self._name = f"trackrev-test-{secrets.token_hex(4)}"
        self.address = f"127.0.0.1:{self._port}"
        self.addresses = {"plaintext": self.address}

    def __enter__(self) -> Self:
        available()
        try:
            _docker("create", f"--name={self._name}", *run_as(service(), self._port))
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(RuntimeError):
            _docker("rm", "--force", "--volumes", self._name)

    def start(self) -> None:
        """Start, on the data that is there, and wait until it answers."""
        _docker("start", self._name)
        deadline = time.monotonic() + PATIENCE_S
        while not answers(self._port):
            running = json.loads(_docker("inspect", "--format={{json .State.Running}}", self._name))
            if not running or time.monotonic() > deadline:
                raise RuntimeError(f"Redpanda does not start:\n{_docker('logs', '--tail=60', self._name)}")
            time.sleep(0.1)  # not a guess: the condition is asked again, for nobody tells when it answers

    def stop(self) -> None:
        """Stop as an administrator would, with its data written."""
        _docker("stop", "--time=60", self._name)

    def kill(self) -> None:
        """Kill -9."""
        _docker("kill", self._name)

    def restart(self) -> None:
        """Stop and start on the same data and port."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        _docker("pause", self._name)

    def thaw(self) -> None:
        """Let it go on."""
        _docker("unpause", self._name)


def service() -> dict[str, Any]:
    """What the compose file says of its broker."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]["redpanda"]
    return found


def run_as(broker: dict[str, Any], port: int) -> list[str]:
    """The words of `docker create` for that service, reached at a port of this machine's loopback."""
    (command,) = broker["command"]
    assert _INSIDE in command, f"docker-compose.yml no longer says {_INSIDE!r}: change it here too"
    told = command.replace(_INSIDE, f"--advertise-kafka-addr internal://127.0.0.1:{port}")
    shell, *option = broker["entrypoint"]
    limits = broker["deploy"]["resources"]["limits"]
    return [
        f"--publish=127.0.0.1:{port}:9092", f"--user={broker['user']}", f"--memory={limits['memory']}",
        f"--entrypoint={shell}", broker["image"], *option, told,
    ]  # fmt: skip


def available() -> None:
    """Raises Missing unless Docker can run something."""
    if shutil.which("docker") is None:
        raise Missing("docker is not installed: the tests on Redpanda need it")
    done = subprocess.run(("docker", "info"), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"Docker does not answer: {done.stderr.strip() or done.stdout.strip()}")


def _docker(*words: str) -> str:
    done = subprocess.run(("docker", *words), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"docker {words[0]} failed: {done.stderr.strip()}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    try:
        available()
    except Missing as reason:
        sys.exit(f"make test-redpanda: {reason}")
