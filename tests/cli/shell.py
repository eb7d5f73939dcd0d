"""The commands over one data directory, in this process, and what they kept there."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from trackrev_stream.cli.main import main
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.settings import read_settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.workspaces import stripe_connections

T = TypeVar("T")


class Shell:
    """Runs commands, and looks into the store that they leave."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        """Status, and what was said on both outputs."""
        try:
            status = main([*words, "--data", str(self.data)])
        except SystemExit as ended:  # words that the parser does not know
            status = int(ended.code or 0)
        said = self._capsys.readouterr()
        return status, said.out, said.err

    @cached_property
    def store(self) -> Store:
        """The store beside the commands, open for as long as the tests run."""
        return Store.open(read_settings({}, data=str(self.data)).store)

    def read(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` finds in the store."""
        return self.store.read_now(work)

    def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` changes in the store."""
        return self.store.write_now(work)

    def connected(self) -> dict[tuple[str, str], StripeConnection]:
        """The connections to Stripe by workspace and account."""
        sealer = open_sealer(self.data)
        found = self.read(lambda sql: stripe_connections.list_connections(sql, sealer))
        return {(one.workspace, one.account): one for one in found}

    def connect(self, one: StripeConnection) -> None:
        """Keep a connection as it is."""
        sealer = open_sealer(self.data)
        self.write(lambda sql: stripe_connections.put_connection(sql, sealer, one, 1))


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a command."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs commands over a data directory."""

    data: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> Told:
        try:
            status = main([*words, "--data", str(self.data)])
        except SystemExit as ended:  # argparse's way
            status = int(ended.code or 0)
        said = self.capsys.readouterr()
        return Told(status, said.out, said.err)
