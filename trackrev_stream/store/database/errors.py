"""What can go wrong in the store, in words for people."""

from trackrev_stream.errors import ForPeople


class StoreError(ForPeople):
    """The store cannot be used as it was asked; the message says why and what to do."""


class SecretKeyError(StoreError):
    """The secret key is missing, malformed, or not the one the secrets were sealed with."""


class InvalidSetting(StoreError):
    """A setting that cannot be saved: what was wrong with it."""


class ErasureUnfinished(StoreError):
    """Somebody is being erased: no agent may work meanwhile."""


class LedgerBroken(StoreError):
    """The book would not add up; nothing of the transaction was written. A bug, never a matter of data."""
