"""The versions of the settings that change money: which one a charge is decided by.

A version takes effect at least a minute after it was made, and the first of a workspace holds from the
beginning. So who knows all versions made until some moment knows through a moment later which one holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trackrev_stream.domain.attribution.decision import AttributionSettings

FOREVER = 2**63 - 1
MARGIN_MS = 60_000  # between the making of a version and its effect
KNOWN_MS = (
    MARGIN_MS // 2
)  # so long the versions read last are all there are: the rest is for clocks that differ
FIRST = AttributionSettings()


class SettingsBehind(Exception):
    """A charge is later than what is known of the settings: know more, and apply the record again."""


@dataclass(frozen=True, slots=True)
class SettingsTimeline:
    """All versions by workspace, each with the time it takes effect, latest first; known through a time."""

    known_through: int = FOREVER
    versions: Mapping[str, tuple[tuple[int, AttributionSettings], ...]] = field(default_factory=dict)

    def at(self, workspace: str, created_at: int) -> AttributionSettings:
        """The version in effect for a charge created at this time. Raises RulesBehind."""
        if created_at > self.known_through:
            raise SettingsBehind(
                f"{workspace}: a charge of {created_at}, settings known to {self.known_through}"
            )
        held = (
            rules
            for effective_from, rules in self.versions.get(workspace, ())
            if effective_from <= created_at
        )
        return next(held, FIRST)
