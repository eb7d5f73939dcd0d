"""Identities: who says that a visitor belongs to a join key, and which of the claims stand.

Every rule here is a function of the set of claims, never of the order in which they came.
"""

from collections.abc import Iterable, Mapping
from itertools import islice

from trackrev_stream.domain.journeys.touch import Trust
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass

MOST_JOINS = 10  # of each trust: a shared device must not join any number of strangers
MOST_BINDS = 100


@fast_dataclass(frozen=True, slots=True)
class Identity:
    """A visitor said to belong to a join key: since when, by whom, and when the edge first heard of it."""

    join: str
    trust: Trust
    identified_at: int
    known_at: int

    @property
    def rank(self) -> tuple[int, int, str]:
        """The order of identities: the strongest first, of equals the one that was known first."""
        return self.trust.rank, self.known_at, self.join


@fast_dataclass(frozen=True, slots=True)
class VisitorClaim:
    """A visitor that Stripe names for the payer of ``join``, since ``named_at``; None takes the name back."""

    join: str
    workspace: str
    visitor: str
    version: int
    named_at: int | None


def add(identities: Iterable[Identity], new: Identity) -> list[Identity]:
    """The identities with ``new`` among them, of each trust those of the first MOST_JOINS join keys.

    Of what is said twice, what the edge heard first stands: nothing heard later moves a window.
    """
    kept = {(each.join, each.trust): each for each in identities}
    known = kept.get((new.join, new.trust), new)
    kept[new.join, new.trust] = min(known, new, key=lambda each: (each.known_at, each.identified_at))
    ordered = sorted(kept.values(), key=lambda each: each.rank)
    if len(ordered) <= MOST_JOINS:
        return ordered
    return [each for trust in Trust for each in islice((e for e in ordered if e.trust is trust), MOST_JOINS)]


def put_claim(binds: Mapping[str, VisitorClaim], new: VisitorClaim) -> dict[str, VisitorClaim]:
    """The binds of a visitor by join key with ``new``, unless something newer is known of it.

    Bounded: where Stripe names one visitor for more payers than MOST_BINDS, it is no person's name.
    """
    known = binds.get(new.join)
    if known is not None and known.version > new.version:
        return dict(binds)
    kept = sorted((dict(binds) | {new.join: new}).values(), key=_named)
    return {bind.join: bind for bind in kept[:MOST_BINDS]}


def standing(identities: Iterable[Identity], binds: Mapping[str, VisitorClaim]) -> list[Identity]:
    """All identities that a visitor stands under: what the edge was told, and the first binds of Stripe."""
    if not binds:
        return list(identities)
    named = [
        Identity(bind.join, Trust.STRIPE, bind.named_at, bind.named_at)
        for bind in sorted(binds.values(), key=_named)
        if bind.named_at is not None
    ]
    return [*named[:MOST_JOINS], *identities]


def _named(bind: VisitorClaim) -> tuple[bool, int, str]:
    # What was taken back goes last, so that it never costs a standing bind its place.
    return bind.named_at is None, bind.named_at or 0, bind.join
