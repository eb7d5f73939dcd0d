"""The Stripe webhook: ``POST /webhooks/stripe/{workspace}`` verifies an event and saves its facts.

A platform has one endpoint for all accounts that are connected to it. What its secret signed goes to the
workspaces that are connected to the event's account; of an account that none is connected to it is
acknowledged, and counted (ops/decisions/0017).
"""

from collections.abc import Collection, Iterable
from typing import Any

import orjson
from aiohttp import web

from collectors.deps import EdgeDeps
from collectors.publisher import FactPublisher
from collectors.recent import DROPPED, REFUSED, TAKEN, Outcome
from collectors.responses import unavailable
from collectors.stripe.dead_letters import StripeLetters
from collectors.stripe.signature import Signature
from collectors.stripe.thin import ThinEvents, in_mode
from trackrev_stream.contracts.choices import Arrival
from trackrev_stream.contracts.codec import Json, Malformed
from trackrev_stream.contracts.drop_reasons import IgnoreReason
from trackrev_stream.contracts.ports import StripeConnection, Unavailable, Workspace
from trackrev_stream.contracts.stripe.accounts import StripeFact
from trackrev_stream.contracts.stripe.events import account_of, facts_of, has_effect
from trackrev_stream.contracts.stripe.thin import account_of_thin, is_thin
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT, OWN_ACCOUNT, is_plain
from trackrev_stream.http_json import HttpError, json_response, read_at_most
from trackrev_stream.metrics import WEBHOOKS_ACCEPTED, WEBHOOKS_IGNORED

VIA = "webhook"


class StripeWebhook:
    """Takes events from Stripe."""

    def __init__(self, deps: EdgeDeps, facts: FactPublisher, letters: StripeLetters) -> None:
        self._deps = deps
        self._facts = facts
        self._letters = letters
        self._thin = ThinEvents(deps)

    async def take(self, request: web.Request) -> web.Response:
        """Answer an event: 200 once its facts are durable, or where it has no effect. Raises HttpError."""
        received_at = self._deps.clock()
        name = request.match_info["workspace"]
        try:
            event_type, ignored = await self._take(request, name, received_at)
        except HttpError as error:
            of = "" if error.code == "unknown_workspace" else name
            self._deps.recent.webhook(of, Outcome(received_at, "", "", REFUSED, error.code))
            raise
        outcome = Outcome(received_at, event_type[:100], "", DROPPED if ignored else TAKEN, ignored or "")
        self._deps.recent.webhook(name, outcome)
        if ignored is not None:
            WEBHOOKS_IGNORED.labels(ignored.value).inc()
            return json_response({"received": True, "ignored": ignored.value})
        return json_response({"received": True})

    async def _take(
        self, request: web.Request, name: str, received_at: int
    ) -> tuple[str, IgnoreReason | None]:
        """The type of a verified event, and why it has no effect, if it has none. Raises HttpError."""
        workspace, connections = await self._connected(name)
        raw = await read_at_most(request, self._deps.limits.webhook_bytes)
        signature = request.headers.get("Stripe-Signature", "")
        signers = verify_event(
            raw, signature, connections, received_at, self._deps.limits.signature_tolerance_s
        )
        event: Any = None
        try:
            event = _parse(raw)
            if is_thin(event):
                told = await self._told(account_of_thin(event), signers, connections)
                return event["type"], await self._thin.note(event, told, received_at)
            told = await self._told(account_of(event), signers, connections)
            return event["type"], await self._apply(event, told, received_at)
        except Malformed as error:
            await self._bury(workspace, event, error, received_at)
            return "", IgnoreReason.MALFORMED

    async def _connected(self, workspace_id: str) -> tuple[Workspace, tuple[StripeConnection, ...]]:
        known = is_plain(workspace_id, 64)
        workspace = await self._deps.directory.workspace(workspace_id) if known else None
        if workspace is None:
            message = "There is no such workspace. Copy the URL of the endpoint from the workspace again."
            raise HttpError(404, "unknown_workspace", message)
        connections = await self._deps.directory.stripe_connections(workspace.id)
        if not any(secret for connection in connections for secret in connection.webhook_secrets):
            message = (
                f"Workspace {workspace.id} has no Stripe webhook secret. Copy the endpoint's signing secret "
                f"(whsec_...) and give it to: trackrev stripe connect {workspace.id} --webhook-secret -"
            )
            raise HttpError(404, "no_webhook_secret", message)
        return workspace, connections

    async def _told(
        self, account: str, signers: Iterable[StripeConnection], connections: Iterable[StripeConnection]
    ) -> list[StripeConnection]:
        """The connections that an event of an account is for: all of it, where a platform's endpoint is told.

        Otherwise those of the workspace alone.
        """
        if account != OWN_ACCOUNT and any(one.account == EVERY_ACCOUNT for one in signers):
            return list(await self._deps.directory.connected_to(account))
        return [one for one in connections if one.account == account]

    async def _apply(
        self, event: Json, told: Collection[StripeConnection], received_at: int
    ) -> IgnoreReason | None:
        """Publish what an event tells; return why it has no effect, or None. Raises Malformed, HttpError."""
        if not has_effect(event["type"]):
            return IgnoreReason.EVENT_TYPE
        of_mode, ignored = in_mode(event, told)
        if ignored is not None:
            return ignored
        found: list[StripeFact] = []
        for connection in of_mode:
            workspace = await self._deps.directory.workspace(connection.workspace)
            if workspace is None:  # deleted a moment ago
                continue
            found += facts_of(event, workspace, received_at, VIA)
        if not found:
            return IgnoreReason.NO_EFFECT
        try:
            await self._facts.put(found)
        except Unavailable as error:
            raise unavailable(error, self._deps.limits) from error
        for connection in of_mode:
            WEBHOOKS_ACCEPTED.labels(connection.workspace, event["type"]).inc()
            self._deps.seen(connection.workspace, Arrival.WEBHOOK)
        return None

    async def _bury(
        self, workspace: Workspace, event: object, malformed: Malformed, received_at: int
    ) -> None:
        try:
            await self._letters.keep(workspace.id, event, malformed, received_at)
        except Unavailable as error:
            raise unavailable(error, self._deps.limits) from error


def verify_event(
    raw: bytes, header: str, connections: Iterable[StripeConnection], now: int, tolerance_s: int
) -> list[StripeConnection]:
    """The connections with the secret that signed an event within ``tolerance_s`` of ``now``.

    Raises HttpError (400) when none did.
    """
    found = list(connections)
    secrets = dict.fromkeys(secret for one in found for secret in one.webhook_secrets)
    signature = Signature.read(header)
    signed_with = signature and next((secret for secret in secrets if signature.is_by(secret, raw)), None)
    if signature is None or signed_with is None:
        message = (
            "The signature does not verify. Check that the webhook secret of the workspace is the signing "
            "secret of this very endpoint, and that nothing on the way alters the body."
        )
        raise HttpError(400, "bad_signature", message)
    late_s = now // 1_000 - signature.at_s
    if abs(late_s) > tolerance_s:
        side = f"{late_s} s old" if late_s > 0 else f"{-late_s} s in the future"
        message = f"The signature is {side}; at most {tolerance_s} s are allowed. Check this server's clock."
        raise HttpError(400, "stale_signature", message)
    return [one for one in found if signed_with in one.webhook_secrets]


def _parse(raw: bytes) -> Json:
    try:
        event = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the event is not JSON: {error}") from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise Malformed("the event should be an object with a type")
    return event
