"""Overrides: what a workspace calls a channel where Google's rules would say something else.

An ordered list of rules, applied at the edge to what a hit says of itself. The hit carries the channel and
the version of the rules away with it, so a touch stays a function of one hit (ops/decisions/0002): rules that
change later move nothing that was earned, and a replay finds what was found. A tracked link outranks them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from trackrev_stream.domain.acquisition.landing import Landing

MOST_RULES = 200
LONGEST = 200


class BadChannelRules(ValueError):
    """Rules that cannot be used; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """Contacts that match everything given here are of ``channel``; an empty pattern matches all.

    A pattern is compared with the whole value in lower case; ``*`` stands for any text. ``host`` is where the
    visitor came from (for an app its package), ``click_id`` the name of a click id such as ``gclid``.
    """

    channel: str
    source: str = ""
    medium: str = ""
    campaign: str = ""
    host: str = ""
    click_id: str = ""

    def matches(self, contact: Landing) -> bool:
        """Whether the rule holds for ``contact``."""
        return (
            all(
                not pattern or fnmatchcase(value, pattern)
                for pattern, value in (
                    (self.source, contact.source),
                    (self.medium, contact.medium),
                    (self.campaign, contact.campaign),
                    (self.host, contact.host),
                )
            )
            and (not self.click_id or any(fnmatchcase(name, self.click_id) for name in contact.click_ids))
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChannelOverrides:
    """The rules of a workspace, as one version of them; version 0 has none."""

    version: int = 0
    rules: tuple[ChannelRule, ...] = ()

    def channel_of(self, contact: Landing) -> str:
        """The channel that the first matching rule names; empty where none matches."""
        return next((rule.channel for rule in self.rules if rule.matches(contact)), "")


NO_OVERRIDES = ChannelOverrides()


def parse_rules(raw: object) -> tuple[ChannelRule, ...]:
    """The rules in a JSON list of objects, such as ``[{"host": "*.partner.example", "channel": "Partner"}]``.

    Raises BadRules.
    """
    if not isinstance(raw, list):
        raise BadChannelRules(
            'the rules should be a list, such as [{"host": "*.partner.example", "channel": "Partners"}]'
        )
    if len(raw) > MOST_RULES:
        raise BadChannelRules(f"{len(raw)} rules; at most {MOST_RULES} are taken")
    return tuple(_rule(number, each) for number, each in enumerate(raw, start=1))


def _rule(number: int, raw: object) -> ChannelRule:
    if not isinstance(raw, Mapping):
        raise BadChannelRules(f"rule {number} should be an object with a channel and what it matches")
    names = [field.name for field in fields(ChannelRule)]
    for name, value in raw.items():
        if name not in names:
            raise BadChannelRules(f"rule {number} has {name!r}; it may have {', '.join(names)}")
        if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST:
            raise BadChannelRules(f"rule {number}: {name} should be text of 1 to {LONGEST} characters")
        if name != "channel" and set("?[]") & set(value):
            raise BadChannelRules(
                f"rule {number}: {name} is {value!r}; of special characters only * has a meaning"
            )
    given: dict[str, Any] = {
        name: value.strip() if name == "channel" else value.strip().lower() for name, value in raw.items()
    }
    if "channel" not in given:
        raise BadChannelRules(f"rule {number} has no channel")
    if len(given) == 1:
        raise BadChannelRules(
            f"rule {number} matches everything: give it a source, medium, campaign, host or click_id"
        )
    return ChannelRule(**given)
