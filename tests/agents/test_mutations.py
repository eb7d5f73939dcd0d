"""The auditor is not blind: what is planted in the program it finds. All: ``python -m tests.mutate``."""

import pytest

from tests.mutate import Mutation, mutations, verdict

PLANTED = mutations()
SOME = [PLANTED[number] for number in (0, 6, 12, 18, 27)]  # what fits into a minute, and is found in so few


def test_there_are_many_and_each_is_one_of_a_kind() -> None:
    assert len({each.name for each in PLANTED}) == len(PLANTED) >= 25


@pytest.mark.parametrize("mutation", SOME, ids=lambda mutation: mutation.name)
def test_the_auditor_finds(mutation: Mutation) -> None:
    assert verdict(mutation, histories=1_000) == "auditor"
