"""At every step the agents have the lines standing that an independent auditor finds due.

A thousand random histories here; as many as you like with ``python -m tests.audit``.
"""

import pytest

from tests.agents.auditing import disagreement, random_of, report, shortened
from tests.agents.wide import History, wide

SEED = 1
BATCHES, HISTORIES = 10, 100
ONCE_DISAGREED = ((5, 854), (20_261_129, 14_887), (20_261_129, 56_223), (20_261_130, 68_662))


@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_agents_agree_with_the_auditor_after_every_fact(batch: int) -> None:
    for number in range(batch * HISTORIES, (batch + 1) * HISTORIES):
        history = wide(random_of(SEED, number))
        assert not disagreement(history), report(f"{SEED}/{number}", history)


@pytest.mark.parametrize(("seed", "number"), ONCE_DISAGREED)
def test_they_agree_where_they_once_did_not(seed: int, number: int) -> None:
    history = wide(random_of(seed, number))
    assert not disagreement(history), report(f"{seed}/{number}", history)


def test_a_disagreement_is_shown_with_the_least_that_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted in the auditor: refunds do not count. One charge and one refund are enough to see it."""
    monkeypatch.setattr("ops.auditor.charges.Money.refunds", lambda _: [])
    history = next(h for n in range(100) if disagreement(h := wide(random_of(SEED, n))))
    short = shortened(history)
    assert sorted(fact.kind for fact in short.facts) == ["charge", "refund"]
    assert short == History(short.facts, {})
