"""Each mistake at the command line is a sentence with a status, and no line of words ever is a traceback."""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Commands
from tests.store.builders import NOON, at_offsets, charge
from trackrev_stream.cli.data_directory import STARTS
from trackrev_stream.cli.examples import commands_of
from trackrev_stream.cli.parser import build_parser
from trackrev_stream.settings import read_settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.ledger.post import post

UNKNOWN_WS = "There is no workspace 'ws_shp'. Did you mean ws_shop? `trackrev workspace list` names them all."
NOBODY_ASKS = "Nothing was changed. If that is what you want, add --yes."
MISTAKES = [
    # Words that are not known
    ("workspace", 2, "argument WHAT: invalid choice"),
    ("worckspace list", 2, "invalid choice: 'worckspace'"),
    ("up --port 99999", 2, "'99999' is no port: give a number from 0 to 65535"),
    ("up --port -1", 2, "--port"),
    ("up --port http", 2, "'http' is no port"),
    ("inspect charge", 2, "the following arguments are required: ID"),
    ("reconcile ws_shop --from yesterday", 2, "--from"),
    ("dead-letters list --limit 0", 2, "'0' is not a number; give 1 or more"),
    ("completion tcsh", 2, "invalid choice: 'tcsh'"),
    # Workspaces, charges and accounts that are not there
    ("workspace settings ws_shp", 1, UNKNOWN_WS),
    ("workspace identify-secret ws_shp", 1, UNKNOWN_WS),
    ("workspace channels ws_shp", 1, UNKNOWN_WS),
    ("link list ws_shp", 1, UNKNOWN_WS),
    ("link create ws_shp yt --to https://shop.example/ --channel YouTube", 1, UNKNOWN_WS),
    ("stripe status ws_shp", 1, UNKNOWN_WS),
    ("stripe sync ws_shp", 1, UNKNOWN_WS),
    ("stripe connect ws_shp --key= --webhook-secret whsec_1", 1, UNKNOWN_WS),
    ("reconcile ws_shp", 1, UNKNOWN_WS),
    ("ltv ws_shp", 1, UNKNOWN_WS),
    ("doctor ws_shp", 1, UNKNOWN_WS),
    ("inspect charge ch_1 --workspace ws_shp", 1, UNKNOWN_WS),
    ("inspect email anna@example.com --workspace ws_shp", 1, UNKNOWN_WS),
    ("erase email anna@example.com --workspace ws_shp --yes", 1, UNKNOWN_WS),
    ("inspect charge ch_Pid", 1, "There is no charge 'ch_Pid'. Did you mean ch_Paid? It may be unpaid"),
    ("inspect charge nonsense", 1, "There is no charge 'nonsense'. It may be unpaid"),
    ("inspect charge pi_none", 1, "no charge of the ledger belongs to the payment intent 'pi_none'"),
    ("inspect charge in_none", 1, "Stripe's dashboard shows which charge it belongs to"),
    ("inspect charge re_none", 1, "no charge of the ledger belongs to the refund 're_none'"),
    (
        "stripe status ws_shop --account acct_1Ana",
        1,
        "There is no account 'acct_1Ana'. Did you mean acct_1Anna?",
    ),
    ("stripe sync ws_shop --account acct_none", 1, "Workspace ws_shop is connected to acct_1Anna;"),
    ("reconcile ws_shop --account acct_none", 1, "There is no account 'acct_none'."),
    # What cannot be done
    ("reconcile ws_shop", 2, "is connected to Stripe with no key, so nothing can be read"),
    ("reconcile ws_shop --from 2026-02-01 --to 2026-01-01", 2, "--from 2026-02-01 is later than --to"),
    ("stripe sync ws_shop", 1, "with no key, so nothing can be read"),
    ("stripe connect ws_shop --key= --webhook-secret=", 1, "--key is empty"),
    ("stripe connect --csv none.csv", 1, "cannot read none.csv"),
    ("workspace create ws_shop --domain shop.example", 1, "there is a workspace 'ws_shop' already"),
    ("workspace create ws_b --domain http://shop.example/", 1, "is no domain"),
    ("workspace create ws_b --domain shop.example --time-zone Mars", 1, "'Mars' is no time zone"),
    ("workspace settings ws_shop --effective-from soon --model linear", 1, "'soon' is no time"),
    ("workspace settings ws_shop --withdraw --model linear", 1, "leave the other options out"),
    ("workspace channels ws_shop --file none.json", 1, "none.json"),
    ("link create ws_shop yt --to shop.example --channel YouTube", 1, "is no target for a link"),
    ("dead-letters show 3f9c", 1, "there is no dead letter '3f9c'"),
    ("dead-letters drop", 1, "say which to drop"),
    ("inspect email anna", 1, "'anna' is no email address"),
    ("erase email anna", 1, "'anna' is no email address"),
    ("erase email anna@example.com", 1, NOBODY_ASKS),
    ("erase email anna@example.com", 1, "ws_shop: nobody is known by this address."),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a Stripe account of which no key is known, and one charge."""
    return tmp_path_factory.mktemp("mistakes") / "data"


@pytest.fixture
def commands(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.chdir(data.parent)
    found = Commands(data, capsys)
    if not data.exists():
        assert found.run("workspace", "create", "ws_shop", "--domain", "shop.example").status == 0
        words = ("--account", "acct_1Anna", "--key=", "--webhook-secret", "whsec_1")
        assert found.run("stripe", "connect", "ws_shop", *words).status == 0
        store = Store.open(read_settings({}, data=str(data)).store)
        store.write_now(lambda c: post(c, at_offsets(charge("ch_Paid", workspace="ws_shop")), NOON))
        store.close()
    return found


@pytest.mark.parametrize(("words", "status", "message"), MISTAKES, ids=[each[0] for each in MISTAKES])
def test_a_mistake_is_told_in_a_sentence(words: str, status: int, message: str, commands: Commands) -> None:
    told = commands.run(*words.split())
    assert (told.status, told.out) == (status, "")
    assert message in told.err
    assert "Traceback" not in told.err


WRONG = (
    "",
    "-",
    "--",
    "-1",
    "0",
    "99999999999999999999",
    "ws_none",
    "ws_shop",
    "ch_Paid",
    "pi_1",
    "%s",
    "{}",
)
WRONG_TOO = (
    "\x00",
    "ä",
    "a b",
    "../../etc/passwd",
    "anna@example.com",
    "2026-02-30",
    "none.json",
    "/",
    "--wrong",
)
MANY = 300


def lines() -> Iterator[list[str]]:
    """Command lines from the parser's own tree, each with words that are missing, wrong or too many."""
    chance = random.Random(12)  # the same lines each time
    tree = [
        (words.split(), parser)
        for words, parser in commands_of(build_parser())
        if not parser.get_default("command").endswith(tuple(STARTS))
    ]
    for _ in range(MANY):
        words, parser = chance.choice(tree)
        line = list(words)
        for action in parser._actions:
            if isinstance(action, argparse._HelpAction) or action.dest in ("data", "key"):
                continue  # a key would be shown to Stripe
            if chance.random() < (0.4 if action.option_strings else 0.85):
                line += _given(action, chance)
        if chance.random() < 0.15:
            line.insert(chance.randrange(len(line) + 1), chance.choice(WRONG + WRONG_TOO))
        yield line


def _given(action: argparse.Action, chance: random.Random) -> list[str]:
    """An argument, with a value that is right or, more often, wrong."""
    named = list(action.option_strings[-1:])
    if action.nargs == 0:
        return named
    right = [str(each) for each in action.choices or ()]
    return [*named, chance.choice([*right, *WRONG, *WRONG_TOO])]


def test_no_line_of_words_is_a_traceback(commands: Commands) -> None:
    faults, seen = [], set()
    for line in lines():
        told = commands.run(*line)
        seen.add(told.status)
        if (
            told.status not in (0, 1, 2)
            or "Traceback" in told.err
            or (told.status and not told.err + told.out)
        ):
            faults.append((line, told))
    assert faults == []
    assert seen == {0, 1, 2}
