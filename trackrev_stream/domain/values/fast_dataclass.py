"""Values that are made by the thousand: frozen dataclasses, kept frozen by the type checker alone.

A frozen dataclass sets each of its fields by a call, which takes seven times as long as to set it, and was a
fifth of what a charge costs. mypy knows the decorator here for ``dataclass`` itself, so that to assign to a
field of a value stays an error; hashes, comparisons and copies are those of a frozen dataclass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

__all__ = ["fast_dataclass"]

T = TypeVar("T")

if TYPE_CHECKING:
    from dataclasses import dataclass as fast_dataclass
else:

    def fast_dataclass(*, frozen: bool, slots: bool) -> Callable[[type[T]], type[T]]:
        """``dataclass(frozen=True, slots=True)``, made quickly."""
        assert frozen, "others are quick as they are"
        return dataclass(unsafe_hash=True, slots=slots)
