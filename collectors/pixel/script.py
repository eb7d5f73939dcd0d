"""``GET /p.js``: the script of the pixel, read once, without its comments, compressed."""

import gzip
import hashlib
import re
from pathlib import Path

from aiohttp import hdrs, web

MOST_GZIPPED_BYTES = 3_072
MAX_AGE_S = 3_600

_SOURCE = Path(__file__).with_name("p.js")
_COMMENT = re.compile(r"^\s*//.*$")


class Script:
    """Answers ``GET /p.js``."""

    def __init__(self, source: Path = _SOURCE) -> None:
        self._plain = stripped(source.read_text(encoding="utf-8")).encode()
        self._gzipped = gzip.compress(self._plain, 9, mtime=0)
        self._etag = f'"{hashlib.sha256(self._plain).hexdigest()[:16]}"'

    async def get(self, request: web.Request) -> web.Response:
        """Answer with the script, or 304 to whoever has it."""
        headers = {
            hdrs.CACHE_CONTROL: f"public, max-age={MAX_AGE_S}, stale-while-revalidate=86400",
            hdrs.ETAG: self._etag,
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
            hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        }
        if self._etag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
            return web.Response(status=304, headers=headers)
        gzipped = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
        if gzipped:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(
            body=self._gzipped if gzipped else self._plain,
            content_type="text/javascript",
            charset="utf-8",
            headers=headers,
        )


def stripped(source: str) -> str:
    """A script without the lines that are comments, without indentation and empty lines."""
    lines = (line.strip() for line in source.splitlines() if not _COMMENT.match(line))
    return "\n".join(line for line in lines if line) + "\n"
