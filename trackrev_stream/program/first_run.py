"""The first workspace: made by the first start where there is none, so that there is something to try."""

import json
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.workspaces.workspaces import (
    NewWorkspace,
    create_workspace,
    find_workspace,
    is_id_free,
    list_workspaces,
)

FILE = "first-workspace.json"
HERE = "localhost"


@dataclass(frozen=True, slots=True)
class FirstWorkspace:
    """What the first start shall make: for which domain, and whether with a key, which somebody sees then."""

    domain: str = HERE
    with_key: bool = False


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What the first start made. The API key is there where it may be shown: once, and empty ever after."""

    workspace: Workspace
    api_key: str

    def __repr__(self) -> str:
        return f"FirstRun({self.workspace!r})"


def is_first_start(data: Path, store: Store, sealer: Sealer) -> bool:
    """Whether there is no workspace yet, and never was one that a start made."""
    return not (data / FILE).exists() and not store.read_now(partial(list_workspaces, sealer=sealer))


def first_run(data: Path, store: Store, sealer: Sealer, now: int, wanted: FirstWorkspace) -> FirstRun | None:
    """The workspace that the first start made, now or then; None where none did, or it is not there any more.

    A file notes which one it was. Older programs kept its API key there: it is taken out, and shown once.
    """
    place = data / FILE
    if not place.exists():
        made = store.write_now(lambda sql: _make_first(sql, sealer, now, wanted))
        if made is None:
            return None
        _note(place, made.workspace.id)
        return FirstRun(made.workspace, made.api_key)
    kept: dict[str, Any] = json.loads(place.read_text())
    name, api_key = str(kept["workspace"]), str(kept.get("api_key", ""))
    if "api_key" in kept:
        _note(place, name)
    workspace = store.read_now(lambda sql: find_workspace(sql, sealer, name))
    return FirstRun(workspace, api_key) if workspace else None


def _make_first(sql: Connection, sealer: Sealer, now: int, wanted: FirstWorkspace) -> NewWorkspace | None:
    """A workspace for the domain, named after it; nothing where somebody has made one."""
    if list_workspaces(sql, sealer):
        return None
    named = f"ws_{wanted.domain.removeprefix('www.').partition('.')[0]}"
    chosen = named if wanted.domain != HERE and is_id_free(sql, named) else ""
    return create_workspace(
        sql, sealer, domain=wanted.domain, now=now, workspace=chosen, with_key=wanted.with_key
    )


def _note(place: Path, workspace: str) -> None:
    aside = place.with_suffix(".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"workspace": workspace}, file)
    aside.replace(place)
