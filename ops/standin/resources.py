"""What can be read: each kind of object with its permission and the filters of its list."""

from collections.abc import Callable
from dataclasses import dataclass

from ops.standin.account import Account
from ops.standin.errors import ApiError, Json
from ops.standin.params import Params, whole_number
from ops.standin.tables import Table

_FURTHEST_S = 10**12
_CREATED = frozenset({"created"})


@dataclass(frozen=True, slots=True)
class Window:
    """From and to, both inclusive, in seconds since the epoch."""

    from_s: int = 0
    to_s: int = _FURTHEST_S

    def holds(self, at_s: int) -> bool:
        return self.from_s <= at_s <= self.to_s


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object that can be read, at /v1/{path}; reading it takes the permission `{scope}_read`.

    A list can be narrowed by `filters`, fields that have to be equal, and `ranges`, fields that hold times.
    """

    path: str
    table: str
    noun: str
    scope: str
    filters: frozenset[str]
    ranges: frozenset[str]
    path_param: str

    def of(self, account: Account) -> Table:
        return account.tables[self.table]

    def parameters(self) -> frozenset[str]:
        """What a list takes beside the paging."""
        return self.filters | self.ranges

    def chosen(self, params: Params) -> Callable[[Json], bool]:
        """What a list with these parameters shows. Raises ApiError 400."""
        given = [(name, params.values[name]) for name in sorted(self.filters & params.values.keys())]
        windows = [(name, window_of(params, name)) for name in sorted(self.ranges & params.values.keys())]
        ended = self.table == "subscriptions" and "status" not in params.values

        def fits(stored: Json) -> bool:
            # Without a status, canceled subscriptions are left out.
            if ended and stored["status"] == "canceled":
                return False
            return all(_has(stored, name, wanted) for name, wanted in given) and all(
                window.holds(stored[name]) for name, window in windows
            )

        return fits


def window_of(params: Params, name: str) -> Window:
    """The times that a parameter such as `created` asks for: one second, or bounds. Raises ApiError 400."""
    asked = params.values.get(name, {})
    if not isinstance(asked, dict):
        exact = whole_number(asked, name)
        return Window(exact, exact)
    from_s, to_s = 0, _FURTHEST_S
    for bound, text in asked.items():
        value = whole_number(text, name)
        match bound:
            case "gt":
                from_s = max(from_s, value + 1)
            case "gte":
                from_s = max(from_s, value)
            case "lt":
                to_s = min(to_s, value - 1)
            case "lte":
                to_s = min(to_s, value)
            case _:
                raise ApiError(400, f"Invalid {name}: {bound} is none of gt, gte, lt, lte", param=name)
    return Window(from_s, to_s)


def _has(stored: Json, name: str, wanted: object) -> bool:
    if isinstance(wanted, dict):
        held = stored.get(name)
        return isinstance(held, dict) and all(_has(held, inner, value) for inner, value in wanted.items())
    if name == "status" and stored["object"] == "subscription":
        ended = ("canceled", "incomplete_expired")
        return wanted == "all" or stored[name] == wanted or (wanted == "ended" and stored[name] in ended)
    if name == "price":
        return any(item["price"]["id"] == wanted for item in stored["items"]["data"])
    return stored.get(name) == wanted


def _resource(
    path: str, noun: str, scope: str, *filters: str, ranges: frozenset[str] = _CREATED, path_param: str = "id"
) -> Resource:
    return Resource(path, path.replace("/", "_"), noun, scope, frozenset(filters), ranges, path_param)


RESOURCES = {
    resource.table: resource
    for resource in (
        _resource("charges", "charge", "rak_charge", "customer", "payment_intent"),
        _resource("customers", "customer", "rak_customer", "email"),
        _resource("payment_intents", "payment_intent", "rak_payment_intent", "customer", path_param="intent"),
        _resource(
            "subscriptions",
            "subscription",
            "rak_subscription",
            *("collection_method", "customer", "price", "status"),
            ranges=_CREATED | {"current_period_start", "current_period_end"},
        ),
        # A key that reads charges reads their refunds.
        _resource("refunds", "refund", "rak_charge", "charge", "payment_intent"),
        _resource("disputes", "dispute", "rak_dispute", "charge", "payment_intent"),
        _resource(
            "invoices", "invoice", "rak_invoice", "collection_method", "customer", "status", "subscription"
        ),
        # There since basil.
        _resource("invoice_payments", "invoice_payment", "rak_invoice", "invoice", "payment", "status"),
        _resource(
            "checkout/sessions",
            "checkout.session",
            "rak_checkout_session",
            *("customer", "customer_details", "payment_intent", "status", "subscription"),
        ),
        _resource(
            "balance_transactions",
            "balance transaction",
            "rak_balance_transaction_source",
            *("currency", "source", "type"),
        ),
    )
}
"""Resources by the name of their table."""
