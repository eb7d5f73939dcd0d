"""`trackrev topics` where there is no Kafka, and what it asks before it deletes anything."""

from pathlib import Path

import pytest

from trackrev_stream.cli import topics
from trackrev_stream.cli.main import main
from trackrev_stream.eventlog.kafka.partitions import Partitions
from trackrev_stream.eventlog.kafka.topics_check import TopicFound, TopicsReport


@pytest.mark.parametrize("words", [["topics", "check"], ["topics", "repair", "--yes"]])
def test_it_is_for_kafka(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--data", str(tmp_path / "data")]) == 1
    assert "`trackrev topics` is for Kafka" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("words", [["topics", "check"], ["topics", "repair", "--yes"]])
def test_no_broker_is_a_sentence(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKREV_BROKER", "kafka://127.0.0.1:1")
    assert main([*words, "--data", str(tmp_path / "data")]) == 1
    assert "no Kafka broker answers us at 127.0.0.1:1" in capsys.readouterr().err


def test_it_says_what_a_repair_does() -> None:
    plan = topics._plan("Somebody has added partitions", ["visits"], 12)
    assert plan.startswith(
        "Somebody has added partitions.\nvisits will be saved in a topic of its own, deleted"
    )
    assert "made anew with 12 partition(s)" in plan


def test_what_is_wrong_stands_beside_the_topic() -> None:
    wrong = TopicFound("binds", True, 3, 2, 1, True, None, "3 partitions, not 2")
    right = TopicFound("visits", True, 2, 2, 1, False, 30 * 86_400_000)
    absent, other = TopicFound("payments", True, 0, 2), TopicFound("orders", False, 6)
    found = Partitions({"binds": 3, "visits": 2}, 2)
    text = topics._text(TopicsReport([wrong, right, absent, other], found), found.trouble())
    assert [line.split() for line in text.splitlines()[1:5]] == [
        [
            "binds",
            "3,",
            "not",
            "2",
            "1",
            "the",
            "newest",
            "of",
            "each",
            "key",
            "<-",
            "3",
            "partitions,",
            "not",
            "2",
        ],
        ["visits", "2", "1", "30", "days"],
        [*["payments", "not", "there:", "the", "next", "start", "makes", "it"]],
        ["not", "ours:", "orders"],
    ]
    assert text.endswith("was, and loses nothing (ops/runbooks/topic-grew.md)")
