"""A process around the program: its garbage, its event loop and its signals."""

import asyncio
import ctypes
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from trackrev_stream.program.program import Program

log = logging.getLogger(__name__)

# Of malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_BLOCK_BYTES = 128 * 1024

STOP_S = 30.0
"""How long a program that failed may take to stop."""


def tune_memory() -> None:
    """What every process of ours does for its memory; before anything is opened."""
    tune_allocator()
    tune_garbage_collector()


def tune_garbage_collector() -> None:
    """Look for garbage less often, and not among the modules: that stalls the loop for tens of ms each time.

    Before anything is opened: Faust closes the databases of its tables by letting go of them
    (stores/rocksdb.py:573), so they must never be frozen.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def tune_allocator() -> None:
    """Give back to the system at once what RocksDB gives back to glibc: whole blocks of a megabyte and less.

    Glibc would learn from the first of them to keep such blocks for itself (mallopt(3), M_MMAP_THRESHOLD: "a
    dynamic adjustment"), and every thread of RocksDB would have a heap of its own: memory grew by a third.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):  # another C library has other habits
        return
    for option, value in (
        (_M_MMAP_THRESHOLD, _BLOCK_BYTES),
        (_M_TRIM_THRESHOLD, _BLOCK_BYTES),
        (_M_ARENA_MAX, 2),
    ):
        libc.mallopt(option, value)


def run(program: Program, started: Callable[[Program], Coroutine[Any, Any, None]]) -> None:
    """Run a program until SIGTERM or SIGINT; ``started`` is awaited once it is ready.

    Raises what ended the program otherwise.
    """
    tune_memory()
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
        _end_in_time(failure)
        raise
    finally:
        await program.stop()


def _end_in_time(failure: Exception) -> None:
    """From now on this process has so long to end: what is not committed comes again.

    A thread sees to it, for what hangs may be the loop itself: when partitions are just being shared out, the
    loop may wait for the consumer's thread to end (mode/threads.py:225), and that thread for an answer of the
    loop. Or it may be a thread that the interpreter waits for at its very end.
    """

    def end() -> None:
        log.critical("it failed, and did not end within %g s; it ends at once: %s", STOP_S, failure)
        logging.shutdown()
        os._exit(1)

    timer = threading.Timer(STOP_S, end)
    timer.daemon = True
    timer.start()
