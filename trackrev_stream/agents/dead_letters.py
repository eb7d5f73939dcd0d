"""bury: dead letters are handed to the writer, so that people can look at them and decide."""

import asyncio
import logging
from functools import partial

from sqlalchemy.exc import DBAPIError

from trackrev_stream.agents.step import InputRecord, StepResult
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.topics import DEAD_LETTERS
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.ledger.positions import stored_position

LONGEST_WAIT_S = 10
_LOOK_AGAIN_S = 0.05

log = logging.getLogger(__name__)


def read_letter(record: InputRecord) -> tuple[DeadLetter, StepResult]:
    """The dead letter to be kept. Raises Malformed."""
    return decode(DeadLetter, record.value), StepResult()


async def until_stored(store: Store, number: int, offset: int) -> None:
    """Return once the letter at this partition and offset is in the database, whichever worker puts it there.

    Or after a while: the letter is safe in its topic, and comes to the database at the next start.
    """
    position = partial(stored_position, partition=(DEAD_LETTERS.name, number))
    try:
        async with asyncio.timeout(LONGEST_WAIT_S):
            while await store.read(position) < offset:  # noqa: ASYNC110 - another worker may write it
                await asyncio.sleep(_LOOK_AGAIN_S)
    except (TimeoutError, DBAPIError) as error:
        log.warning("the last dead letters are listed after the next start: %r", error)
