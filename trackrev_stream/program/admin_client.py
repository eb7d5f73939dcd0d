"""How a command asks the running program of a data directory: by the file that the program left there."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from trackrev_stream.contracts.codec import Json
from trackrev_stream.contracts.ports import Unavailable

FILE = "admin.json"
PUBLISH = "publish"
NEWEST = "newest"
DOCTOR = "doctor"
LONGEST_WAIT_S = 30.0


class NotAnswering(Exception):
    """No program answers with the actions of this data directory."""


@dataclass(frozen=True, slots=True)
class AdminAddress:
    """What the file says; it changes with every start."""

    url: str
    token: str = field(repr=False)


class Client:
    """Asks the program of a data directory; also a Publisher into its log."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(self, action: str, asked: Json) -> Json:
        """What the action answers. Raises Unavailable with what the program says against it."""
        try:
            async with self._session.post(f"/admin/{action}", json=asked) as response:
                answer: Json = await response.json()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unavailable(f"the program does not answer any more: {error!r}") from error
        if response.status != web.HTTPOk.status_code:
            raise Unavailable(answer["error"]["message"])
        return answer

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        """Append a record to the program's log; return its offset once it is durable. Raises Unavailable."""
        asked = {
            "topic": topic,
            "partition": partition,
            "key": None if key is None else base64.b64encode(key).decode(),
            "value": base64.b64encode(value).decode(),
        }
        return int((await self.ask(PUBLISH, asked))["offset"])

    async def newest(self, topic: str, partition: int, beginning: str) -> list[bytes]:
        """What the program's log holds of the keys with this beginning. Raises Unavailable."""
        asked = {"topic": topic, "partition": partition, "beginning": beginning}
        return [base64.b64decode(value) for value in (await self.ask(NEWEST, asked))["values"]]


@asynccontextmanager
async def reached(data: Path, action: str) -> AsyncIterator[Client]:
    """The running program of a data directory, if it has this action. Raises NotAnswering."""
    try:
        door = AdminAddress(**json.loads((data / FILE).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise NotAnswering(f"no program has left its address in {data / FILE}") from error
    session = aiohttp.ClientSession(
        door.url,
        headers={"Authorization": f"Bearer {door.token}"},
        timeout=aiohttp.ClientTimeout(LONGEST_WAIT_S),
    )
    async with session:
        offered: list[str] = []
        with suppress(aiohttp.ClientError, OSError, ValueError, KeyError, TypeError):
            # After a kill the file is still there, and the port may be somebody else's.
            async with session.get("/admin") as response:
                offered = (await response.json())["actions"]
        if action not in offered:
            raise NotAnswering(f"no program answers at {door.url} for {data}")
        yield Client(session)
