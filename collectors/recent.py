"""What became of the last requests to the edge, in memory, for who wonders whether it works.

Nothing of a person is kept: when, of which kind, the site's host, and what became of it.
"""

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from trackrev_stream.domain.acquisition.landing import host_of
from trackrev_stream.domain.values.ids import is_plain

MOST = 50
"""So many of each workspace and way are kept."""
MOST_WORKSPACES = 1_000
LONGEST_HOST = 253

TAKEN = "taken"
DROPPED = "dropped"
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one hit or event: ``taken``, ``dropped`` or ``refused``, and the reason.

    ``kind`` is that of the hit, or the type of Stripe's event; ``host`` is the site's, where it is known.
    """

    at: int
    kind: str
    host: str
    outcome: str
    reason: str = ""


class Recent:
    """The last outcomes, by workspace; those of no known workspace stand under the empty name."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._hits: dict[str, deque[Outcome]] = {}
        self._webhooks: dict[str, deque[Outcome]] = {}
        self._forwarded = {True: 0, False: 0}

    def request(self, *, forwarded: bool) -> None:
        """Note whether a request of a page said by which protocol it came to a proxy."""
        self._forwarded[forwarded] += 1

    def hit(self, workspace: str, outcome: Outcome) -> None:
        """Note what became of a hit; ``workspace`` is one that is there, or empty."""
        self._note(self._hits, workspace, outcome)

    def webhook(self, workspace: str, outcome: Outcome) -> None:
        """Note what became of an event of Stripe."""
        self._note(self._webhooks, workspace, outcome)

    def as_json(self) -> dict[str, Any]:
        """All of it, the newest last."""
        return {
            "hits": {name: [asdict(one) for one in kept] for name, kept in self._hits.items()},
            "forwarded": self._forwarded[True],
            "direct": self._forwarded[False],
            "webhooks": {name: [asdict(one) for one in kept] for name, kept in self._webhooks.items()},
        }

    def _note(self, kept: dict[str, deque[Outcome]], workspace: str, outcome: Outcome) -> None:
        if workspace not in kept and len(kept) >= MOST_WORKSPACES:
            return  # so many that nobody looks at them one by one
        kept.setdefault(workspace, deque(maxlen=self._most)).append(outcome)


def host_in(url: object) -> str:
    """The host of what a page says is its URL, and nothing else of it; empty where it has none."""
    host = host_of(url) if isinstance(url, str) else ""
    return host if is_plain(host, LONGEST_HOST) else ""
