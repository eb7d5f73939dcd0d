"""The one error boundary: the record's fault is a dead letter, all else ends the process."""

import base64

import pytest

from tests.agents.histories import bought
from trackrev_stream.agents.guard import WINDOW, AgentBug, Guard
from trackrev_stream.agents.step import InputRecord, Rows, StepResult
from trackrev_stream.agents.stitch import stitch
from trackrev_stream.contracts.codec import decode, encode, encode_frame
from trackrev_stream.contracts.dead_letters import DeadLetter, replay_key
from trackrev_stream.contracts.topics import DEAD_LETTERS, JOURNEYS, PIXEL_HITS, VISITS
from trackrev_stream.domain.values.ids import visitor_key

NOW = 1_760_000_000_000


def rows(**standing: bytes) -> Rows:
    return Rows({key.encode(): raw for key, raw in standing.items()}.get, "here")


def frame(*parts: bytes) -> InputRecord:
    return InputRecord(PIXEL_HITS.name, 3, 17, None, encode_frame(parts))


def apply(rows: Rows, record: InputRecord) -> StepResult:
    return Guard("stitch", 100).apply(stitch, rows, record, NOW)


def letters(outcome: StepResult) -> list[DeadLetter]:
    return [decode(DeadLetter, send.value) for send in outcome.sends if send.topic is DEAD_LETTERS]


def test_one_bad_hit_is_a_dead_letter_and_the_others_count() -> None:
    landing, identify, _ = bought()
    outcome = apply(rows(), frame(encode(landing), b"{broken", encode(identify)))
    (letter,) = letters(outcome)
    assert (letter.processor, letter.partition, letter.offset, letter.index) == ("stitch", 3, 17, 1)
    assert base64.b64decode(letter.payload) == b"{broken"
    assert letter.failed_at == NOW
    assert {send.topic for send in outcome.sends} == {JOURNEYS, VISITS, DEAD_LETTERS}


def test_a_poisoned_record_changes_no_row() -> None:
    standing = rows()
    outcome = apply(standing, frame(b"\xff\x00"))
    assert len(letters(outcome)) == 1
    assert not standing.puts


def test_a_record_without_a_value_says_nothing() -> None:
    outcome = apply(rows(), InputRecord(PIXEL_HITS.name, 3, 17, b"trackrev-marker", None))
    assert not outcome.sends
    assert not outcome.letters


def test_a_row_that_cannot_be_read_is_no_fault_of_the_record() -> None:
    landing, *_ = bought()
    damaged = Rows({visitor_key("ws_1", landing.visitor).encode(): b"{}"}.get, "here")
    with pytest.raises(AgentBug, match=r"stitch failed over pixel-hits\[3\]@17: RowUnreadable"):
        apply(damaged, frame(encode(landing)))


def test_a_format_of_the_future_is_named() -> None:
    (letter,) = letters(apply(rows(), frame(b'{"v":9,"data":{}}')))
    assert "format 9" in letter.message or "not a Hit" in letter.message


GOOD = encode(bought()[0])
BAD = b"{broken"


def feed(guard: Guard, *frames: tuple[bytes, ...], key: bytes | None = None) -> int:
    """After how many of the frames the guard was flooded, or how many there were."""
    for number, parts in enumerate(frames, 1):
        guard.apply(stitch, rows(), InputRecord(PIXEL_HITS.name, 0, number, key, encode_frame(parts)), NOW)
        if guard.flooded:
            return number
    return len(frames)


def test_more_rejected_than_allowed_is_a_flood() -> None:
    guard = Guard("stitch", 100)
    assert feed(guard, *[(BAD,)] * 500) == 101
    said = str(guard.flooded)
    assert said.startswith(
        "stitch could not read 101 of the last 101 records of pixel-hits, the last one pixel-hits[0]@101: not"
    )
    assert "trackrev dead-letters list --processor stitch" in said
    assert "TRACKREV_MOST_REJECTED=1000" in said


def test_as_many_as_allowed_are_no_flood_however_many_come() -> None:
    guard = Guard("stitch", 100)
    tenth = [(BAD,), *[(GOOD,)] * 9]
    assert feed(guard, *tenth * 500) == 5_000
    assert guard.flooded is None


def test_a_bad_hit_in_every_frame_is_counted_among_its_hits() -> None:
    guard = Guard("stitch", 100)
    assert feed(guard, *[(BAD, *[GOOD] * 19)] * 300) == 300
    assert guard.flooded is None
    assert feed(guard, *[(BAD,) * 20] * 300) < 6


def test_what_was_long_ago_is_forgotten_and_a_good_record_is_no_flood() -> None:
    guard = Guard("stitch", 100)
    feed(guard, *[(BAD,)] * 100, *[(GOOD,)] * 901)
    assert feed(guard, (BAD,), *[(GOOD,)] * 1_000, *[(BAD,)] * 100) == 1_101
    assert guard.flooded is None


def test_each_topic_is_counted_for_itself() -> None:
    guard = Guard("gather", 1)
    feed(guard, (BAD,))
    busy = InputRecord(VISITS.name, 0, 1, None, GOOD)
    for _ in range(2 * WINDOW):
        guard.apply(lambda *_: StepResult(), rows(), busy, NOW)
    assert feed(guard, (BAD,)) == 1
    assert guard.flooded is not None


@pytest.mark.parametrize(("most", "comes", "ends_after"), [(0, 9, 1), (WINDOW, 2_000, 2_000)])
def test_the_limit_may_be_none_or_all(most: int, comes: int, ends_after: int) -> None:
    assert feed(Guard("stitch", most), *[(BAD,)] * comes) == ends_after
    assert feed(Guard("stitch", most), (BAD,) * 2 * WINDOW, (BAD,)) == min(ends_after, 2)


def test_what_was_replayed_by_hand_is_no_flood() -> None:
    guard = Guard("stitch", 0)
    assert feed(guard, *[(BAD,)] * 500, key=replay_key("1234")) == 500
    assert guard.flooded is None
    assert feed(guard, (BAD,), key=b"replayed|own|test|pi_1") == 1
    assert guard.flooded is not None
