"""What can go wrong in the store, in words for people."""

from collections.abc import Iterable
from difflib import get_close_matches

from trackrev_stream.errors import ForPeople

MOST_NEAR = 3


class StoreError(ForPeople):
    """The store cannot be used as it was asked; the message says why and what to do."""


class SecretKeyError(StoreError):
    """The secret key is missing, malformed, or not the one the secrets were sealed with."""


class InvalidSetting(StoreError):
    """A setting that cannot be saved: what was wrong with it."""


class UnknownName(InvalidSetting):
    """Nothing of this ``kind`` has this name; the message names what is like it, and ``where`` to look."""

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str) -> None:
        lower = {each.lower(): each for each in known}
        near = [lower[each] for each in get_close_matches(name.lower(), lower, n=MOST_NEAR)]
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        super().__init__(f"There is no {kind} {name!r}.{hint} {where}")


class UnknownWorkspace(UnknownName):
    """No workspace has this id."""

    def __init__(self, workspace: str, known: Iterable[str]) -> None:
        super().__init__("workspace", workspace, known, "`trackrev workspace list` names them all.")


class UnknownCharge(UnknownName):
    """No charge of the ledger has this id."""

    def __init__(self, charge: str, known: Iterable[str], workspaces: Iterable[str]) -> None:
        places = list(workspaces)
        one = places[0] if len(places) == 1 else "WS"
        super().__init__(
            "charge",
            charge,
            known,
            f"It may be unpaid, in the other mode, or not here yet: `trackrev stripe status {one}` says when "
            f"Stripe was read, `trackrev stripe sync {one}` reads it now.",
        )


class UnknownAccount(UnknownName):
    """A workspace is not connected to this Stripe account."""

    def __init__(self, workspace: str, account: str, known: Iterable[str]) -> None:
        theirs = list(known)
        connected = f"is connected to {', '.join(theirs)}" if theirs else "is connected to none"
        super().__init__(
            "account",
            account,
            theirs,
            f"Workspace {workspace} {connected}; `trackrev stripe connect {workspace} --account acct_...` "
            "connects another one.",
        )


class ErasureUnfinished(StoreError):
    """Somebody is being erased: no agent may work meanwhile."""


class LedgerBroken(StoreError):
    """The ledger would not add up; nothing of the transaction was written. A bug, never a matter of data."""
