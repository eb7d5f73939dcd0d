"""The commands about Stripe: connect an account, poll it now, see how it stands."""

import argparse
import asyncio
import csv
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from collectors.stripe_permissions import Probe, probe
from trackrev_stream.clock import now_ms
from trackrev_stream.commands import CommandError, Outcome, opened, origin, secret_of
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.contracts.stripe_events import event_types
from trackrev_stream.domain.ids import OWN_ACCOUNT
from trackrev_stream.settings import Settings
from trackrev_stream.store import connections, polling
from trackrev_stream.store.engine import Store
from trackrev_stream.store.secrets import Sealer

LOOK_S = 0.25
NOBODY_POLLS_S = 15
BUDGET = 10_000  # reads a month that Stripe allots at least: https://docs.stripe.com/rate-limits


def connect(given: argparse.Namespace, settings: Settings) -> Outcome:
    """`stripe connect`: keeps the secrets sealed, and says what the key may read."""
    if given.csv:
        return _connect_many(given, settings)
    if not given.workspace:
        raise CommandError("which workspace? `trackrev workspace list` names them; many at once: --csv FILE")
    key = secret_of(given.key, "Restricted key (rk_..., empty for webhooks alone): ")
    hooks = [secret_of(each, "") for each in given.webhook_secret or []]
    if given.webhook_secret is None:
        hooks = [secret_of(None, "Webhook signing secret (whsec_..., empty for none): ")]
    wanted = StripeConnection(
        workspace=given.workspace,
        account=given.account or OWN_ACCOUNT,
        livemode="_test_" not in key and not given.test_mode,
        webhook_secrets=tuple(filter(None, hooks)),
        api_key=key,
        api_base=given.api_base,
    )
    found = _connect(wanted, settings, may_write=given.allow_secret_key)
    hook = f"{origin(settings)}/webhooks/stripe/{wanted.workspace}"
    text = "\n".join(f"  {name:20} {state}" for name, state in found.permissions.items())
    return Outcome(
        f"Workspace {wanted.workspace} is connected to Stripe.\n{text}\n  webhook              {hook}\n"
        "Its events: trackrev stripe webhook-events",
        {"workspace": wanted.workspace, "permissions": found.permissions, "webhook_url": hook},
        list(found.warnings),
    )


def _connect(wanted: StripeConnection, settings: Settings, *, may_write: bool) -> Probe:
    if not wanted.api_key and not wanted.webhook_secrets:
        raise CommandError("neither a key nor a webhook secret was given: there is nothing to connect with")
    if wanted.api_key.startswith("sk_") and not may_write:
        raise CommandError(
            "this is a secret key (sk_...), which may also charge, refund and pay out. Make a restricted one "
            "that only reads (Stripe's dashboard, Developers, API keys), or insist with --allow-secret-key"
        )
    with opened(settings) as (store, sealer):
        store.write_now(lambda connection: connections.put_connection(connection, sealer, wanted, now_ms()))
    if not wanted.api_key:
        return Probe({}, ("no key was given: webhooks alone bring charges",))
    return asyncio.run(probe(wanted))


def _connect_many(given: argparse.Namespace, settings: Settings) -> Outcome:
    """A platform's workspaces from a file: workspace, account, key and webhook secret in named columns."""
    rows = list(_rows(Path(given.csv)))
    warnings, answers = [], []
    for number, row in enumerate(rows, start=2):  # below the names of the columns
        key = row.get("key") or secret_of(given.key, "")
        wanted = StripeConnection(
            workspace=row.get("workspace", ""),
            account=row.get("account") or OWN_ACCOUNT,
            livemode="_test_" not in key and not given.test_mode,
            webhook_secrets=tuple(filter(None, [row.get("webhook_secret"), *(given.webhook_secret or [])])),
            api_key=key,
            api_base=given.api_base,
        )
        try:
            found = _connect(wanted, settings, may_write=given.allow_secret_key)
        except Exception as error:
            raise CommandError(
                f"{given.csv}, line {number}: {error} (the lines before it are connected)"
            ) from error
        answers.append(
            {"workspace": wanted.workspace, "account": wanted.account, "permissions": found.permissions}
        )
        warnings += [f"{wanted.workspace}: {warning}" for warning in found.warnings]
    return Outcome(f"{len(rows)} workspaces are connected to Stripe.", {"connected": answers}, warnings)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if "workspace" not in (rows.fieldnames or ()):
                raise CommandError(
                    f"{path} should begin with the names of its columns: workspace, account, key, "
                    "webhook_secret"
                )
            for row in rows:
                yield {name: (value or "").strip() for name, value in row.items() if isinstance(value, str)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"cannot read {path}: {error}") from error


def webhook_events(_given: argparse.Namespace, _settings: Settings) -> Outcome:
    """`stripe webhook-events`: what to subscribe an endpoint to."""
    types = event_types()
    return Outcome("\n".join(types), {"events": types})


def sync(given: argparse.Namespace, settings: Settings) -> Outcome:
    """`stripe sync`: has the running poller begin a round now, and waits until it has ended."""
    with opened(settings) as (store, sealer):
        chosen = chosen_connections(given, store, sealer)
        asked = {one.account: store.write_now(partial(polling.ask, connection=one)) for one in chosen}
        if given.no_wait:
            return Outcome("Asked for: the poller begins within seconds.", {"asked": sorted(asked)})
        results = {one.account: _wait(store, one, asked[one.account]) for one in chosen}
    failed = [
        f"{account}: {done.report.result}" for account, done in results.items() if done.report.result != "ok"
    ]
    if failed:
        raise CommandError("; ".join(failed))
    facts = sum(done.report.facts for done in results.values())
    text = f"Read from Stripe: {facts:,} facts. The book takes them in now."
    return Outcome(
        text, {"accounts": {name: _shown(done) for name, done in results.items()}}, _missing(results)
    )


def status(given: argparse.Namespace, settings: Settings) -> Outcome:
    """`stripe status`: when each account was read, how that went, and how many reads it took."""
    with opened(settings) as (store, sealer):
        chosen = chosen_connections(given, store, sealer)
        found = {
            one.account: store.read_now(partial(polling.find_progress, connection=one, now=now_ms()))
            for one in chosen
        }
    lines = [_line(account, progress) for account, progress in found.items()]
    data = {account: _shown(progress) if progress else None for account, progress in found.items()}
    return Outcome("\n".join(lines), {"workspace": given.workspace, "accounts": data})


def chosen_connections(given: argparse.Namespace, store: Store, sealer: Sealer) -> list[StripeConnection]:
    """The connections with a key that a command is about. Raises CommandError where there is none."""
    known = store.read_now(lambda sql: connections.find_connections(sql, sealer, given.workspace))
    chosen = [one for one in known if one.api_key and given.account in (None, one.account)]
    if not chosen:
        which = f"account {given.account}" if given.account else "key"
        raise CommandError(
            f"workspace {given.workspace!r} is connected to Stripe with no {which}: "
            f"trackrev stripe connect {given.workspace}"
        )
    return chosen


def _wait(store: Store, connection: StripeConnection, number: int) -> polling.Progress:
    """Wait for the round that answers a request, and show how far it is where a person looks on."""
    gave_up = time.monotonic() + NOBODY_POLLS_S
    shown = sys.stderr.isatty()
    while True:
        progress = store.read_now(lambda sql: polling.find_progress(sql, connection, now_ms()))
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
        time.sleep(LOOK_S)


def _show(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _bar(progress: polling.Progress) -> str:
    done = progress.report.done_permille
    return f"[{'#' * (done // 25):40}] {done / 10:5.1f} %  {progress.report.facts:,} facts"


def _line(account: str, progress: polling.Progress | None) -> str:
    if progress is None:
        return f"{account}: never read"
    report = progress.report
    if progress.running:
        return f"{account}: being read, {_bar(progress)}"
    missing = f"; the key lacks {', '.join(report.missing)}" if report.missing else ""
    return (
        f"{account}: {report.result}, begun {_time(report.started_at)}, {report.facts:,} facts; "
        f"next {_time(progress.due_at)}; {progress.reads:,} reads in 30 days, of {BUDGET:,} or more that "
        f"Stripe allots{missing}"
    )


def _shown(progress: polling.Progress) -> dict[str, object]:
    report = progress.report
    return {
        "result": report.result,
        "running": progress.running,
        "started_at": _time(report.started_at),
        "next_at": _time(progress.due_at),
        "facts": report.facts,
        "done_permille": report.done_permille,
        "missing": list(report.missing),
        "reads_30_days": progress.reads,
    }


def _missing(results: dict[str, polling.Progress]) -> list[str]:
    return [
        f"{account}: the key lacks {', '.join(done.report.missing)}"
        for account, done in results.items()
        if done.report.missing
    ]


def _time(at: int) -> str:
    return datetime.fromtimestamp(at // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
