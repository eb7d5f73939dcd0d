"""`trackrev workspace delete`: says exactly what goes and what stays, asks, and deletes."""

import argparse
from functools import partial

from trackrev_stream.cli.consent import require_consent
from trackrev_stream.cli.context import opened
from trackrev_stream.cli.result import CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.topics import PIXEL_HITS, STRIPE_PAYMENTS
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.settings import Settings
from trackrev_stream.store.workspaces import deletion

WORDS = {
    "charges": "charges, with their decisions",
    "entries": "entries of the ledger",
    "lines": "lines that stand",
    "waiting_money": "refunds and disputes that wait for a charge never seen",
    "visits": "visits (one for each visitor, day, channel and link)",
    "links": "tracked links: their addresses lead nowhere then",
    "stripe_connections": "connections to Stripe, with keys and webhook secrets",
    "api_keys": "API keys",
    "attribution_settings": "versions of its settings",
    "channel_rules": "versions of its channel rules",
    "workspace_domains": "further domains",
    "erasures": "notes of whom nobody may know again",
    "reconciliations": "results of reconciliations",
}
# One line for what people do not know by name.
_OF_THE_PROGRAM = ("polls", "poll_cursors", "poll_again", "poll_reads", "last_seen")


def workspace_delete(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`workspace delete`: for good."""
    name = args.workspace
    with opened(settings) as (store, _):
        counts = store.read_now(partial(deletion.count_rows, workspace=name))
        if args.dry_run:
            head = f"Nothing was deleted. `trackrev workspace delete {name}` would take"
            text = f"{head}\n{_goes(counts)}\n{_stays()}"
            return CommandResult(text, {"workspace": name, "deleted": False, "rows": counts})
        what = f"This deletes workspace {name} for good:\n{_goes(counts)}\n{_stays()}"
        require_consent(what, "--yes", given=args.yes, answer=name)
        counts = store.write_now(partial(deletion.delete_workspace, workspace=name, now=now_ms()))
    return CommandResult(
        f"Workspace {name} is deleted:\n{_goes(counts)}\n{_stays()}",
        {"workspace": name, "deleted": True, "rows": counts},
    )


def _goes(counts: dict[str, int]) -> str:
    rows = [(counts[name], text) for name, text in WORDS.items() if name in counts]
    if rest := sum(counts.get(name, 0) for name in _OF_THE_PROGRAM):
        rows.append((rest, "notes of how far Stripe was read, and of what came in last"))
    rows.append((1, "workspace, with its secrets"))
    return "\n".join(f"{count:>12,}  {text}" for count, text in rows)


def _stays() -> str:
    hits, facts = (topic.retention_ms for topic in (PIXEL_HITS, STRIPE_PAYMENTS))
    assert hits is not None
    assert facts is not None
    return (
        f"The log keeps its records until they are old ({hits // DAY_MS} days for hits, {facts // DAY_MS} "
        "for Stripe's facts), and agents keep their rows; emails in them are hashes whose secret goes with "
        "the workspace. Nothing of it is written any more, and its id is used up. Stripe's endpoint "
        "and the tag on the site stay until you take them away."
    )
