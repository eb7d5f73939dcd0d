"""Bytes and records: JSON with the version of its format, frames of hits, rows of tables.

Every value is ``{"v": 1, "data": ...}``; a frame is one such value a line. What cannot be decoded is a
Malformed with a reason for people, so that a poisoned record becomes a dead letter and not a crash.
"""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec

FORMAT_VERSION = 1
MOST_HITS_A_FRAME = 200
MOST_BYTES_A_FRAME = 64 * 1024

T = TypeVar("T")
Json = dict[str, Any]
"""An object of JSON as it was decoded; of others, or for others."""


class Malformed(ValueError):
    """Bytes that are not the record they should be."""


class _Envelope(msgspec.Struct, Generic[T], frozen=True, gc=False):
    v: int
    data: T


_encoder = msgspec.json.Encoder()


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(_Envelope[kind])
    return decoder


def encode(record: object) -> bytes:
    """The bytes of a record or row."""
    return _encoder.encode(_Envelope(FORMAT_VERSION, record))


def decode(kind: type[T], raw: bytes | None) -> T:
    """The record of type ``kind`` in ``raw``.

    Raises Malformed when it is not one, or of a format version this program does not know.
    """
    if raw is None:
        raise Malformed(f"expected {kind.__name__}, found no value")
    try:
        envelope = _decoder(kind).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not a {kind.__name__}: {error}") from error
    if envelope.v != FORMAT_VERSION:
        raise Malformed(f"{kind.__name__} of format {envelope.v}; this program reads format {FORMAT_VERSION}")
    data: T = envelope.data
    return data


def encode_frame(records: Iterable[bytes]) -> bytes:
    """A frame of records that were encoded one by one."""
    return b"\n".join(records)


def decode_frame(kind: type[T], raw: bytes | None) -> list[T | tuple[bytes, Malformed]]:
    """The records of a frame in order; a bad one stands as its bytes and what is wrong with it."""
    # Not by `decode_lines`, which takes two values in a line for two lines, and passes over empty ones.
    lines, read = (raw or b"").split(b"\n"), _decoder(kind).decode
    try:
        envelopes = [read(line) for line in lines]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        envelopes = []
    if envelopes and all(envelope.v == FORMAT_VERSION for envelope in envelopes):
        return [envelope.data for envelope in envelopes]
    return [_decode_line(kind, line) for line in lines]


def _decode_line(kind: type[T], line: bytes) -> T | tuple[bytes, Malformed]:
    try:
        return decode(kind, line)
    except Malformed as error:
        return line, error
