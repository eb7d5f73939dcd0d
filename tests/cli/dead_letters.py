"""The command dead-letters over a program, and the log of one that does not run."""

import asyncio
import contextlib
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.program.running import Json, Program, now_ms, until
from trackrev_stream.cli.main import main
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.topics import DEAD_LETTERS, Topic
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.faust_patches.app import APP_ID
from trackrev_stream.eventlog.records import NewRecord, Record


@contextmanager
def started(program: Program, module: str = "trackrev_stream.cli") -> Iterator[None]:
    """The program runs, in this version; afterwards it is stopped in order, or killed if the test failed."""
    program.module = module
    program.start()
    try:
        yield
        assert program.stop() == 0
    finally:
        program.kill()


@dataclass(frozen=True, slots=True)
class Told:
    """What a command came to."""

    code: int
    out: str
    error: str


def dead_letters(program: Program, *words: str) -> Told:
    """A command on the data of the program, in this process: others take a second to start, each time."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        code = main(["dead-letters", *words, "--data", str(program.data)])
    return Told(code, out.getvalue(), error.getvalue())


def answer(program: Program, *words: str) -> Json:
    """What a command answers to a program."""
    told = dead_letters(program, *words, "--json")
    assert told.code == 0, told.error
    found: Json = json.loads(told.out)
    return found


def listed(program: Program, *words: str) -> list[Json]:
    """The letters as `list` tells them."""
    found: list[Json] = answer(program, "list", *words)["dead_letters"]
    return found


def until_listed(program: Program, count: int, attempts: int = 1) -> list[Json]:
    """The open letters, once there are so many that have failed so often."""

    def found() -> list[Json]:
        letters = listed(program, "--limit", "5000")
        return letters if [each["attempts"] for each in letters] == [attempts] * count else []

    return until(found, f"{count} open dead letters, {attempts} attempts")


def refused(program: Program, *words: str) -> str:
    """What the command says for which it fails."""
    told = dead_letters(program, *words)
    assert told.code == 1, told.out
    return told.error


def append(data: Path, topic: Topic, values: Sequence[bytes]) -> None:
    """Put records into the log of a program that does not run, as another program might."""

    async def main() -> None:
        log = Log.open(data / "log")
        await log.append(topic.name, 0, [NewRecord(now_ms(), b"ws_shop|x", value) for value in values])
        await log.close()

    asyncio.run(main())


def records(data: Path, topic: Topic) -> tuple[list[Record], int]:
    """The records of a topic whose program does not run, and how far its agent has committed."""

    async def main() -> tuple[list[Record], int]:
        log = Log.open(data / "log")
        found = log.fetch(topic.name, 0, 0, 10**6, 10**9)
        committed = log.committed(APP_ID, topic.name, 0) or 0
        await log.close()
        return found, committed

    return asyncio.run(main())


def in_log(data: Path) -> list[DeadLetter]:
    """The letters in their topic."""
    return [decode(DeadLetter, record.value) for record in records(data, DEAD_LETTERS)[0]]
