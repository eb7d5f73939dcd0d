"""`trackrev dead-letters replay`: puts letters into their topics again, with the program up or not."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial

from trackrev_stream.cli.dead_letters import chosen, counted
from trackrev_stream.cli.log_access import publisher
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.dead_letters import replay_key
from trackrev_stream.contracts.ports import Publisher
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.operations.dead_letters import StoredLetter, mark_replayed, read_letters

AT_A_TIME = 100
"""So many letters are replayed at the same time, and told of as done."""


def dead_letters_replay(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`dead-letters replay`: put them into their topics again."""
    with closing(Store.open(settings.store)) as store:
        ids = chosen(store, args, "replay")
        skipped = _not_replayable(store, ids)
        if skipped and (not args.all or len(skipped) == len(ids)):
            raise CommandError("; ".join(_refusals(skipped)))
        wanted = [each for each in ids if each not in skipped]
        read_at_once = asyncio.run(_replay(store, wanted, settings))
    text = f"{counted(len(wanted))} replayed. What fails again is open again: `trackrev dead-letters list`."
    if not read_at_once:
        text += " No program runs here: it reads them once it is started (`trackrev up`)."
    return CommandResult(text, {"replayed": wanted, "skipped": skipped}, _refusals(skipped))


async def _replay(store: Store, ids: Sequence[str], settings: Settings) -> bool:
    async with publisher(settings) as (log, read_at_once):
        for start in range(0, len(ids), AT_A_TIME):
            kept = store.read_now(partial(read_letters, ids=ids[start : start + AT_A_TIME]))
            told = await asyncio.gather(*(_publish(log, each) for each in kept), return_exceptions=True)
            done = [each for each, error in zip(kept, told, strict=True) if error is None]
            store.write_now(partial(mark_replayed, replayed=done, now=now_ms()))
            for error in filter(None, told):
                sys.stderr.write(f"replayed {start + len(done):,} of {len(ids):,}, then:\n")
                raise error
            if len(ids) > AT_A_TIME:
                sys.stderr.write(f"replayed {start + len(done):,} of {len(ids):,}\n")
    return read_at_once


async def _publish(log: Publisher, kept: StoredLetter) -> None:
    letter = kept.letter
    # A hit that came in a frame goes alone: a frame of one.
    await log.publish(letter.topic, letter.partition, replay_key(letter.id), letter.raw)


def _not_replayable(store: Store, ids: Sequence[str]) -> dict[str, str]:
    """The reason for each that cannot be replayed."""
    reasons: dict[str, str] = {}
    for start in range(0, len(ids), AT_A_TIME):
        for kept in store.read_now(partial(read_letters, ids=ids[start : start + AT_A_TIME])):
            if kept.letter.not_replayable:
                reasons[kept.letter.id] = kept.letter.not_replayable
    return reasons


def _refusals(skipped: Mapping[str, str]) -> list[str]:
    """For each reason a sentence."""
    counts = Counter(skipped.values())
    return [f"{counted(count)} cannot be replayed: {reason}" for reason, count in sorted(counts.items())]
