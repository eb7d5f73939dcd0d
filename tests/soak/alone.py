"""The program in one process over the embedded log and SQLite, fed from within; killed and started again.

`python -m tests.soak.alone DIRECTORY SEED HITS CHARGES` is that process. What it has fed stands in a file
of its directory, so that the next one goes on from there; what lies between is fed twice.
"""

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import uvloop

from ops.synthetic_traffic import Fact
from tests.agents.embedded_run import running
from tests.program.running import ROOT, until
from tests.soak.form import Form
from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.logs import quiet_libraries
from trackrev_stream.settings import read_settings

MOST_AT_A_TIME = 1_000
SAY_S = 0.05
PATIENCE_S = 900.0


def main() -> None:
    """Feed the program until it has done everything; says how far it is."""
    quiet_libraries("warning")
    directory, *numbers = sys.argv[1:]
    seed, hits, charges = map(int, numbers)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_feed(Path(directory), Form(seed, hits, charges).facts()))


async def _feed(directory: Path, facts: list[Fact]) -> None:
    mark = directory / "fed"
    chosen = read_settings({"TRACKREV_PORT": "0", "TRACKREV_ADMIN_PORT": "0"}, data=str(directory / "data"))
    batch = min(MOST_AT_A_TIME, 1 + len(facts) // 50)
    done = int(mark.read_text()) if mark.exists() else 0
    async with running(chosen) as feed:
        while done < len(facts):
            try:
                await feed.put(facts[done : done + batch])
            except Unavailable:  # a machine that has other work: whoever is told so offers them again
                continue
            done = min(done + batch, len(facts))
            fresh = mark.with_suffix(".new")
            fresh.write_text(str(done))
            fresh.replace(mark)
            print(done, feed.behind(), flush=True)  # noqa: T201 - the parent reads it
        settling = asyncio.create_task(feed.settled())
        while not settling.done():
            print(done, feed.behind(), flush=True)  # noqa: T201 - as above
            await asyncio.wait([settling], timeout=SAY_S)


class Alone:
    """Runs that process with so many kills; ``url`` is its database."""

    def __init__(self, form: Form, directory: Path, say: Callable[[str], None]) -> None:
        self._form, self._directory, self._say = form, directory, say
        self.url = f"sqlite:///{directory / 'data' / 'trackrev.db'}"
        self.lags: list[int] = []

    def run(self, kills: int) -> None:
        """Return when all is done. Raises AssertionError where the process ends otherwise."""
        self._directory.mkdir()
        total = len(self._form.facts())
        rng = random.Random(self._form.seed)
        for number, cut in enumerate(sorted(rng.randrange(total) for _ in range(kills)), 1):
            process = self._start()
            fed, lag = until(partial(self._caught, process, cut), "work in flight", PATIENCE_S)
            process.kill()
            process.wait()
            self.lags.append(lag)
            self._say(f"kill -9 {number} of {kills}, fed {fed:,} of {total:,} (lag {lag:,})")
        process = self._start()
        code = process.wait(PATIENCE_S)
        assert code == 0, f"the process ended with {code}:\n{self._output.read_text()[-4000:]}"

    @property
    def _output(self) -> Path:
        return self._directory / "output"

    def _start(self) -> subprocess.Popen[bytes]:
        form = self._form
        with self._output.open("wb") as output:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.soak.alone", str(self._directory)),
                    *map(str, (form.seed, form.hits, form.charges)),
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _caught(self, process: subprocess.Popen[bytes], cut: int) -> tuple[int, int] | None:
        """How far it is, once it has fed so many and has something in flight."""
        code = process.poll()
        assert code is None, f"the process ended with {code}:\n{self._output.read_text()[-4000:]}"
        with suppress(IndexError, ValueError):
            fed, lag = map(int, self._output.read_text().splitlines()[-1].split())
            if fed >= cut and lag > 0:
                return fed, lag
        return None


if __name__ == "__main__":
    main()
