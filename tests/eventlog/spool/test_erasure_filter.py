"""What waited while somebody was erased: it comes to the broker without them."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from tests.collectors.edge import WORKSPACE, DictDirectory, RecordingPublisher
from tests.facts import VISITOR, charge_fact
from tests.facts import hit as page_view
from trackrev_stream.contracts.codec import encode, encode_frame
from trackrev_stream.contracts.ports import Unavailable, Workspace
from trackrev_stream.contracts.topics import DEAD_LETTERS, PIXEL_HITS, STRIPE_PAYMENTS
from trackrev_stream.domain.journeys.touch import Hit, HitKind
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.values.ids import erased_hash
from trackrev_stream.eventlog.spool.erasure_filter import WithoutErased

OTHER = "00000000-0000-7000-8000-000000000002"
KEY = "0123456789abcdef0123456789abcdef"
GONE = frozenset(erased_hash(WORKSPACE.email_secret, name) for name in (VISITOR, KEY))
DIRECTORY = DictDirectory({"ws_1": replace(WORKSPACE, erased=GONE)})


def late(topic: str, value: bytes, directory: DictDirectory = DIRECTORY) -> RecordingPublisher:
    """The broker, after it was given this."""
    broker = RecordingPublisher()
    asyncio.run(WithoutErased(broker, directory).publish(topic, 3, b"key", value))
    return broker


def frame(*hits: Hit) -> bytes:
    return encode_frame(map(encode, hits))


def test_hits_of_whom_was_erased_do_not_come() -> None:
    known = page_view(id="known", visitor=OTHER)
    identified = replace(page_view(id="i", visitor=OTHER), kind=HitKind.IDENTIFY, email_key=KEY)
    erased = page_view(id="erased", visitor=VISITOR)
    elsewhere = replace(erased, workspace="ws_2")
    broker = late(PIXEL_HITS.name, frame(known, erased, identified, elsewhere))
    assert broker.hits() == [known, elsewhere]
    assert late(PIXEL_HITS.name, frame(erased, identified)).records == []


def test_what_stripe_told_comes_and_names_nobody() -> None:
    fact = replace(charge_fact(), email_key=KEY, visitor=OTHER)
    assert late(STRIPE_PAYMENTS.name, encode(fact)).facts() == [replace(fact, email_key="")]
    named = replace(fact, email_key="f" * 32, visitor=VISITOR)
    assert late(STRIPE_PAYMENTS.name, encode(named)).facts() == [replace(named, visitor="")]


@pytest.mark.parametrize("directory", [DictDirectory(), DictDirectory({})])
def test_what_names_nobody_who_was_erased_comes_as_it_was(directory: DictDirectory) -> None:
    fact: PaymentFact = replace(charge_fact(), email_key=KEY, visitor=VISITOR)
    for topic, value in (
        (PIXEL_HITS.name, frame(page_view(id="h"), page_view(id="h2")) + b"\nbroken"),
        (STRIPE_PAYMENTS.name, encode(fact)),
        (STRIPE_PAYMENTS.name, b"broken"),
        (DEAD_LETTERS.name, b"anything"),
    ):
        (record,) = late(topic, value, directory).records
        assert (record.topic, record.partition, record.key, record.value) == (topic, 3, b"key", value)


def test_without_the_database_it_waits() -> None:
    class Away(DictDirectory):
        async def workspace(self, workspace: str) -> Workspace | None:
            raise OperationalError("SELECT", {}, OSError("gone"))

    with pytest.raises(Unavailable, match="does not tell who was erased"):
        late(PIXEL_HITS.name, frame(page_view(id="h")), Away())
