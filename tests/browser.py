"""A real browser for tests: headless Chromium over the DevTools protocol.

    with chromium() as running:
        async with running.connect() as browser:
            page = await browser.open("http://127.0.0.1:8000/", view=View(width=360))
            await page.wait_for("document.title == 'Ready'")
            assert page.problems == []

Every page lives in a browser context of its own, so that no cookie of one test reaches another; the context
ends with the connection.
"""

import asyncio
import base64
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

from tests.missing import missing
from tests.program.running import until

PERSON = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
PATIENCE_S = 20.0

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-port=0", f"--user-agent={PERSON}",
    "--hide-scrollbars", "--host-resolver-rules=MAP *.example 127.0.0.1",
)  # fmt: skip


async def wait_until(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return as soon as ``condition`` holds; fail when it does not within ``patience_s``."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain for: {what}"
        await asyncio.sleep(0.02)


class ScriptError(AssertionError):
    """JavaScript that threw."""


def _told(exception: dict[str, Any]) -> str:
    description: str = exception.get("exception", {}).get("description", exception["text"])
    return description


@dataclass(frozen=True)
class View:
    """How a page is looked at: the viewport in CSS pixels (a narrow one is a phone's), the colour scheme."""

    width: int = 1_200
    height: int = 900
    dark: bool = False


@dataclass
class Page:
    """An open page; ``problems`` collects its uncaught errors, and what its security policy refused."""

    browser: "Browser"
    target: str
    session: str
    problems: list[str] = field(default_factory=list)

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol on this page."""
        return await self.browser.call(method, arguments, self.session)

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited. Raises ScriptError."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise ScriptError(_told(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def wait_for(self, expression: str, patience_s: float = PATIENCE_S) -> Any:
        """The value of ``expression``, as soon as JavaScript takes it for true in the page."""
        deadline = time.monotonic() + patience_s
        while (found := await self._found(expression)) is None:
            assert time.monotonic() < deadline, f"waited {patience_s} s in vain for: {expression}"
            await asyncio.sleep(0.02)
        return found

    async def _found(self, expression: str) -> Any:
        # The page decides what is true: an element is, and comes over as an empty object.
        try:
            return await self.evaluate(f"Promise.resolve({expression}).then((found) => found || null)")
        except ScriptError:  # the page is on its way to another document
            return None

    async def look(self, view: View) -> None:
        """Look at the page, and at what it will navigate to, in another way."""
        size = {"width": view.width, "height": view.height}
        await self.call(
            "Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=view.width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if view.dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self) -> bytes:
        """What is in the viewport, as a PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])

    async def go(self, url: str) -> None:
        """Navigate, and wait for the load of the new document."""
        answer = await self.call("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        await self.wait_for(f"document.readyState == 'complete' && location.href != {'about:blank'!r}")

    async def before_load(self, script: str) -> None:
        """Run ``script`` in every document to come, before its own scripts."""
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def close(self) -> None:
        """Close the page; what it sends on leaving is still sent."""
        await self.call("Page.close")

    def notice(self, event: str, told: dict[str, Any]) -> None:
        """Keep what an event tells of a problem; failed requests are no problem of the page."""
        if event == "Runtime.exceptionThrown":
            self.problems.append(_told(told["exceptionDetails"]))
        elif event == "Log.entryAdded" and told["entry"]["source"] != "network":
            self.problems.append(told["entry"]["text"])


@dataclass
class Browser:
    """A connection to a running browser."""

    socket: aiohttp.ClientWebSocketResponse
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)  # by session

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
            page = self.pages.get(data.get("sessionId", ""))
            if page is not None and "method" in data:
                page.notice(data["method"], data["params"])
            future = self.answers.get(data.get("id", 0))
            if future is None or future.done():
                continue
            if "error" in data:
                future.set_exception(ScriptError(str(data["error"])))
            else:
                future.set_result(data["result"])

    async def open(self, url: str = "about:blank", *, before: str = "", view: View = View()) -> Page:
        """A new page with cookies of its own; ``before`` runs before any script of its documents."""
        passing = {"disposeOnDetach": True}
        context = (await self.call("Target.createBrowserContext", passing))["browserContextId"]
        blank = {"url": "about:blank", "browserContextId": context}
        target = (await self.call("Target.createTarget", blank))["targetId"]
        attached = await self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = self.pages[attached["sessionId"]] = Page(self, target, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log"):
            await page.call(f"{domain}.enable")
        await page.look(view)
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
    """Where Chromium is; see `missing` where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing("no chromium in PATH: apt-get install chromium")
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
    said = profile / "DevToolsActivePort"

    def told() -> bool:
        assert process.poll() is None, f"chromium ended: {(profile / 'stderr').read_text(errors='replace')}"
        return said.exists() and "\n" in said.read_text()

    until(told, "chromium tells where it listens", PATIENCE_S)
    port, path = said.read_text().split("\n")[:2]
    return f"ws://127.0.0.1:{port}{path}"
