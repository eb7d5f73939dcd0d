"""What of Stripe could not be read: kept as dead letters, with nothing personal in them."""

import base64
from collections.abc import Iterable

import orjson

from collectors.publisher import DeadLetterPublisher
from collectors.scrub import scrub_text
from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.reasons import IgnoreReason
from trackrev_stream.contracts.topics import STRIPE_PAYMENTS

PROCESSOR = "collect"

# What a dead letter keeps of an event: enough to see what is wrong and to fetch it again, nothing personal.
_KEPT = ("id", "object", "type", "account", "api_version", "created", "livemode")
_KEPT_OF_OBJECT = (
    "id", "object", "amount", "amount_captured", "amount_refunded", "captured", "charge", "created",
    "currency", "invoice", "livemode", "paid", "payment_intent", "status",
)  # fmt: skip


class StripeLetters:
    """Writes dead letters about events and objects of Stripe."""

    def __init__(self, publisher: DeadLetterPublisher) -> None:
        self._publisher = publisher

    async def keep(self, workspace: str, event: object, malformed: Malformed, at: int) -> None:
        """Keep what is not personal of an event. Raises Unavailable when it is not saved."""
        letter = DeadLetter(
            processor=PROCESSOR,
            failure=IgnoreReason.MALFORMED.value,
            message=str(malformed),
            payload=base64.b64encode(orjson.dumps(_scrubbed(event))).decode(),
            topic=STRIPE_PAYMENTS.name,
            partition=-1,
            offset=-1,
            index=0,
            failed_at=at,
        )
        await self._publisher.put(workspace, [letter])


def _scrubbed(event: object) -> dict[str, object]:
    if not isinstance(event, dict):
        return {}
    data = event.get("data")
    of_event = data.get("object") if isinstance(data, dict) else None
    return _known(event, _KEPT) | {"data": {"object": _known(of_event, _KEPT_OF_OBJECT)}}


def _known(values: object, names: Iterable[str]) -> dict[str, object]:
    if not isinstance(values, dict):
        return {}
    return {name: _plain(values[name]) for name in names if name in values}


def _plain(value: object) -> object:
    """A value that cannot be personal as it is; of anything else its type."""
    if isinstance(value, str):
        return scrub_text(value, 255)
    return value if value is None or isinstance(value, bool | int | float) else type(value).__name__
