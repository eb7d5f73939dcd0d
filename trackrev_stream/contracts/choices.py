"""What those who ask may choose from."""

from enum import StrEnum

UNLIMITED = "unlimited"


class By(StrEnum):
    """What earned the money: channels, or the links within them."""

    CHANNEL = "channel"
    LINK = "link"


class Status(StrEnum):
    """What has become of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DROPPED = "dropped"
