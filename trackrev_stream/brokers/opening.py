"""Opens the log that the settings name."""

from trackrev_stream.brokers.embedded import EmbeddedBroker
from trackrev_stream.brokers.kafka import KafkaBroker
from trackrev_stream.brokers.port import Broker, partitions_differ
from trackrev_stream.clock import Clock
from trackrev_stream.embedded.records import TopicMismatch
from trackrev_stream.settings import Settings, is_kafka


async def open_broker(settings: Settings, clock: Clock, *, patient: bool = False) -> Broker:
    """The log, with its topics; one who is ``patient`` can begin without a broker (see KafkaBroker.open).

    Raises SettingsError where the partitions do not fit, and what the log itself raises.
    """
    if is_kafka(settings.broker):
        return await KafkaBroker.open(settings, clock, patient=patient)
    try:
        return await EmbeddedBroker.open(settings, clock)
    except TopicMismatch as error:
        raise partitions_differ(settings, error) from error
