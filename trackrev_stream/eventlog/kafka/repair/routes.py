"""To which partition a record belongs, that somebody else put into one that there should not be."""

from collections import defaultdict
from typing import Any

import msgspec

from trackrev_stream.contracts.codec import Malformed, decode, decode_frame, encode_frame
from trackrev_stream.contracts.topics import (
    ATTRIBUTED_CHARGES,
    BINDS,
    INTERESTS,
    JOURNEYS,
    PAYER_JOURNEYS,
    PAYMENTS,
    PIXEL_HITS,
    STRIPE_ACCOUNTS,
    STRIPE_PAYMENTS,
)
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.payments.subscription import AccountFact
from trackrev_stream.domain.values.ids import partition_of, visitor_key

#: What of a state names its partition; its key is what it is compacted by.
_FIELDS = {
    JOURNEYS.name: "join",
    INTERESTS.name: "join",
    PAYER_JOURNEYS.name: "payer",
    PAYMENTS.name: "payer",
    ATTRIBUTED_CHARGES.name: "payer",
}


def portions(
    topic: str, key: bytes | None, value: bytes | None, partitions: int
) -> list[tuple[int, bytes | None]]:
    """The partitions where a record belongs, each with its value there; a frame of hits may have several.

    What cannot be read goes where its key says: the agents will make a dead letter of it.
    """
    if topic == PIXEL_HITS.name and value is not None:
        return _frames(value, partitions)
    try:
        route = _route(topic, value)
    except (Malformed, msgspec.DecodeError, KeyError, TypeError):
        route = None
    if route is None:
        route = (key or b"").decode(errors="replace")
    return [(partition_of(route, partitions), value)]


def _frames(value: bytes, partitions: int) -> list[tuple[int, bytes | None]]:
    lines: dict[int, list[bytes]] = defaultdict(list)
    for line, hit in zip(value.split(b"\n"), decode_frame(Hit, value), strict=True):
        known = visitor_key(hit.workspace, hit.visitor) if isinstance(hit, Hit) else ""
        lines[partition_of(known, partitions)].append(line)
    return [(number, encode_frame(lines[number])) for number in sorted(lines)]


def _route(topic: str, value: bytes | None) -> str | None:
    if value is None:
        return None
    if topic == STRIPE_PAYMENTS.name:
        return decode(PaymentFact, value).key
    if topic == STRIPE_ACCOUNTS.name:
        return decode(AccountFact, value).payer
    if topic == BINDS.name:
        data = _data(value)
        return visitor_key(data["workspace"], data["visitor"])
    if topic in _FIELDS:
        return str(_data(value)[_FIELDS[topic]])
    return None


def _data(value: bytes) -> Any:
    return msgspec.json.decode(value)["data"]
