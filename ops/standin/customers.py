"""Customers: created, changed, deleted."""

from ops.standin import objects
from ops.standin.account import Account, Origin
from ops.standin.errors import Json
from ops.standin.params import Params
from ops.standin.subscriptions import Subscriptions

_TEXTS = ("name", "description", "phone")


class Customers:
    """The people who pay an account. Methods raise ApiError."""

    def __init__(self, account: Account, subscriptions: Subscriptions) -> None:
        self._account = account
        self._subscriptions = subscriptions

    def create(self, params: Params, origin: Origin) -> Json:
        params.only({"email", *_TEXTS, "invoice_settings", "metadata", "payment_method"})
        settings = Params(params.table("invoice_settings"))
        settings.only({"default_payment_method"})
        public, _ = objects.split_metadata(params.table("metadata"))
        customer = objects.customer(
            id_=self._account.ids.new("customer"),
            created=self._account.now_s(),
            livemode=self._account.livemode,
            email=params.text("email"),
            metadata=public,
        )
        customer |= {name: params.text(name) for name in _TEXTS}
        customer["invoice_settings"]["default_payment_method"] = settings.text("default_payment_method")
        self._account.tables["customers"].add(customer)
        self._account.emit("customer.created", customer, origin)
        return customer

    def update(self, id_: str, params: Params, origin: Origin) -> Json:
        """Changes what is given; metadata is added to."""
        params.only({"email", *_TEXTS, "metadata"})
        customer = self._account.find("customers", "customer", id_)
        changes: Json = {name: params.text(name) for name in ("email", *_TEXTS) if name in params.values}
        public, _ = objects.split_metadata(params.table("metadata"))
        changes["metadata"] = {**customer["metadata"], **public}
        self._account.change("customer.updated", customer, changes, origin)
        return customer

    def delete(self, id_: str, origin: Origin) -> Json:
        """Deletes a customer and ends its subscriptions: it can still be retrieved, as deleted."""
        customer = self._account.find("customers", "customer", id_)
        self._subscriptions.end_all(id_)
        self._account.emit("customer.deleted", customer, origin)
        self._account.deleted.add(id_)
        return {"id": id_, "object": "customer", "deleted": True}
