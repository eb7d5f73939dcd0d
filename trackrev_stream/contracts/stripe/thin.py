"""Thin events: they say that something happened to an object, name it, and bring nothing of it.

https://docs.stripe.com/event-destinations#thin-events: ``object`` is "v2.core.event"; the type is that of
the event with the object in it, behind "v1."; ``related_object`` has the object's address, and ``context``
names a connected account.
"""

import re
from dataclasses import dataclass

from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.stripe.fields import LONGEST_ID, Json, an_object, optional_text, text
from trackrev_stream.domain.values.ids import OWN_ACCOUNT, is_plain

THIN = "v2.core.event"

_ADDRESS = re.compile(r"^/v1/(?:.+/)?([a-z_]+)/([^/?]+)$")
_LISTS = frozenset(
    (
        "charges",
        "refunds",
        "disputes",
        "subscriptions",
        "customers",
        "invoices",
        "payment_intents",
        "sessions",
    )
)


@dataclass(frozen=True, slots=True)
class ThinEvent:
    """What happened (as ``events.has_effect`` calls it), in which account, and what it names.

    ``list`` is empty for objects that are not read for themselves: what they say comes with others.
    """

    type: str
    account: str
    list: str
    id: str


def is_thin(event: Json) -> bool:
    """Whether an event brings no object."""
    return event.get("object") == THIN


def read_thin(event: Json) -> ThinEvent:
    """What a thin event names. Raises Malformed."""
    related = an_object(event, "related_object")
    address = _ADDRESS.match(text(related, "url"))
    named = text(related, "id")
    if address is None or address[2] != named or not is_plain(named, LONGEST_ID):
        raise Malformed("related_object.url should be the address of the object")
    place = address[1] if address[1] in _LISTS else ""
    return ThinEvent(type_of(event), account_of_thin(event), place, named)


def type_of(event: Json) -> str:
    """What happened, by the name that events with their objects have for it. Raises Malformed."""
    return text(event, "type").removeprefix("v1.")


def account_of_thin(event: Json) -> str:
    """The account a thin event belongs to: a connected one, or "own". Raises Malformed."""
    last = optional_text(event, "context").rpartition("/")[2]
    if not last.startswith("acct_"):
        return OWN_ACCOUNT
    if not is_plain(last, LONGEST_ID):
        raise Malformed("context should name an account")
    return last
