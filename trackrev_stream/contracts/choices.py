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


class KeyScope(StrEnum):
    """What an API key may do. Whoever may manage, or pay out, may read too."""

    READ = "read"
    MANAGE = "manage"
    PAYOUTS = "payouts"

    def includes(self, wanted: "KeyScope") -> bool:
        """Whether a key of this scope may do what needs ``wanted``."""
        return wanted in (self, KeyScope.READ)


class Arrival(StrEnum):
    """What the edge notes of a workspace when it comes in."""

    HIT = "hit"
    IDENTIFY = "identify"
    WEBHOOK = "webhook"
