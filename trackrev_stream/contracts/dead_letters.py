"""Dead letters: what could not be processed, with all that is needed to look at it and try again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record, or one hit of a frame, that ``processor`` could not process.

    ``payload`` is base64 of the bytes, which hold no personal data behind the edge; ``index`` is the place in
    the frame, 0 for a whole record.
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
    attempts: int = 1
