"""Ids in Stripe's shapes: repeatable from a seed, else from the system's randomness."""

import random
import secrets
import string

_ALPHABET = (string.ascii_letters + string.digits).encode()
_LETTERS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))
"""A letter for each byte; that some come a little more often does not matter."""

_SHAPES: dict[str, tuple[str, int]] = {
    "account": ("acct_1", 15),
    "balance_transaction": ("txn_3", 23),
    "charge": ("ch_3", 23),
    "checkout_session": ("cs_test_", 58),
    "customer": ("cus_", 14),
    "dispute": ("dp_1", 23),
    "event": ("evt_3", 23),
    "invoice": ("in_1", 23),
    "invoice_payment": ("inpay_1", 23),
    "line_item": ("il_1", 23),
    "payment_intent": ("pi_3", 23),
    "payment_method": ("pm_1", 23),
    "price": ("price_1", 23),
    "product": ("prod_", 14),
    "refund": ("re_3", 23),
    "request": ("req_", 14),
    "subscription": ("sub_1", 23),
    "subscription_item": ("si_", 14),
    "client_secret": ("secret_", 25),
    "webhook_endpoint": ("we_1", 23),
    "webhook_secret": ("whsec_", 32),
}
"""Kind of object -> what its ids begin with, and how many random characters follow."""


class Ids:
    """A source of fresh ids. The same seed gives each kind the same ids in the same order.

    Every kind draws by itself: a read, which only takes a request's id, changes no later charge's id.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._random = {
            kind: secrets.SystemRandom() if seed is None else random.Random(f"{kind} {seed}")
            for kind in _SHAPES
        }

    def new(self, kind: str) -> str:
        """A fresh id for a kind of object named in `_SHAPES`; KeyError for another."""
        prefix, length = _SHAPES[kind]
        return prefix + self._random[kind].randbytes(length).translate(_LETTERS).decode()
