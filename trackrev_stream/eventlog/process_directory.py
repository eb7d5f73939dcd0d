"""Numbered directories in the data directory, each of which one process of this machine has at a time."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

MOST = 1_000


class ProcessDirectory:
    """A directory that is ours until `release`, or until this process ends, however that comes."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock  # the descriptor that holds it

    @classmethod
    def first_free(cls, data: Path, name: str) -> "ProcessDirectory":
        """The first of ``NAME-0``, ``NAME-1`` and so on that no other process has."""
        for number in range(MOST):
            if place := cls._take(data / f"{name}-{number}"):
                return place
        raise OSError(f"{MOST} processes have a directory {name}-N in {data} already")

    @classmethod
    def abandoned(cls, data: Path, name: str) -> Iterator["ProcessDirectory"]:
        """Those that are there and that nobody has, one after the other; each is to be released."""
        for path in sorted(data.glob(f"{name}-*")):
            if place := cls._take(path):
                yield place

    @classmethod
    def _take(cls, path: Path) -> "ProcessDirectory | None":
        if not path.exists():
            path.mkdir(parents=True, exist_ok=True)
            sync_directory(path.parent)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return cls(path, lock)

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._lock)


def sync_directory(path: Path) -> None:
    """Wait until the disk has the names in a directory, without which what is in a new one could be lost."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
