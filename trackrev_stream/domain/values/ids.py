"""Identifiers and keys: every key begins with the workspace, and ids derive from what they name."""

import hashlib
import hmac
import re
import zlib

from trackrev_stream.domain.values.fast_dataclass import fast_dataclass

SEPARATOR = "|"
OWN_ACCOUNT = "own"  # the account a key belongs to, against a connected one ("acct_...")
EVERY_ACCOUNT = "*"  # whatever account is connected: what the one endpoint of a platform is told of

_UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
_UNSAFE = re.compile(r"[^\x21-\x7b\x7d\x7e]")  # no space, no control characters, no separator


@fast_dataclass(frozen=True, slots=True)
class Scope:
    """Where a Stripe object lives: ids are unique within one account and mode only."""

    workspace: str
    account: str
    livemode: bool

    def key(self, name: str) -> str:
        """The key of the object called ``name`` in this scope."""
        return key_in(self.workspace, self.account, name, livemode=self.livemode)


def key_in(workspace: str, account: str, name: str, *, livemode: bool) -> str:
    """The key of the object called ``name`` in a scope that need not be made for it."""
    return SEPARATOR.join((workspace, account, "live" if livemode else "test", name))


def name_of(key: str) -> str:
    """The name that Stripe gave to the object of this key."""
    return key.split(SEPARATOR, 3)[3]


def scope_of(key: str) -> Scope:
    """The scope that a key of a Stripe object begins with."""
    workspace, account, mode, _ = key.split(SEPARATOR, 3)
    return Scope(workspace, account, mode == "live")


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: CRC-32, the one partitioner of collectors and agents alike."""
    return zlib.crc32(key.encode()) % partitions


def digest(*parts: str) -> str:
    """A stable id of 32 hexadecimal digits made from ``parts``, which may hold any text."""
    packed = "".join([f"{len(part)}:{part}" for part in parts])  # a generator takes twice as long
    return hashlib.sha256(packed.encode()).hexdigest()[:32]


def email_join(workspace: str, email_key: str) -> str:
    """The join key under which visitors and payers meet by email."""
    return f"{workspace}{SEPARATOR}e:{email_key}"


def payer_join(payer: str) -> str:
    """The join key of a payer whose Stripe object names the visitor itself."""
    return f"{workspace_of(payer)}{SEPARATOR}p:{payer}"


def payer_of(join: str) -> str | None:
    """The payer whose own join key this is; None for that of an email."""
    _, _, name = join.partition(SEPARATOR)
    return name.removeprefix("p:") if name.startswith("p:") else None


def visitor_key(workspace: str, visitor: str) -> str:
    """The key of a visitor: a cookie's id within a workspace."""
    return f"{workspace}{SEPARATOR}{visitor}"


def workspace_of(key: str) -> str:
    """The workspace a key begins with."""
    return key.split(SEPARATOR, 1)[0]


def normalise_email(address: str) -> str:
    """Trimmed and in lower case; dots and plus tags stay, for they may be other people."""
    return address.strip().lower()


def email_key(secret: bytes, address: str) -> str:
    """The keyed hash that stands for an email everywhere behind the collector."""
    return hmac.digest(secret, normalise_email(address).encode(), "sha256").hex()[:32]


def uuid7(at: int, randomness: bytes) -> str:
    """A UUIDv7 (RFC 9562) for the time ``at`` from 10 bytes of ``randomness``."""
    value = (at & 0xFFFFFFFFFFFF) << 80 | int.from_bytes(randomness[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_visitor_id(text: str) -> bool:
    """Whether ``text`` has the form of a visitor id, a UUID in lower case."""
    return bool(_UUID.match(text))


def is_plain(text: str, longest: int) -> bool:
    """Whether ``text`` may be part of a key: 1 to ``longest`` visible ASCII characters, no separator."""
    return 0 < len(text) <= longest and not _UNSAFE.search(text)


def erased_hash(secret: bytes, name: str) -> str:
    """What is kept of an erased email key or visitor id: enough to know it again, and to learn nothing."""
    return hmac.digest(secret, f"erased {name}".encode(), "sha256").hex()[:32]
