"""Dead letters from the record that cannot be read to the person who decides, through the real program."""

import json
import stat
import uuid
from pathlib import Path
from typing import Any

from tests.cli.dead_letters import (
    answer,
    append,
    dead_letters,
    in_log,
    listed,
    records,
    refused,
    started,
    until_listed,
)
from tests.program import stripe
from tests.program.running import Json, Program, Shop, now_ms, until
from trackrev_stream.contracts.topics import JOURNEYS, PIXEL_HITS

VISITOR = str(uuid.UUID(int=7, version=4))
ANNA = "anna@example.com"


def test_what_an_older_version_could_not_read_earns_its_credit_in_the_newer(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    with started(program, "tests.program.older"):
        shop = Shop.greeted(program)
        shop.link("yt", "YouTube")
        assert shop.follow("yt", VISITOR).status == 302
        identify = {"id": "h1", "type": "identify", "at": now_ms(), "email": ANNA}
        assert shop.hits(VISITOR, identify).status == 202
        (letter,) = until_listed(program, 1)
        paid = stripe.charge("ch_1", 4_900, now_ms() // 1000, ANNA)
        assert shop.webhook(stripe.succeeded(paid)).status == 200
        assert shop.worth("ch_1", 4_900)["credits"] == []
    with started(program):
        shown = answer(program, "show", letter["id"])
        assert (shown["processor"], shown["topic"], shown["partition"]) == ("stitch", "pixel-hits", 0)
        assert (shown["status"], shown["attempts"], shown["replayable"]) == ("open", 1, True)
        assert "Invalid enum value 'identify'" in shown["message"]
        assert shown["payload"]["data"]["kind"] == "identify"
        assert ANNA not in json.dumps(shown)
        told = program.run("dead-letters", "show", letter["id"][:6])
        assert '"kind": "identify"' in told.stdout
        done = program.command("dead-letters", "replay", letter["id"])
        assert done == {"replayed": [letter["id"]], "skipped": {}}
        until(lambda: (shop.charge("ch_1") or {})["credits"], "the charge has its credit")
        assert [credit["channel"] for credit in (shop.charge("ch_1") or {})["credits"]] == ["YouTube"]
        assert listed(program) == []
        (settled,) = listed(program, "--status", "all")
        assert (settled["id"], settled["status"], settled["attempts"]) == (letter["id"], "replayed", 1)


def test_what_fails_again_is_the_same_letter_and_a_drop_can_be_taken_back(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    with started(program):
        pass
    append(program.data, PIXEL_HITS, [b"{broken\n\x1b[31mred"])
    append(program.data, JOURNEYS, [b"\xff\x00"])
    with started(program):
        letters = until_listed(program, 3)
        by_hand = {each["id"]: each for each in letters}
        assert {(each["topic"], each["index"]) for each in letters} == {
            ("pixel-hits", 0),
            ("pixel-hits", 1),
            ("journeys", 0),
        }
        told = dead_letters(program, "replay", "--all")
        assert told.out.startswith("3 dead letters replayed.")
        assert "No program runs" not in told.out
        again = until_listed(program, 3, attempts=2)
        assert {each["id"] for each in again} == set(by_hand)
        assert all(each["offset"] > by_hand[each["id"]]["offset"] for each in again)
        (journey,) = listed(program, "--processor", "gather")
        assert answer(program, "drop", journey["id"]) == {"dropped": [journey["id"]]}
        assert listed(program, "--processor", "gather") == []
        red = next(each for each in again if each["index"] == 0 and "red" in show(program, each))
        assert "\x1b" not in show(program, red)
    # Nothing runs: the command opens the log itself, and the agents read it at the next start.
    told = dead_letters(program, "replay", journey["id"])
    assert "it reads them once it is started" in told.out
    # Under a key of its own: compaction must not keep it in place of what came since under the old one.
    keys = [record.key for record in records(program.data, JOURNEYS)[0]]
    assert keys == [b"ws_shop|x", *[f"|replayed|{journey['id']}".encode()] * 2]
    with started(program):
        until(lambda: listed(program, "--processor", "gather"), "the one that was dropped has failed again")
        assert listed(program, "--processor", "gather")[0]["attempts"] == 3
        program.kill()
        program.start()
        # What was read again after the kill counts no attempt.
        assert [each["attempts"] for each in listed(program, "--processor", "gather")] == [3]
        assert len(answer(program, "drop", "--all")["dropped"]) == 3
        assert "nothing to drop: there is no open dead letter" in refused(program, "drop", "--all")


def show(program: Program, letter: Json) -> str:
    return dead_letters(program, "show", letter["id"]).out


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    with started(program):
        shop = Shop.greeted(program)
        assert "there is no data directory" in refused(Program(tmp_path / "elsewhere"), "list")
        assert dead_letters(program, "list").out == "No open dead letter.\n"
        assert "nothing to replay: there is no open dead letter of stitch" in refused(
            program, "replay", "--all", "--processor", "stitch"
        )
        assert "there is no dead letter 'abcdef'" in refused(program, "show", "abcdef")
        assert "there is no dead letter '%%%%'" in refused(program, "drop", "%%%%")
        assert "too little of an id" in refused(program, "drop", "")
        assert "say which to replay" in refused(program, "replay")
        assert "say which to drop" in refused(program, "drop", "--all", "abcdef")
        assert shop.hits(VISITOR, {"id": "h1", "type": "nonsense"}).json["dropped"]
        (letter,) = until_listed(program, 1)
        for words in (["--all"], [letter["id"]]):
            said = refused(program, "replay", *words)
            assert "1 dead letter cannot be replayed: the edge turned it away" in said
        assert answer(program, "drop", letter["id"])["dropped"] == [letter["id"]]


def test_a_program_that_does_not_answer_is_told_from_none(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    with started(program):
        pass
    append(program.data, JOURNEYS, [b"{broken"])
    file = program.data / "admin.json"
    assert not file.exists()
    with started(program):
        until_listed(program, 1)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        aside = file.rename(program.data / "aside.json")
        assert "open and does not answer" in refused(program, "replay", "--all")
        assert listed(program)[0]["status"] == "open"
        aside.rename(file)
        program.kill()
        assert file.exists()  # what a kill leaves behind leads nobody astray
        assert dead_letters(program, "replay", "--all").code == 0
        program.start()
        until_listed(program, 1, attempts=2)


def test_no_letter_has_an_email_in_it(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    with started(program):
        shop = Shop.greeted(program)
        page = f"https://shop.example/?email={ANNA}&u=anna%40example.com"
        bad: list[Json] = [
            {
                "id": "h1",
                "type": "identify",
                "at": now_ms(),
                "email": ANNA,
                "proof": f"{ANNA}.1",
                "url": page,
            },
            {"id": ANNA, "type": ANNA, "at": now_ms(), "url": page, "referrer": page, "email": ANNA},
            {"id": "h3", "type": "pageview", "at": ANNA, "url": page, "note": ANNA},
            {"id": "h4", "type": "pageview", "at": now_ms(), "url": [ANNA], "email": {"of": ANNA}},
        ]
        assert len(shop.hits(VISITOR, *bad).json["dropped"]) == len(bad)
        event = stripe.succeeded(stripe.charge("ch_1", 4_900, now_ms() // 1000, ANNA))
        event["data"]["object"] |= {"amount": ANNA, "currency": ANNA, "description": ANNA}
        assert shop.webhook(event).json["ignored"] == "malformed"
        letters = until_listed(program, len(bad) + 1)
        assert {each["topic"] for each in letters} == {"pixel-hits", "stripe-payments"}
        told = [dead_letters(program, "show", each["id"]).out for each in letters]
        told.append(dead_letters(program, "list").out)
    stored = in_log(program.data)
    assert len(stored) == len(letters)
    told += [letter.raw.decode() + repr(letter) for letter in stored]
    assert not [text for text in told if "anna" in text.lower() or "example.com" in text]
    files = [path for path in program.data.rglob("*") if path.is_file() and path.name != "secret.key"]
    assert not [path for path in files if ANNA.encode() in path.read_bytes()]


MANY = 1_500


def test_a_flood_ends_the_program_and_never_drains_the_topic(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    with started(program):
        shop = Shop.greeted(program)
    append(program.data, PIXEL_HITS, [b"{broken %d" % n for n in range(MANY)])
    for _ in range(2):
        program.spawn()
        assert program.ended() == 1
        said = program.said()
        assert (
            "trackrev: The stream processor stopped: Flooded: stitch could not read 101 of the last 101"
            in said
        )
        assert "records of pixel-hits, the last one pixel-hits[0]@" in said
        assert "trackrev dead-letters list --processor stitch" in said
        assert "Traceback" not in said
        committed = records(program.data, PIXEL_HITS)[1]
        places = {letter.offset for letter in in_log(program.data)}
        # What it has read is in the dead letters, each can be seen, and the rest is still to be read.
        count: Any = answer(program, "list")["count"]
        assert count == len(places) == max(places) + 1
        assert committed <= max(places)
    assert len(places) <= 2 * 101
    goes_on = Program(program.data, TRACKREV_MOST_REJECTED="1000")
    with started(goes_on):
        shop = Shop.greeted(goes_on)
        hit = {"id": "h1", "type": "pageview", "at": now_ms(), "url": "https://shop.example/?utm_source=news"}
        assert shop.hits(VISITOR, hit).status == 202
        until(shop.channels, "the hit behind the flood counts")
        until_listed(goes_on, MANY)
    with started(program):  # where 101 were too many
        done = dead_letters(program, "replay", "--all")
        assert done.code == 0, done.error
        assert f"replayed 1,000 of {MANY:,}" in done.error
        assert done.out.startswith(f"{MANY:,} dead letters replayed.")
        until_listed(program, MANY, attempts=2)
