"""One real broker for all tests of the session; each test has topics and groups of its own.

It is an Apache Kafka, or with TRACKREV_TEST_BROKER=redpanda the Redpanda of the compose file.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.kafka.broker import Broker
from ops.redpanda import Redpanda
from trackrev_stream.eventlog.kafka.cluster import Cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.kafka)


def new_broker(directory: Path) -> Broker | Redpanda:
    return Redpanda() if os.environ.get("TRACKREV_TEST_BROKER") == "redpanda" else Broker(directory)


@pytest.fixture(scope="session")
def broker(jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker | Redpanda]:
    with new_broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture
def cluster(broker: Broker) -> Cluster:
    return Cluster(broker.address)


@pytest.fixture
def own(jars: None, tmp_path: Path) -> Iterator[Broker | Redpanda]:
    """A broker of the test's own: the program's topics have fixed names."""
    with new_broker(tmp_path / "kafka") as running:
        yield running
