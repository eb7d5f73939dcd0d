"""A loopback stand-in of Stripe for the demo and the tests.

An independent program: it shares no code with the product, so that its books can referee the ledger.

    async with standing_in(connected=["acct_1Shop"], clock=Hand()) as stand_in:   # tests/standin/support.py
        stand_in.faults.append(Fault("GET /v1/charges", status=429, retry_after_s=1))
        stand_in.limits.like_stripe()
        stand_in.search_available = False            # as in India
        stand_in.advance(days=30)                    # renewals and settlements happen on the way
        stand_in.traffic.reads()                     # requests by endpoint
        stand_in.books.by_charge()                   # what each charge captured, refunded, had disputed
        stand_in.platform.disputes.open(charge)      # what the API has no request for

What the API can be asked for is asked there, by Stripe's own library and with Stripe's own test cards
(`cards.py`); what only a test wants is below /_standin/ (`control.py`). A year of business is in `year.py`.
"""

from ops.standin.faults import Fault
from ops.standin.keys import KNOWN_PERMISSIONS, PROMISED_PERMISSIONS
from ops.standin.server import StandIn
from ops.standin.versions import ACACIA, BASIL
from ops.standin.webhooks import Backoff, Endpoint, Sender

__all__ = [
    "ACACIA",
    "BASIL",
    "KNOWN_PERMISSIONS",
    "PROMISED_PERMISSIONS",
    "Backoff",
    "Endpoint",
    "Fault",
    "Sender",
    "StandIn",
]
