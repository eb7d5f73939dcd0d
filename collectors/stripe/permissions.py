"""What a Stripe key may read, found out by reading one object of each kind, and what it costs where not."""

from dataclasses import dataclass
from types import MappingProxyType

from collectors.stripe.client import CannotRead, NotPermitted, Patience, StripeReader
from trackrev_stream.contracts.ports import StripeConnection

NEEDED = MappingProxyType(
    {
        "charges": ("/v1/charges", "charges and refunds come by webhook alone"),
        "customers": ("/v1/customers", "a charge without an address of its own finds no visitor by email"),
        "subscriptions": ("/v1/subscriptions", "renewals are told from new sales by customer alone"),
        "payment_intents": ("/v1/payment_intents", "charges of newer API versions lose their invoice"),
    }
)
"""The four that the product asks for: where they are read, and what is lost without."""

WELCOME = MappingProxyType(
    {
        "balance_transactions": ("/v1/balance_transactions", "fees, and revenue net of fees, stay unknown"),
        "disputes": ("/v1/disputes", "disputes and their outcome come by webhook alone"),
        "invoices": ("/v1/invoices", "renewals of the past are matched by customer, not by subscription"),
    }
)
"""What makes the book more exact where it is given."""

_ASK = Patience(tries=2, first_wait_s=0.2, timeout_s=10)


@dataclass(frozen=True, slots=True)
class Probe:
    """For each kind of object ``granted``, ``missing`` or ``unknown``, and what a person should know.

    ``seen_at`` is the time by Stripe's clock when it answered last, in ms; None where it did not.
    """

    permissions: dict[str, str]
    warnings: tuple[str, ...] = ()
    seen_at: int | None = None


async def probe(connection: StripeConnection) -> Probe:
    """Read one object of each kind with the connection's key: a few seconds at most."""
    reader = StripeReader(connection, patience=_ASK)
    kinds = NEEDED | WELCOME
    found = dict.fromkeys(kinds, "unknown")
    warnings = []
    seen_at: int | None = None
    try:
        for name, (path, cost) in kinds.items():
            try:
                seen_at = (await reader.page(path, limit=1)).seen_at
                found[name] = "granted"
            except NotPermitted as error:
                found[name] = "missing"
                warnings.append(f"the key may not read {name} ({error.permission}): {cost}")
    except CannotRead as error:
        warnings.append(f"{error}. The webhook works without the poller")
    finally:
        await reader.close()
    return Probe(found, tuple(warnings), seen_at)
