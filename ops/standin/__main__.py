"""`python -m ops.standin`: prints its address as a line of JSON once it listens; SIGTERM ends it."""

import argparse
import asyncio
import json
import signal

from ops.standin.keys import PROMISED_PERMISSIONS
from ops.standin.server import StandIn
from ops.standin.versions import ACACIA, BASIL
from ops.standin.webhooks import Endpoint


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops.standin", description="A loopback stand-in of Stripe."
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--webhook-url", help="where webhooks go; none are sent without it")
    parser.add_argument("--webhook-secret", help="whsec_..., needed with --webhook-url")
    parser.add_argument("--secret-key", default="sk_test_standin", help="the key that may write")
    parser.add_argument(
        "--restricted-key",
        action="append",
        metavar="KEY[=PERMISSION,...]",
        help="a key that may only read; without permissions, the four that the product asks for; repeatable",
    )
    parser.add_argument(
        "--connected", action="append", default=[], metavar="ACCT", help="a connected account; repeatable"
    )
    parser.add_argument(
        "--api-version", default=BASIL, help=f"the shape of webhooks, such as {ACACIA} or {BASIL}"
    )
    parser.add_argument(
        "--duplicate", type=float, default=0.0, help="share of the events that are sent twice"
    )
    parser.add_argument("--drop", type=float, default=0.0, help="share of the events that are never sent")
    parser.add_argument("--reorder", action="store_true", help="shuffle webhooks a little")
    parser.add_argument("--seed", type=int, help="makes ids, duplicates and shuffles repeatable")
    return parser


def _stand_in(arguments: argparse.Namespace) -> StandIn:
    endpoint = None
    if arguments.webhook_url:
        endpoint = Endpoint(
            arguments.webhook_url,
            arguments.webhook_secret or "",
            duplicate=arguments.duplicate,
            reorder=arguments.reorder,
            drop=arguments.drop,
        )
    return StandIn(
        endpoint=endpoint,
        secret_key=arguments.secret_key,
        restricted_keys=_restricted(arguments.restricted_key),
        connected=arguments.connected,
        api_version=arguments.api_version,
        port=arguments.port,
        seed=arguments.seed,
    )


def _restricted(texts: list[str] | None) -> dict[str, frozenset[str]] | None:
    if texts is None:
        return None
    split = (text.partition("=") for text in texts)
    return {key: frozenset(names.split(",")) if names else PROMISED_PERMISSIONS for key, _, names in split}


async def _serve(stand_in: StandIn) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await stand_in.start()
    try:
        keys = {
            "secret_key": stand_in.keyring.secret.text,
            "restricted_keys": [key.text for key in stand_in.keyring.restricted],
        }
        print(json.dumps({"url": stand_in.url, **keys}), flush=True)
        await stopping.wait()
    finally:
        await stand_in.stop()


async def _main() -> None:
    parser = _arguments()
    try:
        stand_in = _stand_in(parser.parse_args())
    except ValueError as error:
        parser.error(str(error))
    try:
        await _serve(stand_in)
    except OSError as error:
        raise SystemExit(f"cannot listen: {error}; choose another --port, or 0 for a free one") from error


if __name__ == "__main__":
    asyncio.run(_main())
