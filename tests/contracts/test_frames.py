"""Frames: however they are read, each line stands for itself."""

from hypothesis import example, given
from hypothesis import strategies as st

from tests.agents.histories import bought
from trackrev_stream.contracts.codec import Malformed, decode, decode_frame, encode, encode_frame
from trackrev_stream.domain.journeys.touch import Hit

GOOD = encode(bought()[0])
lines = st.sampled_from(
    (
        GOOD,
        GOOD + b" " + GOOD,
        GOOD.replace(b'"v":1', b'"v":2'),
        b"",
        b"  ",
        b"{broken",
        b"\xff\x00",
        GOOD[:40],
    )
)


def line_by_line(frame: bytes) -> list[Hit | bytes]:
    found: list[Hit | bytes] = []
    for line in frame.split(b"\n"):
        try:
            found.append(decode(Hit, line))
        except Malformed:
            found.append(line)
    return found


@given(st.lists(lines, max_size=5))
@example([GOOD + b" " + GOOD, b""])
@example([b"", GOOD, GOOD])
@example([GOOD.replace(b",", b",\n", 1)])
def test_a_frame_is_read_as_its_lines_are(parts: list[bytes]) -> None:
    frame = encode_frame(parts)
    found = [part[0] if isinstance(part, tuple) else part for part in decode_frame(Hit, frame)]
    assert found == line_by_line(frame)


def test_a_frame_without_a_value_is_one_bad_record() -> None:
    ((line, reason),) = [part for part in decode_frame(Hit, None) if isinstance(part, tuple)]
    assert line == b""
    assert "not a Hit" in str(reason)
