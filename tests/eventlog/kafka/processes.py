"""The roles of the program as processes of their own over a real broker."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ops.kafka.broker import Broker
from tests.program import stripe
from tests.program.running import EndedError, Program, Shop, now_ms, until
from trackrev_stream.domain.values.ids import uuid7


class Role(Program):
    """One role: `trackrev collect`, `trackrev worker` or `trackrev api`, or all of them: `trackrev up`.

    ``program`` is the module that runs it, with arguments before the role's name; ``security`` is how the
    broker is reached, one of the listeners that it has.
    """

    def __init__(
        self,
        role: str,
        data: Path,
        broker: Broker,
        name: str = "",
        program: Sequence[str] = ("trackrev_stream.cli",),
        *,
        security: str = "plaintext",
        **environment: str,
    ) -> None:
        super().__init__(data, TRACKREV_BROKER=f"kafka://{broker.addresses[security]}", **environment)
        self.role = role
        self._program = program
        self._output = data.parent / f"{name or role}.output"

    def spawn(self) -> None:
        words = [] if self.role == "worker" else ["--port", str(self.port)]
        with self._output.open("ab") as output:
            self._began_at = output.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._program, self.role, *words],
                env=self._environment,
                cwd=self.data.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def is_ready(self) -> bool:
        if (code := self._running.poll()) is not None:
            raise EndedError(f"trackrev {self.role} ended with {code}:\n{self.said()}")
        return "is up" in self.said()

    def said(self) -> str:
        """What the present process has said."""
        return self._output.read_text()[self._began_at :]

    def everything_said(self) -> str:
        """What all processes of this role have said, one after the other."""
        return self._output.read_text()

    def command_process(self, *words: str) -> subprocess.Popen[bytes]:
        """A command that goes on by itself, to be killed or waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "trackrev_stream.cli", *words],
            env=self._environment,
            cwd=self.data.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def signal(self, number: int) -> None:
        self._running.send_signal(number)

    def poll(self) -> int | None:
        return self._running.poll()


@contextmanager
def roles(*started: Role) -> Iterator[None]:
    """Start them together; they are gone at the end, whatever happened."""
    with contextlib.ExitStack() as stack:
        for role in started:
            role.spawn()
            stack.callback(role.kill)
        for role in started:
            until(role.is_ready, f"{role.role} is ready")
        yield


ANNA = "anna@example.com"


def earn(shop: Shop, reader: Shop) -> stripe.Json:
    """A visitor follows a link, identifies and pays; the charge, once the API tells whose it is."""
    shop.link("yt", "youtube")
    visitor = uuid7(now_ms(), b"0123456789")
    assert shop.follow("yt", visitor).status == 302
    identify = {"id": "h1", "type": "identify", "at": now_ms(), "email": ANNA}
    assert shop.hits(visitor, identify).status == 202
    paid = stripe.charge("ch_1", 4_800, now_ms() // 1000, ANNA)
    assert shop.webhook(stripe.succeeded(paid)).status == 200
    until(lambda: channels_of(reader) == ["youtube"], "the charge is credited")
    return paid


def channels_of(reader: Shop) -> list[str]:
    """Whose the charge is by now: it may stand unattributed until the identity has come through the log."""
    return [credit["channel"] for credit in reader.worth("ch_1", 4_800)["credits"]]
