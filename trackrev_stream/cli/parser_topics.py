"""The words of `trackrev topics`."""

import argparse
from typing import Any

from trackrev_stream.cli.leaf import group, leaf


def add_topics_words(top: Any, common: argparse.ArgumentParser) -> None:
    """`topics check|repair`."""
    topics = group(top, "topics", "the topics on Kafka")
    text = "the topics on Kafka, with their partitions as they are and shall be; 1 when something needs doing"
    leaf(topics, "check", common, "topics:topics_check", text)
    text = "make topics to which somebody has added partitions as they were; nothing is lost"
    repair = leaf(topics, "repair", common, "topics:topics_repair", text)
    repair.add_argument("--yes", action="store_true", help="do not ask")
