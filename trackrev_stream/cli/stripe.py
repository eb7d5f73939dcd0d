"""The commands about Stripe: connect an account, poll it now, see how it stands."""

import argparse
import sys
import time
from functools import partial

from sqlalchemy import Connection

from trackrev_stream.cli.context import opened
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.contracts.stripe.events import event_types
from trackrev_stream.contracts.times import rfc3339_second
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import UnknownAccount
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.operations import poller_state
from trackrev_stream.store.workspaces import stripe_connections
from trackrev_stream.store.workspaces.require import require_workspace

LOOK_S = 0.25
NOBODY_POLLS_S = 15
NOT_READ = 2  # what it exits with where Stripe could not be read
INTERRUPTED = 130
BUDGET = 10_000  # reads a month that Stripe allots at least: https://docs.stripe.com/rate-limits


def stripe_webhook_events(_args: argparse.Namespace, _settings: Settings) -> CommandResult:
    """`stripe webhook-events`: what to subscribe an endpoint to."""
    types = event_types()
    return CommandResult("\n".join(types), {"events": types})


def stripe_sync(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`stripe sync`: has the running poller begin a round now, and waits until it has ended."""
    with opened(settings) as (store, sealer):
        chosen = chosen_connections(args, store, sealer)
        asked = {one.account: store.write_now(partial(poller_state.ask, connection=one)) for one in chosen}
        if args.no_wait:
            return CommandResult("Asked for: the poller begins within seconds.", {"asked": sorted(asked)})
        try:
            results = {one.account: _wait(store, one, asked[one.account]) for one in chosen}
        except KeyboardInterrupt:
            raise CommandError(
                f"no longer waiting: the poller goes on. `trackrev stripe status {args.workspace}` says how "
                "far it is",
                INTERRUPTED,
            ) from None
    failed = {account: done for account, done in results.items() if done.report.result != "ok"}
    facts = sum(done.report.facts for done in results.values())
    lines = (
        [f"Read from Stripe: {facts:,} facts. The ledger takes them in now."]
        if len(failed) < len(results)
        else []
    )
    return CommandResult(
        "\n".join([*lines, *(f"{name}: {done.report.result}" for name, done in failed.items())]),
        {"accounts": {name: _shown(done) for name, done in results.items()}},
        _missing(results),
        status=NOT_READ if failed else 0,
    )


def stripe_status(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`stripe status`: when each account was read, how that went, and how many reads it took."""
    with opened(settings) as (store, sealer):
        chosen = chosen_connections(args, store, sealer)
        found = {
            one.account: store.read_now(partial(poller_state.find_progress, connection=one, now=now_ms()))
            for one in chosen
        }
    lines = [_line(account, progress) for account, progress in found.items()]
    data = {account: _shown(progress) if progress else None for account, progress in found.items()}
    return CommandResult("\n".join(lines), {"workspace": args.workspace, "accounts": data})


def chosen_connections(args: argparse.Namespace, store: Store, sealer: Sealer) -> list[StripeConnection]:
    """The connections with a key that a command is about.

    Raises UnknownWorkspace, UnknownAccount, and CommandError where there is no key.
    """

    def find(sql: Connection) -> tuple[StripeConnection, ...]:
        require_workspace(sql, args.workspace)
        return stripe_connections.find_connections(sql, sealer, args.workspace)

    known = [one for one in store.read_now(find) if one.account != EVERY_ACCOUNT]
    if args.account and not any(one.account == args.account for one in known):
        raise UnknownAccount(args.workspace, args.account, [one.account for one in known])
    chosen = [one for one in known if one.api_key and args.account in (None, one.account)]
    if not chosen:
        which = f"account {args.account} of workspace" if args.account else "workspace"
        raise CommandError(
            f"{which} {args.workspace!r} is connected to Stripe with no key, so nothing can be read: "
            f"`trackrev stripe connect {args.workspace}` takes one"
        )
    return chosen


def _wait(store: Store, connection: StripeConnection, number: int) -> poller_state.PollProgress:
    """Wait for the round that answers a request, and show how far it is where a person looks on."""
    gave_up = time.monotonic() + NOBODY_POLLS_S
    shown = sys.stderr.isatty()
    while True:
        progress = store.read_now(lambda sql: poller_state.find_progress(sql, connection, now_ms()))
        if progress is not None and progress.answered >= number:
            if not progress.running:
                _show("\n" if shown else "")
                return progress
            _show(f"\r{_bar(progress)}" if shown else "")
        elif time.monotonic() > gave_up:
            raise CommandError(
                "no poller has taken it up: is `trackrev up` (or `trackrev poll`) running? Once one is, it "
                "begins with this"
            )
        time.sleep(LOOK_S)  # not a guess: the poller, another process, notes how far it is


def _show(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _bar(progress: poller_state.PollProgress) -> str:
    done = progress.report.done_permille
    return f"[{'#' * (done // 25):40}] {done / 10:5.1f} %  {progress.report.facts:,} facts"


def _line(account: str, progress: poller_state.PollProgress | None) -> str:
    if progress is None:
        return f"{account}: never read"
    report = progress.report
    if progress.running:
        return f"{account}: being read, {_bar(progress)}"
    missing = f"; the key lacks {', '.join(report.missing)}" if report.missing else ""
    return (
        f"{account}: {report.result}, begun {rfc3339_second(report.started_at)}, {report.facts:,} facts; "
        f"next {rfc3339_second(progress.due_at)}; {progress.reads:,} reads in 30 days, of {BUDGET:,} or "
        f"more that Stripe allots{missing}"
    )


def _shown(progress: poller_state.PollProgress) -> dict[str, object]:
    report = progress.report
    return {
        "result": report.result,
        "running": progress.running,
        "started_at": rfc3339_second(report.started_at),
        "next_at": rfc3339_second(progress.due_at),
        "facts": report.facts,
        "done_permille": report.done_permille,
        "missing": list(report.missing),
        "reads_30_days": progress.reads,
    }


def _missing(results: dict[str, poller_state.PollProgress]) -> list[str]:
    return [
        f"{account}: the key lacks {', '.join(done.report.missing)}"
        for account, done in results.items()
        if done.report.missing
    ]
