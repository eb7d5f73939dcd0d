"""A real browser for tests of the page: headless Chromium, spoken to over its DevTools protocol."""

import asyncio
import base64
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--remote-debugging-port=0", "--hide-scrollbars",
)  # fmt: skip


class Tab:
    """One page of the browser; ``problems`` collects errors, and what the security policy refused."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.problems: list[str] = []
        self._loaded = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(self._answers[number], 30)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    async def run(self, script: str) -> Any:
        """The value of an expression, promises awaited."""
        result = await self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, condition: str) -> Any:
        """Wait until an expression is true in the page; the page itself looks at every change."""
        script = f"""new Promise((done) => {{
            const watch = new MutationObserver(look);
            function look() {{
                const found = {condition};
                if (found) {{ watch.disconnect(); done(found); }}
            }}
            const all = {{ subtree: true, childList: true, attributes: true, characterData: true }};
            watch.observe(document, all);
            look();
        }})"""
        return await self.run(script)

    async def open(self, url: str, width: int = 1200, height: int = 900, *, dark: bool = False) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), 30)

    async def picture(self) -> bytes:
        """The page as a PNG."""
        shot = await self.call("Page.captureScreenshot")
        return base64.b64decode(shot["data"])

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def _read(self) -> None:
        async for message in self._socket:
            said = message.json()
            if said.get("id") in self._answers:
                self._answers.pop(said["id"]).set_result(said)
            elif said.get("method") == "Page.loadEventFired":
                self._loaded.set()
            elif said.get("method") == "Runtime.exceptionThrown":
                self.problems.append(said["params"]["exceptionDetails"]["exception"]["description"])
            elif said.get("method") == "Log.entryAdded" and said["params"]["entry"]["source"] != "network":
                self.problems.append(said["params"]["entry"]["text"])


@asynccontextmanager
async def browse(profile: Path) -> AsyncIterator[Tab]:
    """A tab of a fresh browser."""
    assert CHROMIUM is not None
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts once, and its first line says that it is up
        [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        up = next(line for line in process.stderr if "DevTools listening on" in line)
        base = up.split("ws://")[1].split("/")[0]
        async with aiohttp.ClientSession() as session:
            async with session.put(f"http://{base}/json/new?about:blank") as answer:
                target = await answer.json()
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await tab.call(f"{domain}.enable")
                yield tab
                await tab.close()
    finally:
        process.kill()
        process.wait()
