"""The attribution settings, and their versions: which one a charge is decided by.

A version takes effect at least a minute after it was made, and the first of a workspace holds from the
beginning. So who knows all versions made until some moment knows through a moment later which one holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trackrev_stream.domain.attribution.models import Model
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass

FOREVER = 2**63 - 1
MARGIN_MS = 60_000  # between the making of a version and its effect
# For so long the versions read last are all there are; the rest of the margin is for clocks that differ.
KNOWN_MS = MARGIN_MS // 2


class Returning(StrEnum):
    """Who earns a new subscription, or a purchase without one, of a payer whom somebody earned before."""

    KEEP = "keep"  # whoever earned the payer's first charge
    ASK = "ask"  # the payer's journey since, where it earns


@fast_dataclass(frozen=True, slots=True)
class AttributionSettings:
    """The attribution settings of a workspace, as one version of them. Windows in days; None: unlimited."""

    version: int = 1
    model: Model = Model.LAST_NON_DIRECT
    lookback_days: int = 30
    identify_days: int | None = None
    returning: Returning = Returning.KEEP


FIRST = AttributionSettings()


class SettingsBehind(Exception):
    """A charge is later than what is known of the settings: know more, and apply the record again."""


@dataclass(frozen=True, slots=True)
class SettingsTimeline:
    """All versions by workspace, each with the time it takes effect, latest first; known through a time."""

    known_through: int = FOREVER
    versions: Mapping[str, tuple[tuple[int, AttributionSettings], ...]] = field(default_factory=dict)

    def at(self, workspace: str, created_at: int) -> AttributionSettings:
        """The version in effect for a charge created at this time. Raises SettingsBehind."""
        if created_at > self.known_through:
            raise SettingsBehind(
                f"{workspace}: a charge of {created_at}, settings known to {self.known_through}"
            )
        held = (
            settings
            for effective_from, settings in self.versions.get(workspace, ())
            if effective_from <= created_at
        )
        return next(held, FIRST)
