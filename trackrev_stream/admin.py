"""The local admin: what needs the running log, for commands in other processes of this machine.

The log in a data directory is open in one process. That process offers actions beside /metrics; a command
finds them by a file in the data directory, which names the place and a token. Who can read the file may ask.
"""

import base64
import hmac
import json
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from collectors.answers import Refused, json_response, read_at_most, refusing
from trackrev_stream.contracts.ports import Publisher, Unavailable

FILE = "admin.json"
PUBLISH = "publish"
NEWEST = "newest"
MOST_BYTES = 32 * 1024 * 1024  # the largest record, in base64
LONGEST_WAIT_S = 30.0

Json = dict[str, Any]
Action = Callable[[Json], Awaitable[Json]]


class NotAnswering(Exception):
    """No program answers with the actions of this data directory."""


@dataclass(frozen=True, slots=True)
class _Door:
    """What the file says; it changes with every start."""

    url: str
    token: str = field(repr=False)


class Admin:
    """The actions that a process offers: each takes and answers JSON, or raises Refused or Unavailable."""

    def __init__(self, **actions: Action) -> None:
        self._actions = actions
        self._token = secrets.token_urlsafe(32)

    def routes(self) -> list[web.RouteDef]:
        """``POST /admin/{action}``, and ``GET /admin`` for their names."""
        return [
            web.get("/admin", refusing("admin", self._list)),
            web.post("/admin/{action}", refusing("admin", self._do)),
        ]

    def open(self, data: Path, url: str) -> None:
        """Let commands find the actions, which are served at ``url``."""
        descriptor, aside = tempfile.mkstemp(dir=data, prefix=".admin-")  # mode 600
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(_Door(url, self._token)), file)
        Path(aside).replace(data / FILE)

    @staticmethod
    def close(data: Path) -> None:
        """Commands need not ask any more."""
        (data / FILE).unlink(missing_ok=True)

    async def _list(self, request: web.Request) -> web.Response:
        self._check(request)
        return json_response({"actions": sorted(self._actions)})

    async def _do(self, request: web.Request) -> web.Response:
        self._check(request)
        name = request.match_info["action"]
        if name not in self._actions:
            raise Refused(404, "unknown_action", f"This program has no admin action {name!r}.")
        try:
            asked = json.loads(await read_at_most(request, MOST_BYTES))
            return json_response(await self._actions[name](asked))
        except Unavailable as error:
            raise Refused(503, "unavailable", str(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(400, "malformed", f"The action {name!r} cannot be done so: {error!r}") from error

    def _check(self, request: web.Request) -> None:
        """Raises Refused for a stranger: /metrics may be open to other machines, these are not."""
        connection = request.transport
        here, there = (
            (connection.get_extra_info(end) for end in ("sockname", "peername")) if connection else ("", "")
        )
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        known = hmac.compare_digest(given, f"Bearer {self._token}".encode())
        if not known or not here or here[0] != there[0]:
            raise Refused(
                401, "unauthorized", f"Only commands on this machine may ask, with the token in {FILE}."
            )


def publishing(publisher: Publisher) -> Action:
    """The action that puts a record into the log."""

    async def publish(asked: Json) -> Json:
        key = None if asked["key"] is None else base64.b64decode(asked["key"])
        value = base64.b64decode(asked["value"])
        return {"offset": await publisher.publish(asked["topic"], asked["partition"], key, value)}

    return publish


def newest(read: Callable[[str, int, str], Awaitable[list[bytes]]]) -> Action:
    """The action that reads of a compacted topic what stands under some keys."""

    async def find(asked: Json) -> Json:
        found = await read(asked["topic"], asked["partition"], asked["beginning"])
        return {"values": [base64.b64encode(value).decode() for value in found]}

    return find


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
        door = _Door(**json.loads((data / FILE).read_text()))
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
