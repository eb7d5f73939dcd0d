"""The local admin: who may ask, what is answered, and how a command tells that nobody is there."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.collectors.edge import Published, RecordingPublisher
from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.program.admin import Admin, publishing
from trackrev_stream.program.admin_client import FILE, PUBLISH, NotAnswering, reached

NOT_RECORDS = (b"{}", b"[]", b"nonsense", b'{"topic":"journeys","partition":0,"key":1,"value":""}')


@asynccontextmanager
async def serving(*routes: web.RouteDef) -> AsyncIterator[str]:
    """These routes on loopback; their URL."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def offering(data: Path) -> AsyncIterator[tuple[RecordingPublisher, str]]:
    """A program that lets its log be published to, and where."""
    log = RecordingPublisher()
    admin = Admin(publish=publishing(log))
    async with serving(*admin.routes()) as url:
        admin.open(data, url)
        yield log, url
        admin.close(data)


def test_a_command_publishes_through_the_running_program(tmp_path: Path) -> None:
    async def story() -> None:
        async with offering(tmp_path) as (log, _), reached(tmp_path, PUBLISH) as client:
            assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
            assert await client.publish("journeys", 3, b"k\xff", b"\x00v" * 1_000_000) == 0
            assert await client.publish("pixel-hits", 0, None, b"") == 1
            assert log.records == [
                Published("journeys", 3, b"k\xff", b"\x00v" * 1_000_000),
                Published("pixel-hits", 0, None, b""),
            ]
            log.down = True
            with pytest.raises(Unavailable, match="down"):
                await client.publish("journeys", 0, b"k", b"v")

    asyncio.run(story())
    assert list(tmp_path.iterdir()) == []


def test_strangers_are_sent_away(tmp_path: Path) -> None:
    async def story() -> None:
        async with offering(tmp_path) as (log, url), aiohttp.ClientSession() as session:
            token = json.loads((tmp_path / FILE).read_text())["token"]
            assert len(token) > 40

            async def status(method: str, path: str, given: str, asked: bytes = b"{}") -> int:
                headers = {"Authorization": given} if given else {}
                async with session.request(method, url + path, data=asked, headers=headers) as response:
                    return response.status

            for given in (
                "",
                "Bearer ",
                f"Bearer {token}x",
                f"Bearer {token[:-1]}",
                token,
                "Bearer \xe9",
                "Bearer \udce9",
            ):
                assert await status("GET", "/admin", given) == 401
                assert await status("POST", "/admin/publish", given) == 401
            ours = f"Bearer {token}"
            assert await status("GET", "/admin", ours) == 200
            assert await status("POST", "/admin/erase", ours) == 404
            for asked in NOT_RECORDS:
                assert await status("POST", "/admin/publish", ours, asked) == 400
            # Another machine, with a token that is right: /metrics may be open to it.
            elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
            async with (
                aiohttp.ClientSession(connector=elsewhere) as other,
                other.get(f"{url}/admin", headers={"Authorization": ours}) as response,
            ):
                assert response.status == 401
            assert log.offered == 0

    asyncio.run(story())


def test_nobody_there_is_told_however_it_comes(tmp_path: Path) -> None:
    async def somebody_else(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def ask() -> None:
        with pytest.raises(NotAnswering):
            async with reached(tmp_path, PUBLISH):
                pass

    async def story() -> None:
        await ask()  # no file
        for damaged in ("", "[]", '{"url": "http://127.0.0.1:1"}'):
            (tmp_path / FILE).write_text(damaged)
            await ask()
        async with offering(tmp_path):
            left = (tmp_path / FILE).read_text()
            with pytest.raises(NotAnswering):  # an older program, without this action
                async with reached(tmp_path, "erase"):
                    pass
        (tmp_path / FILE).write_text(left)
        await ask()  # nobody listens
        async with serving(web.get("/admin", somebody_else)) as url:
            (tmp_path / FILE).write_text(json.dumps({"url": url, "token": "of before"}))
            await ask()
        async with offering(tmp_path) as (_, url):
            (tmp_path / FILE).write_text(json.dumps({"url": url, "token": "of another program"}))
            await ask()

    asyncio.run(story())


def test_a_program_that_goes_away_meanwhile_has_not_saved(tmp_path: Path) -> None:
    async def story() -> None:
        async with offering(tmp_path):
            client = await (there := reached(tmp_path, PUBLISH)).__aenter__()
        with pytest.raises(Unavailable, match="does not answer any more"):
            await client.publish("journeys", 0, b"k", b"v")
        await there.__aexit__(None, None, None)

    asyncio.run(story())
