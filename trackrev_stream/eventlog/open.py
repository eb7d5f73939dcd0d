"""Opens the log that the settings name."""

from trackrev_stream.clock import Clock
from trackrev_stream.eventlog.embedded_broker import EmbeddedBroker
from trackrev_stream.eventlog.kafka_broker import KafkaBroker
from trackrev_stream.eventlog.port import Broker, partitions_differ
from trackrev_stream.eventlog.records import TopicMismatch
from trackrev_stream.settings import Settings, is_kafka


async def open_broker(
    settings: Settings, clock: Clock, *, patient: bool = False, agents: bool = True
) -> Broker:
    """The log, with its topics; one who is ``patient`` can begin without a broker (see KafkaBroker.open).

    One without ``agents`` can begin with topics that have grown.

    Raises SettingsError where the partitions do not fit, and what the log itself raises.
    """
    if is_kafka(settings.broker):
        return await KafkaBroker.open(settings, clock, patient=patient, agents=agents)
    try:
        return await EmbeddedBroker.open(settings, clock)
    except TopicMismatch as error:
        raise partitions_differ(settings, error) from error
