"""`trackrev up`, and its parts: starts them in this process, which stays."""

import argparse
import json

from trackrev_stream.api.script_tag import script_tag
from trackrev_stream.cli import hints
from trackrev_stream.program.first_run import FirstRun
from trackrev_stream.program.process import run
from trackrev_stream.program.program import Program
from trackrev_stream.program.roles import Role
from trackrev_stream.settings import Settings


def up(args: argparse.Namespace, settings: Settings) -> None:
    """Start the roles that were asked for, and stay until SIGTERM or Ctrl-C."""
    roles = args.roles

    async def started(program: Program) -> None:
        if args.json:
            print(json.dumps(_facts(program), ensure_ascii=False), flush=True)
            return
        if set(roles) == set(Role):
            text = _greeting(settings, program.url, program.first)
        else:
            place = f" at {program.url}" if program.url else ""
            text = f"trackrev {', '.join(sorted(roles))} is up{place}; stop with Ctrl-C."
        print(hints.as_called(text), flush=True)

    run(Program(settings, roles=roles), started)


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


def _greeting(settings: Settings, url: str, first: FirstRun | None) -> str:
    """What `up` says once it is ready."""
    if first is None:
        return f"trackrev is up at {url}\nData is in {settings.data}; stop with Ctrl-C."
    workspace, tag = first.workspace.id, script_tag(settings.public_url or url, first.workspace)
    return (
        f"trackrev is up.\n\n"
        f"  Live page   {url}/#ws={workspace}&key={first.api_key}\n"
        f"  Workspace   {workspace}\n"
        f"  API key     {first.api_key}\n"
        f"  Data        {settings.data}\n\n"
        f"Put this on every page of your site:\n\n{tag}\n\n"
        f"Next: trackrev link create {workspace} SLUG --to URL --channel NAME\n"
        f"      trackrev stripe connect {workspace}\n"
        f"Stop with Ctrl-C; it goes on where it left off."
    )
