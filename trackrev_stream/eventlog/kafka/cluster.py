"""How this program reaches a Kafka cluster: addresses, and who it says it is."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.domain.values.days import DAY_MS, day_of, iso_of
from trackrev_stream.settings import Settings

SECURITIES = ("plaintext", "tls", "sasl", "sasl+tls")


@dataclass(frozen=True, slots=True)
class Cluster:
    """The addresses of a cluster, ``host:port`` separated by commas, and the credentials for it.

    ``security`` is one of SECURITIES; ``ca_file`` names the authority that signed the brokers' certificates,
    that of the system by default. ``mechanism`` is one of SASL's.
    """

    servers: str
    security: str = "plaintext"
    mechanism: str = "PLAIN"
    username: str = ""
    password: str = ""
    ca_file: Path | None = None

    def __repr__(self) -> str:
        return f"Cluster({self.servers!r}, security={self.security!r})"

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments that any client of aiokafka wants. Raises OSError for a bad ``ca_file``."""
        return {"bootstrap_servers": self.servers.split(","), **self.credentials}

    @property
    def credentials(self) -> dict[str, Any]:
        """Those of them that say who we are."""
        sasl, tls = "sasl" in self.security, "tls" in self.security
        found: dict[str, Any] = {"security_protocol": _PROTOCOLS[self.security]}
        if sasl:
            found["sasl_mechanism"] = self.mechanism
            found["sasl_plain_username"] = self.username
            found["sasl_plain_password"] = self.password
        if tls:
            found["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        return found


_PROTOCOLS = {"plaintext": "PLAINTEXT", "tls": "SSL", "sasl": "SASL_PLAINTEXT", "sasl+tls": "SASL_SSL"}


class ClusterUnavailable(Unavailable):
    """The cluster cannot be reached or does not accept us; the message says where and why."""


def clock_refused(now: int) -> str:
    """What people are told when brokers refuse our records for their time.

    Brokers take no record that is stamped more than an hour after their own time
    (`message.timestamp.after.max.ms`), for it would outlive its retention. Who is wrong they do not say.
    """
    seconds = now % DAY_MS // 1_000
    time = f"{iso_of(day_of(now))} {seconds // 3_600:02}:{seconds // 60 % 60:02}"
    return (
        f"the brokers refuse the time of this machine, {time} UTC: it is more than an hour ahead of "
        "theirs, or theirs is behind. Set the clock that is wrong (ops/runbooks/clock-ahead.md)"
    )


def cluster_of(settings: Settings) -> Cluster:
    """The cluster that the settings name."""
    kafka = settings.kafka
    return Cluster(
        servers_of(settings.broker),
        kafka.security,
        kafka.mechanism,
        kafka.username,
        kafka.password,
        kafka.ca_file,
    )


def servers_of(url: str) -> str:
    """The addresses in ``kafka://host:port[,host:port]``."""
    return urlsplit(url).netloc
