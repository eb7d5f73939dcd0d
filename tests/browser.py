"""A real browser for tests: headless Chromium over the DevTools protocol.

    with chromium() as running:
        async with running.connect() as browser:
            page = await browser.open("http://127.0.0.1:8000/")
            await page.wait_for("document.title == 'Ready'")

Every page lives in a browser context of its own, so that no cookie of one test reaches another.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest

PERSON = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
PATIENCE_S = 20.0

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-port=0", f"--user-agent={PERSON}",
    "--host-resolver-rules=MAP *.example 127.0.0.1",
)  # fmt: skip


async def wait_until(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return as soon as ``condition`` holds; fail when it does not within ``patience_s``."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain for: {what}"
        await asyncio.sleep(0.02)


class ScriptError(AssertionError):
    """JavaScript that threw."""


@dataclass
class Page:
    """An open page."""

    browser: "Browser"
    target: str
    session: str

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited. Raises ScriptError."""
        arguments = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = await self.browser.call("Runtime.evaluate", arguments, self.session)
        if "exceptionDetails" in answer:
            raise ScriptError(answer["exceptionDetails"].get("exception", {}).get("description", "?"))
        return answer["result"].get("value")

    async def wait_for(self, expression: str, patience_s: float = PATIENCE_S) -> None:
        """Return as soon as ``expression`` is true in the page."""
        deadline = time.monotonic() + patience_s
        while not await self._holds(expression):
            assert time.monotonic() < deadline, f"waited {patience_s} s in vain for: {expression}"
            await asyncio.sleep(0.02)

    async def _holds(self, expression: str) -> bool:
        try:
            return bool(await self.evaluate(expression))
        except ScriptError:  # the page is on its way to another document
            return False

    async def go(self, url: str) -> None:
        """Navigate, and wait for the load of the new document."""
        answer = await self.browser.call("Page.navigate", {"url": url}, self.session)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        await self.wait_for(f"document.readyState == 'complete' && location.href != {'about:blank'!r}")

    async def before_load(self, script: str) -> None:
        """Run ``script`` in every document to come, before its own scripts."""
        await self.browser.call("Page.addScriptToEvaluateOnNewDocument", {"source": script}, self.session)

    async def close(self) -> None:
        """Close the page; what it sends on leaving is still sent."""
        await self.browser.call("Page.close", {}, self.session)


@dataclass
class Browser:
    """A connection to a running browser."""

    socket: aiohttp.ClientWebSocketResponse
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)

    async def call(self, method: str, arguments: dict[str, Any], session: str = "") -> dict[str, Any]:
        """Call a method of the DevTools protocol."""
        number = next(self.numbers)
        answer = self.answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": arguments}
        await self.socket.send_json(message | ({"sessionId": session} if session else {}))
        try:
            return await asyncio.wait_for(answer, PATIENCE_S)
        finally:
            del self.answers[number]

    async def listen(self) -> None:
        async for message in self.socket:
            data = message.json()
            future = self.answers.get(data.get("id", 0))
            if future is None or future.done():
                continue
            if "error" in data:
                future.set_exception(ScriptError(str(data["error"])))
            else:
                future.set_result(data["result"])

    async def open(self, url: str = "about:blank", *, before: str = "") -> Page:
        """A new page with cookies of its own; ``before`` runs before any script of its documents."""
        context = (await self.call("Target.createBrowserContext", {}))["browserContextId"]
        blank = {"url": "about:blank", "browserContextId": context}
        target = (await self.call("Target.createTarget", blank))["targetId"]
        attached = await self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = Page(self, target, attached["sessionId"])
        await self.call("Page.enable", {}, page.session)
        if before:
            await page.before_load(before)
        if url != "about:blank":
            await page.go(url)
        return page


@dataclass(frozen=True)
class Chromium:
    """A running Chromium."""

    endpoint: str

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Browser]:
        """A connection for the running event loop."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(self.endpoint, max_msg_size=0) as socket,
        ):
            browser = Browser(socket)
            listener = asyncio.create_task(browser.listen())
            try:
                yield browser
            finally:
                listener.cancel()


def chromium_path() -> str:
    """Where Chromium is. Without one the test is skipped, and fails where CI=true says that all must run."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing = "no chromium in PATH: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Start a Chromium with an empty profile, and stop it with all its processes at the end."""
    path = chromium_path()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        with (Path(profile) / "stderr").open("wb") as errors:
            process = subprocess.Popen(
                [path, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        try:
            yield Chromium(_endpoint(process, Path(profile)))
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _endpoint(process: subprocess.Popen[bytes], profile: Path) -> str:
    deadline = time.monotonic() + PATIENCE_S
    said = profile / "DevToolsActivePort"
    while not said.exists() or said.read_text().count("\n") < 1:
        errors = (profile / "stderr").read_text(errors="replace")
        assert process.poll() is None, f"chromium ended: {errors}"
        assert time.monotonic() < deadline, f"chromium did not start: {errors}"
        time.sleep(0.02)
    port, path = said.read_text().split("\n")[:2]
    return f"ws://127.0.0.1:{port}{path}"
