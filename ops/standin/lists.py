"""Reading: one object, pages of them (newest first), the results of a search; with what is expanded."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ops.standin.account import Account
from ops.standin.errors import ApiError, Json, missing_object
from ops.standin.keys import Key
from ops.standin.params import Params
from ops.standin.resources import RESOURCES, Resource, window_of
from ops.standin.search import Search
from ops.standin.versions import embeds_refunds, exists, is_basil, view

_PAGING = frozenset({"created", "ending_before", "expand", "limit", "starting_after"})
_DEEPEST = 4
"""https://docs.stripe.com/expand: four levels."""
_TABLE_BY_PREFIX: Final = {
    "ch": "charges",
    "cs": "checkout_sessions",
    "cus": "customers",
    "dp": "disputes",
    "in": "invoices",
    "pi": "payment_intents",
    "re": "refunds",
    "sub": "subscriptions",
    "txn": "balance_transactions",
}
_REFERENCES: Final = frozenset(
    {
        "balance_transaction",
        "charge",
        "customer",
        "failure_balance_transaction",
        "invoice",
        "latest_charge",
        "latest_invoice",
        "payment_intent",
        "source",
        "subscription",
    }
)
"""Fields that hold an id and can show its object instead."""
_LISTS: Final = {
    ("charge", "refunds"): ("refunds", "charge"),
    ("invoice", "payments"): ("invoice_payments", "invoice"),
}
"""Fields that are absent until they are expanded -> the table that fills them, and what there points back."""
_ABSENT: Final = frozenset({("refund", "failure_balance_transaction")})
"""References that are absent until something happens; they can be expanded all the same."""


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
        """At most `limit` objects beside the cursor, newest first, in the envelope of a list."""
        self._require(resource)
        params.only(resource.parameters() | _PAGING)
        limit = params.whole("limit", at_least=1, at_most=100) or 10
        found = list(islice(self._walk(resource, params), limit + 1))
        shown = found[:limit]
        if "ending_before" in params.values:
            shown.reverse()
        paths = [_within_data(path) for path in params.items("expand")]
        return {
            "object": "list",
            "url": f"/v1/{resource.path}",
            "has_more": len(found) > limit,
            "data": [self.expanded(stored, paths) for stored in shown],
        }

    def search(self, resource: Resource, params: Params) -> Json:
        """A page of what a query finds, newest first; the next page is asked for with its token."""
        self._require(resource)
        params.only({"expand", "limit", "page", "query"})
        limit = params.whole("limit", at_least=1, at_most=100) or 10
        search = Search.of(params.required("query"))
        after = search.cursor(params.text("page"))
        if after is not None and after not in resource.of(self.account):
            raise ApiError(400, "Invalid page token.", param="page")
        held = resource.of(self.account).walk(older_than=after)
        found = list(islice(filter(search.finds, held), limit + 1))
        paths = [_within_data(path) for path in params.items("expand")]
        more = len(found) > limit
        return {
            "object": "search_result",
            "url": f"/v1/{resource.path}/search",
            "has_more": more,
            "next_page": search.token(found[limit - 1]["id"]) if more else None,
            "data": [self.expanded(stored, paths) for stored in found[:limit]],
        }

    def expanded(self, stored: Json, paths: Iterable[str] = (), depth: int = 0) -> Json:
        """What the API shows of a stored object; ids at the given paths are replaced by their objects."""
        if stored["id"] in self.account.deleted:
            return {"id": stored["id"], "object": stored["object"], "deleted": True}
        shown = view(stored, self.api_version)
        if stored["object"] == "charge" and embeds_refunds(self.api_version):
            shown["refunds"] = self._list_of(stored, "refunds", "charge")
        for path in paths:
            self._expand(shown, str(path).split("."), depth)
        return shown

    def _expand(self, shown: Json, path: list[str], depth: int) -> None:
        """Expands one path in place. `shown` is a copy of ours, and so is what is put into it."""
        head, rest = path[0], path[1:]
        if depth >= _DEEPEST:
            raise ApiError(
                400, f"You cannot expand more than {_DEEPEST} levels of a property.", param="expand"
            )
        listed = _LISTS.get((shown.get("object", ""), head))
        if listed is not None and (head != "payments" or is_basil(self.api_version)):
            shown.setdefault(head, self._list_of(shown, *listed))
        absent = None if (shown.get("object", ""), head) in _ABSENT else ...
        value = shown.get(head, absent)
        if isinstance(value, str) and head in _REFERENCES:
            shown[head] = self._referred(value, rest, depth)
        elif isinstance(value, dict) and (rest or "object" in value):
            shown[head] = dict(value)
            if rest:
                self._expand(shown[head], rest, depth + ("object" in value))
        elif isinstance(value, list) and head == "data" and rest:
            shown[head] = [dict(inner) for inner in value]
            for inner in shown[head]:
                self._expand(inner, rest, depth)
        elif value is not None or head not in _REFERENCES:
            raise ApiError(400, f"This property cannot be expanded ({head}).", param="expand")

    def _referred(self, id_: str, rest: list[str], depth: int) -> Json:
        target = RESOURCES[_TABLE_BY_PREFIX[id_.partition("_")[0]]]
        self._require(target)
        held = target.of(self.account)[id_]
        return self.expanded(held, [".".join(rest)] if rest else [], depth + 1)

    def _list_of(self, shown: Json, table: str, back: str) -> Json:
        resource = RESOURCES[table]
        self._require(resource)
        params = Params({back: shown["id"], "limit": 10})
        url = f"/v1/{resource.path}?{back}={shown['id']}"
        if table == "refunds":
            url = f"/v1/charges/{shown['id']}/refunds"
        return {**self.page(resource, params), "url": url}

    def _require(self, resource: Resource) -> None:
        if not exists(resource.noun, self.api_version):
            raise ApiError(404, f"Unrecognized request URL (GET: /v1/{resource.path}).")
        self.key.require(f"{resource.scope}_read", self.account.id)

    def _walk(self, resource: Resource, params: Params) -> Iterable[Json]:
        cursors = {name: params.text(name) for name in ("starting_after", "ending_before")}
        for name, id_ in cursors.items():
            if id_ is not None and id_ not in resource.of(self.account):
                raise missing_object(resource.noun, id_, status=400, param=name)
        if None not in cursors.values():
            raise ApiError(400, "You may only provide one of: starting_after, ending_before.")
        window = window_of(params, "created")
        held = resource.of(self.account).walk(
            from_s=window.from_s,
            to_s=window.to_s,
            older_than=cursors["starting_after"],
            newer_than=cursors["ending_before"],
            oldest_first=cursors["ending_before"] is not None,
            pointing=params.values,
        )
        chosen = resource.chosen(params)
        return (stored for stored in held if chosen(stored) and stored["id"] not in self.account.deleted)


def _within_data(path: str) -> str:
    head, _, rest = str(path).partition(".")
    if head != "data" or not rest:
        raise ApiError(
            400, f"This property cannot be expanded ({path}). You may want 'data.{path}'.", param="expand"
        )
    return rest
