"""Checkout sessions: opened by the shop, paid by the buyer."""

from dataclasses import dataclass

from ops.standin import objects
from ops.standin.account import BY_ITSELF, Account, Origin
from ops.standin.cards import card_of
from ops.standin.checkout_object import checkout_session, customer_details
from ops.standin.customers import Customers
from ops.standin.errors import ApiError, Json
from ops.standin.params import Params
from ops.standin.payments import Payments, Terms
from ops.standin.prices import Prices, Wanted
from ops.standin.subscriptions import Plan, Subscriptions

_MODES = ("payment", "subscription")


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the shop asked for beside what the session shows; `metadata` is for the payment."""

    wanted: Wanted
    metadata: dict[str, str]
    private: dict[str, str]
    trial_days: int | None


class Checkout:
    """Sells on Stripe's own page. Methods raise ApiError."""

    def __init__(
        self,
        account: Account,
        customers: Customers,
        payments: Payments,
        subscriptions: Subscriptions,
        prices: Prices,
    ) -> None:
        self._account = account
        self._customers = customers
        self._payments = payments
        self._subscriptions = subscriptions
        self._prices = prices
        self._opened: dict[str, _Opened] = {}

    def create(self, params: Params, _: Origin) -> Json:
        """An open session, for a payment or a subscription."""
        params.only(_FIELDS)
        mode = params.text("mode") or "payment"
        if mode not in _MODES:
            raise ApiError(400, f"Invalid mode: must be one of {', '.join(_MODES)}", param="mode")
        customer = params.text("customer")
        if customer is not None:
            self._account.find("customers", "customer", customer, param="customer")
        wanted = self._prices.wanted(params, "line_items")
        public, private = objects.split_metadata(params.table("metadata"))
        data = Params(params.table(f"{mode}_data" if mode == "subscription" else "payment_intent_data"))
        data.only({"metadata", "trial_period_days"} if mode == "subscription" else {"metadata"})
        session = checkout_session(
            id_=self._account.ids.new("checkout_session"),
            created=self._account.now_s(),
            livemode=self._account.livemode,
            mode=mode,
            amount_minor=wanted.amount_minor,
            currency=wanted.price["currency"],
            customer=customer,
            customer_email=params.text("customer_email"),
            client_reference_id=params.text("client_reference_id"),
            metadata=public,
        )
        of_payment, more = objects.split_metadata(data.table("metadata"))
        days = data.whole("trial_period_days", at_least=1, at_most=730)
        self._opened[session["id"]] = _Opened(wanted, of_payment, {**private, **more}, days)
        return self._account.tables["checkout_sessions"].add(session)

    def expire(self, id_: str, params: Params, origin: Origin) -> Json:
        params.only(())
        session = self._open(id_)
        self._account.change("checkout.session.expired", session, {"status": "expired", "url": None}, origin)
        return session

    def complete(self, id_: str, params: Params) -> Json:
        """The buyer pays: `email`, `name` and `payment_method` are what the page's form says."""
        params.only({"email", "name", "payment_method"})
        session, opened = self._open(id_), self._opened[id_]
        card = card_of(params.text("payment_method"))
        email, name = params.text("email") or session["customer_email"], params.text("name")
        session["customer_details"] = customer_details(email, name)
        if session["mode"] == "subscription":
            customer = session["customer"] or self._new_customer(email, name)
            plan = Plan(
                customer, opened.wanted, opened.trial_days, False, card, opened.metadata, opened.private
            )
            made = self._subscriptions.begin(plan)
            session.update(customer=customer, subscription=made["id"], invoice=made["latest_invoice"])
            paid = made["status"] in {"active", "trialing"}
        else:
            terms = Terms(
                amount_minor=opened.wanted.amount_minor,
                currency=opened.wanted.price["currency"],
                customer=session["customer"],
                billing=objects.billing_details(email, name),
                metadata=opened.metadata,
                private=opened.private,
                card=card,
                paid=lambda _: self._arrived(session),
            )
            session["payment_intent"] = self._payments.take(terms)["id"]
            paid = session["payment_status"] == "paid"
        session.update(status="complete", url=None, payment_status="paid" if paid else "unpaid")
        self._account.emit("checkout.session.completed", session, BY_ITSELF)
        return session

    def _arrived(self, session: Json) -> None:
        session["payment_status"] = "paid"
        if session["status"] == "complete":
            self._account.emit("checkout.session.async_payment_succeeded", session)

    def _new_customer(self, email: str | None, name: str | None) -> str:
        made = self._customers.create(Params({"email": email, "name": name}), BY_ITSELF)
        return str(made["id"])

    def _open(self, id_: str) -> Json:
        session = self._account.find("checkout_sessions", "checkout.session", id_)
        if session["status"] != "open":
            raise ApiError(400, f"This Session's status is {session['status']}: only open ones can be used.")
        return session


_FIELDS = frozenset(
    {
        "client_reference_id",
        "customer",
        "customer_email",
        "line_items",
        "metadata",
        "mode",
        "payment_intent_data",
        "subscription_data",
    }
    # Taken and of no effect.
    | {"cancel_url", "success_url", "ui_mode"}
)
