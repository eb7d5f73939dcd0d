"""The words of `trackrev topics`."""

import argparse
from typing import Any, Protocol


class Leaf(Protocol):
    """Adds a command to a group: `parser.leaf`."""

    def __call__(
        self, within: Any, name: str, common: argparse.ArgumentParser, command: str, text: str
    ) -> argparse.ArgumentParser:
        """The parser of the command ``name``, which runs ``command``."""
        ...


def add_topics(group: Any, common: argparse.ArgumentParser, leaf: Leaf) -> None:
    """`topics check` and `topics repair`."""
    leaf(
        group,
        "check",
        common,
        "topics:topics_check",
        "the topics on Kafka, with their partitions as they are and shall be; 1 when something needs doing",
    )
    repair = leaf(
        group,
        "repair",
        common,
        "topics:topics_repair",
        "make topics to which somebody has added partitions as they were; nothing is lost",
    )
    repair.add_argument("--yes", action="store_true", help="do not ask")
