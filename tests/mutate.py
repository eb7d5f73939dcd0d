"""Plants the faults of ``mutations.txt`` into copies of the program: ``python -m tests.mutate`` finds each.

A fault is found when the agents and the auditor disagree about a random history, or a scenario fails. Ends
with 1 when one survives.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.audit import DISAGREED

ROOT = Path(__file__).parent.parent
COPIED = ("trackrev_stream", "collectors", "tables", "ops", "tests", "pyproject.toml")
HISTORIES = 3_000


@dataclass(frozen=True)
class Mutation:
    """A fault: what it breaks, and the text of a file of the program that is replaced for it."""

    name: str
    path: Path
    text: str
    other: str


def mutations() -> list[Mutation]:
    """All that are listed. Raises AssertionError for one whose text does not occur exactly once."""
    listed = Path(__file__).with_name("mutations.txt").read_text()
    found = [
        Mutation(name, Path("trackrev_stream", path), text, other)
        for name, path, text, other in re.findall(
            r"^mutation: (.+)\n(\S+)\n- (.+)\n\+ (.+)$", listed, re.MULTILINE
        )
    ]
    assert len(found) == listed.count("\nmutation: ")
    for each in found:
        assert (ROOT / each.path).read_text().count(each.text) == 1, f"{each.name}: not once in {each.path}"
    return found


def verdict(mutation: Mutation, histories: int = HISTORIES) -> str:
    """Who finds a mutation: "auditor", "scenarios", or nobody."""
    with planted(mutation) as place:
        audit = ["-m", "tests.audit", "--histories", str(histories), "--processes", "1"]
        if _fails(place, audit, DISAGREED):
            return "auditor"
        return "scenarios" if _fails(place, ["-m", "pytest", "-q", "-x", "tests/scenarios"], 1) else ""


@contextmanager
def planted(mutation: Mutation) -> Iterator[Path]:
    """A copy of the program with one fault in it."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, place / name)
        file = place / mutation.path
        file.write_text(file.read_text().replace(mutation.text, mutation.other))
        yield place


def _fails(place: Path, arguments: list[str], failed: int) -> bool:
    """Whether a command in the copy ends with ``failed``. Raises RuntimeError for ends that nobody means."""
    alone = {**os.environ, "PYTHONPATH": str(place)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=place, env=alone, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, failed):
        raise RuntimeError(done.stdout + done.stderr)
    return done.returncode == failed


def main(arguments: list[str]) -> int:
    """Plant each mutation, and say who found it."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.add_argument("--histories", type=int, default=HISTORIES)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", help="the mutations whose names have this in them")
    given = parser.parse_args(arguments)
    planned = [each for each in mutations() if given.only in each.name]
    with ThreadPoolExecutor(given.processes) as pool:
        found = []
        for each, by in zip(
            planned, pool.map(partial(verdict, histories=given.histories), planned), strict=True
        ):
            print(f"{by or 'SURVIVED':10} {each.name}", flush=True)
            found.append(by)
    by_auditor = found.count("auditor")
    print(f"{len(found)} planted, {len(found) - found.count('')} found, {by_auditor} of them by the auditor")
    return int("" in found or not found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
