"""What commands share: the store of the settings, addresses and secrets from arguments or standard input."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection

from trackrev_stream.cli.result import CommandError
from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.program import listen_address
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer, open_sealer
from trackrev_stream.store.workspaces import workspaces
from trackrev_stream.store.workspaces.require import require_workspace


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Store, Sealer]]:
    """The store, and what opens its secrets, for one command."""
    store = Store.open(settings.store)
    try:
        yield store, open_sealer(settings.data, settings.secret_key)
    finally:
        store.close()


def origin(settings: Settings) -> str:
    """Where browsers reach the program: as the owner says, else where it listens, else where it will."""
    return (
        settings.public_url
        or listen_address.noted_address(settings.data)
        or f"http://{settings.host}:{settings.port}"
    )


def chosen_workspaces(store: Store, sealer: Sealer, only: str | None) -> list[Workspace]:
    """All of them, or the one that was asked for. Raises StoreError."""
    if only:
        store.read_now(partial(require_workspace, workspace=only))
    found = store.read_now(partial(workspaces.list_workspaces, sealer=sealer))
    return [each for each in found if only in (None, each.id)]


def address_of(argument: str) -> str:
    """An email address from an argument, or unseen from standard input (-). Raises CommandError."""
    found = (
        secret_of(argument, "") if argument != "-" or not sys.stdin.isatty() else getpass.getpass("Email: ")
    )
    if "@" not in found:
        raise CommandError(f"{found!r} is no email address")
    return found.strip()


def secret_of(argument: str | None, prompt: str) -> str:
    """A secret from an option, from a line of standard input (-), or from a prompt where a person sits."""
    if argument == "-":
        return sys.stdin.readline().strip()
    if argument is not None:
        return argument.strip()
    return getpass.getpass(prompt).strip() if sys.stdin.isatty() else ""


def known_workspace(store: Store, sealer: Sealer, name: str) -> Workspace:
    """The workspace with this id. Raises UnknownWorkspace."""

    def find(connection: Connection) -> Workspace | None:
        require_workspace(connection, name)
        return workspaces.find_workspace(connection, sealer, name)

    found = store.read_now(find)
    assert found is not None, "it was required"
    return found
