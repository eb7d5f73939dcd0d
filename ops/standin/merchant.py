"""One business at Stripe: its account and all that can be done there."""

from dataclasses import dataclass

from ops.standin.account import Account
from ops.standin.customers import Customers
from ops.standin.disputes import Disputes
from ops.standin.payments import Payments
from ops.standin.refunds import Refunds


@dataclass(frozen=True, slots=True)
class Merchant:
    """An account with its desks."""

    account: Account
    customers: Customers
    payments: Payments
    refunds: Refunds
    disputes: Disputes

    @classmethod
    def of(cls, account: Account) -> "Merchant":
        disputes = Disputes(account)
        return cls(account, Customers(account), Payments(account, disputes), Refunds(account), disputes)
