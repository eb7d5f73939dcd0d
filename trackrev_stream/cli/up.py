"""`trackrev up`, and its parts: starts them in this process, which stays."""

import argparse
import json
import sys

from trackrev_stream.api.script_tag import script_tag
from trackrev_stream.cli import hints
from trackrev_stream.cli.consent import is_a_person_there
from trackrev_stream.cli.context import opened
from trackrev_stream.cli.overview import CAME_IN, came_in, stripe_in_words
from trackrev_stream.cli.result import CommandError
from trackrev_stream.errors import ForPeople
from trackrev_stream.program.first_run import HERE, FirstWorkspace, is_first_start
from trackrev_stream.program.process import run
from trackrev_stream.program.program import Program
from trackrev_stream.program.roles import Role
from trackrev_stream.settings import Settings
from trackrev_stream.store.operations.overview import Overview
from trackrev_stream.store.workspaces.site_names import site_domain


def up(args: argparse.Namespace, settings: Settings) -> None:
    """Start the roles that were asked for, and stay until SIGTERM or Ctrl-C."""
    roles = args.roles
    everything = set(roles) == set(Role)
    domain = site_domain(args.domain) if everything and args.domain else ""
    wanted = _first_workspace(domain, settings) if everything else FirstWorkspace()

    async def started(program: Program) -> None:
        if args.json:
            print(json.dumps(_facts(program), ensure_ascii=False), flush=True)
            return
        if everything:
            text = _greeting(program, domain)
        else:
            place = f" at {program.url}" if program.url else ""
            text = f"trackrev {', '.join(sorted(roles))} is up{place}; stop with Ctrl-C."
        print(hints.as_called(text), flush=True)

    run(Program(settings, roles=roles, wanted=wanted), started)


def _facts(program: Program) -> dict[str, object]:
    """What `up --json` says once it is ready, in one line."""
    settings, url, first = program.settings, program.url or None, program.first
    facts: dict[str, object] = {
        "roles": sorted(program.roles),
        "url": url,
        "data": str(settings.data),
        "admin_url": program.admin_url,
    }
    if first is None:
        return facts
    return facts | {
        "workspace": first.workspace.id,
        "api_key": first.api_key,
        "script_tag": script_tag(settings.public_url or program.url, first.workspace),
        "live_page": f"{url}/#ws={first.workspace.id}&key={first.api_key}",
    }


def _first_workspace(domain: str, settings: Settings) -> FirstWorkspace:
    """What a first start makes; a person at the terminal is asked, and sees its key."""
    shown = sys.stdout.isatty()
    if not domain and shown and is_a_person_there():
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)  # as the start itself would
        with opened(settings) as (store, sealer):
            first = is_first_start(settings.data, store, sealer)
        domain = _asked() if first else ""
    return FirstWorkspace(domain or HERE, with_key=shown)


def _asked() -> str:
    while True:
        print("Which domain is your site at, such as shop.example? (Enter: none yet, just try it here)")
        try:
            answer = sys.stdin.readline().strip()
        except KeyboardInterrupt:
            raise CommandError("nothing was started") from None
        if not answer:
            return ""
        try:
            return site_domain(answer)
        except ForPeople as error:
            print(error)


def _greeting(program: Program, domain: str) -> str:
    """What `up` says once it is ready."""
    settings, first, url = program.settings, program.first, program.url
    found, count = program.there
    key = first.api_key if first is not None and sys.stdout.isatty() else ""
    named = f"#ws={first.workspace.id}&key={key}" if first is not None and key else ""
    lines = ["trackrev is up.", "", f"  Live page   {url}/{named}"]
    if first is not None and key:
        lines.append(f"  API key     {key}")
    lines.append(f"  Data        {settings.data}")
    if key:
        lines.append("The key is shown this once, and kept nowhere that it can be read.")
    origin = settings.public_url or url
    lines += ["", *(_one(found[0], origin, key) if count == 1 else _several(found, count))]
    if domain and count == len(found):
        lines += _missing(found, domain)
    lines.append("Stop with Ctrl-C; it goes on where it left off.")
    return "\n".join(lines)


def _one(found: Overview, origin: str, key: str) -> list[str]:
    """The only workspace, with its tag and what is still to do."""
    workspace = found.workspace
    steps = [] if key or found.keys_in_use else [f"trackrev key create {workspace.id} --name NAME"]
    steps += [] if found.links else [f"trackrev link create {workspace.id} SLUG --to URL --channel NAME"]
    steps += [] if found.connections else [f"trackrev stripe connect {workspace.id}"]
    return [
        f"  Workspace   {workspace.id}",
        *(f"  {line}" for line in _state(found)),
        "",
        "Put this on every page of your site:",
        "",
        script_tag(origin, workspace),
        "",
        *(f"{'Next:' if number == 0 else '     '} {step}" for number, step in enumerate(steps)),
    ]


def _several(found: list[Overview], count: int) -> list[str]:
    """All workspaces, or the first of them."""
    if not found:
        return ["No workspace: trackrev workspace create WS --domain D"]
    lines = [f"{count} workspaces:"]
    for each in found:
        lines += [f"  {each.workspace.id}", *(f"    {line}" for line in _state(each))]
    if count > len(found):
        lines.append(f"  and {count - len(found)} more: trackrev workspace list")
    return [*lines, "The tag of each for its site: trackrev workspace show WS"]


def _state(found: Overview) -> list[str]:
    """Its site, whether Stripe is connected, and what came in last."""
    rows = [("Site", ", ".join(each.domain for each in found.workspace.domains))]
    if found.archived_at is not None:
        rows.append(("Archived", "it takes no hits"))
    rows += [("Stripe", text) for text in stripe_in_words(found)]
    rows += [(name.capitalize(), came_in(found, what)) for what, name in CAME_IN.items()]
    return [f"{name:14}{text}" for name, text in rows]


def _missing(found: list[Overview], domain: str) -> list[str]:
    """That no workspace is for the domain that was asked for: only a first start makes one."""
    known = {each.domain for one in found for each in one.workspace.domains}
    if domain in known:
        return []
    return [f"No workspace is for {domain}: trackrev workspace create WS --domain {domain}"]
