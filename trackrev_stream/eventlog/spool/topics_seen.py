"""That a broker had the topics, each with its partitions: noted, so that a collector can start without it.

What waits for the broker is kept by partition, so their number has to be known, and not only believed.
"""

from contextlib import suppress

from trackrev_stream.settings import Settings

FILE = "topics-seen"


def note_topics(settings: Settings) -> None:
    """The topics are there now, as the settings have them."""
    if not before(settings):
        (settings.data / FILE).write_text(_as_told(settings))


def before(settings: Settings) -> bool:
    """Whether they were there, as the settings have them, when they were last looked for."""
    with suppress(FileNotFoundError):
        return (settings.data / FILE).read_text() == _as_told(settings)
    return False


def _as_told(settings: Settings) -> str:
    return f"{settings.partitions} partitions at {settings.broker}\n"
