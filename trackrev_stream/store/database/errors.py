"""What can go wrong in the store, in words for people."""

from collections.abc import Iterable
from difflib import get_close_matches

from trackrev_stream.errors import ForPeople


class StoreError(ForPeople):
    """The store cannot be used as it was asked; the message says why and what to do."""


class SecretKeyError(StoreError):
    """The secret key is missing, malformed, or not the one the secrets were sealed with."""


class InvalidSetting(StoreError):
    """A setting that cannot be saved: what was wrong with it."""


class UnknownWorkspace(InvalidSetting):
    """No workspace has this id; the message names those that are like it."""

    def __init__(self, workspace: str, known: Iterable[str]) -> None:
        near = get_close_matches(workspace.lower(), list(known), n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        super().__init__(
            f"There is no workspace {workspace!r}.{hint} `trackrev workspace list` names them all."
        )


class ErasureUnfinished(StoreError):
    """Somebody is being erased: no agent may work meanwhile."""


class LedgerBroken(StoreError):
    """The book would not add up; nothing of the transaction was written. A bug, never a matter of data."""
