"""The commands in this process, over one data directory: what they say, and what they exit with."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from trackrev_stream.cli.main import main


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
