"""`trackrev dead-letters`: look at what could not be processed and decide, with the program up or not."""

import argparse
import json
from contextlib import closing
from functools import partial
from typing import Any

from sqlalchemy import Connection

from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.choices import Status
from trackrev_stream.contracts.times import rfc3339, utc_minute
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.operations.dead_letters import (
    StoredLetter,
    count_letters,
    drop_letters,
    find_letters,
    letter_ids,
    list_letters,
)

_SHOWN_ID = 12
_SHORTEST_ID = 4
_LONGEST_MESSAGE = 100


def dead_letters_list(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`dead-letters list`."""
    wanted = {"processor": args.processor, "status": None if args.status == "all" else Status(args.status)}
    with closing(Store.open(settings.store)) as store:
        found = store.read_now(partial(list_letters, **wanted, limit=args.limit))
        count = store.read_now(partial(count_letters, **wanted))
    lines = [_line(kept) for kept in found]
    if count > len(found):
        lines.append(f"The newest {len(found):,} of {count:,}; --limit shows more.")
    data = {"dead_letters": [_facts(kept) for kept in found], "count": count}
    return CommandResult("\n".join(lines) or f"No {_kind(args.processor, args.status)}.", data)


def dead_letters_show(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`dead-letters show`: all that is known of one, with its payload."""
    with closing(Store.open(settings.store)) as store:
        kept = store.read_now(partial(_find, beginning=args.letter))
    letter = kept.letter
    facts = _facts(kept)
    payload, text = _decoded(letter.raw)
    shown = facts | {
        "first_failed_at": utc_minute(kept.first_failed_at),
        "failed_at": utc_minute(letter.failed_at),
        "decided_at": "" if kept.decided_at is None else utc_minute(kept.decided_at),
        "origin": _origin(kept),
        "replay": f"not possible: {letter.not_replayable}" if letter.not_replayable else "possible",
    }
    names = ("id", "status", "processor", "failure", "message", "origin", "attempts", "first_failed_at")
    rows = [f"{name:16} {shown[name]}" for name in (*names, "failed_at", "decided_at", "replay")]
    told = "\n".join([*rows, "", f"payload, {len(letter.raw):,} bytes:", text])
    data = facts | {"payload": payload, "payload_base64": letter.payload}
    return CommandResult(_printable(told), data, verbatim=True)


def dead_letters_drop(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`dead-letters drop`: nothing more shall become of them."""
    with closing(Store.open(settings.store)) as store:
        ids = chosen(store, args, "drop")
        store.write_now(partial(drop_letters, ids=ids, now=now_ms()))
    text = f"{counted(len(ids))} dropped. `trackrev dead-letters replay` brings back a letter by its id."
    return CommandResult(text, {"dropped": ids})


def chosen(store: Store, args: argparse.Namespace, to: str) -> list[str]:
    """The ids of the letters that were named; with --all of the open ones, those that failed first before."""
    if bool(args.letters) == args.all:
        raise CommandError(f"say which to {to}: ids as `trackrev dead-letters list` shows them, or --all")
    if args.processor and not args.all:
        raise CommandError("--processor narrows --all; ids stand for themselves")
    if not args.all:
        found = [store.read_now(partial(_find, beginning=each)).letter.id for each in args.letters]
        return list(dict.fromkeys(found))
    ids = store.read_now(partial(letter_ids, processor=args.processor, status=Status.OPEN))
    if not ids:
        raise CommandError(f"nothing to {to}: there is no {_kind(args.processor, Status.OPEN)}")
    return ids


def _find(connection: Connection, beginning: str) -> StoredLetter:
    if len(beginning) < _SHORTEST_ID:
        raise CommandError(f"{beginning!r} is too little of an id: give {_SHORTEST_ID} characters or more")
    found = find_letters(connection, beginning)
    if not found:
        raise CommandError(f"there is no dead letter {beginning!r}; `trackrev dead-letters list` names them")
    if len(found) > 1:
        raise CommandError(f"more than one dead letter begins with {beginning!r}: give more of its id")
    return found[0]


def _facts(kept: StoredLetter) -> dict[str, Any]:
    letter = kept.letter
    return {
        "id": letter.id,
        "status": kept.status.value,
        "processor": letter.processor,
        "failure": letter.failure,
        "message": letter.message,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "index": letter.index,
        "attempts": kept.attempts,
        "first_failed_at": rfc3339(kept.first_failed_at),
        "failed_at": rfc3339(letter.failed_at),
        "decided_at": None if kept.decided_at is None else rfc3339(kept.decided_at),
        "replayable": not letter.not_replayable,
    }


def _line(kept: StoredLetter) -> str:
    letter = kept.letter
    tries = f"{kept.attempts} times" if kept.attempts > 1 else "once"
    words = (
        f"{letter.id[:_SHOWN_ID]}  {utc_minute(letter.failed_at)}  {kept.status:8}  {letter.processor:9}  "
        f"{tries:8}  {_origin(kept)}: {letter.message[:_LONGEST_MESSAGE]}"
    )
    return _printable(words.replace("\n", " "))


def _origin(kept: StoredLetter) -> str:
    letter = kept.letter
    if letter.offset < 0:
        return f"the edge, for {letter.topic}"
    part = f" part {letter.index}" if letter.index else ""
    return f"{letter.topic}[{letter.partition}]@{letter.offset}{part}"


def _decoded(raw: bytes) -> tuple[Any, str]:
    """The payload for programs and for people: as JSON where it is, else as text, else as bytes."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None, repr(raw)[2:-1]
    try:
        value = json.loads(text)
    except ValueError:
        return text, text
    return value, json.dumps(value, indent=2, ensure_ascii=False)


def _printable(text: str) -> str:
    """Without what would move a terminal's cursor: anybody can send a hit to the edge."""
    return "".join(
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape").decode()
        for each in text
    )


def _kind(processor: str, status: str) -> str:
    return f"{'' if status == 'all' else f'{status} '}dead letter{f' of {processor}' if processor else ''}"


def counted(number: int) -> str:
    return f"{number:,} dead letter{'' if number == 1 else 's'}"
