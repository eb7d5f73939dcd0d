"""The registry of topics: every stream of the program, who writes it, who reads it, what its key is."""

from dataclasses import dataclass

from trackrev_stream.domain.values.days import DAY_MS


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. ``key`` names what its partition is computed from; ``retention_ms`` None keeps for ever."""

    name: str
    key: str
    value: str
    version: int
    producer: str
    consumer: str
    retention_ms: int | None = None
    compact: bool = False


PIXEL_HITS = Topic(
    "pixel-hits", "visitor", "frame of Hit", 1, "collectors", "stitch", retention_ms=90 * DAY_MS
)
STRIPE_PAYMENTS = Topic(
    "stripe-payments", "payment", "PaymentFact", 1, "collectors", "bill", retention_ms=400 * DAY_MS
)
STRIPE_ACCOUNTS = Topic(
    "stripe-accounts", "payer", "AccountFact", 1, "collectors", "attribute", retention_ms=400 * DAY_MS
)
BINDS = Topic("binds", "visitor", "VisitorClaim", 1, "attribute", "stitch", compact=True)
JOURNEYS = Topic("journeys", "join", "Journey", 1, "stitch", "gather", compact=True)
VISITS = Topic("visits", "visitor", "frame of Visit", 2, "stitch", "post", retention_ms=30 * DAY_MS)
INTERESTS = Topic("interests", "join", "Interest", 1, "attribute", "gather", compact=True)
PAYER_JOURNEYS = Topic("payer-journeys", "payer", "PayerJourneys", 1, "gather", "attribute", compact=True)
PAYMENTS = Topic("payments", "payer", "PaymentState", 1, "bill", "attribute", compact=True)
# What names but its charge finds the payment of its intent: ops/decisions/0021. Every worker tells ties.
CHARGE_TIES = Topic("charge-ties", "charge", "ChargeTie", 1, "every agent", "bill", compact=True)
JOINED_FACTS = Topic("joined-facts", "payment", "JoinedFacts", 1, "bill", "bill", compact=True)
WAITING_MONEY = Topic("waiting-money", "payment", "WaitingMoney", 1, "bill", "post", compact=True)
ATTRIBUTED_CHARGES = Topic(
    "attributed-charges", "payer", "AttributedCharge", 1, "attribute", "post", compact=True
)
DEAD_LETTERS = Topic(
    "dead-letters", "origin", "DeadLetter", 1, "every agent", "bury", retention_ms=90 * DAY_MS
)

TOPICS: tuple[Topic, ...] = (
    PIXEL_HITS,
    STRIPE_PAYMENTS,
    STRIPE_ACCOUNTS,
    BINDS,
    JOURNEYS,
    VISITS,
    INTERESTS,
    PAYER_JOURNEYS,
    PAYMENTS,
    CHARGE_TIES,
    JOINED_FACTS,
    WAITING_MONEY,
    ATTRIBUTED_CHARGES,
    DEAD_LETTERS,
)
