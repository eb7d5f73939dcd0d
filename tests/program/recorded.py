"""What was recorded, against what there is now: what is new is no loss, what differs is one."""

import json
from pathlib import Path
from typing import Any

Json = Any

# What is said to people in words may get better: it has to be there, and not to be what it was.
IN_WORDS = frozenset(("explanation",))


def load(path: Path) -> Json:
    """What was recorded."""
    return json.loads(path.read_text())


def save(path: Path, content: Json) -> None:
    """Record it, readable and in order."""
    path.write_text(text_of(content))


def text_of(content: Json) -> str:
    """As it is recorded."""
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def lost(recorded: Json, now: Json, at: str = "") -> list[str]:
    """What was recorded and is so no longer, in a line each: where, what it was, and what it is.

    A name that is new is no loss. A list has to be what it was.
    """
    if isinstance(recorded, dict) and isinstance(now, dict):
        return [
            problem
            for name, value in recorded.items()
            for problem in (
                []
                if name in IN_WORDS and now.get(name)
                else lost(value, now[name], f"{at} / {name}" if at else name)
                if name in now
                else [f"{at} / {name} is gone; it was {_shown(value)}"]
            )
        ]
    if isinstance(recorded, list) and isinstance(now, list) and len(recorded) == len(now):
        pairs = zip(recorded, now, strict=True)
        return [
            problem for number, pair in enumerate(pairs) for problem in lost(*pair, at=f"{at} [{number}]")
        ]
    return [] if recorded == now else [f"{at} was {_shown(recorded)}, and is {_shown(now)}"]


def _shown(value: Json) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]} ..."
