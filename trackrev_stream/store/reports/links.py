"""What tracked links brought: the figures of all links of a workspace at once."""

from dataclasses import dataclass, field

from sqlalchemy import Connection

from trackrev_stream.store.database.schema import lines, visits
from trackrev_stream.store.reports.channels_and_revenue import Days, Money, seen_by, span_of, sums


@dataclass(slots=True)
class LinkFigures:
    """Distinct visitors that a link brought, its clicks, and the money it earned."""

    visitors: int = 0
    clicks: int = 0
    money: Money = field(default_factory=Money)


def links_brought(
    connection: Connection, workspace: str, days: int, now: int, time_zone: str
) -> dict[str, LinkFigures]:
    """By slug, what each link brought in the last ``days`` days; those that brought nothing are not there.

    Counted as the channels are, whatever channel or partner a link had at the time.
    """
    span = span_of(days, now, time_zone)
    found: dict[str, LinkFigures] = {}
    for row in sums(connection, workspace, span, lines.c.link, Days.OWN):
        found.setdefault(row.link, LinkFigures()).money.add(row)
    for link, (visitors, clicks) in seen_by(connection, workspace, span, visits.c.link).items():
        figures = found.setdefault(link, LinkFigures())
        figures.visitors, figures.clicks = visitors, clicks
    found.pop("", None)
    return found
