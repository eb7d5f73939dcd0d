"""Opens the log that the settings name."""

from trackrev_stream.brokers.embedded import EmbeddedBroker
from trackrev_stream.brokers.kafka import KafkaBroker
from trackrev_stream.brokers.port import Broker
from trackrev_stream.clock import Clock
from trackrev_stream.embedded.records import TopicMismatch
from trackrev_stream.kafka import topics
from trackrev_stream.settings import Settings, SettingsError, is_kafka


async def open_broker(settings: Settings, clock: Clock) -> Broker:
    """The log, with its topics.

    Raises SettingsError where the partitions do not fit, and what the log itself raises.
    """
    try:
        if is_kafka(settings.broker):
            return await KafkaBroker.open(settings)
        return await EmbeddedBroker.open(settings, clock)
    except (TopicMismatch, topics.TopicMismatch) as error:
        raise SettingsError(f"TRACKREV_PARTITIONS is {settings.partitions}. {error}") from error
