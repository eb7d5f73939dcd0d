"""What the commands do: settings and questions over the store, while the program runs or not."""

import argparse
import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from trackrev_stream import address
from trackrev_stream.api.snippet import script_tag
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.domain.overrides import Overrides
from trackrev_stream.outcome import CommandError, Outcome
from trackrev_stream.settings import Settings
from trackrev_stream.store import channel_rules as rules_of
from trackrev_stream.store import links, workspaces
from trackrev_stream.store.engine import Store
from trackrev_stream.store.secrets import Sealer, open_sealer


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Store, Sealer]]:
    """The store, and what opens its secrets, for one command."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = Store.open(settings.store)
    try:
        yield store, open_sealer(settings.data, settings.secret_key)
    finally:
        store.close()


def origin(settings: Settings) -> str:
    """Where browsers reach the program: as the owner says, else where it listens, else where it will."""
    return settings.public_url or address.noted(settings.data) or f"http://{settings.host}:{settings.port}"


def chosen_workspaces(store: Store, sealer: Sealer, only: str | None) -> list[Workspace]:
    """All of them, or the one that was asked for. Raises StoreError."""
    if only:
        store.read_now(partial(workspaces.require_workspace, workspace=only))
    found = store.read_now(partial(workspaces.list_workspaces, sealer=sealer))
    return [each for each in found if only in (None, each.id)]


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


def create_link(given: argparse.Namespace, settings: Settings) -> Outcome:
    """`link create`."""

    def put(connection: Connection) -> Any:
        return links.put_link(
            connection,
            workspace=given.workspace,
            slug=given.slug,
            url=given.to,
            channel=given.channel,
            partner=given.partner,
            now=now_ms(),
        )

    with opened(settings) as (store, _):
        link = store.write_now(put)
    url = f"{origin(settings)}/l/{link.slug}"
    return Outcome(
        f"{url} leads to {link.url} and counts for {link.channel}.", {"slug": link.slug, "url": url}
    )


def list_links(given: argparse.Namespace, settings: Settings) -> Outcome:
    """`link list`."""
    with opened(settings) as (store, _):
        found = store.read_now(lambda connection: links.list_links(connection, given.workspace))
    text = "\n".join(f"/l/{link.slug:24} {link.channel:20} {link.url}" for link in found)
    data = [
        {
            "slug": x.slug,
            "url": f"{origin(settings)}/l/{x.slug}",
            "to": x.url,
            "channel": x.channel,
            "partner": x.partner,
        }
        for x in found
    ]
    return Outcome(text or f"No link yet: trackrev link create {given.workspace} SLUG ...", {"links": data})


def address_of(given: str) -> str:
    """An email address from an argument, or unseen from standard input (-). Raises CommandError."""
    found = secret_of(given, "") if given != "-" or not sys.stdin.isatty() else getpass.getpass("Email: ")
    if "@" not in found:
        raise CommandError(f"{found!r} is no email address")
    return found.strip()


def secret_of(given: str | None, prompt: str) -> str:
    """A secret from an option, from a line of standard input (-), or from a prompt where a person sits."""
    if given == "-":
        return sys.stdin.readline().strip()
    if given is not None:
        return given.strip()
    return getpass.getpass(prompt).strip() if sys.stdin.isatty() else ""
