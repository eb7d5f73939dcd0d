"""Names of channels: told apart without regard to case or blanks, shown in their first spelling."""

import unicodedata
from collections.abc import Iterable

from trackrev_stream.domain.acquisition.channel import DIRECT, RULES, UNASSIGNED, UNATTRIBUTED

STANDARD = (*(name for name, _ in RULES), UNASSIGNED)
"""The channels that every workspace has from the beginning: theirs are the first spellings."""


def folded(name: str) -> str:
    """What two spellings of a name have in common, such as ``Paid Search`` and ``paid search ``."""
    return "".join(unicodedata.normalize("NFC", name.casefold()).split())


def is_reserved(name: str) -> bool:
    """Whether no link or rule may name its channel so: what nobody earned, and what nothing brought."""
    return folded(name) in (folded(UNATTRIBUTED), folded(DIRECT))


def first_spelling(name: str, spellings: Iterable[str]) -> str:
    """The first of ``spellings`` that is the same name, or the name as it is."""
    wanted = folded(name)
    return next((each for each in spellings if folded(each) == wanted), name)


def respelled(found: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Those of the names ``found`` that are shown under another spelling, with that one.

    It is the first of those that are ``known``, else the first in the order of texts. What nobody earned
    stays apart, also from a channel of that name: what somebody earned must not be reported as nobody's.
    """
    names = sorted({*found} - {UNATTRIBUTED})
    first: dict[str, str] = {}
    for each in (*known, *names):
        first.setdefault(folded(each), each)
    return {name: first[folded(name)] for name in names if first[folded(name)] != name}
