"""A loopback stand-in of Stripe for the demo and the tests.

An independent program: it shares no code with the product, so that its books can referee the ledger.
"""

from ops.standin.faults import Fault
from ops.standin.keys import KNOWN_PERMISSIONS, PROMISED_PERMISSIONS
from ops.standin.server import StandIn
from ops.standin.versions import ACACIA, BASIL
from ops.standin.webhooks import Backoff, Endpoint

__all__ = [
    "ACACIA",
    "BASIL",
    "KNOWN_PERMISSIONS",
    "PROMISED_PERMISSIONS",
    "Backoff",
    "Endpoint",
    "Fault",
    "StandIn",
]
