"""The settings: each is an environment variable, read here alone; the defaults work as they are."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ADMIN_PORT = 8766


class SettingsError(Exception):
    """A setting that cannot be used; the message names the variable, its value and what it may be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process.

    ``data`` is the data directory; ``broker`` and ``store`` are URLs; ``public_url`` is where the outside
    reaches the collectors, for script tags and links; ``secret_key`` seals secrets at rest.
    """

    data: Path
    broker: str
    store: str
    host: str
    port: int
    admin_host: str
    admin_port: int
    partitions: int
    public_url: str
    behind_proxy: bool
    secret_key: str
    log_level: str

    def __repr__(self) -> str:
        return f"Settings(data={str(self.data)!r}, host={self.host!r}, port={self.port})"


VARIABLES = {
    "TRACKREV_DATA": "the data directory, ./trackrev-data by default",
    "TRACKREV_BROKER": "the log, embedded:///DIR by default in the data directory",
    "TRACKREV_STORE": "the database, a file in the data directory by default; sqlite:///FILE or postgresql://...",
    "TRACKREV_HOST": "the address the collectors, API and page listen on, 127.0.0.1 by default",
    "TRACKREV_PORT": "their port, 8765 by default, 0 for any free one",
    "TRACKREV_ADMIN_HOST": "where /metrics listens, 127.0.0.1 by default: it asks for no key",
    "TRACKREV_ADMIN_PORT": "the port of /metrics, 8766 by default, 0 for any free one",
    "TRACKREV_PARTITIONS": "partitions of every topic, 1 by default; fixed once the log is made",
    "TRACKREV_PUBLIC_URL": "where the outside reaches this program, http://HOST:PORT by default",
    "TRACKREV_BEHIND_PROXY": "1 when a reverse proxy sets X-Forwarded-Proto",
    "TRACKREV_SECRET_KEY": "the key that seals secrets at rest; secret.key in the data directory by default",
    "TRACKREV_LOG_LEVEL": "debug, info, warning (the default) or error",
}


def read(
    environment: Mapping[str, str] = os.environ,
    *,
    data: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> Settings:
    """The settings of ``environment``; what the command line gives outranks it. Raises SettingsError."""
    place = Path(data or environment.get("TRACKREV_DATA") or "trackrev-data").resolve()
    level = environment.get("TRACKREV_LOG_LEVEL", "warning").lower()
    if level not in ("debug", "info", "warning", "error"):
        raise SettingsError(f"TRACKREV_LOG_LEVEL is {level!r}; it may be debug, info, warning or error")
    return Settings(
        data=place,
        broker=_broker(environment.get("TRACKREV_BROKER") or f"embedded://{place / 'log'}"),
        store=environment.get("TRACKREV_STORE") or f"sqlite:///{place / 'trackrev.db'}",
        host=host or environment.get("TRACKREV_HOST") or "127.0.0.1",
        port=_number(environment, "TRACKREV_PORT", 8765, 0, 65535) if port is None else port,
        admin_host=environment.get("TRACKREV_ADMIN_HOST") or "127.0.0.1",
        admin_port=_number(environment, "TRACKREV_ADMIN_PORT", ADMIN_PORT, 0, 65535),
        partitions=_number(environment, "TRACKREV_PARTITIONS", 1, 1, 1024),
        public_url=_url(environment.get("TRACKREV_PUBLIC_URL", "")),
        behind_proxy=environment.get("TRACKREV_BEHIND_PROXY", "") in ("1", "true", "yes"),
        secret_key=environment.get("TRACKREV_SECRET_KEY", ""),
        log_level=level,
    )


def _number(environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise SettingsError(f"{name} is {text!r}; it may be a number from {least} to {most}")
    return int(text)


def _broker(url: str) -> str:
    if urlsplit(url).scheme != "embedded" or not urlsplit(url).path:
        raise SettingsError(
            f"TRACKREV_BROKER is {url!r}; it may be embedded:///DIR (a Kafka broker comes with the cluster)"
        )
    return url


def _url(url: str) -> str:
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
        raise SettingsError(
            f"TRACKREV_PUBLIC_URL is {url!r}; it may be a URL such as https://track.example.com"
        )
    return url.rstrip("/")
