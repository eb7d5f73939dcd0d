"""A visitor's journey: the touches and identities of one cookie, bounded and pruned by event time.

Every rule here is a function of the set of hits, never of the order in which they came.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from trackrev_stream.domain.journeys.identity import Identity, VisitorClaim, add, put_claim, standing
from trackrev_stream.domain.journeys.touch import Hit, HitKind, Touch, same_touch, touch_of
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass
from trackrev_stream.domain.values.ids import email_join

# Two of the largest window and a week of lateness (the edge lets no hit be older): ARCHITECTURE.md, rule 6.
LARGEST_WINDOW_DAYS = 90
HORIZON_MS = (2 * LARGEST_WINDOW_DAYS + 7) * DAY_MS
OPEN_DAYS_MS = 9 * DAY_MS  # a day's visits stay open for the week of lateness, and the day itself
MOST_OPEN_TOUCHES = 200
MOST_CAMPAIGN_TOUCHES = 48
MOST_DIRECT_TOUCHES = 16
MOST_TOUCHES_OF_IDENTITY = 16
MOST_TOLD = 100


@fast_dataclass(frozen=True, slots=True)
class Journey:
    """What one visitor brings to one join key; without touches and identities it is withdrawn.

    ``complete_since`` is the time since when no touch of the visitor that is not direct has been left out.
    """

    join: str
    visitor: str
    version: int
    touches: tuple[Touch, ...] = ()
    identities: tuple[Identity, ...] = ()
    complete_since: int = 0


@fast_dataclass(frozen=True, slots=True)
class Visit:
    """Clicks of one visitor over one channel and link on one day (UTC, ``YYYYMMDD`` as days since 1970)."""

    workspace: str
    day: int
    channel: str
    link: str
    visitor: str
    clicks: int
    landed: bool
    version: int


@dataclass(slots=True)
class VisitorRow:
    """All that is known of one visitor. ``version`` counts the hits and binds applied to it.

    ``told`` are the join keys that were told of the visitor, so that each hears when it is theirs no more. A
    bind may come long before the first hit, or be all that there ever is of a visitor: it waits here.
    """

    workspace: str
    visitor: str
    version: int = 0
    latest_at: int = 0
    forgotten_until: int = 0
    touches: dict[str, Touch] = field(default_factory=dict)
    identities: list[Identity] = field(default_factory=list)
    binds: dict[str, VisitorClaim] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)


def absorb_hits(row: VisitorRow, hits: Iterable[Hit]) -> tuple[list[Journey], list[Visit]]:
    """Apply hits to a visitor's row in place; return the journeys and visits that they changed."""
    moved: set[tuple[int, str, str]] = set()
    known_before = (dict(row.touches), row.identities)
    for hit in hits:
        row.version += 1
        row.latest_at = max(row.latest_at, hit.occurred_at)
        _add_touch(row, hit, moved)
        _add_identity(row, hit)
    _forget(row)
    _note_told(row)
    changed = known_before != (row.touches, row.identities)
    return (journeys_of(row) if changed else []), [_visit(row, *slot) for slot in sorted(moved)]


def absorb_claim(row: VisitorRow, new: VisitorClaim) -> list[Journey]:
    """Apply a bind to a visitor's row in place; return the journeys that it changed, and always its own.

    The payer waits for that one: it is empty where the visitor was named for too many.
    """
    row.version += 1
    before = row.binds
    row.binds = put_claim(row.binds, new)
    _note_told(row)
    return journeys_of(row, new.join) if row.binds != before else [journey_under(row, new.join)]


def journeys_of(row: VisitorRow, *joins: str) -> list[Journey]:
    """The journey of the visitor under each join key that was told of it, and under ``joins``."""
    return [journey_under(row, join) for join in dict.fromkeys((*row.told, *joins))]


def journey_under(row: VisitorRow, join: str) -> Journey:
    """The journey of the visitor under one join key; empty where it does not stand there (any more)."""
    identities = tuple(each for each in standing(row.identities, row.binds) if each.join == join)
    if not identities:
        return Journey(join, row.visitor, row.version)
    ordered, horizon = sorted(row.touches.values(), key=when), row.latest_at - HORIZON_MS
    kept = _worth_keeping(ordered, horizon, identities)
    left_out = [
        t.occurred_at + 1 for t in ordered if t.id not in kept and not t.direct and t.occurred_at >= horizon
    ]
    return Journey(
        join=join,
        visitor=row.visitor,
        version=row.version,
        touches=tuple(touch for touch in ordered if touch.id in kept),
        identities=identities,
        complete_since=max(row.forgotten_until, horizon, *left_out, 0),
    )


def visits_of(row: VisitorRow, hits: Iterable[Hit]) -> list[Visit]:
    """The visits that ``hits``, already applied, are part of: for emitting them once more."""
    slots = {
        _slot(row.touches[touch.id]) for hit in hits if (touch := touch_of(hit)) and touch.id in row.touches
    }
    return [_visit(row, *slot) for slot in sorted(slots)]


def when(touch: Touch) -> tuple[int, str]:
    """The order of touches: by time, then by id."""
    return touch.occurred_at, touch.id


def _add_touch(row: VisitorRow, hit: Hit, moved: set[tuple[int, str, str]]) -> None:
    touch = touch_of(hit)
    if touch is None:
        return
    known = row.touches.get(touch.id)
    merged = row.touches[touch.id] = same_touch(known, touch) if known else touch
    # A touch of a day that is closed still joins the journey, but its day's clicks are not counted again.
    if merged != known and touch.occurred_at >= row.latest_at - OPEN_DAYS_MS:
        moved.update(_slot(each) for each in (merged, known) if each)


def _add_identity(row: VisitorRow, hit: Hit) -> None:
    if hit.kind is HitKind.IDENTIFY and hit.email_key:
        join = email_join(hit.workspace, hit.email_key)
        said = Identity(join, hit.trust, hit.occurred_at, hit.received_at)
        row.identities = add(row.identities, said)


def _note_told(row: VisitorRow) -> None:
    joins = [identity.join for identity in standing(row.identities, row.binds)]
    if len(row.told) <= MOST_TOLD and all(join in row.told for join in joins):
        return
    told = list(dict.fromkeys((*row.told, *joins)))
    stale = [join for join in told if join not in joins]
    dropped = set(stale[: max(0, len(told) - MOST_TOLD)])
    row.told = [join for join in told if join not in dropped]


def _forget(row: VisitorRow) -> None:
    """Drop what no rule can ask for again, and remember since when the touches are complete."""
    open_since = row.latest_at - OPEN_DAYS_MS
    if len(row.touches) <= MOST_OPEN_TOUCHES and all(
        touch.occurred_at >= open_since for touch in row.touches.values()
    ):
        return
    ordered, horizon = sorted(row.touches.values(), key=when), row.latest_at - HORIZON_MS
    kept = _worth_keeping(ordered, horizon, standing(row.identities, row.binds))
    if len(kept) == len(ordered):
        return
    kept |= {touch.id for touch in ordered[-MOST_OPEN_TOUCHES:] if touch.occurred_at >= open_since}
    for touch in ordered:
        if touch.id not in kept and touch.occurred_at >= horizon and not touch.direct:
            row.forgotten_until = max(row.forgotten_until, touch.occurred_at + 1)
    row.touches = {touch.id: touch for touch in ordered if touch.id in kept}


def _worth_keeping(ordered: Sequence[Touch], horizon: int, identities: Iterable[Identity]) -> set[str]:
    """The ids of those of a visitor's touches, ordered by time, that its journeys have."""
    if len(ordered) <= MOST_DIRECT_TOUCHES and (not ordered or ordered[0].occurred_at >= horizon):
        return _ids(ordered)
    fresh = [touch for touch in ordered if touch.occurred_at >= horizon]
    kept = _ids([touch for touch in fresh if not touch.direct][-MOST_CAMPAIGN_TOUCHES:])
    kept |= _ids([touch for touch in fresh if touch.direct][-MOST_DIRECT_TOUCHES:])
    # Touches that led to an identity stay with it whatever the horizon: trials and freemium pay late.
    for identity in identities:
        window = LARGEST_WINDOW_DAYS * DAY_MS
        led = [
            t for t in ordered if identity.identified_at - window <= t.occurred_at <= identity.identified_at
        ]
        kept |= _ids([touch for touch in led if not touch.direct][-MOST_TOUCHES_OF_IDENTITY:])
        kept |= _ids([touch for touch in led if touch.direct][-1:])
    return kept


def _ids(touches: Iterable[Touch]) -> set[str]:
    return {touch.id for touch in touches}


def _slot(touch: Touch) -> tuple[int, str, str]:
    return touch.occurred_at // DAY_MS, touch.channel, touch.link


def _visit(row: VisitorRow, day: int, channel: str, link: str) -> Visit:
    slot = (day, channel, link)
    touches = [touch for touch in row.touches.values() if touch.channel == channel and _slot(touch) == slot]
    return Visit(
        workspace=row.workspace,
        day=day,
        channel=channel,
        link=link,
        visitor=row.visitor,
        clicks=sum(touch.clicks for touch in touches),
        landed=any(touch.landed for touch in touches),
        version=row.version,
    )
