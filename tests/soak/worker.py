"""`trackrev worker` that can be made to die at its weakest moments, or be given defects.

`python -m tests.soak.worker [--broken DEFECT,...] worker`: without a defect it is the program as it is, until
a signal comes. SIGUSR1: it dies right after a commit; with a defect, after one over which something is still
on its way, if there is one soon. SIGUSR2: it dies when a part of what follows from one record is durable (the
rows; with a defect the outputs), and the rest has not left.
"""

import argparse
import asyncio
import os
import signal
import sys
from typing import Any

from tests.soak import defects
from trackrev_stream.agents.worker import Worker
from trackrev_stream.cli import main as cli
from trackrev_stream.eventlog.kafka.consumer import Consumer

DIE_AT_COMMIT = signal.SIGUSR1
DIE_BETWEEN = signal.SIGUSR2
SOON_S = 10.0

_armed: set[int] = set()


def main() -> int:
    """Run the worker."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.worker", description=__doc__)
    parser.add_argument("--broken", type=lambda text: text.split(","), default=[], metavar="DEFECT,...")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    for name in given.broken:
        defects.DEFECTS[name]()
    for number in (DIE_AT_COMMIT, DIE_BETWEEN):
        signal.signal(number, lambda signal_number, _: _armed.add(signal_number))
    _die_at_commit(hopeful=bool(given.broken))
    _die_between(outputs_first="order" in given.broken or "inverted" in given.broken)
    return cli.main(given.command)


def _die_at_commit(*, hopeful: bool) -> None:
    commit = Consumer._commit

    async def committing(self: Any, offsets: Any) -> bool:
        producer = self.app.producer
        sent = set(producer.undelivered)
        done: bool = await commit(self, offsets)
        if done and DIE_AT_COMMIT in _armed:
            # In the program as it is, a commit waits for all that was sent before: no use to wait for better.
            held = len(sent & producer.undelivered) + producer.buffer.pending.qsize()
            if not hopeful or held:
                sys.stderr.write(f"dies after a commit; {held} records sent before are on their way\n")
                _die()
            asyncio.get_running_loop().call_later(SOON_S, _die)
        return done

    Consumer._commit = committing  # type: ignore[method-assign]  # that is what this module is for


def _die_between(*, outputs_first: bool) -> None:
    send = Worker._send

    async def sending(self: Worker, result: Any, guard: Any) -> None:
        dying = DIE_BETWEEN in _armed and result.sends
        if dying and not outputs_first:
            await self._app.producer.flush()
            _die()
        await send(self, result, guard)
        if dying:
            await self._app.producer.flush()
            _die()

    Worker._send = sending  # type: ignore[method-assign]  # as above


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
