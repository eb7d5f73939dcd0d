"""A loopback stand-in of Stripe for the demo and the tests.

An independent program: it shares no code with the product, so that its books can referee the ledger.
"""

from ops.standin.keys import PROMISED_PERMISSIONS
from ops.standin.objects import ACACIA, BASIL
from ops.standin.server import StandIn
from ops.standin.webhooks import Backoff, Endpoint

__all__ = ["ACACIA", "BASIL", "PROMISED_PERMISSIONS", "Backoff", "Endpoint", "StandIn"]
