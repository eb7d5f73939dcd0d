"""`python -m ops.demo`: the program at work, compared with the books to the cent; Ctrl-C ends it."""

import argparse
import asyncio
import contextlib
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ops.demo.processes import DemoError
from ops.demo.program import WORKSPACE
from ops.demo.run import Run
from ops.demo.screen import Screen

_PREFIX = "trackrev-demo-"
_PAGE = "http://127.0.0.1:8765/"  # where `trackrev up` listens unless it is told otherwise


def main() -> int:
    """Run the demo: 0 when the books agree, 1 when they do not or it could not run, 130 when interrupted."""
    given = _arguments().parse_args()
    screen = Screen()
    try:
        with _data(given.data, keep=given.keep) as data:
            return asyncio.run(_run(given, screen, data))
    except asyncio.CancelledError:
        screen.say("\nStopped before the end.")
        return 130
    except (DemoError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.demo", description=__doc__)
    parser.add_argument("--seed", type=int, metavar="N", help="makes the people repeatable (default: any)")
    parser.add_argument(
        "--visitors", type=_count(1, 5_000), default=300, metavar="N", help="how many people come (300)"
    )
    parser.add_argument("--days", type=_count(2, 30), default=10, metavar="N", help="in so many days (10)")
    parser.add_argument("--exit", action="store_true", help="end after the comparison")
    parser.add_argument(
        "--keep", action="store_true", help="keep the data directory, to open it again with trackrev up"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="a fresh data directory, kept (default: a temporary one)"
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="of the program (any free one)")
    parser.add_argument(
        "--wait", type=float, default=30.0, metavar="S", help="how long the ledger may take to settle (30)"
    )
    return parser


def _count(least: int, most: int) -> Callable[[str], int]:
    def counted(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"a number from {least} to {most}, not {text!r}")
        return int(text)

    return counted


@contextlib.contextmanager
def _data(chosen: Path | None, *, keep: bool) -> Iterator[Path]:
    """The data directory: the chosen one, which stays, or a temporary one, which does if it is to be kept."""
    if chosen is None:
        place = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            yield place
        finally:
            if not keep:
                shutil.rmtree(place, ignore_errors=True)
        return
    chosen.mkdir(parents=True, exist_ok=True)
    if any(chosen.iterdir()):
        raise DemoError(f"{chosen} is not empty; the demo wants a data directory of its own")
    yield chosen.resolve()


async def _run(given: argparse.Namespace, screen: Screen, data: Path) -> int:
    _cancel_on_signals()
    began = time.monotonic()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    stays = bool(given.data or given.keep)
    screen.say(
        screen.strong(f"trackrev demo, seed {seed}"),
        "A made-up shop, its visitors and a stand-in for Stripe; nothing leaves this machine.",
        f"  data       {data} ({'kept' if stays else 'removed at the end'})",
    )
    run = Run(screen, data, given.port, seed, people=given.visitors, days=given.days, wait_s=given.wait)
    async with run.shown() as outcome:
        screen.say(f"  seed {seed}, {time.monotonic() - began:.0f} s from start to end")
        screen.say("", *_about_data(data, outcome.key, stays=stays))
        if not given.exit:
            screen.say("", f"It stays up: {outcome.page}", "Ctrl-C ends it.")
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        return 0 if outcome.agreed else 1


def _about_data(data: Path, key: str, *, stays: bool) -> list[str]:
    """What the data directory is for."""
    if not stays:
        return [
            f"All of it is in {data}, which is removed at the end;",
            'keep it with: make demo ARGS="--keep"',
        ]
    return [
        f"All of it is in {data}: the log, the ledger, the settings. Open it again, once this ended, with",
        f"  {_trackrev()} up --data {data}",
        f"  and look at {_PAGE}#ws={WORKSPACE}&key={key}",
        "The stand-in for Stripe is gone by then: what is in the ledger stays, and nothing new comes.",
    ]


def _trackrev() -> str:
    """How the program is called from here."""
    beside = Path(sys.executable).with_name("trackrev")
    if shutil.which("trackrev") or not beside.exists():
        return "trackrev"
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


def _cancel_on_signals() -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


if __name__ == "__main__":
    sys.exit(main())
