"""`trackrev erase email`: a person goes, with the program up or not; the book stays as it is."""

import argparse
import asyncio
from typing import Any

from trackrev_stream.cli.context import address_of
from trackrev_stream.cli.log_access import way_in
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.erasure.eraser import ERASE, Eraser
from trackrev_stream.eventlog.port import Broker
from trackrev_stream.program.admin_client import Client
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.ledger.ledger_positions import StorePositions
from trackrev_stream.store.workspaces.require import require_workspace
from trackrev_stream.store.workspaces.workspaces import list_workspaces


def erase_email(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`erase email`: whoever has this address, in one workspace or in all."""
    address = address_of(args.address)
    erased = asyncio.run(_erase(settings, args.workspace, address))
    visitors = sum(each["visitors"] for each in erased)
    text = f"Erased from {len(erased)} workspace(s), with {visitors} visitor id(s). The book is as it was."
    return CommandResult(text, {"erased": erased})


async def _erase(settings: Settings, workspace: str | None, address: str) -> list[dict[str, Any]]:
    store = Store.open(settings.store)
    try:
        sealer = open_sealer(settings.data, settings.secret_key)
        if workspace:
            store.read_now(lambda connection: require_workspace(connection, workspace))
        known = [each.id for each in store.read_now(lambda connection: list_workspaces(connection, sealer))]
        wanted = [workspace] if workspace else known
        async with way_in(settings, ERASE) as broker:
            if isinstance(broker, Client):
                return [await _ask(broker, name, address) for name in wanted]
            await _alone(broker)
            eraser = Eraser(broker.erasure_scope(StorePositions(store)), store, sealer, now_ms)
            await eraser.resume()
            return [await eraser.erase(name, address) for name in wanted]
    finally:
        store.close()


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
