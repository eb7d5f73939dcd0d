"""Workspaces: a site with its keys, links and channel rules."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from trackrev_stream.api.script_tag import script_tag
from trackrev_stream.cli.context import known_workspace, opened, origin
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.domain.acquisition.channel_overrides import ChannelOverrides
from trackrev_stream.settings import Settings
from trackrev_stream.store.workspaces import channel_rules as rules_of
from trackrev_stream.store.workspaces import workspaces
from trackrev_stream.store.workspaces.require import require_workspace


def workspace_create(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`workspace create`."""
    with opened(settings) as (store, sealer):
        new = store.write_now(
            lambda connection: workspaces.create_workspace(
                connection,
                sealer,
                domain=args.domain,
                now=now_ms(),
                workspace=args.workspace,
                cookie_domain=args.cookie_domain,
                time_zone=args.time_zone,
            )
        )
    tag = script_tag(origin(settings), new.workspace)
    text = (
        f"Workspace {new.workspace.id} for {new.workspace.domain}.\n"
        f"API key, shown this once: {new.api_key}\n\nPut this on every page of the site:\n\n{tag}"
    )
    return CommandResult(text, {"workspace": new.workspace.id, "api_key": new.api_key, "script_tag": tag})


def workspace_list(_args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`workspace list`."""
    with opened(settings) as (store, sealer):
        found = store.read_now(lambda connection: workspaces.list_workspaces(connection, sealer))
    rows = [(each.id, each.domain, each.time_zone + ", archived" * each.archived) for each in found]
    text = "\n".join(f"{name:24} {domain:32} {more}" for name, domain, more in rows)
    data = [{"workspace": each.id, "domain": each.domain, "time_zone": each.time_zone} for each in found]
    return CommandResult(
        text or "No workspace yet: trackrev workspace create WS --domain D", {"workspaces": data}
    )


def workspace_identify_secret(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`workspace identify-secret`: the site's backend signs identities with it."""
    with opened(settings) as (store, sealer):
        found = known_workspace(store, sealer, args.workspace)
    secret = found.identify_secret.decode()
    return CommandResult(secret, {"workspace": found.id, "identify_secret": secret})


def workspace_channels(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`workspace channels`: shows the rules by which a workspace names channels itself, or takes new ones."""
    raw = _json(args.file) if args.file else None

    def put_or_find(connection: Connection) -> ChannelOverrides:
        require_workspace(connection, args.workspace)
        if args.file:
            return rules_of.put_rules(connection, args.workspace, raw, now_ms())
        return rules_of.find_overrides(connection, args.workspace)

    with opened(settings) as (store, _):
        found = store.write_now(put_or_find)
    rules = [rules_of.rule_as_written(rule) for rule in found.rules]
    lines = [json.dumps(rule, ensure_ascii=False) for rule in rules] or [
        "No rules: channels are as Google has them."
    ]
    text = f"Channel rules of {args.workspace}, version {found.version}; the first that matches wins.\n"
    return CommandResult(
        text + "\n".join(lines), {"workspace": args.workspace, "version": found.version, "rules": rules}
    )


def _json(file: str) -> Any:
    try:
        return json.loads(sys.stdin.read() if file == "-" else Path(file).read_text("utf-8"))
    except ValueError as error:
        raise CommandError(f"{file}: this is not JSON: {error}") from error
