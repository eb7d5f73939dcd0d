"""What users and other systems rely on is what it was: topics, records, tables, commands, routes, names.

`surface.json` is the list of commit aa6bdd8 (`python -m tests.program.surface` prints the one of now). What
has come since is no fault: a new command, metric, topic, column or route. What has gone or changed is one,
and so is a new field of a record without a default, for old records could not be read.

Whoever changes some of it on purpose, with a migration for what is out there, changes the list by hand.
"""

from pkgutil import resolve_name
from typing import Any

import pytest

from tests.program.recorded import load, lost
from tests.program.surface import RECORDED, entry_points, surface
from tests.program.wire import unreadable

Json = dict[str, Any]
WAS: Json = load(RECORDED)


@pytest.fixture(scope="module")
def now() -> Json:
    return surface()


@pytest.mark.parametrize("part", WAS)
def test_nothing_that_others_rely_on_has_changed(now: Json, part: str) -> None:
    problems = lost(WAS[part], now[part], part)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("part", ["records", "rows"])
def test_what_was_written_before_can_be_read(now: Json, part: str) -> None:
    problems = [
        f"{part} / {name} / {field} is new and has no default"
        for name, was in WAS[part].items()
        for field in unreadable(was, now[part][name])
    ]
    assert not problems, "\n".join(problems)


def test_every_entry_point_leads_somewhere() -> None:
    for names in entry_points().values():
        for place in names.values():
            assert callable(resolve_name(place))


def test_a_loss_is_told_with_what_it_was() -> None:
    was = {"a": {"b": 1, "c": [1, 2]}, "d": "x"}
    assert lost(was, {"a": {"b": 1, "c": [1, 2], "new": 3}, "d": "x", "e": 0}) == []
    assert lost(was, {"a": {"b": 2, "c": [1]}}, "all") == [
        "all / a / b was 1, and is 2",
        "all / a / c was [1, 2], and is [1]",
        'all / d is gone; it was "x"',
    ]
    assert unreadable({"id": "text", "in": "object"}, {"id": "text", "at": "number"}) == ["at"]
    assert unreadable({"id": "text"}, {"id": "text", "at": "number = 0"}) == []
