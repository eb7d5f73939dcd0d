"""Workspaces, and a time that tests set."""

from typing import Any

from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.workspaces.workspaces import NewWorkspace, create_workspace


def make(store: Store, sealer: Sealer, **more: Any) -> NewWorkspace:
    fields: dict[str, Any] = {"domain": "shop.example", "workspace": "ws_a"} | more
    return store.write_now(lambda c: create_workspace(c, sealer, now=1, **fields))


class Time:
    now = 0

    def __call__(self) -> int:
        return self.now
