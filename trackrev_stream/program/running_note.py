"""Where the running programs of this user have noted themselves, for commands that name no data directory.

A note is a file in a directory that only the user can read. Its program holds a lock on it: a note without a
lock is of a program that is gone, however that came.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from trackrev_stream.settings import Settings

ELSEWHERE = ("TRACKREV_BROKER", "TRACKREV_STORE")
"""What commands have to be told as the program was: it says where the log and the database are."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningNote:
    """A program that runs: its data directory, and the variables that it was told where things are."""

    data: str
    told: tuple[str, ...] = ()


@contextlib.contextmanager
def noting(settings: Settings) -> Iterator[None]:
    """Note that a program runs over a data directory, for as long as it does; where that fails, without."""
    descriptor, path = -1, Path()
    if settings.state is not None:
        try:
            path = settings.state / f"{hashlib.sha256(str(settings.data).encode()).hexdigest()[:16]}.json"
            descriptor = _write(path, settings)
        except OSError as error:
            log.info("commands elsewhere will not find this program: %s", error)
    try:
        yield
    finally:
        if descriptor >= 0:
            path.unlink(missing_ok=True)
            os.close(descriptor)


def running_programs(state: Path | None) -> list[RunningNote]:
    """The programs that run now; nothing is changed by asking."""
    found = []
    for path in sorted(state.glob("*.json")) if state is not None else ():
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError), path.open() as file:
            if _is_held(file.fileno()):
                told = json.load(file)
                found.append(RunningNote(told["data"], tuple(told["told"])))
    return found


def _write(path: Path, settings: Settings) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    note = RunningNote(str(settings.data), tuple(name for name in ELSEWHERE if name in settings.named))
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, json.dumps(asdict(note)).encode())
    return descriptor


def _is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
