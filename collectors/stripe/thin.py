"""Thin events at the edge: what they name is noted, and read by the poller; what cannot be read is refused.

Nothing is read while Stripe waits for its answer. The note is durable before the answer, and a round of the
poller begins at once. Whoever has given no key is told so by an answer that Stripe shows and repeats: to
acknowledge what brings no money, and nobody will read, would lose it in silence (ops/decisions/0021).
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from collectors.deps import EdgeDeps
from collectors.responses import unavailable
from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.drop_reasons import IgnoreReason
from trackrev_stream.contracts.ports import EVENT, Recheck, StripeConnection, Unavailable
from trackrev_stream.contracts.stripe.events import has_effect
from trackrev_stream.contracts.stripe.fields import flag
from trackrev_stream.contracts.stripe.thin import read_thin, type_of
from trackrev_stream.http_json import HttpError
from trackrev_stream.metrics import WEBHOOKS_ACCEPTED

Json = Mapping[str, Any]


class ThinEvents:
    """Takes thin events."""

    def __init__(self, deps: EdgeDeps) -> None:
        self._deps = deps

    async def note(
        self, event: Json, told: Collection[StripeConnection], received_at: int
    ) -> IgnoreReason | None:
        """Have what an event names read; return why it has no effect, or None.

        Raises Malformed, HttpError.
        """
        if not has_effect(type_of(event)):
            return IgnoreReason.EVENT_TYPE
        of_mode, ignored = in_mode(event, told)
        if ignored is not None:
            return ignored
        try:
            named = read_thin(event)
        except Malformed as error:
            message = f"This is a thin event, and it does not name what it is about: {error}."
            raise HttpError(422, "thin_payload", message) from error
        if not named.list:
            return IgnoreReason.NO_EFFECT
        for connection in of_mode:
            if connection.api_key and self._deps.read_soon is not None:
                await self._read_soon(connection, Recheck(named.list, named.id, EVENT, received_at))
                WEBHOOKS_ACCEPTED.labels(connection.workspace, event["type"]).inc()
        blind = [one.workspace for one in of_mode if not one.api_key or self._deps.read_soon is None]
        if blind:
            message = (
                f"This endpoint gets thin payloads, which bring nothing of what they name ({named.id}), and "
                f"workspace {blind[0]} has no key to read that with. In Stripe's dashboard give the "
                "destination the payload style Snapshot, or give a key that only reads: trackrev stripe "
                f"connect {blind[0]} --key"
            )
            raise HttpError(422, "thin_payload", message)
        return None

    async def _read_soon(self, connection: StripeConnection, one: Recheck) -> None:
        assert self._deps.read_soon is not None, "asked before"
        limits = self._deps.limits
        try:
            async with asyncio.timeout(limits.publish_wait_s):
                await self._deps.read_soon(connection, one)
        except TimeoutError as error:
            late = Unavailable(f"it could not be noted within {limits.publish_wait_s} s")
            raise unavailable(late, limits) from error
        except Unavailable as error:
            raise unavailable(error, limits) from error


def in_mode(
    event: Json, told: Collection[StripeConnection]
) -> tuple[list[StripeConnection], IgnoreReason | None]:
    """The connections of an event's mode, or why there are none. Raises Malformed."""
    livemode = flag(event, "livemode")
    found = [one for one in told if one.livemode == livemode]
    if found:
        return found, None
    return [], IgnoreReason.LIVEMODE if told else IgnoreReason.ACCOUNT
