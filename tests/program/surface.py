"""All that a user or another system relies on, as one list: `python -m tests.program.surface` prints it.

`surface.json` holds it as it was at commit aa6bdd8, before the code was moved into rooms of its own.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.program.recorded import text_of
from tests.program.running import ROOT
from tests.program.surface_records import faust_tables, keys, records, rows, topics
from tests.program.surface_run import seen_running
from tests.program.surface_sql import postgresql_tables
from trackrev_stream import metrics, settings
from trackrev_stream.cli import parser
from trackrev_stream.contracts.reasons import DropReason, IgnoreReason
from trackrev_stream.contracts.stripe.events import event_types
from trackrev_stream.eventlog.faust_patches.app import APP_ID
from trackrev_stream.store.database import migrate
from trackrev_stream.store.database.poller_schema import polls

Json = dict[str, Any]
RECORDED = Path(__file__).with_name("surface.json")


def surface() -> Json:
    """The list as it is now."""
    return {
        "app id": APP_ID,
        "topics": topics(),
        "records": records(),
        "tables of the agents": faust_tables(APP_ID),
        "rows": rows(),
        "keys": keys(),
        "metrics": _metrics(),
        "settings": _settings(),
        "commands": dict(_commands(parser.build_parser(), "trackrev")),
        "migrations": _migrations(),
        "tables in PostgreSQL": postgresql_tables(polls.metadata),
        "entry points": {group: dict.fromkeys(names, "a name") for group, names in entry_points().items()},
        "events of Stripe": dict.fromkeys(event_types(), "has an effect"),
        "reasons": {
            each.value: "a reason" for reasons in (DropReason, IgnoreReason) for each in iter(reasons)
        },
        **seen_running(),
    }


def entry_points() -> dict[str, dict[str, str]]:
    """Group -> name -> what it runs, as the package declares it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"console_scripts": project["scripts"], **project["entry-points"]}


def _metrics() -> Json:
    found = {}
    for family in metrics.REGISTRY.collect():
        collector = metrics.REGISTRY._names_to_collectors[family.name]
        found[family.name] = {"type": family.type, "labels": list(getattr(collector, "_labelnames", ()))}
    return found


def _settings() -> Json:
    """Each environment variable, and what holds where it is not set."""
    chosen = settings.read_settings({}, data="/data")
    own = {f"TRACKREV_{name.upper()}": value for name, value in _fields(chosen)}
    own |= {f"TRACKREV_KAFKA_{name.upper()}": value for name, value in _fields(chosen.kafka)}
    return {name: str(own[name]) for name in settings.VARIABLES}


def _fields(chosen: object) -> Iterator[tuple[str, object]]:
    return ((name, getattr(chosen, name)) for name in type(chosen).__annotations__)


def _commands(parser: argparse.ArgumentParser, words: str) -> Iterator[tuple[str, Json]]:
    """Every command with what may follow it; the texts for people are no part of it."""
    deeper = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for action in deeper:
        for name, command in action.choices.items():
            yield from _commands(command, f"{words} {name}")
    if not deeper or words == "trackrev":
        options = [each for each in parser._actions if each.option_strings]
        places = [each for each in parser._actions if each not in deeper + options]
        named = {_named(each): each for each in options}
        named |= {f"{number}. {each.metavar}": each for number, each in enumerate(places, start=1)}
        found = {name: _argument(each) for name, each in named.items()}
        found |= {f"{name}={word}": "a choice" for name, each in named.items() for word in each.choices or ()}
        for group in parser._mutually_exclusive_groups:
            pairs = combinations(sorted(map(_named, group._group_actions)), 2)
            found |= {f"{one} and {other}": "exclude each other" for one, other in pairs}
        yield words, found


def _named(option: argparse.Action) -> str:
    return ", ".join(option.option_strings)


def _argument(action: argparse.Action) -> str:
    takes = "takes nothing" if action.nargs == 0 else f"takes {action.nargs or 'a value'}"
    if isinstance(action, argparse._AppendAction):
        takes += ", each time it is given"
    if action.required and action.option_strings:
        takes += ", required"
    if action.default in (None, False, argparse.SUPPRESS):
        return takes
    return f"{takes}, {str(action.default) or 'nothing'} by default"


def _migrations() -> Json:
    """Revision -> the one before it."""
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    return {script.revision: script.down_revision for script in scripts}


if __name__ == "__main__":
    sys.stdout.write(text_of(surface()))
