"""Commands are named by the command line and found when they run: each loads only what it needs."""

import argparse
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pkgutil import resolve_name

import pytest

from trackrev_stream.cli.main import main
from trackrev_stream.cli.parser import build_parser

# What takes long to import, and which of the commands do without.
STREAM = ("faust", "aiokafka", "rocksdict", "uvloop")
STRIPE = ("stripe", "aiohttp")
STORE = ("sqlalchemy", "cryptography")

_TELLS = """
import sys
from trackrev_stream.cli.main import main
try:
    code = main(sys.argv[2:])
except SystemExit as ended:
    code = ended.code
print(code, *(name for name in sys.argv[1].split(",") if name in sys.modules))
"""


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of all commands."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for group in groups:
        for each in group.choices.values():
            yield from leaves(each)
    if not groups:
        yield parser


def test_every_command_that_is_named_is_there() -> None:
    found = [resolve_name(leaf.get_default("command")) for leaf in leaves(build_parser())]
    assert len(found) > 20
    assert {tuple(inspect.signature(command).parameters)[1:] for command in found} <= {
        ("settings",),
        ("_settings",),
    }


def run(heavy: tuple[str, ...], *words: str) -> tuple[int, set[str]]:
    """What a command exits with, and which of these modules its process has loaded by then."""
    command = [sys.executable, "-c", _TELLS, ",".join(heavy), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, *loaded = done.stdout.splitlines()[-1].split()
    return int(code), set(loaded)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    found = tmp_path_factory.mktemp("data")
    assert main(["workspace", "create", "ws_1", "--domain", "shop.example", "--data", str(found)]) == 0
    link = ["link", "create", "ws_1", "news", "--to", "https://shop.example/", "--channel", "Newsletter"]
    assert main([*link, "--data", str(found)]) == 0
    return str(found)


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("inspect", "charge", "--help")])
def test_what_only_tells_of_commands_loads_none_of_it(words: tuple[str, ...]) -> None:
    assert run(STREAM + STRIPE + STORE, *words) == (0, set())


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "workspace list"),
        (0, "workspace settings ws_1"),
        (0, "workspace show ws_1"),
        (0, "workspace set ws_1 --add-domain shop.de"),
        (0, "workspace delete ws_1 --dry-run"),
        (0, "key create ws_1"),
        (0, "key list ws_1"),
        (1, "stripe disconnect ws_1 --yes"),
        (0, "link create ws_1 mail --to https://shop.example/ --channel email"),
        (0, "link edit ws_1 news --partner Anna"),
        (0, "link show ws_1 news"),
        (0, "link list ws_1"),
        (0, "link archive ws_1 news"),
        (0, "ltv ws_1"),
        (1, "inspect charge ch_1"),
        (0, "dead-letters list"),
        (0, "stripe webhook-events"),
        (1, "stripe status ws_1"),
    ],
    ids=lambda given: str(given).partition(" ws_1")[0],
)
def test_a_command_over_the_database_loads_neither_the_stream_nor_stripe(
    status: int, words: str, data: str
) -> None:
    assert run(STREAM + STRIPE, *words.split(), "--data", data) == (status, set())


def test_a_comparison_with_stripe_does_not_load_the_stream(data: str) -> None:
    assert run(STREAM, "reconcile", "ws_1", "--data", data) == (2, set())
