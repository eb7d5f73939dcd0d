"""Known sources: which site, app or tag is a search engine, a social network, a mailbox or a payment page.

The table is ``sources.txt``; its head says how a line is read.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

APP = "app:"  # before the package of an app, so that none is taken for a host

# Domains under which countries sell names: `google.co.uk` is Google's, `google.evil.example` is not.
_SECOND_LEVEL = frozenset(("ac", "co", "com", "edu", "gob", "go", "in", "ne", "net", "nom", "or", "org"))


class SourceKind(StrEnum):
    """What a known source is. A section of the table has its name."""

    SEARCH = "search"
    SOCIAL = "social"
    VIDEO = "video"
    SHOPPING = "shopping"
    AI = "ai"
    MAIL = "mail"
    ADS = "ads"  # serves ads and nothing else
    RETURN = "return"  # people come back from it: a payment or sign-in page


# Nobody names these in a tag; words such as "link" or "front" mean something else there.
_UNSAID = (SourceKind.MAIL, SourceKind.ADS, SourceKind.RETURN)


@dataclass(frozen=True, slots=True)
class Source:
    """A known source; ``name`` is what reports call it, in lower case."""

    name: str
    kind: SourceKind


@lru_cache(maxsize=4_096)
def source_of_host(host: str) -> Source | None:
    """The source that ``host`` (lower case; ``app:`` and a package for an app) belongs to, if it is known."""
    plain = host.removeprefix("www.")
    starred = _starred(plain)
    found = _EXACT.get(plain) or _EXACT.get(starred) or _EXACT.get(plain.removeprefix("m."))
    if found or host.startswith(APP):
        return found
    for name, general in zip(_upwards(plain), _upwards(starred), strict=False):
        if found := _UNDER.get(name) or _UNDER.get(general):
            return found
    return None


def source_of_tag(tag: str) -> Source | None:
    """The source that a campaign's ``utm_source`` (lower case) names, by name or by host, if it is known."""
    return _TAGS.get(tag) or (source_of_host(tag) if "." in tag else None)


def _starred(host: str) -> str:
    """``host`` with ``*`` in the place of the suffix under which a country sells names."""
    labels = host.split(".")
    country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join([*labels[: -2 if country else -1], "*"])


def _upwards(host: str) -> Iterator[str]:
    """``host`` and every domain above it, the longest first."""
    labels = host.split(".")
    return (".".join(labels[start:]) for start in range(len(labels) - 1))


def _read(text: str) -> tuple[dict[str, Source], dict[str, Source], dict[str, Source]]:
    exact: dict[str, Source] = {}
    under: dict[str, Source] = {}
    tags: dict[str, Source] = {}
    kind = SourceKind.SEARCH
    for line in text.splitlines():
        if line.startswith("["):
            kind = SourceKind(line.strip("[]"))
        elif line and not line.startswith("#"):
            name, _, ways = line.partition(": ")
            source = Source(name, kind)
            if kind not in _UNSAID:
                tags.setdefault(name, source)
            for way in shlex.split(ways):
                table = exact if way.startswith(("=", APP)) else under if "." in way else tags
                known = table.setdefault(way.removeprefix("="), source)
                assert known == source, f"sources.txt names {way} twice"
    return exact, under, tags


_EXACT, _UNDER, _TAGS = _read(files(__package__).joinpath("sources.txt").read_text("utf-8"))
