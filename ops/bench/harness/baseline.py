"""`python -m ops.bench.harness.baseline`: the least that could take the same requests durably.

A bare aiohttp handler that appends each body to a file and answers once that is on the disk; bodies that
come while the disk is busy go together. It parses, checks and attributes nothing.
"""

import argparse
import asyncio
import os
from pathlib import Path

from aiohttp import web

from ops.bench.harness.serving import run, serve


class Appender:
    """Appends to a file, many at a time."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def append(self, body: bytes) -> None:
        """Return once it is on the disk."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((body, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            await asyncio.to_thread(self._sync, b"\n".join(body for body, _ in group) + b"\n")
            for _, done in group:
                done.set_result(None)
        self._writing = None

    def _sync(self, raw: bytes) -> None:
        os.write(self._file, raw)
        os.fsync(self._file)


async def _serve(path: Path) -> None:
    appender = Appender(path)

    async def take(request: web.Request) -> web.Response:
        await appender.append(await request.read())
        return web.Response(status=202 if request.path == "/e" else 200, body=b'{"accepted":1}')

    app = web.Application()
    app.router.add_post("/{rest:.*}", take)
    await serve(app)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.bench.harness.baseline")
    parser.add_argument("--file", type=Path, required=True)
    given = parser.parse_args()
    run(_serve(given.file))


if __name__ == "__main__":
    main()
