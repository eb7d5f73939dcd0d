"""`trackrev inspect email`: whom an email address joins."""

import argparse
import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from trackrev_stream.agents.gather import bounded
from trackrev_stream.api import shapes
from trackrev_stream.cli.context import address_of, chosen_workspaces, opened
from trackrev_stream.cli.log_access import way_in
from trackrev_stream.cli.result import CommandResult
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.contracts.records import Interest
from trackrev_stream.contracts.times import rfc3339, utc_minute
from trackrev_stream.contracts.topics import INTERESTS, JOURNEYS, Topic
from trackrev_stream.domain.journeys.journey import Journey
from trackrev_stream.domain.journeys.placeholder_emails import is_placeholder
from trackrev_stream.domain.values.ids import (
    SEPARATOR,
    email_join,
    email_key,
    erased_hash,
    name_of,
    normalise_email,
    partition_of,
    scope_of,
)
from trackrev_stream.eventlog.port import Broker
from trackrev_stream.explain.wording import disputed, joined_by, of_payer, trusted, why, worth
from trackrev_stream.program import admin_client
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.reports.payers import Paid, charges_of
from trackrev_stream.store.workspaces.erased_names import erased_at

MOST_CHARGES = 50
MOST_PLACES = 5
_NONE = "  none so far"

Way = admin_client.Client | Broker


def inspect_email(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`inspect email`: looked up by the address's keyed hash; the address itself goes nowhere."""
    address = address_of(args.address)
    with opened(settings) as (store, sealer):
        found = joined(settings, store, sealer, args.workspace, address)
    if not found:
        return CommandResult("No workspace yet: trackrev workspace create WS --domain D", {"workspaces": []})
    return CommandResult(
        "\n\n".join(each.text() for each in found), {"workspaces": [each.json() for each in found]}
    )


def joined(
    settings: Settings, store: Store, sealer: Sealer, workspace: str | None, address: str
) -> "list[Joined]":
    """Whom an address joins, in one workspace or in each. Raises UnknownWorkspace, Unavailable."""
    known = chosen_workspaces(store, sealer, workspace)
    joins = [(each, email_join(each.id, email_key(each.email_secret, address))) for each in known]
    told = asyncio.run(_told(settings, joins))
    return [
        _joined(store, each, address, journeys, payers)
        for (each, _), (journeys, payers) in zip(joins, told, strict=True)
    ]


async def _told(
    settings: Settings, joins: Sequence[tuple[Workspace, str]]
) -> list[tuple[list[Journey], list[str]]]:
    """What the log holds under each join key: journeys, and the payers that Stripe names it for."""

    async def under(way: Way, topic: Topic, join: str) -> list[bytes]:
        return await way.newest(topic.name, partition_of(join, settings.partitions), join + SEPARATOR)

    async with AsyncExitStack() as stack:
        way = await stack.enter_async_context(way_in(settings, admin_client.NEWEST)) if joins else None
        found = []
        for _, join in joins:
            assert way is not None
            journeys = [decode(Journey, raw) for raw in await under(way, JOURNEYS, join)]
            interests = [decode(Interest, raw) for raw in await under(way, INTERESTS, join)]
            standing = [journey for journey in journeys if journey.identities]
            found.append((standing, sorted(interest.payer for interest in interests)))
    return found


def _joined(
    store: Store, workspace: Workspace, address: str, journeys: list[Journey], payers: list[str]
) -> "Joined":
    """What the log told, with the charges from the ledger."""
    key = email_key(workspace.email_secret, address)
    number = erased_hash(workspace.email_secret, key)
    gone = store.read_now(partial(erased_at, workspace=workspace.id, number=number))
    counts, charges = store.read_now(partial(charges_of, payers=payers, most=MOST_CHARGES))
    nobody = ""
    if gone is not None:
        nobody = f"whoever had it was erased on {utc_minute(gone)}, and nobody is known by it any more."
    elif is_placeholder(normalise_email(address), workspace.site):
        nobody = "it is an address of nobody in particular, and joins nobody."
    return Joined(
        workspace=workspace.id,
        join=email_join(workspace.id, key),
        journeys=sorted(journeys, key=lambda one: (min(each.rank for each in one.identities), one.visitor)),
        counting=frozenset(bounded({journey.visitor: journey for journey in journeys})),
        payers=payers,
        counts=counts,
        charges=charges,
        nobody=nobody,
    )


@dataclass(frozen=True, slots=True)
class Joined:
    """Whom an address joins in one workspace. ``nobody`` says why it can be none, if it can."""

    workspace: str
    join: str
    journeys: list[Journey]
    counting: frozenset[str]
    payers: list[str]
    counts: Counter[str]
    charges: list[Paid]
    nobody: str

    @property
    def is_known(self) -> bool:
        """Whether anybody is known by the address."""
        return bool(self.journeys or self.payers)

    def text(self) -> str:
        """For people; times in UTC."""
        if not self.is_known:
            told = (
                self.nobody or "nobody has identified with this address, and no payment or customer has it."
            )
            return f"{self.workspace}: {told}"
        paid = sum(self.counts.values())
        found = (f"{len(self.journeys)} visitor(s)", f"{len(self.payers)} payer(s)", f"{paid} charge(s)")
        parts = [f"{self.workspace}: {', '.join(found)}."]
        parts += ["", "Visitors that identified with this address, the most trusted first:"]
        parts += [line for journey in self.journeys for line in self._visitor(journey)] or [_NONE]
        parts += ["", "Payers that Stripe has this address for:"]
        parts += [f"  {of_payer(payer)}: {self.counts[payer]} charge(s)" for payer in self.payers] or [_NONE]
        if self.charges:
            some = f" ({len(self.charges)} of them)" if paid > len(self.charges) else ""
            parts += ["", f"Their charges, newest first{some}:"]
            parts += [line for one in self.charges for line in self._charge(one)]
        return "\n".join(parts)

    def _visitor(self, journey: Journey) -> list[str]:
        lines = [f"  {journey.visitor}"]
        for each in journey.identities:
            identified, heard = utc_minute(each.identified_at), utc_minute(each.known_at)
            lines.append(f"    identified on {identified}, {trusted(each.trust)}; heard on {heard}")
        places = list(dict.fromkeys(touch.channel for touch in reversed(journey.touches)))
        shown = ", ".join(places[:MOST_PLACES]) + (", ..." if len(places) > MOST_PLACES else "")
        lines.append(f"    {len(journey.touches)} touch(es){f', the latest first: {shown}' if shown else ''}")
        if journey.visitor not in self.counting:
            lines.append("    does not count: so many share this address that only the first ones do")
        return lines

    def _charge(self, one: Paid) -> list[str]:
        charge = one.summary
        return [
            f"  {charge.charge} of {utc_minute(charge.created_at)}, {of_payer(one.payer)}: {worth(charge)}",
            f"    {why(one.decision)}",
            f"    {joined_by(one.decision, self.join)}",
            *(f"    {told}" for told in disputed(charge)),
        ]

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "workspace": self.workspace,
            "nobody": self.nobody or None,
            "visitors": [self._visitor_json(journey) for journey in self.journeys],
            "payers": [
                {
                    "payer": name_of(payer),
                    "account": scope_of(payer).account,
                    "livemode": scope_of(payer).livemode,
                    "charges": self.counts[payer],
                }
                for payer in self.payers
            ],
            "charges_count": sum(self.counts.values()),
            "charges": [
                shapes.summary(one.summary)
                | {
                    "payer": name_of(one.payer),
                    "guest": one.guest,
                    "explanation": why(one.decision),
                    "joined": bool(one.decision.identity and one.decision.identity.join == self.join),
                    "joined_by": joined_by(one.decision, self.join),
                    "trust": one.decision.identity and one.decision.identity.trust.value,
                    "inherited_from": one.decision.inherited_from or None,
                }
                for one in self.charges
            ],
        }

    def _visitor_json(self, journey: Journey) -> dict[str, Any]:
        return {
            "visitor": journey.visitor,
            "counts": journey.visitor in self.counting,
            "identities": [
                {
                    "trust": each.trust.value,
                    "identified_at": rfc3339(each.identified_at),
                    "known_at": rfc3339(each.known_at),
                }
                for each in journey.identities
            ],
            "touches": len(journey.touches),
        }
