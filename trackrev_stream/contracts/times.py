"""Times in words: milliseconds since the epoch, as programs and people read them, in UTC."""

from datetime import UTC, datetime


def rfc3339(at: int) -> str:
    """A time for programs: ``2026-11-23T09:35:24.000Z``."""
    return f"{_utc(at):%Y-%m-%dT%H:%M:%S}.{at % 1000:03}Z"


def rfc3339_second(at: int) -> str:
    """A time for programs where its source has whole seconds: ``2026-11-23T09:35:24Z``."""
    return f"{_utc(at):%Y-%m-%dT%H:%M:%S}Z"


def utc_minute(at: int) -> str:
    """A time for people: ``2026-11-23 09:35 UTC``."""
    return f"{_utc(at):%Y-%m-%d %H:%M} UTC"


def utc_second(at: int) -> str:
    """A time for people who need the second: ``2026-11-23 09:35:24 UTC``."""
    return f"{_utc(at):%Y-%m-%d %H:%M:%S} UTC"


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1000, UTC)
