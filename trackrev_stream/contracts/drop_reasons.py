"""Why something was not taken: closed sets, so that every drop can be counted and explained."""

from enum import StrEnum


class DropReason(StrEnum):
    """Why a hit was dropped at the edge."""

    # Unwanted by policy: the whole request, counted and nothing more.
    BOT = "bot"
    PREFETCH = "prefetch"
    PRERENDER = "prerender"
    GPC = "gpc"
    PLACEHOLDER_EMAIL = "placeholder_email"  # this hit alone: an address that stands for nobody
    ERASED = "erased"  # this hit alone: an address that nobody may know any more
    # Not what a hit should be: this hit alone, and it goes to the dead letters.
    BAD_HIT = "bad_hit"
    BAD_ID = "bad_id"
    BAD_TYPE = "bad_type"
    BAD_TIME = "bad_time"
    BAD_URL = "bad_url"
    BAD_EMAIL = "bad_email"
    BAD_PROOF = "bad_proof"

    @property
    def by_policy(self) -> bool:
        """Whether the hit was well formed but unwanted."""
        return self in _BY_POLICY


_BY_POLICY = frozenset(
    {
        DropReason.BOT,
        DropReason.PREFETCH,
        DropReason.PRERENDER,
        DropReason.GPC,
        DropReason.PLACEHOLDER_EMAIL,
        DropReason.ERASED,
    }
)


class IgnoreReason(StrEnum):
    """Why a Stripe event that verified was acknowledged without effect."""

    EVENT_TYPE = "event_type"  # nothing is computed from events of this type
    NO_EFFECT = "no_effect"  # the type is known, but this event moves nothing
    LIVEMODE = "livemode"  # a test event for a live connection, or the reverse
    ACCOUNT = "account"  # an account that the workspace is not connected to
    MALFORMED = "malformed"  # not the shape of a Stripe event: it is in the dead letters
