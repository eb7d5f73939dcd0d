"""Prices, and what of them a subscription or a checkout asks for."""

from dataclasses import dataclass

from ops.standin import billing_objects
from ops.standin.account import Account, Origin
from ops.standin.currencies import checked
from ops.standin.errors import ApiError, Json
from ops.standin.params import Params, missing
from ops.standin.payments import MOST_MINOR
from ops.standin.periods import checked_interval


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many of one price."""

    price: Json
    quantity: int = 1

    @property
    def amount_minor(self) -> int:
        return int(self.price["unit_amount"]) * self.quantity


class Prices:
    """What an account sells. Methods raise ApiError."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def create(self, params: Params, origin: Origin) -> Json:
        """A price by the unit, `recurring` or once."""
        params.only({"currency", "product", "product_data", "recurring", "unit_amount"})
        price = self._of(params)
        self._account.emit("price.created", price, origin)
        return price

    def create_plan(self, params: Params, origin: Origin) -> Json:
        """The older face of a price: https://docs.stripe.com/api/plans."""
        params.only({"amount", "currency", "interval", "interval_count", "name", "product"})
        every = {
            name: params.values[name] for name in ("interval", "interval_count") if name in params.values
        }
        data = {"unit_amount": params.values.get("amount"), "currency": params.required("currency")}
        price = self._of(Params({**data, "recurring": every}))
        self._account.emit("plan.created", billing_objects.plan(price), origin)
        return billing_objects.plan(price)

    def of(
        self, amount_minor: int, currency: str, interval: str | None = None, count: int = 1, product: str = ""
    ) -> Json:
        """A new price: every so many intervals, or once when there is none."""
        return self._account.tables["prices"].add(
            billing_objects.price(
                id_=self._account.ids.new("price"),
                product=product or self._account.ids.new("product"),
                created=self._account.now_s(),
                livemode=self._account.livemode,
                amount_minor=amount_minor,
                currency=currency,
                interval=interval,
                interval_count=count,
            )
        )

    def wanted(self, params: Params, name: str) -> Wanted:
        """The one item of a list such as `items`: a price, or the data of a new one."""
        items = params.items(name)
        if len(items) != 1 or not isinstance(items[0], dict):
            raise ApiError(400, f"This stand-in takes exactly one of {name}.", param=name)
        item = Params(items[0])
        item.only({"id", "plan", "price", "price_data", "quantity"})
        quantity = item.whole("quantity", at_least=1, at_most=10_000) or 1
        known = item.text("price") or item.text("plan")
        if known is not None:
            return Wanted(self._account.find("prices", "price", known, param=f"{name}[0][price]"), quantity)
        return Wanted(self._of(Params(item.table("price_data"))), quantity)

    def _of(self, params: Params) -> Json:
        amount = params.whole("unit_amount", at_least=0, at_most=MOST_MINOR)
        if amount is None:
            raise missing("unit_amount")
        recurring = Params(params.table("recurring"))
        interval = recurring.text("interval")
        return self.of(
            amount,
            checked(params.required("currency"), amount),
            checked_interval(interval) if interval else None,
            recurring.whole("interval_count", at_least=1, at_most=1095) or 1,
            params.text("product") or "",
        )
