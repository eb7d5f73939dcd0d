"""Where the tables of a worker are, and when they can be trusted."""

import fcntl
import os
import shutil
from pathlib import Path

MOST_WORKERS = 1_000


class TablesDirectory:
    """A directory for the tables of one worker, the first that no other worker of this machine has.

    Rows reach RocksDB before their changelog. After a crash they may be of records that another worker
    applied in another order, so such a directory is emptied and restored from the changelogs.
    """

    def __init__(self, data: Path) -> None:
        self.path, self._lock = _first_free(data)
        self._clean = self.path / "clean"
        if not self._clean.exists():
            for entry in self.path.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
        self._clean.unlink(missing_ok=True)

    def close(self, *, clean: bool) -> None:
        """Let another worker have it; ``clean`` when all that is in it is in the changelogs too."""
        if clean:
            self._clean.touch()
        os.close(self._lock)


def _first_free(data: Path) -> tuple[Path, int]:
    """The directory, and the descriptor that holds its lock."""
    for number in range(MOST_WORKERS):
        path = data / f"worker-{number}"
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return path, lock
    raise OSError(f"{MOST_WORKERS} workers have their tables in {data} already")
