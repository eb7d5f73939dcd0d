"""Reading: which resources there are, pages of them (newest first), and expansion."""

from collections.abc import Mapping
from dataclasses import dataclass

from ops.standin.account import Account
from ops.standin.errors import ApiError, Json, missing_object
from ops.standin.keys import Key
from ops.standin.objects import view
from ops.standin.params import Params, whole_number

_COMPARE = {
    "gt": int.__gt__,
    "gte": int.__ge__,
    "lt": int.__lt__,
    "lte": int.__le__,
}
_EXPANDABLE = {
    "balance_transaction": "balance_transactions",
    "charge": "charges",
    "customer": "customers",
    "latest_charge": "charges",
    "payment_intent": "payment_intents",
}
"""Field that holds an id -> the resource that it points into."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object that can be read: `filters` are the fields by which a list can be narrowed."""

    name: str
    noun: str
    scope: str
    filters: frozenset[str] = frozenset()
    path_param: str = "id"

    def of(self, account: Account) -> Mapping[str, Json]:
        held: Mapping[str, Json] = getattr(account, self.name)
        return held


RESOURCES = {
    resource.name: resource
    for resource in (
        Resource("charges", "charge", "rak_charge", frozenset({"customer", "payment_intent"})),
        Resource("customers", "customer", "rak_customer", frozenset({"email"})),
        Resource(
            "payment_intents", "payment_intent", "rak_payment_intent", frozenset({"customer"}), "intent"
        ),
        # There are none yet: the filters are known so that a poller can ask for them.
        Resource(
            "subscriptions",
            "subscription",
            "rak_subscription",
            frozenset({"customer", "status", "price", "current_period_start", "current_period_end"}),
        ),
        # A key that reads charges reads their refunds.
        Resource("refunds", "refund", "rak_charge", frozenset({"charge", "payment_intent"})),
        Resource(
            "balance_transactions",
            "balance transaction",
            "rak_balance_transaction_source",
            frozenset({"source", "type"}),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads an account as one key and one API version see it. Methods raise ApiError."""

    account: Account
    key: Key
    api_version: str

    def one(self, resource: Resource, id_: str, params: Params) -> Json:
        self._require(resource)
        params.only({"expand"})
        if id_ not in resource.of(self.account):
            raise missing_object(resource.noun, id_, status=404, param=resource.path_param)
        return self.expanded(resource.of(self.account)[id_], params.items("expand"))

    def page(self, resource: Resource, params: Params) -> Json:
        """At most `limit` objects after `starting_after`, newest first, with Stripe's list envelope."""
        self._require(resource)
        params.only(resource.filters | {"limit", "starting_after", "created", "expand"})
        limit = params.whole("limit", at_least=1, at_most=100) or 10
        found = self._newest_first(resource, params.text("starting_after"))
        found = [stored for stored in found if _matches(stored, resource, params)]
        paths = [_within_data(path) for path in params.items("expand")]
        return {
            "object": "list",
            "url": f"/v1/{resource.name}",
            "has_more": len(found) > limit,
            "data": [self.expanded(stored, paths) for stored in found[:limit]],
        }

    def expanded(self, stored: Json, paths: list[str]) -> Json:
        """What the API shows of a stored object; ids at the given paths are replaced by their objects."""
        shown = view(stored, self.api_version)
        for path in paths:
            field, _, rest = str(path).partition(".")
            if field not in shown or field not in _EXPANDABLE:
                raise ApiError(400, f"This property cannot be expanded ({field}).", param="expand")
            target = RESOURCES[_EXPANDABLE[field]]
            self._require(target)
            if stored[field] is not None:
                held = target.of(self.account)[stored[field]]
                shown[field] = self.expanded(held, [rest] if rest else [])
        return shown

    def _require(self, resource: Resource) -> None:
        self.key.require(f"{resource.scope}_read", self.account.id)

    def _newest_first(self, resource: Resource, after: str | None) -> list[Json]:
        held = resource.of(self.account)
        # The sort is stable, so within one second the order of creation decides.
        ordered = sorted(held.values(), key=lambda stored: int(stored["created"]))
        ordered.reverse()
        if after is None:
            return ordered
        if after not in held:
            raise missing_object(resource.noun, after, status=400, param="starting_after")
        return ordered[ordered.index(held[after]) + 1 :]


def _within_data(path: str) -> str:
    head, _, rest = str(path).partition(".")
    if head != "data" or not rest:
        raise ApiError(
            400, f"This property cannot be expanded ({path}). You may want 'data.{path}'.", param="expand"
        )
    return rest


def _matches(stored: Json, resource: Resource, params: Params) -> bool:
    for field in resource.filters & params.values.keys():
        if stored.get(field) != params.text(field):
            return False
    created = params.values.get("created", {})
    if not isinstance(created, dict):
        return bool(stored["created"] == whole_number(created, "created"))
    for bound, value in created.items():
        if bound not in _COMPARE:
            raise ApiError(400, f"Invalid created: {bound} is none of {', '.join(_COMPARE)}", param="created")
        if not _COMPARE[bound](stored["created"], whole_number(value, "created")):
            return False
    return True
