"""How this program reaches a Kafka cluster: addresses, and who it says it is."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trackrev_stream.contracts.ports import Unavailable

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


def servers_of(url: str) -> str:
    """The addresses in ``kafka://host:port[,host:port]``."""
    return urlsplit(url).netloc


def clock_refused(servers: str) -> str:
    """What is said when brokers refuse the time of records: by default more than an hour ahead of theirs."""
    return (
        "this machine's clock is wrong: it is so far ahead that Kafka refuses its records "
        f"(message.timestamp.after.max.ms, an hour by default; Kafka at {servers} is there). Set the clock "
        "right, by NTP, here and on the brokers"
    )
