"""TLS and SASL to the broker are settings: the program over them, and what is said when they are wrong."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ops.kafka.broker import Broker
from tests.eventlog.kafka.processes import Role, earn, roles
from tests.missing import missing
from tests.program.running import Shop
from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable
from trackrev_stream.eventlog.kafka.publisher import KafkaPublisher
from trackrev_stream.eventlog.kafka.topics import changelog_spec, ensure


def cluster(broker: Broker, security: str, mechanism: str = "PLAIN") -> Cluster:
    """How the broker is reached so, where it has a listener for it."""
    if security not in broker.addresses:
        missing(f"the broker of these tests has no listener for {security}")
    user, password = (broker.user, broker.password) if "sasl" in security else ("", "")
    authority = broker.authority if "tls" in security else None
    return Cluster(broker.addresses[security], security, mechanism, user, password, authority)


@pytest.mark.parametrize(
    ("security", "mechanism"),
    [
        ("tls", "PLAIN"),
        ("sasl", "PLAIN"),
        ("sasl+tls", "PLAIN"),
        ("sasl+tls", "SCRAM-SHA-256"),
        ("sasl+tls", "SCRAM-SHA-512"),
    ],
)
def test_records_get_through(broker: Broker, security: str, mechanism: str) -> None:
    async def scenario() -> None:
        ours = cluster(broker, security, mechanism)
        topic = f"by-{security.replace('+', '-')}-{mechanism}"
        await ensure(ours, [changelog_spec(topic, 1)])
        publisher = KafkaPublisher(ours)
        assert await publisher.publish(topic, 0, b"key", b"value") == 0
        await publisher.stop()

    asyncio.run(scenario())


def test_the_whole_program_runs_over_tls_and_a_password(own: Broker, tmp_path: Path) -> None:
    cluster(own, "sasl+tls", "SCRAM-SHA-512")
    program = Role(
        "up",
        tmp_path / "data",
        own,
        security="sasl+tls",
        TRACKREV_KAFKA_SECURITY="sasl+tls",
        TRACKREV_KAFKA_MECHANISM="SCRAM-SHA-512",
        TRACKREV_KAFKA_USERNAME=own.user,
        TRACKREV_KAFKA_PASSWORD=own.password,
        TRACKREV_KAFKA_CA_FILE=str(own.authority),
    )
    with roles(program):
        shop = Shop.open(program)
        earn(shop, shop)
        assert program.stop() == 0
    assert own.password not in program.everything_said()


def test_a_broker_that_nobody_vouches_for_is_not_trusted(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = replace(cluster(broker, "tls"), ca_file=None)
    with pytest.raises(ClusterUnavailable, match=r"no Kafka broker answers us at .* \(tls\), see the log"):
        asyncio.run(ensure(stranger, [changelog_spec("never", 1)]))
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text


@pytest.mark.parametrize(
    ("security", "mechanism"),
    [("sasl", "PLAIN"), ("sasl+tls", "SCRAM-SHA-256"), ("sasl+tls", "SCRAM-SHA-512")],
)
def test_a_wrong_password_is_refused(
    broker: Broker, security: str, mechanism: str, caplog: pytest.LogCaptureFixture
) -> None:
    right = cluster(broker, security, mechanism)
    assert right.password not in repr(right)
    wrong = replace(right, password="wrong")
    with pytest.raises(ClusterUnavailable, match="sasl"):
        asyncio.run(ensure(wrong, [changelog_spec("never", 1)]))
    assert "uthentication failed" in caplog.text
