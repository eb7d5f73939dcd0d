"""How records lie in RocksDB: about fifty of them in one value, so that the cost of a key is paid once.

A block covers the offsets [base, end). Compaction takes records out, so it may hold fewer than it covers.
There is no checksum here: RocksDB has one over each record of its write-ahead log and over each block of
its tables, and checks them whenever it reads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

import msgspec

from trackrev_stream.eventlog.records import Headers, LogCorrupt, NewRecord, Record

MAX_RECORDS = 50
MAX_BYTES = 64 * 1024

_BYTES = (bytes, type(None))
_VERSION = 1
_HEADER = Struct(">BIq")  # version, offsets covered, latest timestamp
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, int, bytes | None, bytes | None, Headers]]).decode


@dataclass(frozen=True, slots=True)
class Span:
    """What a block says about itself before its records are decoded."""

    base: int
    end: int
    latest_timestamp: int


def size_of(record: NewRecord | Record) -> int:
    """The bytes that a record brings, near enough to bound a block or a fetch."""
    return len(record.key or b"") + len(record.value or b"") + 16


def checked_size(record: NewRecord) -> int:
    """As `size_of`. Raises TypeError now rather than when others' records are in the same block."""
    well = isinstance(record.key, _BYTES) and isinstance(record.value, _BYTES)
    if not well or not isinstance(record.timestamp, int):
        raise TypeError(f"key and value of a record are bytes or None, its timestamp is an int: {record!r}")
    for name, content in record.headers:
        if not isinstance(name, str) or not isinstance(content, bytes):
            raise TypeError(f"a header is a name and bytes: {record!r}")
    return size_of(record)


def encode_block(base: int, end: int, records: Sequence[Record]) -> bytes:
    """The block of `records`, which lie in [base, end)."""
    latest = max([record.timestamp for record in records], default=0)
    rows = [(r.offset - base, r.timestamp, r.key, r.value, r.headers) for r in records]
    return _HEADER.pack(_VERSION, end - base, latest) + _encode(rows)


def span(base: int, block: bytes) -> Span:
    """What the block that starts at `base` covers.

    Raises LogCorrupt if it was not written by this version of the format.
    """
    if len(block) < _HEADER.size or block[0] != _VERSION:
        raise LogCorrupt(f"the block at offset {base} has an unknown format")
    _, covered, latest = _HEADER.unpack_from(block)
    return Span(base, base + covered, latest)


def decode_block(base: int, block: bytes) -> list[Record]:
    """The records of the block that starts at `base`, in order. Raises LogCorrupt."""
    span(base, block)
    try:
        rows = _decode(memoryview(block)[_HEADER.size :])
    except msgspec.MsgspecError as error:
        raise LogCorrupt(f"the block at offset {base} cannot be decoded: {error}") from error
    return [Record(base + delta, ts, key, value, headers) for delta, ts, key, value, headers in rows]


def pack(base: int, records: Sequence[NewRecord]) -> Iterator[tuple[int, bytes]]:
    """Number the records from `base` on and cut them into blocks: (base of the block, block)."""
    block: list[Record] = []
    size, first = 0, base
    for offset, new in enumerate(records, base):
        if block and (len(block) >= MAX_RECORDS or size >= MAX_BYTES):
            yield first, encode_block(first, offset, block)
            block, size, first = [], 0, offset
        block.append(Record(offset, new.timestamp, new.key, new.value, new.headers))
        size += size_of(new)
    if block:
        yield first, encode_block(first, base + len(records), block)
