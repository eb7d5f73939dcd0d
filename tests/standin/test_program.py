"""The stand-in as a program of its own."""

import ast
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.standin.support import SECRET, client, receiving, run

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def _program(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "ops.standin", *arguments)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _first_line(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())


def test_it_says_where_it_listens_serves_and_ends_on_a_signal() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            _program("--webhook-url", receiver.url, "--webhook-secret", SECRET, "--seed", "1") as process,
        ):
            said = await _first_line(process)
            assert said["url"].startswith("http://127.0.0.1:")
            assert said["restricted_keys"] == ["rk_test_standin"]
            async with client(said["url"], said["secret_key"]) as api:
                await api.v1.customers.create_async({"email": "a@example.com"})
            await receiver.until(lambda: bool(receiver.bodies))
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0

    run(scenario())


def test_restricted_keys_are_told_on_the_command_line() -> None:
    async def scenario() -> None:
        few = "rk_test_few=rak_charge_read,rak_customer_read"
        keys = ("--restricted-key", few, "--restricted-key", "rk_test_all")
        async with _program(*keys, "--connected", "acct_1Shop") as process:
            said = await _first_line(process)
            assert said["restricted_keys"] == ["rk_test_few", "rk_test_all"]
            async with client(said["url"], "rk_test_few", account="acct_1Shop") as api:
                assert (await api.v1.charges.list_async()).data == []

    run(scenario())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--webhook-url", "http://127.0.0.1:1/"), "need a secret"),
        (("--secret-key", "x"), "must begin with sk_test_"),
        (("--restricted-key", "rk_test_x=all"), "unknown permissions all"),
        (("--api-version", "new"), "Invalid Stripe API version"),
    ],
)
def test_it_says_what_was_wrong(arguments: tuple[str, ...], complaint: str) -> None:
    async def scenario() -> None:
        async with _program(*arguments) as process:
            _, complaints = await process.communicate()
            assert process.returncode == 2
            assert complaint in complaints.decode()

    run(scenario())


def test_a_taken_port_is_said() -> None:
    async def scenario() -> None:
        async with receiving() as receiver:
            port = receiver.url.split(":")[2].partition("/")[0]
            async with _program("--port", port) as process:
                _, complaints = await process.communicate()
                assert process.returncode == 1
                assert "choose another --port" in complaints.decode()

    run(scenario())


def test_it_shares_no_code_with_the_product() -> None:
    for module in (ROOT / "ops" / "standin").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & {"trackrev_stream", "collectors", "tables"}
            assert all(name.startswith("ops.standin") for name in names if name.split(".")[0] == "ops")
