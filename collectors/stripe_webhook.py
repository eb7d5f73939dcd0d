"""The Stripe webhook: ``POST /webhooks/stripe/{workspace}`` verifies an event and saves its facts."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import stripe
from aiohttp import web

from collectors.answers import Refused, json_response, read_at_most, unavailable
from collectors.deps import EdgeDeps
from collectors.publisher import FactPublisher
from collectors.stripe_letters import StripeLetters
from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.ports import StripeConnection, Unavailable, Workspace
from trackrev_stream.contracts.reasons import IgnoreReason
from trackrev_stream.contracts.stripe_events import facts_of, has_effect
from trackrev_stream.domain.ids import is_plain
from trackrev_stream.metrics import WEBHOOKS_ACCEPTED, WEBHOOKS_IGNORED

VIA = "webhook"


class StripeWebhook:
    """Takes events from Stripe."""

    def __init__(self, deps: EdgeDeps, facts: FactPublisher, letters: StripeLetters) -> None:
        self._deps = deps
        self._facts = facts
        self._letters = letters

    async def take(self, request: web.Request) -> web.Response:
        """Answer an event: 200 once its facts are durable, or where it has no effect. Raises Refused."""
        received_at = self._deps.clock()
        workspace, connections = await self._connected(request.match_info["workspace"])
        raw = await read_at_most(request, self._deps.limits.webhook_bytes)
        secrets = [secret for connection in connections for secret in connection.webhook_secrets]
        signature = request.headers.get("Stripe-Signature", "")
        verify(raw, signature, secrets, received_at, self._deps.limits.signature_tolerance_s)
        event: Any = None
        try:
            event = _parse(raw)
            ignored = await self._apply(event, workspace, connections, received_at)
        except Malformed as error:
            await self._bury(workspace, event, error, received_at)
            ignored = IgnoreReason.MALFORMED
        if ignored is not None:
            WEBHOOKS_IGNORED.labels(ignored.value).inc()
            return json_response({"received": True, "ignored": ignored.value})
        WEBHOOKS_ACCEPTED.labels(workspace.id, event["type"]).inc()
        return json_response({"received": True})

    async def _connected(self, workspace_id: str) -> tuple[Workspace, tuple[StripeConnection, ...]]:
        known = is_plain(workspace_id, 64)
        workspace = await self._deps.directory.workspace(workspace_id) if known else None
        if workspace is None:
            message = "There is no such workspace. Copy the URL of the endpoint from the workspace again."
            raise Refused(404, "unknown_workspace", message)
        connections = await self._deps.directory.stripe_connections(workspace.id)
        if not any(secret for connection in connections for secret in connection.webhook_secrets):
            message = (
                f"Workspace {workspace.id} has no Stripe webhook secret. Copy the endpoint's signing secret "
                f"(whsec_...) and give it to: trackrev stripe connect {workspace.id} --webhook-secret"
            )
            raise Refused(404, "no_webhook_secret", message)
        return workspace, connections

    async def _apply(
        self,
        event: Mapping[str, Any],
        workspace: Workspace,
        connections: Iterable[StripeConnection],
        received_at: int,
    ) -> IgnoreReason | None:
        """Publish what the event tells; return why it has no effect, or None. Raises Malformed, Refused."""
        if not has_effect(event["type"]):
            return IgnoreReason.EVENT_TYPE
        facts = facts_of(event, workspace, received_at, VIA)
        if not facts:
            return IgnoreReason.NO_EFFECT
        of_event = facts[0]
        modes = {found.livemode for found in connections if found.account == of_event.account}
        if of_event.livemode not in modes:
            return IgnoreReason.LIVEMODE if modes else IgnoreReason.ACCOUNT
        try:
            await self._facts.put(facts)
        except Unavailable as error:
            raise unavailable(error, self._deps.limits) from error
        return None

    async def _bury(
        self, workspace: Workspace, event: object, malformed: Malformed, received_at: int
    ) -> None:
        try:
            await self._letters.bury(workspace.id, event, malformed, received_at)
        except Unavailable as error:
            raise unavailable(error, self._deps.limits) from error


def verify(raw: bytes, header: str, secrets: Iterable[str], now: int, tolerance_s: int) -> None:
    """Check that one of ``secrets`` signed the event within ``tolerance_s`` of ``now``.

    Raises Refused (400) when none did.
    """
    if not any(_signed(raw, header, secret) for secret in secrets):
        message = (
            "The signature does not verify. Check that the webhook secret of the workspace is the signing "
            "secret of this very endpoint, and that nothing on the way alters the body."
        )
        raise Refused(400, "bad_signature", message)
    late_s = now // 1_000 - _signed_at_s(header)
    if abs(late_s) > tolerance_s:
        side = f"{late_s} s old" if late_s > 0 else f"{-late_s} s in the future"
        message = f"The signature is {side}; at most {tolerance_s} s are allowed. Check this server's clock."
        raise Refused(400, "stale_signature", message)


def _signed(raw: bytes, header: str, secret: str) -> bool:
    try:
        # Without a tolerance: it would read the clock, and take any time in the future.
        stripe.WebhookSignature.verify_header(raw, header, secret, tolerance=None)
    except (stripe.SignatureVerificationError, ValueError, TypeError):  # bytes that are no text
        return False
    return True


def _signed_at_s(header: str) -> int:
    # The same reading as the library's, which has verified the header by now.
    return next(int(value[1]) for item in header.split(",") if (value := item.split("=", 2))[0] == "t")


def _parse(raw: bytes) -> Mapping[str, Any]:
    try:
        event = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the event is not JSON: {error}") from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise Malformed("the event should be an object with a type")
    return event
