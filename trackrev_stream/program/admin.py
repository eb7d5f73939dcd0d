"""The local admin: what needs the running log, for commands in other processes of this machine.

The log in a data directory is open in one process. That process offers actions beside /metrics; a command
finds them by a file in the data directory, which names the place and a token. Who can read the file may ask.
"""

import base64
import contextlib
import hmac
import json
import os
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from aiohttp import web

from trackrev_stream.contracts.codec import Json
from trackrev_stream.contracts.ports import Publisher, Unavailable
from trackrev_stream.http_json import HttpError, answering_errors, json_response, read_at_most
from trackrev_stream.program.admin_client import FILE, AdminAddress

MOST_BYTES = 32 * 1024 * 1024  # the largest record, in base64

Action = Callable[[Json], Awaitable[Json]]


class Admin:
    """The actions that a process offers: each takes and answers JSON, or raises HttpError or Unavailable."""

    def __init__(self, **actions: Action) -> None:
        self._actions = actions
        self._token = secrets.token_urlsafe(32)

    def routes(self) -> list[web.RouteDef]:
        """``POST /admin/{action}``, and ``GET /admin`` for their names."""
        return [
            web.get("/admin", answering_errors("admin", self._list)),
            web.post("/admin/{action}", answering_errors("admin", self._do)),
        ]

    def open(self, data: Path, url: str) -> None:
        """Let commands find the actions, which are served at ``url``."""
        descriptor, aside = tempfile.mkstemp(dir=data, prefix=".admin-")  # mode 600
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(AdminAddress(url, self._token)), file)
        Path(aside).replace(data / FILE)

    def close(self, data: Path) -> None:
        """Commands need not ask any more; what another process left there since stays."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            if json.loads((data / FILE).read_text())["token"] == self._token:
                (data / FILE).unlink()

    async def _list(self, request: web.Request) -> web.Response:
        self._check(request)
        return json_response({"actions": sorted(self._actions)})

    async def _do(self, request: web.Request) -> web.Response:
        self._check(request)
        name = request.match_info["action"]
        if name not in self._actions:
            raise HttpError(404, "unknown_action", f"This program has no admin action {name!r}.")
        try:
            asked = json.loads(await read_at_most(request, MOST_BYTES))
            return json_response(await self._actions[name](asked))
        except Unavailable as error:
            raise HttpError(503, "unavailable", str(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise HttpError(400, "malformed", f"The action {name!r} cannot be done so: {error!r}") from error

    def _check(self, request: web.Request) -> None:
        """Raises HttpError for a stranger: /metrics may be open to other machines, these are not."""
        connection = request.transport
        here, there = (
            (connection.get_extra_info(end) for end in ("sockname", "peername")) if connection else ("", "")
        )
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        known = hmac.compare_digest(given, f"Bearer {self._token}".encode())
        if not known or not here or here[0] != there[0]:
            raise HttpError(
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
