"""What processes use, as Linux counts it: CPU time and memory, of a process with all its children."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_LOOK_EVERY_S = 1.0


def cpu_s(pid: int) -> float:
    """The CPU time that a process and its children have used, those that have ended included, in seconds."""
    return sum(_ticks(each) for each in _family(pid)) / _TICKS_A_SECOND


def _ticks(pid: int) -> int:
    return sum(int(field) for field in _stat(pid)[11:15])  # utime, stime, cutime, cstime


def peak_megabytes(pid: int) -> float:
    """The most memory that one process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def megabytes(pid: int) -> float:
    """The memory of a process and its children now; what they share is counted once."""
    return sum(_share_of_memory(each) for each in _family(pid)) / 1024


def _share_of_memory(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/smaps_rollup").read_text().partition("\nPss:")[2].split()[0])
    except (OSError, IndexError):  # it has ended meanwhile
        return 0


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 20


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(each for child in children for each in _family(int(child)))]


class Peaks:
    """Looks at processes again and again; the most memory that it saw of each."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self.megabytes: dict[str, float] = {}

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            for name, pid in self._pids.items():
                self.megabytes[name] = max(self.megabytes.get(name, 0.0), megabytes(pid))
            await asyncio.sleep(_LOOK_EVERY_S)


def cached_megabytes(directory: Path) -> float:
    """How much of the files below a directory is in the system's page cache; NaN where it cannot be asked."""
    files = [str(path) for path in directory.rglob("*") if path.is_file()]
    if not files or shutil.which("fincore") is None:
        return float("nan")
    command = ("fincore", "--bytes", "--noheadings", "--output", "RES", *files)
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # files come and go
    return sum(map(int, done.stdout.split())) / 1024**2
