"""Where the tables of a worker are, and when they can be trusted."""

import shutil
from pathlib import Path

from trackrev_stream.eventlog.process_directory import ProcessDirectory


class TablesDirectory:
    """A directory for the tables of one worker, the first that no other worker of this machine has.

    Rows reach RocksDB before their changelog. After a crash they may be of records that another worker
    applied in another order, so such a directory is emptied and restored from the changelogs. So is one that
    was made under another number than ``since``: somebody was erased meanwhile.
    """

    def __init__(self, data: Path, since: int = 0) -> None:
        self._place = ProcessDirectory.first_free(data, "worker")
        self.path = self._place.path
        self._clean = self.path / "clean"
        self._since = str(since)
        if not self._clean.exists() or (self._clean.read_text() or "0") != self._since:
            for entry in self.path.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
        self._clean.unlink(missing_ok=True)

    def close(self, *, clean: bool) -> None:
        """Let another worker have it; ``clean`` when all that is in it is in the changelogs too."""
        if clean:
            self._clean.write_text(self._since)
        self._place.release()
