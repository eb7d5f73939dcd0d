"""A process around the program: its logging, its garbage, its event loop and its signals."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from trackrev_stream.app import Program

log = logging.getLogger(__name__)

STOP_S = 30.0
"""How long a program that failed may take to stop."""

QUIET = ("faust", "mode", "aiokafka")


def calm_the_collector() -> None:
    """Look for garbage less often, and not among the modules: that stalls the loop for tens of ms each time.

    Before anything is opened: Faust closes the databases of its tables by letting go of them
    (stores/rocksdb.py:573), so they must never be frozen.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def quiet_libraries(level: str) -> None:
    """Log at ``level``; Faust and its libraries only warn, for at other levels each event costs a record."""
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def run(program: Program, started: Callable[[Program], Coroutine[Any, Any, None]]) -> None:
    """Run a program until SIGTERM or SIGINT; ``started`` is awaited once it is ready.

    Raises what ended the program otherwise.
    """
    calm_the_collector()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(program, started))


async def _main(program: Program, started: Callable[[Program], Coroutine[Any, Any, None]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await program.start()
    try:
        await started(program)
        stopped = asyncio.create_task(stop.wait())
        failed = asyncio.create_task(program.wait())
        await asyncio.wait((stopped, failed), return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            failed.result()
        failed.cancel()
    except Exception as failure:
        await _stop_after(program, failure)
        raise
    except BaseException:
        await program.stop()
        raise
    await program.stop()


async def _stop_after(program: Program, failure: Exception) -> None:
    """Stop a program that failed; where that hangs, end all the same: what is not committed comes again."""
    stopping = asyncio.create_task(program.stop())
    if not (await asyncio.wait([stopping], timeout=STOP_S))[0]:
        log.critical("it failed, and did not stop within %g s; it ends at once: %s", STOP_S, failure)
        logging.shutdown()
        os._exit(1)
    stopping.result()
