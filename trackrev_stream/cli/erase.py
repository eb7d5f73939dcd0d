"""`trackrev erase email`: a person goes, with the program up or not; the ledger stays as it is."""

import argparse
import asyncio
from collections.abc import Sequence
from typing import Any

from trackrev_stream.cli.consent import require_consent
from trackrev_stream.cli.context import address_of, chosen_workspaces, opened
from trackrev_stream.cli.inspect_email import Joined, joined
from trackrev_stream.cli.log_access import way_in
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.erasure.eraser import ERASE, Eraser
from trackrev_stream.eventlog.port import Broker
from trackrev_stream.program.admin_client import Client
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.ledger.applied_positions import StorePositions


def erase_email(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`erase email`: whoever has this address, in one workspace or in all; asks first, unless told --yes."""
    address = address_of(args.address)
    with opened(settings) as (store, sealer):
        wanted = [each.id for each in chosen_workspaces(store, sealer, args.workspace)]
        if not wanted:
            raise CommandError("there is no workspace yet, so nobody is known by any address")
        known = joined(settings, store, sealer, args.workspace, address)
        plan = "\n".join(_plan(each) for each in known)
        require_consent(f"This goes, and there is no way back:\n{plan}\n", "--yes", given=args.yes)
        erased = asyncio.run(_erase(settings, store, sealer, wanted, address))
    visitors = sum(each["visitors"] for each in erased)
    text = f"Erased from {len(erased)} workspace(s), with {visitors} visitor id(s). The ledger is as it was."
    nobody = not visitors and not any(each.is_known for each in known)
    if nobody:
        text = "Nobody was known by this address. From now on nobody will be. The ledger is as it was."
    return CommandResult(text, {"erased": erased, "known": not nobody})


def _plan(one: Joined) -> str:
    """What an erasure takes from a workspace, and what stays."""
    if not one.is_known:
        why = one.nobody or "nobody is known by this address."
        return f"  {one.workspace}: {why} Erasing it keeps it out from now on."
    charges = sum(one.counts.values())
    return (
        f"  {one.workspace}: {len(one.journeys)} visitor(s) with all their visits, and the address of "
        f"{len(one.payers)} payer(s). Their {charges} charge(s) stay in the ledger, with the credit they "
        "have."
    )


async def _erase(
    settings: Settings, store: Store, sealer: Sealer, wanted: Sequence[str], address: str
) -> list[dict[str, Any]]:
    async with way_in(settings, ERASE) as broker:
        if isinstance(broker, Client):
            return [await _ask(broker, name, address) for name in wanted]
        await _alone(broker)
        eraser = Eraser(broker.erasure_scope(StorePositions(store)), store, sealer, now_ms)
        await eraser.resume()
        return [await eraser.erase(name, address) for name in wanted]


async def _alone(broker: Broker) -> None:
    """Raises CommandError where agents are at work, or have not yet done all that they should have."""
    if number := await broker.workers():
        raise CommandError(
            f"{number} worker(s) are at work: stop all of them, and start them again when this is done. "
            "Collectors, the poller and the API may stay up; charges wait meanwhile"
        )
    if any(broker.lag(topic.name) for topic in TOPICS):
        raise CommandError(
            "the log holds what the agents have not read yet: start `trackrev up`, and erase while it runs"
        )


async def _ask(client: Client, workspace: str, address: str) -> dict[str, Any]:
    """Ask until it is done: it may take longer than an answer may."""
    while True:
        answer = await client.ask(ERASE, {"workspace": workspace, "address": address})
        if answer["done"]:
            erased: dict[str, Any] = answer["erased"]
            return erased
