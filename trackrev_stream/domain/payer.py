"""A payer's charges together: which one binds the payer to its origin, and what the others inherit.

The first charge (by creation, then id) whose own journey earned it binds the payer: every later charge
inherits that credit, so renewals keep crediting the original click. A charge that only a late identity fills
binds more weakly: it may lend its credit to later charges that have none, and never takes any away.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from trackrev_stream.domain.attribution import Decision, Reason, Rules, decide
from trackrev_stream.domain.journey import Journey
from trackrev_stream.domain.payment import ChargeState


@dataclass(frozen=True, slots=True)
class Binding:
    """The charge that binds a payer, and the decision it lends."""

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


@dataclass(frozen=True, slots=True)
class Bindings:
    """How a payer is bound: ``firm`` by its own journey in time, ``late`` by an identity heard of later."""

    firm: Binding | None = None
    late: Binding | None = None


def decide_own(
    state: ChargeState, journeys: Sequence[Journey], rules: Rules, before: Decision | None = None
) -> Decision:
    """The decision of a charge by itself; ``before`` is what stands for it so far."""
    if not state.email_key and not state.visitor and not journeys:
        return Decision(Reason.NO_EMAIL)
    return decide(journeys, state.created_at, rules, before)


def binding_of(state: ChargeState, own: Decision) -> Binding | None:
    """What a charge that was decided by itself could bind its payer to."""
    return Binding(state.created_at, state.charge, replace(own, considered=())) if own.credits else None


def choose(candidates: Iterable[Binding]) -> Bindings:
    """The bindings of a payer among all that its charges offer."""
    offered = list(candidates)
    firm = min((b for b in offered if not b.decision.late), key=lambda b: b.order, default=None)
    late = min(
        (b for b in offered if b.decision.late and (firm is None or b.order < firm.order)),
        key=lambda b: b.heard,
        default=None,
    )
    return Bindings(firm, late)


def is_bound(state: ChargeState, bindings: Bindings) -> bool:
    """Whether a charge comes after the firm binding, so that its own journey does not matter."""
    return bindings.firm is not None and (state.created_at, state.charge) > bindings.firm.order


def settle(state: ChargeState, own: Decision, bindings: Bindings) -> Decision:
    """The final decision of a charge; ``own`` is not looked at when the charge is bound."""
    if bindings.firm and is_bound(state, bindings):
        return _inherited(bindings.firm)
    if not own.credits and bindings.late and (state.created_at, state.charge) > bindings.late.order:
        return _inherited(bindings.late)
    return own


def _inherited(binding: Binding) -> Decision:
    lent = binding.decision
    return Decision(
        reason=Reason.INHERITED,
        credits=lent.credits,
        identity=lent.identity,
        late=lent.late,
        inherited_from=binding.charge,
    )
