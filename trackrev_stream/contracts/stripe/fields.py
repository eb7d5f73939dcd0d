"""Reading fields of Stripe's JSON: each reader checks a value, or raises Malformed with the field's name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.domain.journeys.placeholder_emails import is_placeholder
from trackrev_stream.domain.values.ids import email_key, is_plain, is_visitor_id, normalise_email
from trackrev_stream.metrics import EMAILS_REFUSED

MOST_MINOR = 10**15  # more than Stripe can charge, and far from the end of a 64-bit integer
LONGEST_ID = 255  # https://docs.stripe.com/upgrades: ids can be up to 255 characters
VISITOR_KEYS = ("tr_visitor", "trackrev_visitor")

_CURRENCY = re.compile(r"^[a-z]{3}$")

Json = Mapping[str, Any]  # what is read is a dict: to ask for a Mapping takes five times as long


class HashesEmails(Protocol):
    """What is needed of a workspace: its id, its site, and the secret of its email keys."""

    @property
    def id(self) -> str:
        """The workspace's id."""
        ...

    @property
    def site(self) -> str:
        """The domains of its site, separated by blanks."""
        ...

    @property
    def email_secret(self) -> bytes:
        """The secret under which its emails are hashed."""
        ...

    def has_erased(self, name: str) -> bool:
        """Whether nobody may know this email key or visitor id any more."""
        ...


@dataclass(frozen=True, slots=True)
class Observation:
    """Where, when and by which way an object was seen; times in milliseconds.

    ``source_id`` names the source for people: an event, or a poll. ``event_type`` is empty for a poll.
    ``refunded_before`` is what an event says that its charge had refunded before, where it says so.
    """

    account: str
    livemode: bool
    observed_at: int
    received_at: int
    via: str
    source_id: str
    event_type: str = ""
    refunded_before: int | None = None

    def time_of(self, shown: "Json") -> int:
        """When an object was made, where it is told, else when it was seen. Raises Malformed."""
        made = optional_moment(shown, "created")
        return self.observed_at if made is None else made

    def of(self, workspace: HashesEmails) -> dict[str, Any]:
        """The fields that every fact of this observation shares."""
        return {
            "workspace": workspace.id,
            "account": self.account,
            "livemode": self.livemode,
            "observed_at": self.observed_at,
            "received_at": self.received_at,
            "via": self.via,
            "source_id": self.source_id,
        }


def an_object(of: Json, name: str) -> Json:
    """The object in a field. Raises Malformed."""
    value = of.get(name)
    if not isinstance(value, dict):
        raise Malformed(f"{name} should be an object")
    return value


def optional_object(of: Json, name: str) -> Json:
    """The object in a field, empty where it is null or absent. Raises Malformed."""
    return {} if of.get(name) is None else an_object(of, name)


def expanded(of: Json, name: str) -> Json:
    """The object in an expandable field; empty where the field holds but its id, or nothing."""
    value = of.get(name)
    return value if isinstance(value, dict) else {}


def objects(of: Json, name: str) -> list[Json]:
    """The objects in a field that holds a list; none where it is null or absent. Raises Malformed."""
    value = of.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Malformed(f"{name} should be a list of objects")
    return value


def listed(of: Json, name: str) -> list[Json]:
    """The objects in Stripe's own list in a field; none where it is null or absent. Raises Malformed."""
    return [] if of.get(name) is None else objects({f"{name}.data": _data(of, name)}, f"{name}.data")


def _data(of: Json, name: str) -> object:
    data = an_object(of, name).get("data")
    if data is None:
        raise Malformed(f"{name}.data should be a list of objects")
    return data


def text(of: Json, name: str) -> str:
    """The text in a field. Raises Malformed."""
    value = of.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} should be text")
    return value


def optional_text(of: Json, name: str) -> str:
    """The text in a field, empty where it is null or absent. Raises Malformed."""
    return "" if of.get(name) is None else text(of, name)


def an_id(of: Json, name: str) -> str:
    """The id in a field. Raises Malformed."""
    value = text(of, name)
    if not is_plain(value, LONGEST_ID):
        raise Malformed(f"{name} should be an id of at most {LONGEST_ID} plain characters")
    return value


def reference(of: Json, name: str) -> str:
    """The id of an expandable field, which holds an id, a whole object or nothing. Raises Malformed."""
    value = of.get(name)
    if value is None:
        return ""
    return an_id(value, "id") if isinstance(value, dict) else an_id(of, name)


def flag(of: Json, name: str) -> bool:
    """The truth in a field. Raises Malformed."""
    value = of.get(name)
    if not isinstance(value, bool):
        raise Malformed(f"{name} should be true or false")
    return value


def minor(of: Json, name: str, default: int | None = None) -> int:
    """An amount in minor units, 0 or more; ``default`` where it is null or absent. Raises Malformed."""
    if default is not None and of.get(name) is None:
        return default
    return _integer(of, name, 0, MOST_MINOR)


def signed_minor(of: Json, name: str) -> int:
    """An amount in minor units, negative where money left. Raises Malformed."""
    return _integer(of, name, -MOST_MINOR, MOST_MINOR)


def moment(of: Json, name: str) -> int:
    """A time in milliseconds; Stripe tells seconds. Raises Malformed."""
    return _integer(of, name, 0, 10**11) * 1_000


def optional_moment(of: Json, name: str) -> int | None:
    """A time in milliseconds, or None. Raises Malformed."""
    return None if of.get(name) is None else moment(of, name)


def time_told(of: Json, name: str) -> int | None:
    """A time in milliseconds, or None where there is none, or what should be one is something else."""
    try:
        return optional_moment(of, name)
    except Malformed:
        return None


def currency(of: Json) -> str:
    """The currency of an object, in lower case. Raises Malformed."""
    value = text(of, "currency").lower()
    if not _CURRENCY.match(value):
        raise Malformed("currency should be a code of three letters")
    return value


def hashed_email(workspace: HashesEmails, *places: str) -> str:
    """The key of the first of ``places`` that holds a person's address, or nothing."""
    for address in map(normalise_email, places):
        if "@" not in address:
            continue
        if is_placeholder(address, workspace.site):
            EMAILS_REFUSED.inc()
            continue
        key = email_key(workspace.email_secret, address)
        return "" if workspace.has_erased(key) else key
    return ""


def visitor_in(workspace: HashesEmails, of: Json) -> str:
    """The visitor that an object's metadata name, or nothing. Raises Malformed."""
    metadata = optional_object(of, "metadata")
    return next((found for name in VISITOR_KEYS if (found := visitor_id(workspace, metadata.get(name)))), "")


def visitor_id(workspace: HashesEmails, value: object) -> str:
    """``value`` as a visitor id, or nothing where it is another thing, or nobody may know it any more."""
    found = value.strip().lower() if isinstance(value, str) else ""
    return found if is_visitor_id(found) and not workspace.has_erased(found) else ""


def invoice_in(payment_details: Json) -> str:
    """The invoice that an order reference names, or nothing; merchants may set the field themselves."""
    named = optional_text(payment_details, "order_reference")
    return named if named.startswith("in_") and is_plain(named, LONGEST_ID) else ""


def _integer(of: Json, name: str, least: int, most: int) -> int:
    value = of.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Malformed(f"{name} should be a whole number from {least} to {most}")
    return value
