"""`trackrev topics`: the topics on Kafka, and what mends one to which partitions were added."""

import argparse
import asyncio
import logging
import sys
from typing import Any

import tables
from trackrev_stream.cli.consent import require_consent
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.eventlog.faust_patches.app import APP_ID
from trackrev_stream.eventlog.kafka.cluster import cluster_of
from trackrev_stream.eventlog.kafka.repair.repair import Repair
from trackrev_stream.eventlog.kafka.topics import changelog_spec, spec_of
from trackrev_stream.eventlog.kafka.topics_check import TopicFound, TopicsReport, check_topics
from trackrev_stream.settings import Settings, is_kafka


def topics_check(_args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`topics check`: each topic, and what needs doing."""
    _on_kafka(settings)
    names = [f"{APP_ID}-{table.name}-changelog" for table in tables.TABLES]
    specs = [
        *(spec_of(topic, settings.partitions) for topic in TOPICS),
        *(changelog_spec(name, settings.partitions) for name in names),
    ]
    checked = asyncio.run(check_topics(cluster_of(settings), specs, APP_ID))
    trouble = checked.partitions.trouble()
    wrong = bool(trouble) or any(topic.wrong for topic in checked.topics)
    data = {"topics": [_shape(topic) for topic in checked.topics], "ok": not wrong, "do": trouble}
    return CommandResult(_text(checked, trouble), data, status=int(wrong))


def topics_repair(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`topics repair`: make those as they were that have more partitions than they shall."""
    _on_kafka(settings)
    repair = Repair(cluster_of(settings), APP_ID, settings.partitions, now_ms, _say)
    found = asyncio.run(repair.look())
    names = sorted({*found.grown, *found.repairs})
    if names:
        require_consent(_plan(found.trouble(), names, settings.partitions), "--yes", given=args.yes)
    # It says of each topic that is deleted, again and again, that it is not there.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        done = asyncio.run(repair.run())
    except KeyboardInterrupt as interrupt:
        raise CommandError(
            "the repair was broken off, and nothing is lost: run it again, it goes on"
        ) from interrupt
    if not done:
        return CommandResult("Nothing needs a repair.", {"repaired": []})
    text = f"{', '.join(done)}: as before, with nothing lost. Start the workers again."
    return CommandResult(text, {"repaired": done})


def _on_kafka(settings: Settings) -> None:
    if not is_kafka(settings.broker):
        raise CommandError(
            f"TRACKREV_BROKER is {settings.broker!r}: nobody can add partitions to that log. "
            "`trackrev topics` is for Kafka (kafka://HOST:PORT)"
        )


def _plan(trouble: str, names: list[str], partitions: int) -> str:
    """What a repair does, in whole sentences."""
    return (
        f"{trouble}.\n{', '.join(names)} will be saved in a topic of its own, deleted, made anew with "
        f"{partitions} partition(s), and filled with what it had. The brokers need room for two copies "
        "meanwhile."
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _shape(topic: TopicFound) -> dict[str, Any]:
    return {
        "topic": topic.name,
        "ours": topic.ours,
        "kind": _kind(topic),
        "partitions": topic.partitions,
        "partitions_wanted": topic.wanted,
        "replicas": topic.replicas,
        "compact": topic.compact,
        "retention_ms": topic.retention_ms,
        "wrong": topic.wrong,
    }


def _kind(topic: TopicFound) -> str:
    if not topic.ours:
        return "other"
    return "changelog" if topic.name.endswith("-changelog") else "stream"


def _text(checked: TopicsReport, trouble: str) -> str:
    ours = [topic for topic in checked.topics if topic.ours]
    width = max(len(topic.name) for topic in ours)
    lines = [f"{'topic':{width}}  partitions  replicas  keeps", *(_line(topic, width) for topic in ours)]
    if others := [topic.name for topic in checked.topics if not topic.ours]:
        lines.append(f"not ours: {', '.join(others)}")
    lines.append(trouble or "All topics are as they shall be.")
    if not trouble and any(topic.wrong for topic in ours):
        lines[-1] = (
            "Set what is named above with Kafka's own tool (kafka-configs.sh, rpk topic alter-config)."
        )
    return "\n".join(lines)


def _line(topic: TopicFound, width: int) -> str:
    if not topic.partitions:
        return f"{topic.name:{width}}  not there: the next start makes it"
    count = (
        str(topic.partitions)
        if topic.partitions == topic.wanted
        else f"{topic.partitions}, not {topic.wanted}"
    )
    days = "for ever" if topic.retention_ms is None else f"{topic.retention_ms // DAY_MS} days"
    keeps = "the newest of each key" if topic.compact and topic.retention_ms is None else days
    wrong = f"  <- {topic.wrong}" if topic.wrong else ""
    return f"{topic.name:{width}}  {count:10}  {topic.replicas:<8}  {keeps}{wrong}"
