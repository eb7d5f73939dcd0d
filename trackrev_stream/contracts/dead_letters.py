"""Dead letters: what could not be processed, with all that is needed to look at it and try again."""

import base64
from dataclasses import dataclass

from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.domain.values.ids import SEPARATOR, digest

# What the key of a replayed record begins with. Keys begin with a workspace otherwise, so none is like it.
_REPLAYED = f"{SEPARATOR}replayed{SEPARATOR}"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record, or one hit of a frame, that ``processor`` could not process.

    ``payload`` is base64 of the bytes, which hold no personal data behind the edge; ``index`` is the place in
    the frame, 0 for a whole record. What the edge turned away has no place in a topic yet: its partition and
    offset are -1, and its payload is what may be kept of it.
    """

    processor: str
    failure: str
    message: str
    payload: str
    topic: str
    partition: int
    offset: int
    index: int
    failed_at: int

    @property
    def id(self) -> str:
        """Its name: the same bytes that fail again, after a replay or otherwise, are the same letter."""
        return digest(self.processor, self.topic, str(self.partition), self.payload)

    @property
    def raw(self) -> bytes:
        """The bytes that could not be processed."""
        return base64.b64decode(self.payload)

    @property
    def not_replayable(self) -> str:
        """Why it cannot be put into its topic again, in words for people; empty when it can."""
        if self.offset < 0:
            return (
                f"the edge turned it away, so it never was in {self.topic}, and only what is not personal "
                "was kept of it. A hit is gone; an event can be sent again from Stripe's dashboard"
            )
        if self.topic not in {topic.name for topic in TOPICS}:
            return f"this program has no topic {self.topic}"
        return ""


def replay_key(letter: str) -> bytes:
    """The key of the replayed record of a letter, given its id.

    Not the key that it had: an agent goes by the value, and compaction must not take what came since under
    that key for older than this.
    """
    return f"{_REPLAYED}{letter}".encode()


def is_replayed(key: bytes | None) -> bool:
    """Whether the record with this key was put into its topic again by hand."""
    return key is not None and key.startswith(_REPLAYED.encode())
