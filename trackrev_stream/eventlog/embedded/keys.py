"""The keys of the log's RocksDB: one letter for the kind, then numbers that sort as numbers do."""

from struct import Struct

_PARTITION = Struct(">cII")
_BLOCK = Struct(">cIIQ")
_NUMBER = Struct(">Q")

TOPIC = b"t"
COMMIT = b"g"
LAST_OFFSET = (1 << 64) - 1


def block(topic_id: int, partition: int, base: int) -> bytes:
    """The key of the block that starts at offset `base`."""
    return _BLOCK.pack(b"b", topic_id, partition, base)


def block_prefix(topic_id: int, partition: int) -> bytes:
    """What the keys of all blocks of a partition begin with."""
    return _PARTITION.pack(b"b", topic_id, partition)


def base_of(block_key: bytes) -> int:
    """The offset that a block starts at."""
    base: int = _BLOCK.unpack(block_key)[3]
    return base


def start(topic_id: int, partition: int) -> bytes:
    """The key of a partition's start offset."""
    return _PARTITION.pack(b"s", topic_id, partition)


def cleaned(topic_id: int, partition: int) -> bytes:
    """The key of the offset up to which a partition is compacted."""
    return _PARTITION.pack(b"c", topic_id, partition)


def topic(name: str) -> bytes:
    """The key of a topic's description."""
    return TOPIC + name.encode()


def commit(group: str, topic_id: int, partition: int) -> bytes:
    """The key of the offset that a group has committed."""
    return _PARTITION.pack(COMMIT, topic_id, partition) + group.encode()


def parse_commit(key: bytes) -> tuple[str, int, int]:
    """(group, topic id, partition) of a commit's key."""
    _, topic_id, partition = _PARTITION.unpack_from(key)
    return key[_PARTITION.size :].decode(), topic_id, partition


def number(value: int) -> bytes:
    """A number as a value."""
    return _NUMBER.pack(value)


def parse_number(value: bytes) -> int:
    """What `number` wrote."""
    result: int = _NUMBER.unpack(value)[0]
    return result
