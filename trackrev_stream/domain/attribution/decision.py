"""Attribution: which touch earned a charge, decided from journeys alone.

Two windows (ARCHITECTURE.md, rule 7): click to identify, and identify to the first paid charge. Trust (rule
10): visitors that Stripe names outrank signed identities, and those unsigned ones. An unsigned identity that
the edge heard of after the charge may fill what nobody earned, and moves nothing.
"""

from collections.abc import Iterable
from dataclasses import field, replace
from enum import StrEnum

from trackrev_stream.domain.attribution.attribution_settings import AttributionSettings
from trackrev_stream.domain.attribution.models import Model, weights
from trackrev_stream.domain.journeys.identity import Identity
from trackrev_stream.domain.journeys.journey import Journey
from trackrev_stream.domain.journeys.touch import Touch, Trust
from trackrev_stream.domain.payments.subscription import MatchEvidence
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass

SLACK_MS = 1_000  # Stripe's `created` has whole seconds: a touch within the same second came before


class Reason(StrEnum):
    """Why a charge stands as it does."""

    LAST_NON_DIRECT = Model.LAST_NON_DIRECT.value
    LAST = Model.LAST.value
    FIRST = Model.FIRST.value
    LINEAR = Model.LINEAR.value
    POSITION = Model.POSITION.value
    TIME_DECAY = Model.TIME_DECAY.value
    ONLY_DIRECT = "only_direct_touches"
    LATE_IDENTITY = "late_identity"
    INHERITED = "inherited_from_first_credited_charge"
    RENEWAL = "inherited_from_first_charge_of_subscription"
    RENEWAL_UNATTRIBUTED = "first_charge_of_subscription_unattributed"
    NO_EMAIL = "no_email"
    NO_VISITOR = "no_visitor_identified"
    NO_TOUCH = "no_touch_in_window"
    TOO_LATE = "too_late"
    LEFT = "left_for_another_payer"
    FAILED = "charge_failed"


@fast_dataclass(frozen=True, slots=True)
class Considered:
    """A touch that was looked at for a charge, and what was found."""

    visitor: str
    touch: Touch
    verdict: str


@fast_dataclass(frozen=True, slots=True)
class Credit:
    """A share of a charge. ``weight`` of ``of`` shares; all shares of a charge have the same ``of``."""

    visitor: str
    touch: Touch
    weight: int = 1
    of: int = 1


@fast_dataclass(frozen=True, slots=True)
class Decision:
    """Who earned a charge, by which identity, and what was passed over. Without credits: unattributed.

    ``late`` says that only an identity heard of after the charge leads to the credit. ``binding`` says how
    the charge was tied to ``subscription``, or that it was to none. ``rules_version`` are the settings that
    made the credit: what is inherited keeps those of the charge it is ``inherited_from``.
    """

    reason: Reason
    credits: tuple[Credit, ...] = ()
    identity: Identity | None = None
    late: bool = False
    inherited_from: str = ""
    considered: tuple[Considered, ...] = field(default=())
    binding: MatchEvidence = MatchEvidence.NONE
    subscription: str = ""
    rules_version: int = 1

    # These two are made of each charge: ``dataclasses.replace`` would take several times as long.
    @property
    def lent(self) -> "Decision":
        """What others may inherit of it."""
        return self._with((), MatchEvidence.NONE, "", self.rules_version)

    def tied(self, binding: MatchEvidence, subscription: str, rules_version: int) -> "Decision":
        """The decision with what is known of the charge it is of."""
        if (self.binding, self.subscription, self.rules_version) == (binding, subscription, rules_version):
            return self
        return self._with(self.considered, binding, subscription, rules_version)

    def _with(
        self,
        considered: tuple[Considered, ...],
        binding: MatchEvidence,
        subscription: str,
        rules_version: int,
    ) -> "Decision":
        return Decision(
            self.reason,
            self.credits,
            self.identity,
            self.late,
            self.inherited_from,
            considered,
            binding,
            subscription,
            rules_version,
        )


MOST_CONSIDERED = 20

_REASONS = {model: Reason(model.value) for model in Model}


Known = list[tuple[Journey, Identity]]


def decide(
    journeys: Iterable[Journey],
    created_at: int,
    settings: AttributionSettings,
    before: Decision | None = None,
) -> Decision:
    """Decide a charge of ``created_at`` from the journeys of its payer, before any inheritance.

    ``before`` is what stands: where too much was forgotten meanwhile to say better, it stays.
    """
    known = [
        (journey, identity)
        for journey in sorted(journeys, key=lambda journey: (journey.join, journey.visitor))
        for identity in journey.identities
    ]
    if not known:
        return Decision(Reason.NO_VISITOR)
    early = [pair for pair in known if not _is_late(pair[1], created_at)]
    decision = _by_trust(early, created_at, settings, before)
    if decision.credits or decision.reason is Reason.TOO_LATE:
        return decision
    # One late identity at a time, in the order the edge heard of them: a later one can never take over.
    late = [pair for pair in known if _is_late(pair[1], created_at)]
    for pair in sorted(late, key=lambda pair: (pair[1].known_at, pair[1].join, pair[0].visitor)):
        filled = _decide([pair], created_at, settings, before)
        if filled.credits:
            return replace(filled, reason=Reason.LATE_IDENTITY, late=True)
    return decision


def _by_trust(
    known: Known, created_at: int, settings: AttributionSettings, before: Decision | None
) -> Decision:
    """The strongest identities that lead to a touch decide alone; a direct one only where no other does."""
    direct, last = None, Decision(Reason.NO_TOUCH)
    for trust in sorted({identity.trust for _, identity in known}, key=lambda trust: trust.rank):
        trusted = [pair for pair in known if pair[1].trust.rank <= trust.rank]
        last = _decide(trusted, created_at, settings, before)
        if last.reason is Reason.TOO_LATE or (last.credits and last.reason is not Reason.ONLY_DIRECT):
            return last
        direct = direct or (last if last.credits else None)
    return direct or last


def _decide(
    known: Known, created_at: int, settings: AttributionSettings, before: Decision | None
) -> Decision:
    """The decision from ``known`` alone, unless what could change it is forgotten: rule 6."""
    decision = _share(known, created_at, settings)
    complete_since = max(journey.complete_since for journey, _ in known)
    earned_at = max((c.touch.occurred_at for c in decision.credits if not c.touch.direct), default=0)
    if settings.model not in (Model.LAST_NON_DIRECT, Model.LAST):
        earned_at = 0  # what came before has a share too
    if complete_since <= max(created_at - settings.lookback_days * DAY_MS, earned_at):
        return decision
    if before and not before.inherited_from and (before.credits or before.considered):
        return before
    return Decision(Reason.TOO_LATE, considered=decision.considered)


def _is_late(identity: Identity, created_at: int) -> bool:
    return identity.trust is Trust.UNSIGNED and identity.known_at > created_at + SLACK_MS


def _share(
    known: Iterable[tuple[Journey, Identity]], created_at: int, settings: AttributionSettings
) -> Decision:
    """What the model gives to each touch that may earn; to direct ones only where there is no other."""
    found: dict[tuple[str, str], tuple[Touch, str, Identity, str]] = {}
    for journey, identity in known:
        for touch in journey.touches:
            verdict = _outside(touch, identity, created_at, settings)
            one = found.setdefault((journey.visitor, touch.id), (touch, journey.visitor, identity, verdict))
            if one[3] and not verdict:
                found[journey.visitor, touch.id] = (touch, journey.visitor, identity, verdict)
    ordered = sorted(found.values(), key=_when, reverse=True)
    eligible = [(touch, visitor, identity) for touch, visitor, identity, verdict in ordered if not verdict]
    shares = weights(settings.model, [(visitor, touch) for touch, visitor, _ in eligible])
    earned = [(share, *item) for share, item in zip(shares, eligible, strict=True) if share]
    credited = {(visitor, touch.id) for _, touch, visitor, _ in earned}
    considered = tuple(
        Considered(visitor, touch, verdict or _verdict(touch, credited=(visitor, touch.id) in credited))
        for touch, visitor, _, verdict in ordered[:MOST_CONSIDERED]
    )
    if not earned:
        return Decision(Reason.NO_TOUCH, considered=considered)
    whole = sum(shares)
    credits_ = tuple([Credit(visitor, touch, share, whole) for share, touch, visitor, _ in earned])
    only_direct = all(touch.direct for touch, _, _ in eligible)
    reason = Reason.ONLY_DIRECT if only_direct else _REASONS[settings.model]
    return Decision(reason, credits_, earned[0][3], considered=considered)


def _when(item: tuple[Touch, str, Identity, str]) -> tuple[int, str, str]:
    touch, visitor, _, _ = item
    return touch.occurred_at, touch.id, visitor


def _outside(touch: Touch, identity: Identity, created_at: int, settings: AttributionSettings) -> str:
    """Why a touch cannot earn the charge; empty when it can."""
    lookback = settings.lookback_days * DAY_MS
    if touch.occurred_at > created_at + SLACK_MS:
        return "after the charge"
    if touch.occurred_at >= created_at - lookback:
        return ""
    identified_at = min(identity.identified_at, created_at)
    if touch.occurred_at > identified_at:
        return f"more than {settings.lookback_days} days before the charge, and after the visitor identified"
    if touch.occurred_at < identified_at - lookback:
        return f"more than {settings.lookback_days} days before the visitor identified"
    if settings.identify_days is not None and identified_at < created_at - settings.identify_days * DAY_MS:
        return f"identified more than {settings.identify_days} days before the charge"
    return ""


def _verdict(touch: Touch, *, credited: bool) -> str:
    if credited:
        return "credited"
    return "direct, passed over" if touch.direct else "the model gives it nothing"
