"""Subscriptions: begun, with a trial or without, renewed, changed, paused, ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ops.standin import billing_objects, objects
from ops.standin.account import BY_ITSELF, Account, Origin
from ops.standin.cards import PLAIN, Card, card_of
from ops.standin.errors import ApiError, Json
from ops.standin.invoices import Bill, Invoices, Outcome
from ops.standin.params import Params
from ops.standin.periods import next_end
from ops.standin.prices import Prices, Wanted
from ops.standin.prorations import item_of, period_line, prorated

DRAFT_FOR_S: Final = 3600
"""A renewal's invoice is made an hour before it is paid: https://docs.stripe.com/billing/invoices/subscription."""
_INCOMPLETE_FOR_S: Final = 23 * 3600
_PRORATIONS = ("create_prorations", "always_invoice", "none")
_UPDATED = "customer.subscription.updated"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a customer subscribes to. `private` metadata is for the stand-in's own books.

    With `pauses` the subscription is paused after its trial, as without a payment method.
    """

    customer: str
    wanted: Wanted
    trial_days: int | None = None
    pauses: bool = False
    card: Card = PLAIN
    metadata: dict[str, str] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Kept:
    """What is known of a subscription beside its object; `pending` prorations wait for the next invoice."""

    card: Card
    private: dict[str, str]
    pending: list[billing_objects.Line] = field(default_factory=list)


class Subscriptions:
    """Lets customers subscribe. Methods raise ApiError."""

    def __init__(self, account: Account, invoices: Invoices, prices: Prices) -> None:
        self._account = account
        self._invoices = invoices
        self._prices = prices
        self._kept: dict[str, _Kept] = {}

    def create(self, params: Params, origin: Origin) -> Json:
        params.only(_CREATE_FIELDS)
        named = params.required("customer")
        customer = self._account.find("customers", "customer", named, param="customer")
        default = customer["invoice_settings"]["default_payment_method"]
        end = Params(params.table("trial_settings")).table("end_behavior")
        public, private = objects.split_metadata(params.table("metadata"))
        plan = Plan(
            customer=named,
            wanted=self._prices.wanted(params, "items"),
            trial_days=params.whole("trial_period_days", at_least=1, at_most=730),
            pauses=end.get("missing_payment_method") == "pause",
            card=card_of(params.text("default_payment_method") or default),
            metadata=public,
            private=private,
        )
        return self.begin(plan, origin)

    def begin(self, plan: Plan, origin: Origin = BY_ITSELF) -> Json:
        """A new subscription; its first invoice is to be paid at once (with a trial, of nothing)."""
        if not plan.wanted.price["recurring"]:
            raise ApiError(400, "The price must be recurring to subscribe to it.", param="items")
        account, made = self._account, self._new(plan)
        account.tables["subscriptions"].add(made)
        self._kept[made["id"]] = _Kept(plan.card, plan.private)
        bill = self._bill(made, [period_line(made)], "subscription_create", retried=False)
        invoice = self._invoices.make(bill)
        made["latest_invoice"] = invoice["id"]
        account.emit("customer.subscription.created", made, origin)
        self._invoices.pay(invoice, bill)
        if made["status"] == "incomplete":
            account.later(_INCOMPLETE_FOR_S, lambda: self._expire(made, invoice))
        account.agenda.add(made["current_period_end"], lambda: self._turn(made))
        return made

    def update(self, id_: str, params: Params, origin: Origin) -> Json:
        """Changes price or quantity now, or whether it ends with its period, or what it is paid with."""
        params.only(_UPDATE_FIELDS)
        held = self._live(id_)
        public, _ = objects.split_metadata(params.table("metadata"))
        changes: Json = {"metadata": {**held["metadata"], **public}, **self._ending(held, params)}
        proration = params.text("proration_behavior") or "create_prorations"
        if proration not in _PRORATIONS:
            message = f"Invalid proration_behavior: must be one of {', '.join(_PRORATIONS)}"
            raise ApiError(400, message, param="proration_behavior")
        if "default_payment_method" in params.values:
            self._kept[id_].card = card_of(params.text("default_payment_method"))
        if "items" in params.values:
            self.switch(held, self._prices.wanted(params, "items"), proration, origin)
        self._account.change(_UPDATED, held, changes, origin)
        return held

    def switch(
        self, held: Json, to: Wanted, proration: str = "create_prorations", origin: Origin = BY_ITSELF
    ) -> None:
        """Another price or quantity from now on; `always_invoice` asks for the difference at once."""
        lines = prorated(held, to, self._account.now_s())
        kept, item = self._kept[held["id"]], item_of(held)
        if proration != "none":
            kept.pending += lines
        new = {"price": to.price, "plan": billing_objects.plan(to.price), "quantity": to.quantity}
        changes: Json = {"items": {**held["items"], "data": [{**item, **new}]}}
        invoice, bill = None, None
        if proration == "always_invoice" and kept.pending:
            bill = self._bill(held, self._taken(held), "subscription_update")
            invoice = self._invoices.make(bill)
            changes["latest_invoice"] = invoice["id"]
        self._account.change(_UPDATED, held, changes, origin)
        if invoice is not None and bill is not None:
            self._invoices.pay(invoice, bill)

    def cancel(self, id_: str, params: Params, origin: Origin) -> Json:
        """Ends it now; what was paid for the rest of the period is not given back."""
        params.only({"invoice_now", "prorate"})
        held = self._live(id_)
        self.end(held, origin=origin)
        return held

    def end(self, held: Json, reason: str = "cancellation_requested", origin: Origin = BY_ITSELF) -> None:
        now = self._account.now_s()
        held.update(
            status="canceled",
            ended_at=now,
            canceled_at=held["canceled_at"] or now,
            cancellation_details={**held["cancellation_details"], "reason": reason},
        )
        self._account.emit("customer.subscription.deleted", held, origin)

    def end_all(self, customer: str) -> None:
        """Ends what a customer has, as when that is deleted."""
        for held in self._account.tables["subscriptions"].values():
            if held["customer"] == customer and held["status"] not in _ENDED:
                self.end(held)

    def resume(self, id_: str, params: Params, origin: Origin) -> Json:
        """Begins a paused subscription anew, with a period from now and an invoice for it."""
        params.only({"billing_cycle_anchor"})
        held = self._live(id_)
        if held["status"] != "paused":
            raise ApiError(400, f"Subscription {id_} is not paused: its status is {held['status']}.")
        held["billing_cycle_anchor"] = self._account.now_s()
        self._next_period(held, "customer.subscription.resumed", "subscription_update", origin)
        return held

    def _new(self, plan: Plan) -> Json:
        now, every = self._account.now_s(), plan.wanted.price["recurring"]
        trial_end = now + plan.trial_days * 86_400 if plan.trial_days else None
        ends = trial_end or next_end(now, every["interval"], every["interval_count"], now)
        id_ = self._account.ids.new("subscription")
        item = billing_objects.subscription_item(
            id_=self._account.ids.new("subscription_item"),
            created=now,
            subscription=id_,
            of=plan.wanted.price,
            quantity=plan.wanted.quantity,
            period=(now, ends),
        )
        return billing_objects.subscription(
            id_=id_,
            created=now,
            livemode=self._account.livemode,
            customer=plan.customer,
            item=item,
            status="trialing" if trial_end else "active",
            trial_end=trial_end,
            pauses=plan.pauses,
            metadata=plan.metadata,
        )

    def _turn(self, held: Json) -> None:
        """The period is over: the subscription ends, pauses, or begins the next one with an invoice."""
        if held["status"] in _ENDED or held["current_period_end"] != self._account.now_s():
            return
        pauses = held["trial_settings"]["end_behavior"]["missing_payment_method"] == "pause"
        if held["cancel_at_period_end"]:
            self.end(held)
        elif held["status"] == "trialing" and pauses:
            self._account.change("customer.subscription.paused", held, {"status": "paused"})
        else:
            self._next_period(held, _UPDATED, "subscription_cycle", BY_ITSELF)

    def _next_period(self, held: Json, type_: str, reason: str, origin: Origin) -> None:
        """Begins a period now. Its invoice is a draft for an hour, then it is paid."""
        now, before = self._account.now_s(), held["current_period_start"]
        every = item_of(held)["price"]["recurring"]
        end = next_end(held["billing_cycle_anchor"], every["interval"], every["interval_count"], now)
        period = {"current_period_start": now, "current_period_end": end}
        changes: Json = {**period, "items": {**held["items"], "data": [{**item_of(held), **period}]}}
        if held["status"] != "past_due":
            changes["status"] = "active"
        lines = [*self._taken(held), period_line({**held, **changes})]
        bill = self._bill(held, lines, reason, looks_back_to=before)
        invoice = self._invoices.make(bill)
        self._account.change(type_, held, {**changes, "latest_invoice": invoice["id"]}, origin)
        self._account.later(DRAFT_FOR_S, lambda: self._invoices.pay(invoice, bill))
        self._account.agenda.add(end, lambda: self._turn(held))

    def _taken(self, held: Json) -> list[billing_objects.Line]:
        """The prorations that wait, which thereby do so no more."""
        kept = self._kept[held["id"]]
        lines, kept.pending = kept.pending, []
        return lines

    def _bill(
        self,
        held: Json,
        lines: Sequence[billing_objects.Line],
        reason: str,
        *,
        looks_back_to: int | None = None,
        retried: bool = True,
    ) -> Bill:
        kept = self._kept[held["id"]]
        return Bill(
            subscription=held,
            lines=lines,
            reason=reason,
            card=lambda: kept.card,
            looks_back_to=held["current_period_start"] if looks_back_to is None else looks_back_to,
            settled=lambda outcome: self._settled(held, outcome, retried=retried),
            private=kept.private,
            retried=retried,
        )

    def _settled(self, held: Json, outcome: Outcome, *, retried: bool) -> None:
        if held["status"] in _ENDED:
            return
        match outcome:
            case Outcome.PAID:
                if held["status"] in {"incomplete", "past_due"}:
                    self._account.change(_UPDATED, held, {"status": "active"})
            case Outcome.DECLINED:
                status = "past_due" if retried else "incomplete"
                self._account.change(_UPDATED, held, {"status": status})
            case Outcome.GIVEN_UP:
                self.end(held, "payment_failed")

    def _expire(self, held: Json, invoice: Json) -> None:
        if held["status"] == "incomplete":
            ended = {"status": "incomplete_expired", "ended_at": self._account.now_s()}
            self._account.change(_UPDATED, held, ended)
            self._invoices.void(invoice)

    def _ending(self, held: Json, params: Params) -> Json:
        if "cancel_at_period_end" not in params.values:
            return {}
        ends = params.flag("cancel_at_period_end")
        return {
            "cancel_at_period_end": ends,
            "cancel_at": held["current_period_end"] if ends else None,
            "canceled_at": self._account.now_s() if ends else None,
        }

    def _live(self, id_: str) -> Json:
        held = self._account.find("subscriptions", "subscription", id_)
        if held["status"] in _ENDED:
            raise ApiError(404, f"No such subscription: '{id_}'", code="resource_missing", param="id")
        return held


_ENDED: Final = ("canceled", "incomplete_expired")
_UPDATE_FIELDS = frozenset(
    {"cancel_at_period_end", "default_payment_method", "items", "metadata", "proration_behavior"}
)
_CREATE_FIELDS = frozenset(
    {
        "customer",
        "default_payment_method",
        "items",
        "metadata",
        "trial_period_days",
        "trial_settings",
    }
    # Taken and of no effect.
    | {"off_session", "payment_behavior"}
)
