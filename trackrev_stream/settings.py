"""The settings: each is an environment variable, read here alone; the defaults work as they are."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from trackrev_stream.errors import ForPeople

ADMIN_PORT = 8766
LAST_PORT = 65535


class SettingsError(ForPeople):
    """A setting that cannot be used; the message names the variable, its value and what it may be."""


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How a Kafka cluster is reached, where ``broker`` is one: see VARIABLES."""

    security: str
    mechanism: str
    username: str
    password: str
    ca_file: Path | None

    def __repr__(self) -> str:
        return f"KafkaSettings(security={self.security!r}, mechanism={self.mechanism!r})"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process.

    ``data`` is the data directory; ``broker`` and ``store`` are URLs; ``public_url`` is where the outside
    reaches the collectors, for script tags and links; ``secret_key`` seals secrets at rest; ``rates_url`` is
    empty where no exchange rates shall be fetched. ``data_named`` says that somebody named the directory;
    ``named`` are the variables that are set; ``state`` is where programs of this user note that they run.
    """

    data: Path
    data_named: bool
    named: frozenset[str]
    state: Path | None
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
    kafka: KafkaSettings
    stuck_s: int
    poll_minutes: int
    rates_url: str
    most_rejected: int
    spool_mb: int

    def __repr__(self) -> str:
        return f"Settings(data={str(self.data)!r}, host={self.host!r}, port={self.port})"


VARIABLES = {
    "TRACKREV_DATA": "the data directory, ./trackrev-data by default",
    "TRACKREV_BROKER": "the log, embedded:///DIR by default in the data directory, or kafka://HOST:PORT[,HOST:PORT]",
    "TRACKREV_STORE": "the database, a file in the data directory by default; sqlite:///FILE or postgresql://...",
    "TRACKREV_HOST": "the address the collectors, API and page listen on, 127.0.0.1 by default",
    "TRACKREV_PORT": "their port, 8765 by default, 0 for any free one",
    "TRACKREV_ADMIN_HOST": "where /metrics listens, 127.0.0.1 by default; anybody who reaches it can read it",
    "TRACKREV_ADMIN_PORT": "the port of /metrics, 8766 by default, 0 for any free one",
    "TRACKREV_PARTITIONS": "partitions of every topic, 1 by default, 12 on Kafka; fixed once the log is made",
    "TRACKREV_KAFKA_SECURITY": "plaintext (the default), tls, sasl or sasl+tls",
    "TRACKREV_KAFKA_MECHANISM": "the SASL mechanism: PLAIN (the default), SCRAM-SHA-256 or SCRAM-SHA-512",
    "TRACKREV_KAFKA_USERNAME": "user for SASL",
    "TRACKREV_KAFKA_PASSWORD": "password for SASL",
    "TRACKREV_KAFKA_CA_FILE": "a file with the authorities of the brokers' certificates; else the system's",
    "TRACKREV_STUCK_S": "seconds without progress after which a worker on Kafka ends, 120 by default",
    "TRACKREV_SPOOL_MB": "what a collector may keep on disk while Kafka is away, 256 by default; 0: nothing",
    "TRACKREV_POLL_MINUTES": "how often Stripe is polled, 60 by default",
    "TRACKREV_MOST_REJECTED": "how many of a topic's last 1,000 records may be unreadable, 100 by default; "
    "with more the worker stops",
    "TRACKREV_PUBLIC_URL": "the address at which browsers reach this program, http://HOST:PORT by default",
    "TRACKREV_BEHIND_PROXY": "1 when a reverse proxy sets X-Forwarded-Proto",
    "TRACKREV_SECRET_KEY": "the key that encrypts secrets; secret.key in the data directory by default",
    "TRACKREV_RATES_URL": "where the ECB's exchange rates are, "
    "https://www.ecb.europa.eu/stats/eurofxref by default; off: amounts without a rate stay unconverted",
    "TRACKREV_LOG_LEVEL": "debug, info, warning (the default) or error",
}


def read_settings(
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
    broker = _broker(environment.get("TRACKREV_BROKER") or f"embedded://{place / 'log'}")
    partitions = 12 if is_kafka(broker) else 1
    return Settings(
        data=place,
        data_named=bool(data or environment.get("TRACKREV_DATA")),
        named=frozenset(name for name in VARIABLES if environment.get(name)),
        state=_state(environment),
        broker=broker,
        store=environment.get("TRACKREV_STORE") or f"sqlite:///{place / 'trackrev.db'}",
        host=host or environment.get("TRACKREV_HOST") or "127.0.0.1",
        port=_number(environment, "TRACKREV_PORT", 8765, 0, LAST_PORT) if port is None else port,
        admin_host=environment.get("TRACKREV_ADMIN_HOST") or "127.0.0.1",
        admin_port=_number(environment, "TRACKREV_ADMIN_PORT", ADMIN_PORT, 0, LAST_PORT),
        partitions=_number(environment, "TRACKREV_PARTITIONS", partitions, 1, 1024),
        public_url=_url(environment, "TRACKREV_PUBLIC_URL"),
        behind_proxy=environment.get("TRACKREV_BEHIND_PROXY", "") in ("1", "true", "yes"),
        secret_key=environment.get("TRACKREV_SECRET_KEY", ""),
        log_level=level,
        kafka=_kafka(environment),
        stuck_s=_number(environment, "TRACKREV_STUCK_S", 120, 10, 86_400),
        poll_minutes=_number(environment, "TRACKREV_POLL_MINUTES", 60, 1, 1_440),
        rates_url=_rates(environment),
        most_rejected=_number(environment, "TRACKREV_MOST_REJECTED", 100, 0, 1000),
        spool_mb=_number(environment, "TRACKREV_SPOOL_MB", 256, 0, 1_048_576),
    )


def _state(environment: Mapping[str, str]) -> Path | None:
    """Where the XDG Base Directory Specification has what programs note for themselves, if anywhere."""
    given, home = environment.get("XDG_STATE_HOME", ""), environment.get("HOME", "")
    if Path(given).is_absolute():  # the specification: others are to be ignored
        return Path(given) / "trackrev"
    return Path(home) / ".local/state/trackrev" if Path(home).is_absolute() else None


def is_kafka(broker: str) -> bool:
    """Whether the log at this URL is a Kafka cluster."""
    return urlsplit(broker).scheme == "kafka"


def _kafka(environment: Mapping[str, str]) -> KafkaSettings:
    security = _one_of(environment, "TRACKREV_KAFKA_SECURITY", ("plaintext", "tls", "sasl", "sasl+tls"))
    username = environment.get("TRACKREV_KAFKA_USERNAME", "")
    if "sasl" in security and not username:
        raise SettingsError(f"TRACKREV_KAFKA_SECURITY is {security!r}, which needs TRACKREV_KAFKA_USERNAME")
    file = environment.get("TRACKREV_KAFKA_CA_FILE")
    if file and not Path(file).is_file():
        raise SettingsError(f"TRACKREV_KAFKA_CA_FILE is {file!r}; there is no such file")
    return KafkaSettings(
        security,
        _one_of(environment, "TRACKREV_KAFKA_MECHANISM", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
        username,
        environment.get("TRACKREV_KAFKA_PASSWORD", ""),
        Path(file) if file else None,
    )


def _one_of(environment: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """One of the choices, the first by default."""
    text = environment.get(name) or choices[0]
    if text not in choices:
        raise SettingsError(f"{name} is {text!r}; it may be {', '.join(choices)}")
    return text


def _number(environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise SettingsError(f"{name} is {text!r}; it may be a number from {least} to {most}")
    return int(text)


def _broker(url: str) -> str:
    parts = urlsplit(url)
    known = parts.path if parts.scheme == "embedded" else parts.scheme == "kafka" and _has_ports(parts.netloc)
    if not known:
        raise SettingsError(
            f"TRACKREV_BROKER is {url!r}; it may be embedded:///DIR or kafka://HOST:PORT[,...]"
        )
    return url


def _has_ports(netloc: str) -> bool:
    hosts = [server.rpartition(":") for server in netloc.split(",")]
    return all(host and port.isdecimal() for host, _, port in hosts)


def _url(environment: Mapping[str, str], name: str) -> str:
    url = environment.get(name, "")
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
        raise SettingsError(f"{name} is {url!r}; it may be a URL such as https://track.example.com")
    return url.rstrip("/")


def _rates(environment: Mapping[str, str]) -> str:
    if environment.get("TRACKREV_RATES_URL") == "off":
        return ""
    return _url(environment, "TRACKREV_RATES_URL") or "https://www.ecb.europa.eu/stats/eurofxref"
