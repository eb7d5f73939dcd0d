"""A data directory of commit aa6bdd8 is what it was to the program of now, and goes on from there.

`data/written-by-aa6bdd8.tar.xz` was made by `python -m tests.program.write_data_directory` with the program
of that commit, and with it `data/answers.json`: what that program itself said of the directory, opened anew.
In it are three days of two shops (see `shop_days`), and the spool of a collector whose broker was away. The
secret key and the API keys that it holds were made for it, and open nothing else.

What is new is no fault: another field of an answer, another column, table or topic. The program runs by a
clock of then, so that neither retention nor reports depend on when the test runs.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.program.older_data import ANSWERS, COLLECTOR, DATA, spooled, unpack
from tests.program.recorded import load, lost
from tests.program.write_data_directory import go_on, look

Json = Any
WAS: Json = load(ANSWERS)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What the program of now says of the directory, and what it left there."""
    place = tmp_path_factory.mktemp("older")
    unpack(place)
    return look(place / DATA, WAS["api_keys"])


@pytest.mark.parametrize("workspace", WAS["answers"])
def test_it_answers_what_it_answered(seen: Json, workspace: str) -> None:
    told = WAS["answers"][workspace]
    assert told["charges?limit=200"]["charges"]
    problems = lost(told, seen["answers"][workspace], workspace)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("part", WAS["stored"])
def test_opening_it_leaves_all_as_it_was(seen: Json, part: str) -> None:
    problems = lost(WAS["stored"][part], seen["stored"][part], part)
    assert not problems, "\n".join(problems)


def test_it_goes_on_from_there(tmp_path: Path) -> None:
    """An old charge is refunded, an old visitor buys, an old address of a link still counts."""
    unpack(tmp_path)
    came = go_on(tmp_path / DATA, WAS["api_keys"], WAS["landing"], WAS["stored"])
    charges = came["charges"]
    assert [charges[name]["net_minor"] for name in ("ch_anna_1", "ch_fred", "ch_ida")] == [
        3_000,
        5_500,
        5_500,
    ]
    problems = lost(WAS["afterwards"], came, "afterwards")
    assert not problems, "\n".join(problems)


def test_what_a_collector_kept_comes_out_as_it_was(tmp_path: Path) -> None:
    unpack(tmp_path)
    assert spooled(tmp_path / COLLECTOR) == WAS["spool"]
