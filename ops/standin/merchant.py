"""One business at Stripe: its account and all that can be done there."""

from dataclasses import dataclass

from ops.standin.account import Account
from ops.standin.checkout import Checkout
from ops.standin.customers import Customers
from ops.standin.disputes import Disputes
from ops.standin.invoices import Invoices
from ops.standin.payments import Payments
from ops.standin.prices import Prices
from ops.standin.refunds import Refunds
from ops.standin.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True)
class Merchant:
    """An account with its desks."""

    account: Account
    customers: Customers
    payments: Payments
    refunds: Refunds
    disputes: Disputes
    prices: Prices
    invoices: Invoices
    subscriptions: Subscriptions
    checkout: Checkout

    @classmethod
    def of(cls, account: Account) -> "Merchant":
        disputes, prices = Disputes(account), Prices(account)
        payments = Payments(account, disputes)
        invoices = Invoices(account, payments)
        subscriptions = Subscriptions(account, invoices, prices)
        customers = Customers(account, subscriptions)
        return cls(
            account=account,
            customers=customers,
            payments=payments,
            refunds=Refunds(account),
            disputes=disputes,
            prices=prices,
            invoices=invoices,
            subscriptions=subscriptions,
            checkout=Checkout(account, customers, payments, subscriptions, prices),
        )
