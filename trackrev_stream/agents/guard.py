"""The one error boundary of the agents: three kinds of failure, and nothing else.

Rejected: the record is at fault; it becomes a dead letter and the agent goes on, unless most of a topic goes
that way. Transient: the surroundings are; whoever owns them retries in place (the writer does). A bug:
everything else; the process ends without a commit, for an event that Faust lets pass with an exception is
lost (facts: any exception loses the event).
"""

import base64
import logging
from collections import defaultdict, deque

from trackrev_stream import metrics
from trackrev_stream.agents.step import InputRecord, Reject, Rows, Step, StepResult
from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.dead_letters import DeadLetter, is_replayed
from trackrev_stream.contracts.topics import DEAD_LETTERS
from trackrev_stream.domain.attribution.attribution_settings import SettingsBehind

WINDOW = 1_000
"""Over how many of a topic's last records (hits, where they come in frames) what is rejected is counted."""

log = logging.getLogger(__name__)


class AgentBug(Exception):
    """An agent failed over a record for no fault of the record's; the message names both."""


class Flooded(Exception):
    """An agent rejects so many records of a topic that they cannot be the ones at fault: for people."""


class _Recent:
    """How many of the last records of a topic were rejected, over WINDOW of them or up to a frame less."""

    def __init__(self) -> None:
        self._counted: deque[tuple[int, int]] = deque()
        self.records = self.rejected = 0

    def add(self, records: int, rejected: int) -> None:
        records, rejected = min(records, WINDOW), min(rejected, WINDOW)
        self._counted.append((records, rejected))
        self.records += records
        self.rejected += rejected
        while self.records > WINDOW:
            records, rejected = self._counted.popleft()
            self.records -= records
            self.rejected -= rejected


class Guard:
    """The boundary of the agent ``name``; of WINDOW records of a topic it may reject ``most_rejected``.

    When it has rejected more, ``flooded`` says so: nothing may be read beyond that record.
    """

    def __init__(self, name: str, most_rejected: int) -> None:
        self.flooded: Flooded | None = None
        self._name = name
        self._most_rejected = most_rejected
        self._recent: dict[str, _Recent] = defaultdict(_Recent)

    def apply(self, step: Step, rows: Rows, record: InputRecord, now: int) -> StepResult:
        """Let the agent apply a record; what it rejects leaves as dead letters.

        Raises AgentBug for anything that is not the record's fault, SettingsBehind when it is too new.
        """
        if record.value is None:
            return StepResult()  # a tombstone, or the marker of a rewriting: it says nothing
        try:
            result = step(rows, record)
        except Malformed as error:
            rows.puts.clear()
            result = StepResult(rejects=[Reject(0, record.value or b"", error)])
        except SettingsBehind:
            raise
        except Exception as error:
            raise AgentBug(
                f"{self._name} failed over {record.name}: {type(error).__name__}: {error}"
            ) from error
        for reject in result.rejects:
            self._bury(result, record, reject, now)
        if not is_replayed(record.key):  # whoever replays has asked for it, and for no more than that
            self._judge(record, result)
        return result

    def _judge(self, record: InputRecord, result: StepResult) -> None:
        recent = self._recent[record.topic]
        recent.add(result.parts, len(result.rejects))
        if not result.rejects or recent.rejected <= self._most_rejected:
            return
        self.flooded = Flooded(
            f"{self._name} could not read {recent.rejected:,} of the last {recent.records:,} records of "
            f"{record.topic}, the last one {record.name}: {result.rejects[-1].reason}. It stops, rather "
            "than put the whole topic aside: nothing is lost, and nothing is read beyond. Look at them with "
            f"`trackrev dead-letters list --processor {self._name}`, mend the cause (often an old and a new "
            "version of the program beside each other), and start again. To go on whatever comes, set "
            f"TRACKREV_MOST_REJECTED={WINDOW} (ops/runbooks/dead-letters.md)"
        )

    def _bury(self, result: StepResult, record: InputRecord, reject: Reject, now: int) -> None:
        letter = DeadLetter(
            processor=self._name,
            failure="malformed",
            message=str(reject.reason),
            payload=base64.b64encode(reject.payload).decode(),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            index=reject.index,
            failed_at=now,
        )
        metrics.DEAD_LETTERS.labels(self._name).inc()
        log.warning(
            "dead letter: %s could not read %s, part %d: %s",
            self._name,
            record.name,
            reject.index,
            reject.reason,
        )
        result.letters.append(letter)
        result.send(DEAD_LETTERS, letter, route=record.topic, key=f"{record.name}#{reject.index}")
