"""One Stripe account in memory: what it holds, and what all that is done to it needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ops.standin.agenda import Agenda
from ops.standin.books import Books
from ops.standin.cards import Card
from ops.standin.clock import Clock
from ops.standin.errors import Json, missing_object
from ops.standin.ids import Ids
from ops.standin.tables import Table
from ops.standin.versions import BASIL


@dataclass(frozen=True, slots=True)
class Origin:
    """The API request that caused an event, and its version; what came about by itself has none."""

    request_id: str | None = None
    idempotency_key: str | None = None
    api_version: str = ""


BY_ITSELF = Origin()


class Emit(Protocol):
    """Tells the webhooks that something happened to an object, at a time in seconds since the epoch."""

    def __call__(
        self,
        account: str,
        type_: str,
        stored: Json,
        *,
        created: int,
        origin: Origin,
        previous: Json | None = None,
    ) -> None: ...


_BACK = {"invoice_payments": "invoice", "refunds": "charge"}
"""Tables that are read for each object of another one: by the field that points there."""


def _no_tables() -> dict[str, Table]:
    return {name: Table(_BACK.get(name, "")) for name in TABLES}


TABLES = (
    "balance_transactions",
    "charges",
    "checkout_sessions",
    "customers",
    "disputes",
    "invoice_payments",
    "invoices",
    "payment_intents",
    "prices",
    "refunds",
    "subscriptions",
)


@dataclass(frozen=True, slots=True)
class Account:
    """Tables of objects by the name of their resource. `connected` accounts belong to the platform.

    `settles_in` is the currency that charges are converted to, or "" when each settles in its own.
    """

    id: str
    livemode: bool
    ids: Ids
    clock: Clock
    agenda: Agenda
    books: Books
    tell: Emit
    api_version: str = BASIL
    settles_in: str = "usd"
    connected: bool = False
    tables: dict[str, Table] = field(default_factory=_no_tables)
    cards: dict[str, Card] = field(default_factory=dict)
    """Charge -> what it was paid with."""
    charged_back: set[str] = field(default_factory=set)
    """Charges whose money a dispute has taken: they cannot be refunded."""
    released: dict[str, int] = field(default_factory=dict)
    """Charge -> what of its `amount_refunded` was authorised and never captured."""
    deleted: set[str] = field(default_factory=set)
    """Customers that were deleted."""

    def now_s(self) -> int:
        return self.clock() // 1000

    def emit(
        self, type_: str, stored: Json, origin: Origin = BY_ITSELF, previous: Json | None = None
    ) -> None:
        """An event of now about an object as it is now."""
        self.tell(self.id, type_, stored, created=self.now_s(), origin=origin, previous=previous)

    def change(self, type_: str, stored: Json, changes: Json, origin: Origin = BY_ITSELF) -> None:
        """Changes an object and tells it with what was there before; without a difference nothing is told."""
        previous = {name: stored.get(name) for name, value in changes.items() if stored.get(name) != value}
        stored.update(changes)
        if previous:
            self.emit(type_, stored, origin, previous)

    def later(self, seconds: int, action: Callable[[], None]) -> None:
        """Does something once the account's clock is so many seconds further."""
        self.agenda.add(self.now_s() + seconds, action)

    def find(self, table: str, noun: str, id_: str, *, param: str | None = None) -> Json:
        """A held object. Raises ApiError: 404 when the id stood in the path, 400 when in a parameter."""
        found = self.tables[table].get(id_)
        if found is None:
            raise missing_object(noun, id_, status=400 if param else 404, param=param or "id")
        return found
