"""A payer's charges together: which of them are roots, who earned these, and what the others inherit.

The earliest paid charge of a subscription, by (created, id), is its origin: the others of the subscription
inherit its decision, credit or not. Roots are the origins, and the charges that belong to no known
subscription. The first root whose own journey earned it in time binds the payer firmly: later roots inherit
that credit, or under ``returning=ask`` only where their own journey earns nothing. A root that only a late
identity fills binds more weakly: it may lend its credit to later roots that have none, and takes none away.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field

from trackrev_stream.domain.attribution.attribution_settings import AttributionSettings, Returning
from trackrev_stream.domain.attribution.decision import Decision, Reason, decide
from trackrev_stream.domain.journeys.journey import Journey
from trackrev_stream.domain.payments.payment import ChargeState
from trackrev_stream.domain.payments.subscription import SubscriptionMatch
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass


@fast_dataclass(frozen=True, slots=True)
class Placed:
    """A charge with what is known of its subscription, and the settings in effect when it was created.

    ``before`` is the decision that stands for it so far.
    """

    state: ChargeState
    match: SubscriptionMatch
    settings: AttributionSettings
    before: Decision | None = None

    @property
    def order(self) -> tuple[int, str]:
        """Where the charge stands among the payer's."""
        return self.state.created_at, self.state.charge

    @property
    def asks(self) -> bool:
        """Whether its own journey counts though somebody earned the payer before; not where it may renew."""
        return self.settings.returning is Returning.ASK and not self.match.by.doubtful


@fast_dataclass(frozen=True, slots=True)
class CreditOrigin:
    """The charge that binds a payer, or begins a subscription, and the decision it lends."""

    created_at: int
    charge: str
    decision: Decision

    @property
    def order(self) -> tuple[int, str]:
        """Where the charge stands among the payer's."""
        return self.created_at, self.charge

    @property
    def heard(self) -> tuple[int, int, str]:
        """What decides between late bindings: the one whose identity the edge heard of first."""
        identity = self.decision.identity
        return (identity.known_at if identity else 0, self.created_at, self.charge)


@fast_dataclass(frozen=True, slots=True)
class CreditOrigins:
    """Where a payer's credit comes from: ``firm`` by its own journey in time, ``late`` by a late identity."""

    firm: CreditOrigin | None = None
    late: CreditOrigin | None = None


@fast_dataclass(frozen=True, slots=True)
class Settled:
    """The decisions of charges by id, and what binds their payer and subscriptions."""

    bindings: CreditOrigins = field(default_factory=CreditOrigins)
    origins: Mapping[str, CreditOrigin] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)


Own = Callable[[Placed], Decision]


def decide_own(charge: Placed, journeys: Sequence[Journey]) -> Decision:
    """The decision of a charge by itself."""
    state = charge.state
    if not state.email_key and not state.visitor and not journeys:
        decision = Decision(Reason.NO_EMAIL)
    else:
        decision = decide(journeys, state.created_at, charge.settings, charge.before)
    match = charge.match
    return decision.tied(match.by, match.subscription, charge.settings.version)


def settle_all(charges: Iterable[Placed], own: Own) -> Settled:
    """Decide all charges of a payer; ``own`` is asked of those whose own journey matters."""
    ordered = sorted(charges, key=lambda charge: charge.order)
    first: dict[str, Placed] = {}
    for charge in ordered:
        if charge.match.subscription:
            first.setdefault(charge.match.subscription, charge)
    roots = [charge for charge in ordered if first.get(charge.match.subscription, charge) is charge]
    decided: dict[str, Decision] = {}
    earned = False
    for root in roots:
        if not earned or root.asks:
            decision = decided[root.state.charge] = own(root)
            earned = earned or (bool(decision.credits) and not decision.late)
    bindings = choose_origins(offered for root in roots if (offered := _offered(root, decided)))
    final = {root.state.charge: settle_root(root, decided, bindings) for root in roots}
    origins = {name: _lent(charge, final[charge.state.charge]) for name, charge in first.items()}
    for charge in ordered:
        if charge.state.charge not in final:
            final[charge.state.charge] = _renewed(charge, origins[charge.match.subscription])
    return Settled(bindings, origins, final)


def settle_some(
    charges: Collection[Placed], gone: Collection[str], known: Settled, own: Own
) -> Settled | None:
    """Decide some charges of a payer beside its others; None where that would change what others inherit.

    ``gone`` are charges that are the payer's no more, ``known`` what binds the payer and its subscriptions.
    """
    names = {*gone, *(charge.state.charge for charge in charges)}
    first: dict[str, Placed | CreditOrigin] = {
        name: origin for name, origin in known.origins.items() if origin.charge not in names
    }
    for charge in charges:
        if name := charge.match.subscription:
            first[name] = min(first.get(name, charge), charge, key=lambda one: one.order)
    if any(name not in first or first[name].order != old.order for name, old in known.origins.items()):
        return None
    roots = [charge for charge in charges if first.get(charge.match.subscription, charge) is charge]
    decided = {root.state.charge: own(root) for root in roots if _is_open(root, known.bindings)}
    others = [b for b in (known.bindings.firm, known.bindings.late) if b and b.charge not in names]
    mine = [offered for root in roots if (offered := _offered(root, decided))]
    if choose_origins([*others, *mine]) != known.bindings:
        return None
    final = {root.state.charge: settle_root(root, decided, known.bindings) for root in roots}
    origins = {
        name: one if isinstance(one, CreditOrigin) else _lent(one, final[one.state.charge])
        for name, one in first.items()
    }
    if any(origins[name] != old for name, old in known.origins.items()):
        return None
    for charge in charges:
        if charge.state.charge not in final:
            final[charge.state.charge] = _renewed(charge, origins[charge.match.subscription])
    return Settled(known.bindings, origins, final)


def choose_origins(candidates: Iterable[CreditOrigin]) -> CreditOrigins:
    """The bindings of a payer among all that its roots offer."""
    offered = list(candidates)
    if not offered:
        return CreditOrigins()
    firm = min((b for b in offered if not b.decision.late), key=lambda b: b.order, default=None)
    late = min(
        (b for b in offered if b.decision.late and (firm is None or b.order < firm.order)),
        key=lambda b: b.heard,
        default=None,
    )
    return CreditOrigins(firm, late)


def is_bound(order: tuple[int, str], bindings: CreditOrigins) -> bool:
    """Whether a charge of this ``order`` comes after the firm binding."""
    return bindings.firm is not None and order > bindings.firm.order


def settle_root(root: Placed, decided: Mapping[str, Decision], bindings: CreditOrigins) -> Decision:
    """The final decision of a root; ``decided`` has its own one where that matters."""
    own = decided.get(root.state.charge)
    if bindings.firm and is_bound(root.order, bindings) and not (root.asks and own and _earns(own)):
        return _inherited(root, bindings.firm, Reason.INHERITED)
    assert own is not None, "a root before the firm binding was decided by itself"
    if not own.credits and bindings.late and root.order > bindings.late.order:
        return _inherited(root, bindings.late, Reason.INHERITED)
    return own


def _is_open(root: Placed, bindings: CreditOrigins) -> bool:
    return root.asks or not is_bound(root.order, bindings)


def _earns(own: Decision) -> bool:
    """Whether a journey of its own outranks what a returning payer would inherit."""
    return not own.late and any(not credit.touch.direct for credit in own.credits)


def _offered(root: Placed, decided: Mapping[str, Decision]) -> CreditOrigin | None:
    own = decided.get(root.state.charge)
    return _lent(root, own) if own and own.credits else None


def _lent(charge: Placed, decision: Decision) -> CreditOrigin:
    state = charge.state
    return CreditOrigin(state.created_at, state.charge, decision.lent)


def _renewed(charge: Placed, origin: CreditOrigin) -> Decision:
    reason = Reason.RENEWAL if origin.decision.credits else Reason.RENEWAL_UNATTRIBUTED
    return _inherited(charge, origin, reason)


def _inherited(charge: Placed, binding: CreditOrigin, reason: Reason) -> Decision:
    lent = binding.decision
    return Decision(
        reason=reason,
        credits=lent.credits,
        identity=lent.identity,
        late=lent.late,
        inherited_from=binding.charge,
        binding=charge.match.by,
        subscription=charge.match.subscription,
        rules_version=lent.rules_version,
    )
