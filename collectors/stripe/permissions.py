"""What a Stripe key may read, found out by reading one object of each kind, and what it costs where not."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from collectors.stripe.client import (
    CannotRead,
    NotPermitted,
    Patience,
    RequestRefused,
    StripeReader,
    UnknownKey,
)
from trackrev_stream.contracts.ports import StripeConnection


@dataclass(frozen=True, slots=True)
class Permission:
    """A kind of object that a key may be let read: where, what that gives, and what is lost without."""

    path: str
    gives: str
    without: str


NEEDED: Mapping[str, Permission] = MappingProxyType(
    {
        "charges": Permission(
            "/v1/charges", "charges and refunds", "charges and refunds come by webhook alone"
        ),
        "customers": Permission(
            "/v1/customers",
            "the email of a charge that has none itself",
            "a charge without an address of its own finds no visitor by email",
        ),
        "subscriptions": Permission(
            "/v1/subscriptions",
            "renewals, told from new sales",
            "renewals are told from new sales by customer alone",
        ),
        "payment_intents": Permission(
            "/v1/payment_intents",
            "which invoice a charge is of",
            "charges of newer API versions lose their invoice",
        ),
    }
)
"""The four that the product asks for."""

WELCOME: Mapping[str, Permission] = MappingProxyType(
    {
        "balance_transactions": Permission(
            "/v1/balance_transactions", "fees", "fees, and revenue net of fees, stay unknown"
        ),
        "disputes": Permission(
            "/v1/disputes", "disputes and how they end", "disputes and their outcome come by webhook alone"
        ),
        "invoices": Permission(
            "/v1/invoices",
            "which subscription a charge of the past is of",
            "renewals of the past are matched by customer, not by subscription",
        ),
    }
)
"""What makes the ledger more exact where it is given."""

PERMISSIONS: Mapping[str, Permission] = MappingProxyType({**NEEDED, **WELCOME})

_ASK = Patience(tries=2, first_wait_s=0.2, timeout_s=10)


@dataclass(frozen=True, slots=True)
class Probe:
    """For each kind of object ``granted``, ``missing`` or ``unknown``, and what a person should know.

    ``seen_at`` is the time by Stripe's clock when it answered last, in ms; None where it did not.
    ``refused`` says why Stripe does not take the key at all; ``knows_charge`` whether the key sees a charge
    that it was asked about.
    """

    permissions: dict[str, str]
    warnings: tuple[str, ...] = ()
    seen_at: int | None = None
    refused: str = ""
    knows_charge: bool | None = None


async def probe(connection: StripeConnection, charge: str = "") -> Probe:
    """Read one object of each kind with the connection's key, and this charge: a few seconds at most."""
    reader = StripeReader(connection, patience=_ASK)
    found = dict.fromkeys(PERMISSIONS, "unknown")
    warnings, knows = [], None
    seen_at: int | None = None
    try:
        for name, permission in PERMISSIONS.items():
            try:
                seen_at = (await reader.page(permission.path, limit=1)).seen_at
                found[name] = "granted"
            except NotPermitted as error:
                found[name] = "missing"
                warnings.append(f"the key may not read {name} ({error.permission}): {permission.without}")
        if charge and found["charges"] == "granted":
            knows = await _knows(reader, charge)
    except UnknownKey as error:
        return Probe(found, refused=str(error))
    except CannotRead as error:
        warnings.append(f"{error}. The webhook works without the poller")
    finally:
        await reader.close()
    return Probe(found, tuple(warnings), seen_at, knows_charge=knows)


async def _knows(reader: StripeReader, charge: str) -> bool:
    try:
        await reader.one(f"/v1/charges/{charge}")
    except RequestRefused:
        return False
    return True
