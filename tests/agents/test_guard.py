"""The one error boundary: the record's fault is a dead letter, all else ends the process."""

import base64

import pytest

from tests.agents.histories import bought
from trackrev_stream.agents.guard import AgentBug, apply
from trackrev_stream.agents.step import Outcome, Record, Rows
from trackrev_stream.agents.stitch import stitch
from trackrev_stream.contracts.codec import decode, encode, encode_frame
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.topics import DEAD_LETTERS, JOURNEYS, PIXEL_HITS, VISITS
from trackrev_stream.domain.ids import visitor_key

NOW = 1_760_000_000_000


def rows(**standing: bytes) -> Rows:
    return Rows({key.encode(): raw for key, raw in standing.items()}.get, "here")


def frame(*parts: bytes) -> Record:
    return Record(PIXEL_HITS.name, 3, 17, None, encode_frame(parts))


def letters(outcome: Outcome) -> list[DeadLetter]:
    return [decode(DeadLetter, send.value) for send in outcome.sends if send.topic is DEAD_LETTERS]


def test_one_bad_hit_is_a_dead_letter_and_the_others_count() -> None:
    landing, identify, _ = bought()
    outcome = apply("stitch", stitch, rows(), frame(encode(landing), b"{broken", encode(identify)), NOW)
    (letter,) = letters(outcome)
    assert (letter.processor, letter.partition, letter.offset, letter.index) == ("stitch", 3, 17, 1)
    assert base64.b64decode(letter.payload) == b"{broken"
    assert letter.failed_at == NOW
    assert {send.topic for send in outcome.sends} == {JOURNEYS, VISITS, DEAD_LETTERS}


def test_a_poisoned_record_changes_no_row() -> None:
    standing = rows()
    outcome = apply("stitch", stitch, standing, frame(b"\xff\x00"), NOW)
    assert len(letters(outcome)) == 1
    assert not standing.puts


def test_a_row_that_cannot_be_read_is_no_fault_of_the_record() -> None:
    landing, *_ = bought()
    damaged = Rows({visitor_key("ws_1", landing.visitor).encode(): b"{}"}.get, "here")
    with pytest.raises(AgentBug, match=r"stitch failed over pixel-hits\[3\]@17: RowUnreadable"):
        apply("stitch", stitch, damaged, frame(encode(landing)), NOW)


def test_a_format_of_the_future_is_named() -> None:
    (letter,) = letters(apply("stitch", stitch, rows(), frame(b'{"v":9,"data":{}}'), NOW))
    assert "format 9" in letter.message or "not a Hit" in letter.message
