"""What is there of a workspace, and what may change of it: domains, time zone, cookie; archived or not."""

import argparse
from functools import partial

from sqlalchemy import Connection

from trackrev_stream.api.script_tag import script_tag
from trackrev_stream.cli.context import known_workspace, opened, origin
from trackrev_stream.cli.overview import as_data, in_words
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.operations.overview import look_over
from trackrev_stream.store.workspaces import workspace_changes as changes

TIME_ZONE = (
    "Reports count their days in {new} from now on, the days of the past too: money may move to the day "
    "before or after. No entry of the ledger changes, and clicks and visitors stay on days in UTC."
)


def workspace_show(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`workspace show`: all that there is of it, with its script tag."""
    with opened(settings) as (store, sealer):
        return _shown(store, sealer, args.workspace, settings)


def workspace_rename_domain(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`workspace rename-domain`: the site has moved."""
    with opened(settings) as (store, sealer):
        old = store.write_now(
            partial(
                changes.rename_domain,
                workspace=args.workspace,
                domain=args.domain,
                now=now_ms(),
                drop_old=args.drop_old,
            )
        )
        new = known_workspace(store, sealer, args.workspace)
        stays = f"{old} stays a domain of the site, so that nobody who comes from there counts as referred. "
        gone = f"{old} is no domain of the site any more: who comes from there counts as referred. "
        text = f"{new.id} is at {new.domain} now. {gone if args.drop_old else stays}{_TAG}"
        return _shown(store, sealer, args.workspace, settings, text)


def workspace_set(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`workspace set`: its domains, its time zone, where its cookie is valid."""
    asked = (args.add_domain, args.remove_domain, args.time_zone, args.cookie_domain)
    if asked == ([], [], None, None):
        raise CommandError("nothing says what to set; see trackrev workspace set --help")
    name, now = args.workspace, now_ms()
    with opened(settings) as (store, sealer):
        before = known_workspace(store, sealer, name)

        def change(sql: Connection) -> None:
            for each in args.add_domain:
                changes.add_domain(sql, name, each, now)
            for each in args.remove_domain:
                changes.remove_domain(sql, name, each)
            if args.time_zone is not None:
                changes.set_time_zone(sql, name, args.time_zone)
            if args.cookie_domain is not None:
                changes.set_cookie_domain(sql, name, args.cookie_domain)

        store.write_now(change)
        said = _said(before, known_workspace(store, sealer, name))
        return _shown(store, sealer, name, settings, said)


def workspace_archive(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`workspace archive`: no more hits; what is in the ledger stays, and so do refunds."""
    at = None if args.undo else now_ms()
    with opened(settings) as (store, sealer):
        store.write_now(partial(changes.archive, workspace=args.workspace, at=at))
        text = (
            f"{args.workspace} takes hits again."
            if args.undo
            else f"{args.workspace} takes no more hits: pages get 410, and its links lead on uncounted. "
            "Reports stay, and Stripe's refunds and disputes still come in; to end that too: "
            f"trackrev stripe disconnect {args.workspace}. Back again: "
            f"trackrev workspace archive {args.workspace} --undo"
        )
        return _shown(store, sealer, args.workspace, settings, text)


_TAG = "The tag has changed: put the one below on every page."


def _said(before: Workspace, after: Workspace) -> str:
    said = []
    if before.time_zone != after.time_zone:
        said.append(TIME_ZONE.format(new=after.time_zone))
    if before.domains != after.domains:
        said.append(_TAG)
    return " ".join(said) or "All that was so already."


def _shown(store: Store, sealer: Sealer, workspace: str, settings: Settings, said: str = "") -> CommandResult:
    found = store.read_now(partial(look_over, sealer=sealer, workspace=workspace, now=now_ms()))
    tag = script_tag(origin(settings), found.workspace)
    lines = [*([said, ""] if said else []), f"Workspace {workspace}", *in_words(found)]
    text = "\n".join([*lines, "", "Put this on every page of the site:", "", tag])
    return CommandResult(text, as_data(found) | {"script_tag": tag})
