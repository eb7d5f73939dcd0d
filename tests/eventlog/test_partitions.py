"""What people are told when topics have other partitions than they shall, and where a record belongs."""

from typing import Any

import pytest

from trackrev_stream.contracts.codec import decode_frame, encode, encode_frame
from trackrev_stream.contracts.topics import BINDS, JOURNEYS, PIXEL_HITS, STRIPE_PAYMENTS, TOPICS
from trackrev_stream.domain.journeys.identity import VisitorClaim
from trackrev_stream.domain.journeys.touch import Hit, HitKind
from trackrev_stream.domain.values.ids import partition_of, visitor_key
from trackrev_stream.eventlog.kafka.partitions import Partitions, partitions_of
from trackrev_stream.eventlog.kafka.repair.routes import portions

ROWS = "trackrev-rows-changelog"
REPAIR = "`trackrev topics repair`"


@pytest.mark.parametrize(
    ("counts", "wanted", "said", "harmless"),
    [
        ({"binds": 2, "visits": 2}, 2, [], True),
        ({}, 2, [], True),
        (
            {"binds": 2, "visits": 3, ROWS: 2},
            2,
            [
                "TRACKREV_PARTITIONS is 2",
                "visits has 3 partitions; binds, trackrev-rows-changelog have 2",
                REPAIR,
            ],
            True,
        ),
        (
            {"binds": 2, "visits": 3, ROWS: 2},
            3,
            ["Set TRACKREV_PARTITIONS=2", f"then {REPAIR}"],
            False,
        ),
        ({"binds": 12, "visits": 12}, 5, ["Set TRACKREV_PARTITIONS=12", "Or if somebody", REPAIR], False),
        ({"binds": 2, "visits": 2}, 5, ["Set TRACKREV_PARTITIONS=2"], False),
        (
            {"binds": 12, "visits": 12, ROWS: 1},
            12,
            ["trackrev-rows-changelog was made anew by somebody"],
            False,
        ),
        # All but one grew: what most have is not what the log was made with, and the tables tell (`repair`).
        ({"binds": 3, "visits": 2}, 2, ["binds has 3 partitions", REPAIR], True),
    ],
)
def test_all_topics_are_named_with_what_to_do(
    counts: dict[str, int], wanted: int, said: list[str], *, harmless: bool
) -> None:
    found = Partitions(counts, wanted)
    text = found.trouble()
    assert bool(text) == bool(said)
    assert [part for part in said if part not in text] == []
    assert found.harmless == harmless


def test_a_repair_is_told_first() -> None:
    topic: dict[str, Any] = {"partitions": [{}, {}]}
    known = {"binds": topic, "visits": topic, "visits.repair": topic, "somebody.repair": topic, "else": topic}
    found = partitions_of(known, 2, "trackrev")
    assert found.counts == {"binds": 2, "visits": 2}
    assert found.repairs == {"visits"}
    assert "the repair of visits is under way, or was broken off" in found.trouble()


def hit(visitor: str) -> Hit:
    return Hit("ws", "h", visitor, HitKind.PAGEVIEW, 1, 1)


def test_a_frame_is_taken_apart_by_its_visitors() -> None:
    visitors = [f"visitor-{number}" for number in range(20)]
    raw = encode_frame([*map(encode, map(hit, visitors)), b"no hit"])
    found = portions(PIXEL_HITS.name, None, raw, 3)
    assert [number for number, _ in found] == [0, 1, 2]
    seen = []
    for number, value in found:
        for one in decode_frame(Hit, value):
            if isinstance(one, Hit):
                seen.append(one.visitor)
                assert partition_of(visitor_key("ws", one.visitor), 3) == number
    assert sorted(seen) == sorted(visitors)
    assert sum(value.count(b"no hit") for _, value in found if value) == 1


def test_a_state_goes_by_its_route_and_what_cannot_be_read_by_its_key() -> None:
    claim = VisitorClaim("ws|p:x", "ws", "v1", 1, 2)
    assert portions(BINDS.name, b"any", encode(claim), 7) == [(partition_of("ws|v1", 7), encode(claim))]
    state = b'{"v":1,"data":{"join":"ws|e:1"}}'
    assert portions(JOURNEYS.name, b"any", state, 7) == [(partition_of("ws|e:1", 7), state)]
    for topic in TOPICS:
        for value in (b"no record", None, b"[]", b'{"v":1,"data":{}}'):
            assert {number for number, _ in portions(topic.name, None, value, 7)} <= set(range(7))
    assert portions(STRIPE_PAYMENTS.name, b"key", b"no fact", 7) == [(partition_of("key", 7), b"no fact")]
