"""What a Stripe key may read, found out by reading one object of each kind."""

from dataclasses import dataclass
from types import MappingProxyType

import stripe

from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.ids import OWN_ACCOUNT

# From 2025-03-31.basil on charges carry no invoice: reads stay on the version before.
API_VERSION = "2025-02-24.acacia"
_READS = MappingProxyType(
    {
        "charges": "/v1/charges",
        "customers": "/v1/customers",
        "subscriptions": "/v1/subscriptions",
        "payment_intents": "/v1/payment_intents",
    }
)


@dataclass(frozen=True, slots=True)
class Probe:
    """For each kind of object ``granted``, ``missing`` or ``unknown``, and what a person should know."""

    permissions: dict[str, str]
    warning: str = ""


def probe(connection: StripeConnection) -> Probe:
    """Read one object of each kind with the connection's key. Blocks for a few seconds at most."""
    client = stripe.StripeClient(
        connection.api_key,
        base_addresses={"api": connection.api_base} if connection.api_base else {},
        stripe_version=API_VERSION,
        stripe_account=None if connection.account == OWN_ACCOUNT else connection.account,
        http_client=stripe.RequestsClient(timeout=10),
        max_network_retries=0,
    )
    found = dict.fromkeys(_READS, "unknown")
    warnings = []
    for name, path in _READS.items():
        try:
            client.raw_request("get", path, limit=1)
            found[name] = "granted"
        except stripe.PermissionError as error:
            found[name] = "missing"
            warnings.append(f"the key may not read {name}: {error.user_message or 'Stripe answered 403'}")
        except stripe.AuthenticationError:
            return Probe(
                found, "Stripe does not know this key; the webhook works without it, the poller will not"
            )
        except stripe.StripeError as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            return Probe(found, f"Stripe could not be asked ({reason}); the webhook works without the poller")
    return Probe(found, "; ".join(warnings))
