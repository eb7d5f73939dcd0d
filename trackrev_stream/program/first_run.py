"""The first workspace: made on the first start, so that there is something to try at once."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.workspaces.workspaces import create_workspace, find_workspace

FILE = "first-workspace.json"


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What the first start made: a workspace and its API key."""

    workspace: Workspace
    api_key: str


@dataclass(frozen=True, slots=True)
class _Kept:
    workspace: str
    api_key: str


def first_run(data: Path, store: Store, sealer: Sealer, now: int) -> FirstRun | None:
    """The first workspace, made when this is the first start; None when it is not there any more.

    Its API key is kept in a file of mode 600 beside the secret key, so that every start can show it.
    """
    place = data / FILE
    if not place.exists():
        new = store.write_now(lambda c: create_workspace(c, sealer, domain="localhost", now=now))
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(_Kept(new.workspace.id, new.api_key)), file)
    kept = _Kept(**json.loads(place.read_text()))
    workspace = store.read_now(lambda c: find_workspace(c, sealer, kept.workspace))
    return FirstRun(workspace, kept.api_key) if workspace else None
