"""`python -m ops.demo`: the program at work, compared with the books to the cent; Ctrl-C ends it."""

import argparse
import asyncio
import contextlib
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ops.demo.processes import DemoError
from ops.demo.program import WORKSPACE, connect_stripe, make_workspace, program
from ops.demo.screen import Screen
from ops.demo.show import Show
from ops.demo.stripe import stand_in


def main() -> int:
    """Run the demo: 0 when the books agree, 1 when they do not or it could not run, 130 when interrupted."""
    given = _arguments().parse_args()
    screen = Screen()
    try:
        with _data(given.data) as data:
            return asyncio.run(_run(given, screen, data))
    except asyncio.CancelledError:
        screen.say("\nStopped before the end.")
        return 130
    except (DemoError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.demo", description=__doc__)
    parser.add_argument("--seed", type=int, metavar="N", help="makes the visitors repeatable (default: any)")
    parser.add_argument("--visitors", type=_count, default=300, metavar="N", help="how many come (300)")
    parser.add_argument("--exit", action="store_true", help="end after the comparison")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="a fresh data directory, kept (default: a temporary one)"
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="of the program (any free one)")
    parser.add_argument(
        "--wait", type=float, default=30.0, metavar="S", help="how long the book may take to settle (30)"
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 5_000:
        raise argparse.ArgumentTypeError(f"a number from 1 to 5000, not {text!r}")
    return int(text)


@contextlib.contextmanager
def _data(chosen: Path | None) -> Iterator[Path]:
    """The data directory: the chosen one, which stays, or a temporary one, which does not."""
    if chosen is None:
        with tempfile.TemporaryDirectory(prefix="trackrev-demo-", ignore_cleanup_errors=True) as made:
            yield Path(made)
        return
    chosen.mkdir(parents=True, exist_ok=True)
    if any(chosen.iterdir()):
        raise DemoError(f"{chosen} is not empty; the demo wants a data directory of its own")
    yield chosen.resolve()


async def _run(given: argparse.Namespace, screen: Screen, data: Path) -> int:
    _cancel_on_signals()
    began = time.monotonic()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    stays = "kept" if given.data else "removed at the end"
    screen.say(screen.strong(f"trackrev demo, seed {seed}"), f"  data       {data} ({stays})")
    async with program(data, given.port) as running:
        key = await make_workspace(data)
        async with stand_in(data, running.webhook_url, seed) as stripe:
            await connect_stripe(data, stripe.restricted_key, stripe.url)
            page = f"{running.url}/#ws={WORKSPACE}&key={key}"
            screen.say(f"  live page  {page}", f"  books      {stripe.url}/_standin/books")
            agreed = await Show(screen, running, key, stripe, seed, given.wait).run(given.visitors)
            screen.say(f"  seed {seed}, {time.monotonic() - began:.0f} s from start to end")
            if not given.exit:
                screen.say("", f"It stays up: {page}", "Ctrl-C ends it.")
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
            return 0 if agreed else 1


def _cancel_on_signals() -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


if __name__ == "__main__":
    sys.exit(main())
