"""Facts as plain dictionaries, and the few words that all rules share."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Fact = dict[str, Any]
Key = TypeVar("Key")

DAY_MS = 86_400_000


def key_of(fact: Fact, name: str) -> str:
    """The key of a Stripe object: ids are unique within one workspace, account and mode only."""
    mode = "live" if fact["livemode"] else "test"
    return f"{fact['workspace']}|{fact['account']}|{mode}|{name}"


def grouped(facts: Iterable[Fact], key: Callable[[Fact], Key]) -> dict[Key, list[Fact]]:
    """The facts by what ``key`` says of each."""
    groups: dict[Key, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(key(fact), []).append(fact)
    return groups


def fingerprint(*parts: str) -> str:
    """The stable name of something by its parts: 32 hexadecimal digits of SHA-256, each part with its length."""
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()[:32]
