"""`trackrev stripe webhook-setup`: the way to a webhook endpoint, by the dashboard or by Stripe's API."""

import argparse
import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

from collectors.stripe.client import CannotRead, NotPermitted
from collectors.stripe.webhook_endpoints import MadeEndpoint, find_endpoint, make_endpoint
from trackrev_stream.cli.context import origin, secret_of
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.cli.stripe_connection import Choices, connect, kept_connection
from trackrev_stream.cli.stripe_merge import Given, check_key, livemode_of
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.contracts.stripe.events import event_types
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT, OWN_ACCOUNT
from trackrev_stream.settings import Settings
from trackrev_stream.store.workspaces.stripe_connections import MOST_SECRETS

EVENTS = [each for each in event_types() if each != "invoice_payment.paid"]
"""What an endpoint of the poller's version tells: its invoices name their charge, with no event for that."""


def stripe_webhook_setup(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`stripe webhook-setup`: the steps, or with --create the endpoint itself."""
    kept = kept_connection(settings, args.workspace, OWN_ACCOUNT)  # also: whether there is such a workspace
    url = f"{(args.url or origin(settings)).rstrip('/')}/webhooks/stripe/{args.workspace}"
    if args.create:
        return _create(args, settings, kept, url)
    steps = _steps(args.workspace, url, platform=args.platform)
    warnings = [] if args.url or _is_public(url) else [_not_public(url)]
    data = {"workspace": args.workspace, "webhook_url": url, "events": event_types(), "created": False}
    return CommandResult(steps, data, warnings)


def _create(
    args: argparse.Namespace, settings: Settings, kept: StripeConnection | None, url: str
) -> CommandResult:
    if not args.url and not _is_public(url):
        raise CommandError(_not_public(url))
    account = EVERY_ACCOUNT if args.platform else OWN_ACCOUNT
    told = kept_connection(settings, args.workspace, account) if args.platform else kept
    if told is not None and len(told.webhook_secrets) >= MOST_SECRETS:
        raise CommandError(
            f"{MOST_SECRETS} webhook secrets are kept already, as while one is rolled: keep the one in use "
            f"alone (trackrev stripe connect {args.workspace} --webhook-secret whsec_... --replace)"
        )
    asking = _with_key(args, kept)
    made = _made(args, asking, url)
    given = Given(webhook_secrets=(made.secret,), livemode=asking.livemode if told is None else None)
    found = connect(settings, args.workspace, account, given, Choices())
    return CommandResult(
        f"Stripe has a new endpoint, {made.id}: it tells {url} of {len(EVENTS)} kinds of events.\n"
        "Its signing secret is kept, sealed. Charges come within seconds from now on.",
        {
            "workspace": args.workspace,
            "webhook_url": url,
            "events": EVENTS,
            "created": True,
            "endpoint": made.id,
        },
        found.warnings,
    )


def _with_key(args: argparse.Namespace, kept: StripeConnection | None) -> StripeConnection:
    """What asks Stripe: the key that was given for this once, else the one that is kept."""
    base = kept if kept is not None else StripeConnection(args.workspace, OWN_ACCOUNT, True, ())
    if args.key:
        key = secret_of(args.key, "")
        check_key(key, may_write=True)
        if kept is not None and livemode_of(key) != kept.livemode:
            raise CommandError(
                "this key is of the other mode than the connection: its events would not count"
            )
        return replace(base, api_key=key, livemode=livemode_of(key))
    if not base.api_key:
        raise CommandError(
            f"workspace {args.workspace} has no key that could make an endpoint: connect one first "
            f"(trackrev stripe connect {args.workspace}), give one for this once with --key, or leave "
            "--create out"
        )
    return base


def _made(args: argparse.Namespace, asking: StripeConnection, url: str) -> MadeEndpoint:
    """The endpoint, made. Raises CommandError, with the other way, where that cannot be."""

    async def ask() -> MadeEndpoint:
        if found := await find_endpoint(asking, url):
            raise CommandError(
                f"Stripe has an endpoint for this address already, {found}. Its signing secret is in its "
                f"dashboard: trackrev stripe connect {args.workspace} --webhook-secret whsec_..."
            )
        return await make_endpoint(asking, url, EVENTS, connect=args.platform)

    try:
        return asyncio.run(ask())
    except NotPermitted as error:
        raise CommandError(
            f"the key may not make webhook endpoints ({error.permission}). Let it write them for a moment, "
            "give another one for this once with --key, or do it by hand:\n\n"
            f"{_steps(args.workspace, url, platform=args.platform)}"
        ) from error
    except CannotRead as error:
        raise CommandError(f"no endpoint was made: {error}") from error


def _steps(workspace: str, url: str, *, platform: bool) -> str:
    scope = "Connected accounts" if platform else "Your account"
    line = (
        f"trackrev stripe connect {workspace} {'--platform ' if platform else ''}--webhook-secret whsec_..."
    )
    return (
        "In Stripe's dashboard:\n"
        "  1. Developers, Webhooks, Add destination (or Add endpoint).\n"
        f"  2. Events from: {scope}. Payload style: snapshot, not thin.\n"
        "  3. Choose these events:\n"
        + "\n".join(f"       {each}" for each in event_types())
        + f"\n  4. Endpoint URL: {url}\n"
        "  5. Create it, and copy its signing secret (whsec_...).\n"
        "Then paste this line, with the secret; the key that is kept stays:\n\n"
        f"  {line}"
    )


def _is_public(url: str) -> bool:
    """Whether Stripe could reach it, as far as the address tells."""
    host = urlsplit(url).hostname or ""
    return not (
        host == "localhost" or host.startswith("127.") or host == "::1" or host.endswith(".localhost")
    )


def _not_public(url: str) -> str:
    return (
        f"{url} is an address of this machine, which Stripe cannot reach: set TRACKREV_PUBLIC_URL to the one "
        "outside, or give it with --url"
    )
