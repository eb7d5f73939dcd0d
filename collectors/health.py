"""Health: ``/live`` says that the process answers, ``/ready`` whether it shall be sent requests."""

from collections.abc import Callable

from aiohttp import web

from trackrev_stream.http_json import HttpError, json_response


async def live(_request: web.Request) -> web.Response:
    """Answer ``GET /live``, whatever the log does: a restart would not help it."""
    return json_response({"live": True})


class Readiness:
    """Answers ``GET /ready``; ``trouble`` says why what comes has to wait for the log, if it has."""

    def __init__(self, is_ready: Callable[[], bool], trouble: Callable[[], str] = lambda: "") -> None:
        """``trouble`` says what keeps the log from taking what comes, if anything does."""
        self._is_ready = is_ready
        self._trouble = trouble

    async def ready(self, _request: web.Request) -> web.Response:
        """Answer 200, or raise HttpError (503) while starting, stopping or without a log."""
        trouble = self._trouble()
        if not self._is_ready():
            message = trouble or "Starting, stopping, or the log cannot be reached."
            raise HttpError(503, "not_ready", message)
        # With trouble it still saves what comes, on its own disk.
        return json_response({"ready": True} | ({"trouble": trouble} if trouble else {}))
