"""The first workspace: made on the first start, so that there is something to try at once."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from trackrev_stream.store.engine import Store
from trackrev_stream.store.secrets import Sealer
from trackrev_stream.store.workspaces import create_workspace

FILE = "first-workspace.json"


@dataclass(frozen=True, slots=True)
class FirstWorkspace:
    """The workspace that the first start made, with its API key."""

    workspace: str
    api_key: str


def first_workspace(data: Path, store: Store, sealer: Sealer, now: int) -> FirstWorkspace:
    """The first workspace, made when there is none; its key is kept in a file of mode 600 beside the data."""
    place = data / FILE
    if place.exists():
        return FirstWorkspace(**json.loads(place.read_text()))
    new = store.write_now(
        lambda connection: create_workspace(connection, sealer, domain="localhost", now=now)
    )
    first = FirstWorkspace(new.workspace.id, new.api_key)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"workspace": first.workspace, "api_key": first.api_key}, file)
    return first
