"""What lies in the topics and tables, and what their keys are made of."""

from typing import Any

import tables
from tests.program.wire import wire_fields
from trackrev_stream.agents.attribute.rows import ChunkRow, PaidRow, PayerRow, SubscriptionRow
from trackrev_stream.agents.gather import JoinRow
from trackrev_stream.contracts.codec import encode, encode_frame
from trackrev_stream.contracts.dead_letters import DeadLetter, replay_key
from trackrev_stream.contracts.records import (
    AttributedCharge,
    ChargeTie,
    Interest,
    JoinedFacts,
    PayerJourneys,
    WaitingMoney,
)
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.domain.attribution.decision import Decision
from trackrev_stream.domain.journeys.identity import VisitorClaim
from trackrev_stream.domain.journeys.journey import Journey, Visit, VisitorRow
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.domain.payments.billing import PaymentRow
from trackrev_stream.domain.payments.payment import PaymentFact, PaymentState
from trackrev_stream.domain.payments.subscription import AccountFact, DueRow, InvoiceRow
from trackrev_stream.domain.values import ids
from trackrev_stream.eventlog.kafka.topics import changelog_spec, spec_of

Json = dict[str, Any]

RECORDS: dict[str, Any] = {
    "pixel-hits": Hit,
    "stripe-payments": PaymentFact,
    "stripe-accounts": AccountFact,
    "binds": VisitorClaim,
    "journeys": Journey,
    "visits": Visit,
    "interests": Interest,
    "payer-journeys": PayerJourneys,
    "payments": PaymentState,
    "charge-ties": ChargeTie,
    "joined-facts": JoinedFacts,
    "waiting-money": WaitingMoney,
    "attributed-charges": AttributedCharge,
    "dead-letters": DeadLetter,
}
"""Topic -> what its records are, or each line of its frames."""

ROWS: dict[str, Any] = {
    "touches-by-visitor": VisitorRow,
    "journeys-by-join": JoinRow,
    "facts-by-payment": PaymentRow,
    "charges-by-payer, a payer": PayerRow,
    "charges-by-payer, a payment": PaidRow,
    "charges-by-payer, a subscription": SubscriptionRow,
    "charges-by-payer, a chunk of payments": ChunkRow,
    "charges-by-payer, the journeys of a join key": PayerJourneys,
    "charges-by-payer, an invoice": InvoiceRow,
    "charges-by-payer, what is due": DueRow,
    "the column charges.detail": Decision,
}


def topics() -> Json:
    """The registry, with what a Kafka broker is told of each. Names of agents and types are documentation."""
    return {
        topic.name: {
            "key": topic.key,
            "frame": topic.value.startswith("frame of "),
            "version": topic.version,
            "retention_ms": topic.retention_ms,
            "compact": topic.compact,
            "on Kafka": dict(spec_of(topic, 12).config),
        }
        for topic in TOPICS
    }


def faust_tables(app_id: str) -> Json:
    """The tables of the agents: names, owners, and their changelogs on Kafka."""
    return {
        spec.name: {
            "owner": spec.owner,
            "changelog": f"{app_id}-{spec.name}-changelog",
            "on Kafka": dict(changelog_spec(spec.name, 12).config),
        }
        for spec in tables.TABLES
    }


def records() -> Json:
    """What the records of each topic are in bytes."""
    return {topic: wire_fields(kind) for topic, kind in RECORDS.items()}


def rows() -> Json:
    """What the rows of the agents' tables are in bytes, and the decision in the database."""
    return {name: wire_fields(kind) for name, kind in ROWS.items()}


def keys() -> Json:
    """What keys, ids and partitions are made of: by examples, for old and new records have to meet."""
    payer = ids.key_in("ws_shop", "own", "cus_1", livemode=True)
    email = ids.email_key(b"secret", " Anna@Shop.example ")
    some = ("ws_shop|visitor", payer, ids.email_join("ws_shop", email), "")
    return {
        "object of Stripe": payer,
        "object of Stripe in test mode": ids.key_in("ws_shop", "acct_1", "ch_1", livemode=False),
        "email": email,
        "erased email": ids.erased_hash(b"secret", email),
        "visitor": ids.visitor_key("ws_shop", "5a1c"),
        "join by email": ids.email_join("ws_shop", email),
        "join by payer": ids.payer_join(payer),
        "id from parts": ids.digest("one", "", "zwei|ü"),
        "replayed dead letter": replay_key("abc").decode(),
        "partition of 12": {key: ids.partition_of(key, 12) for key in some},
        "a value": encode({"name": "ü"}).decode(),
        "a frame": encode_frame([b"one", b"two"]).decode(),
    }
