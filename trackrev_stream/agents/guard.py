"""The one error boundary of the agents: three kinds of failure, and nothing else.

Rejected: the record is at fault; it becomes a dead letter and the agent goes on. Transient: the surroundings
are; whoever owns them retries in place (the writer does). A bug: everything else; the process ends without a
commit, for an event that Faust lets pass with an exception is lost (facts: any exception loses the event).
"""

import base64
import logging

from trackrev_stream import metrics
from trackrev_stream.agents.step import Outcome, Record, Reject, Rows, Step
from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.topics import DEAD_LETTERS
from trackrev_stream.domain.rules import RulesBehind

log = logging.getLogger(__name__)


class AgentBug(Exception):
    """An agent failed over a record for no fault of the record's; the message names both."""


def apply(name: str, step: Step, rows: Rows, record: Record, now: int) -> Outcome:
    """Let the agent ``name`` apply a record; what it rejects leaves as dead letters.

    Raises AgentBug for anything that is not the record's fault, RulesBehind when the record is too new.
    """
    try:
        outcome = step(rows, record)
    except Malformed as error:
        rows.puts.clear()
        outcome = Outcome(rejects=[Reject(0, record.value or b"", error)])
    except RulesBehind:
        raise
    except Exception as error:
        raise AgentBug(f"{name} failed over {record.name}: {type(error).__name__}: {error}") from error
    for reject in outcome.rejects:
        _bury(name, outcome, record, reject, now)
    return outcome


def _bury(name: str, outcome: Outcome, record: Record, reject: Reject, now: int) -> None:
    letter = DeadLetter(
        processor=name,
        failure="malformed",
        message=str(reject.reason),
        payload=base64.b64encode(reject.payload).decode(),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        index=reject.index,
        failed_at=now,
    )
    metrics.DEAD_LETTERS.labels(name).inc()
    log.warning(
        "dead letter: %s could not read %s, part %d: %s", name, record.name, reject.index, reject.reason
    )
    outcome.send(DEAD_LETTERS, letter, route=record.topic, key=f"{record.name}#{reject.index}")
