"""The people of a business year: who subscribes, who buys once and how, who gives up."""

import dataclasses
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from ops.standin import objects
from ops.standin.account import BY_ITSELF
from ops.standin.books import CHANNEL_KEY
from ops.standin.cards import card_of
from ops.standin.errors import Declined, Json
from ops.standin.merchant import Merchant
from ops.standin.params import Params
from ops.standin.payments import Terms
from ops.standin.prices import Wanted
from ops.standin.subscriptions import Plan

CHANNELS: Final = ("YouTube", "Newsletter", "Podcast", "Google Ads", "Partner")
PRICES: Final = {
    "usd": (900, 2900, 9900),
    "eur": (800, 2700, 8900),
    "gbp": (700, 2400, 7900),
    "jpy": (1200, 3900, 12000),
    "kwd": (2750, 8900, 29990),
    "cad": (1200, 3900, 12900),
}
"""Three prices of the shop in each of its currencies, one of them without decimals and one with three."""
_DAY_S: Final = 86_400
_SLOW_S: Final = 10 * _DAY_S
"""Within so long, banks and those who capture late are through."""
_CURRENCIES: Final = (*["usd"] * 11, *["eur"] * 3, *["gbp"] * 2, "jpy", "jpy", "kwd", "cad")


class Person(ABC):
    """Somebody who comes once. All that is left to chance hangs on seed, kind and number alone."""

    def __init__(self, seed: int, number: int) -> None:
        kind = type(self).__name__.lower()
        self.chance = random.Random(f"{seed} {kind} {number}")
        self.email = f"{kind}{number}@people.example"
        self.currency = self.chance.choice(_CURRENCIES)
        self.private = {CHANNEL_KEY: self.chance.choice(CHANNELS)}

    def comes_at_s(self, from_s: int, to_s: int) -> int:
        return self.chance.randrange(from_s, to_s)

    @abstractmethod
    def act(self, merchant: Merchant) -> None:
        """Come, and do what this kind of person does."""

    def customer(self, merchant: Merchant) -> str:
        return str(merchant.customers.create(Params({"email": self.email}), BY_ITSELF)["id"])

    def terms(self, merchant: Merchant) -> Terms:
        """One of the prices, as a guest or as a customer, whose email is then not always on the charge."""
        customer = self.customer(merchant) if self.chance.random() < 0.5 else None
        told = customer is None or self.chance.random() < 0.7
        return Terms(
            amount_minor=self.chance.choice(PRICES[self.currency]),
            currency=self.currency,
            customer=customer,
            billing=objects.billing_details(self.email if told else None, None),
            metadata={"order": self.email.partition("@")[0]},
            private=self.private,
        )


class Subscriber(Person):
    """Subscribes, some after a trial; later some change their plan, lose their card or go."""

    def act(self, merchant: Merchant) -> None:
        chance = self.chance
        interval = "year" if chance.random() < 0.1 else "month"
        trial = chance.choice((7, 14, 30)) if chance.random() < 0.3 else None
        wanted = Wanted(self._price(merchant, interval))
        plan = Plan(self.customer(merchant), wanted, trial, private=self.private, metadata={"plan": "pro"})
        made, fate = merchant.subscriptions.begin(plan), chance.random()
        # Never in the second in which a period turns, which would be a coin's toss.
        at_s = chance.randrange(1, 200) * _DAY_S + 7
        if fate < 0.15:
            merchant.account.later(at_s, lambda: self._switch(merchant, made, interval))
        elif fate < 0.65:
            merchant.account.later(at_s, self._update(merchant, made, cancel_at_period_end="true"))
        elif fate < 0.75:
            for_s, cards = 35 * _DAY_S, ("pm_card_visa_chargeDeclined", "pm_card_visa")
            for after_s, card in zip((at_s, at_s + for_s), cards, strict=True):
                merchant.account.later(after_s, self._update(merchant, made, default_payment_method=card))

    def _price(self, merchant: Merchant, interval: str) -> Json:
        amount = self.chance.choice(PRICES[self.currency]) * (10 if interval == "year" else 1)
        return merchant.prices.of(amount, self.currency, interval)

    def _switch(self, merchant: Merchant, made: Json, interval: str) -> None:
        if made["status"] == "active":
            how = self.chance.choice(("create_prorations", "always_invoice"))
            merchant.subscriptions.switch(made, Wanted(self._price(merchant, interval)), how)

    def _update(self, merchant: Merchant, made: Json, **changes: str) -> Callable[[], None]:
        def act() -> None:
            if made["status"] in {"active", "past_due", "trialing"}:
                merchant.subscriptions.update(made["id"], Params(dict(changes)), BY_ITSELF)

        return act


class Buyer(Person):
    """Pays once, in one of the ways there are."""

    def comes_at_s(self, from_s: int, to_s: int) -> int:
        return super().comes_at_s(from_s, to_s - _SLOW_S)

    def act(self, merchant: Merchant) -> None:
        terms, way = self.terms(merchant), self.chance.random()
        if way < 0.05:
            self._check_out(merchant, terms)
        elif way < 0.1:
            self._capture_later(merchant, terms)
        elif way < 0.13:
            merchant.payments.take(dataclasses.replace(terms, card=card_of("pm_usBankAccount")))
        elif way < 0.16:
            _decline(merchant, terms)
            merchant.payments.take(terms)
        elif way < 0.19:
            intent = _decline(merchant, terms)
            params = Params({"payment_method": "pm_card_visa"})
            merchant.payments.confirm(intent, params, BY_ITSELF)
        elif way < 0.5:
            merchant.payments.take(dataclasses.replace(terms, capture_method="automatic_async"))
        else:
            card = self.chance.choice(("pm_card_visa",) * 8 + ("pm_card_pendingRefund", "pm_card_refundFail"))
            merchant.payments.take(dataclasses.replace(terms, card=card_of(card)))

    def _check_out(self, merchant: Merchant, terms: Terms) -> None:
        price = {"unit_amount": terms.amount_minor, "currency": terms.currency}
        asked = {
            "client_reference_id": self.email.partition("@")[0],
            "line_items": [{"price_data": price}],
            "metadata": terms.private,
        }
        session = merchant.checkout.create(Params(asked), BY_ITSELF)
        merchant.checkout.complete(session["id"], Params({"email": self.email}))

    def _capture_later(self, merchant: Merchant, terms: Terms) -> None:
        intent = merchant.payments.take(dataclasses.replace(terms, capture_method="manual"))
        part = terms.amount_minor * self.chance.choice((5, 8, 10)) // 10
        params = Params({"amount_to_capture": part})
        days = self.chance.randrange(1, 6)
        merchant.account.later(
            days * _DAY_S, lambda: _done(merchant.payments.capture(intent["id"], params, BY_ITSELF))
        )


class Quitter(Person):
    """Wants to buy and pays nothing: the card is declined, or an authorization runs out."""

    def act(self, merchant: Merchant) -> None:
        terms = self.terms(merchant)
        if self.chance.random() < 0.5:
            _decline(merchant, terms)
        else:
            merchant.payments.take(dataclasses.replace(terms, capture_method="manual"))


def _decline(merchant: Merchant, terms: Terms) -> str:
    """Tries to pay with a card that is declined; the payment intent."""
    try:
        merchant.payments.take(dataclasses.replace(terms, card=card_of("pm_card_visa_chargeDeclined")))
    except Declined as declined:
        return declined.intent
    raise AssertionError("that card is declined")


def _done(_: Json) -> None:
    """For actions whose outcome nobody asks about."""
