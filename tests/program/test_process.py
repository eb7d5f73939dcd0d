"""A process around a program that fails: it ends, whatever hangs."""

import subprocess
import sys
import textwrap

import pytest

from tests.program.running import ROOT

HANGS = """
    import asyncio, threading
    from trackrev_stream.program import process

    class Hanging:
        async def start(self): pass
        async def wait(self): raise RuntimeError("the ledger is gone")
        async def stop(self): {hangs}

    async def started(program): pass

    process.STOP_S = 0.1
    process.run(Hanging(), started)
"""


@pytest.mark.parametrize(
    "hangs",
    [
        pytest.param("await asyncio.Event().wait()", id="a task"),
        pytest.param("threading.Event().wait()", id="the loop"),
        pytest.param("threading.Thread(target=threading.Event().wait).start()", id="a thread"),
    ],
)
def test_a_program_that_failed_and_cannot_stop_ends_all_the_same_and_says_why(hangs: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HANGS).format(hangs=hangs)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "the ledger is gone" in ended.stderr
