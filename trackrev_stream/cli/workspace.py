"""Workspaces: a site with its keys, links and channel rules."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from trackrev_stream.api.script_tag import script_tag
from trackrev_stream.cli.context import opened, origin
from trackrev_stream.cli.result import CommandError, Outcome
from trackrev_stream.clock import now_ms
from trackrev_stream.domain.acquisition.channel_overrides import Overrides
from trackrev_stream.settings import Settings
from trackrev_stream.store.workspaces import channel_rules as rules_of
from trackrev_stream.store.workspaces import workspaces


def create_workspace(given: argparse.Namespace, settings: Settings) -> Outcome:
    """`workspace create`."""
    with opened(settings) as (store, sealer):
        new = store.write_now(
            lambda connection: workspaces.create_workspace(
                connection,
                sealer,
                domain=given.domain,
                now=now_ms(),
                workspace=given.workspace,
                cookie_domain=given.cookie_domain,
                time_zone=given.time_zone,
            )
        )
    tag = script_tag(origin(settings), new.workspace)
    text = (
        f"Workspace {new.workspace.id} for {new.workspace.domain}.\n"
        f"API key, shown this once: {new.api_key}\n\nPut this on every page of the site:\n\n{tag}"
    )
    return Outcome(text, {"workspace": new.workspace.id, "api_key": new.api_key, "script_tag": tag})


def list_workspaces(_given: argparse.Namespace, settings: Settings) -> Outcome:
    """`workspace list`."""
    with opened(settings) as (store, sealer):
        found = store.read_now(lambda connection: workspaces.list_workspaces(connection, sealer))
    text = "\n".join(f"{each.id:24} {each.domain:32} {each.time_zone}" for each in found)
    data = [{"workspace": each.id, "domain": each.domain, "time_zone": each.time_zone} for each in found]
    return Outcome(text or "No workspace yet: trackrev workspace create WS --domain D", {"workspaces": data})


def identify_secret(given: argparse.Namespace, settings: Settings) -> Outcome:
    """`workspace identify-secret`: the site's backend signs identities with it."""
    with opened(settings) as (store, sealer):
        found = store.read_now(lambda c: workspaces.find_workspace(c, sealer, given.workspace))
    if found is None:
        raise CommandError(f"there is no workspace {given.workspace!r}; `trackrev workspace list` names them")
    secret = found.identify_secret.decode()
    return Outcome(secret, {"workspace": found.id, "identify_secret": secret})


def channel_rules(given: argparse.Namespace, settings: Settings) -> Outcome:
    """`workspace channels`: shows the rules by which a workspace names channels itself, or takes new ones."""
    raw = _json(given.file) if given.file else None

    def put_or_find(connection: Connection) -> Overrides:
        workspaces.require_workspace(connection, given.workspace)
        if given.file:
            return rules_of.put_rules(connection, given.workspace, raw, now_ms())
        return rules_of.find_overrides(connection, given.workspace)

    with opened(settings) as (store, _):
        found = store.write_now(put_or_find)
    rules = [rules_of.shown(rule) for rule in found.rules]
    lines = [json.dumps(rule, ensure_ascii=False) for rule in rules] or [
        "No rules: channels are as Google has them."
    ]
    text = f"Channel rules of {given.workspace}, version {found.version}; the first that matches wins.\n"
    return Outcome(
        text + "\n".join(lines), {"workspace": given.workspace, "version": found.version, "rules": rules}
    )


def _json(file: str) -> Any:
    try:
        return json.loads(sys.stdin.read() if file == "-" else Path(file).read_text("utf-8"))
    except ValueError as error:
        raise CommandError(f"{file}: this is not JSON: {error}") from error
