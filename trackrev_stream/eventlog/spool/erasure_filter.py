"""What was saved before somebody was erased, and is delivered after: of them nothing may come any more."""

from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from trackrev_stream.contracts.codec import Malformed, decode, decode_frame, encode, encode_frame
from trackrev_stream.contracts.ports import UNKNOWN_OFFSET, Directory, Publisher, Unavailable
from trackrev_stream.contracts.topics import PIXEL_HITS, STRIPE_ACCOUNTS, STRIPE_PAYMENTS
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.payments.subscription import AccountFact

_FACTS: dict[str, type[PaymentFact | AccountFact]] = {
    STRIPE_PAYMENTS.name: PaymentFact,
    STRIPE_ACCOUNTS.name: AccountFact,
}


class WithoutErased:
    """Publishes records as the edge would have made them, had they come now.

    Hits of whom was erased do not go; Stripe's facts go, and name nobody.
    """

    def __init__(self, publisher: Publisher, directory: Directory) -> None:
        self._publisher = publisher
        self._directory = directory

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        """Append what is left of a record, if anything is. Raises Unavailable, also without the database."""
        try:
            left = await self._left(topic, value)
        except SQLAlchemyError as error:
            raise Unavailable("the database does not tell who was erased") from error
        if left is None:
            return UNKNOWN_OFFSET
        return await self._publisher.publish(topic, partition, key, left)

    async def _left(self, topic: str, value: bytes) -> bytes | None:
        if topic == PIXEL_HITS.name:
            found = zip(value.split(b"\n"), decode_frame(Hit, value), strict=True)
            lines = [line for line, hit in found if not isinstance(hit, Hit) or not await self._erased(hit)]
            return encode_frame(lines) if lines else None
        if kind := _FACTS.get(topic):
            try:
                return await self._without_names(decode(kind, value), value)
            except Malformed:
                return value  # for the agents to say so
        return value

    async def _erased(self, hit: Hit) -> bool:
        workspace = await self._directory.workspace(hit.workspace)
        return workspace is not None and any(map(workspace.has_erased, (hit.visitor, hit.email_key)))

    async def _without_names(self, fact: PaymentFact | AccountFact, value: bytes) -> bytes:
        workspace = await self._directory.workspace(fact.workspace)
        if workspace is None or not any(map(workspace.has_erased, (fact.email_key, fact.visitor))):
            return value
        email_key = "" if workspace.has_erased(fact.email_key) else fact.email_key
        visitor = "" if workspace.has_erased(fact.visitor) else fact.visitor
        return encode(replace(fact, email_key=email_key, visitor=visitor))
