"""Where commands look when nobody names a data directory, and that looking makes nothing."""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tests.program.running import running
from trackrev_stream.cli.main import main
from trackrev_stream.program.running_note import RunningNote, noting, running_programs
from trackrev_stream.settings import Settings, read_settings

READS = [
    "workspace list",
    "workspace settings ws_1",
    "link list ws_1",
    "stripe status ws_1",
    "inspect charge ch_1",
    "inspect email anna@example.com",
    "dead-letters list",
    "ltv ws_1",
    "reconcile ws_1",
    "erase email anna@example.com --yes",
    "doctor",
]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("TRACKREV_DATA", "TRACKREV_STORE", "TRACKREV_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.mark.parametrize("words", READS)
@pytest.mark.parametrize("named", ["", "--data none", "--data ."])
def test_reading_makes_nothing(words: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"{words} {named}".split()) == 1
    said = capsys.readouterr()
    assert said.out == ""
    here = Path.cwd()
    where = {
        "": f"there is no data directory {here}/trackrev-data, and no program runs here. Name the right one",
        "--data none": f"there is no data directory {here}/none. Name the right one with --data DIR",
        "--data .": f"{here} holds no database of trackrev. Name the right directory with --data DIR",
    }
    assert where[named] in said.err
    assert list(here.iterdir()) == []


def test_beginning_makes_one() -> None:
    assert main(["workspace", "create", "ws_1", "--domain", "shop.example"]) == 0
    assert stat.S_IMODE(Path("trackrev-data").stat().st_mode) == 0o700
    assert main(["workspace", "list"]) == 0


def test_commands_find_the_one_program_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state" / "trackrev"
    with running(tmp_path / "elsewhere", XDG_STATE_HOME=str(tmp_path / "state")) as program:
        assert running_programs(state) == [RunningNote(str(program.data), ())]
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()} == {0o600}
        assert main(["workspace", "create", "ws_1", "--domain", "shop.example"]) == 0
        assert main(["workspace", "list", "--json"]) == 0
        assert "ws_1" in {
            each["workspace"] for each in json.loads(capsys.readouterr().out.splitlines()[-1])["workspaces"]
        }
        assert list(Path.cwd().iterdir()) == []
        program.kill()
        assert running_programs(state) == []
        assert main(["workspace", "list"]) == 1
        program.start()
        assert program.stop() == 0
        assert list(state.iterdir()) == []
        program.start()


def settings(data: Path, **environment: str) -> Settings:
    return read_settings(dict(os.environ) | environment, data=str(data))


def test_of_several_programs_none_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with noting(settings(tmp_path / "a")), noting(settings(tmp_path / "b")):
        assert main(["workspace", "list"]) == 1
    said = capsys.readouterr().err
    assert "say which one with --data DIR" in said
    assert str(tmp_path / "a") in said
    assert str(tmp_path / "b") in said


def test_what_a_program_has_elsewhere_has_to_be_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with noting(settings(tmp_path / "a", TRACKREV_STORE="postgresql://u:secret@db/trackrev")):
        assert main(["workspace", "list"]) == 1
        assert "secret" not in "".join(path.read_text() for path in (tmp_path / "state/trackrev").iterdir())
    assert "was started with TRACKREV_STORE: set the same here" in capsys.readouterr().err


def test_without_a_home_a_program_runs_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for state in (None, tmp_path / "file" / "trackrev"):
        with noting(replace(settings(tmp_path / "a"), state=state)):
            pass


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/trackrev"),
        ({"XDG_STATE_HOME": "not/absolute", "HOME": "/h"}, "/h/.local/state/trackrev"),
        ({"HOME": "/h"}, "/h/.local/state/trackrev"),
        ({}, None),
    ],
)
def test_notes_stand_where_the_specification_has_them(environment: dict[str, str], place: str | None) -> None:
    assert read_settings(environment).state == (Path(place) if place else None)
