"""JSON over HTTP, in one form for the edge, the read API and the admin: answers, errors and bodies."""

from collections.abc import Awaitable, Callable, Mapping

import orjson
from aiohttp import web

from trackrev_stream.metrics import REQUESTS_REFUSED

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpError(Exception):
    """A request that is answered with ``{"error":{"code","message"}}``.

    ``code`` is for programs; ``message`` tells people what was wrong and what to do. ``close`` ends the
    connection: nothing more that comes by it can be trusted.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after_s: int = 0, close: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.close = close


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """``body`` as JSON, never cached."""
    always = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(
        status=status,
        body=orjson.dumps(body),
        content_type="application/json",
        headers=always | dict(headers) if headers else always,
    )


def error_response(error: HttpError) -> web.Response:
    """The answer that an error is."""
    response = json_response({"error": {"code": error.code, "message": error.message}}, error.status)
    if error.retry_after_s:
        response.headers["Retry-After"] = str(error.retry_after_s)
    if error.status == web.HTTPUnauthorized.status_code:
        response.headers["WWW-Authenticate"] = "Bearer"
    if error.close:
        response.force_close()
    return response


def answering_errors(
    endpoint: str,
    handler: Handler,
    finish: Callable[[web.Request, web.Response, HttpError], None] | None = None,
) -> Handler:
    """``handler`` with its HttpErrors answered and counted under ``endpoint``; ``finish`` adds to them."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except HttpError as error:
            REQUESTS_REFUSED.labels(endpoint, error.code).inc()
            response = error_response(error)
            if finish is not None:
                finish(request, response, error)
            return response

    return answer


async def read_at_most(request: web.Request, limit: int) -> bytes:
    """The body of a request. Raises HttpError: 413 beyond ``limit`` bytes, 400 when it cannot be read."""
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        while chunk := await request.content.readany():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
    except web.RequestPayloadError as error:
        # No byte after this can be trusted: nothing more is read, and the connection is not used again.
        request.content.feed_eof()
        message = "The body broke off, or its encoding is broken."
        raise HttpError(400, "malformed", message, close=True) from error
    return bytes(body)


def _too_large(limit: int) -> HttpError:
    return HttpError(413, "too_large", f"The body has more than {limit} bytes. Send less in one request.")
