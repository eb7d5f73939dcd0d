"""A quick dataclass is to all who read it a frozen one."""

import copy
import pickle
from dataclasses import asdict, dataclass, fields, replace

import pytest

from trackrev_stream.domain.journeys.touch import Touch
from trackrev_stream.domain.values.fast_dataclass import fast_dataclass


@dataclass(frozen=True, slots=True)
class Frozen:
    name: str
    parts: tuple[int, ...] = ()


@fast_dataclass(frozen=True, slots=True)
class Quick:
    name: str
    parts: tuple[int, ...] = ()


def test_it_is_hashed_compared_and_copied_like_a_frozen_one() -> None:
    frozen, quick = Frozen("one", (1, 2)), Quick("one", (1, 2))
    assert hash(quick) == hash(frozen)
    assert asdict(quick) == asdict(frozen)
    assert quick == replace(quick) == Quick("one", (1, 2)) != replace(quick, parts=())
    touch = Touch("t", 1, "Direct", "direct")
    assert pickle.loads(pickle.dumps(touch)) == copy.deepcopy(touch) == touch
    assert [field.name for field in fields(quick)] == ["name", "parts"]


def test_it_has_no_other_fields() -> None:
    with pytest.raises(AttributeError):
        Quick("one").other = 1  # type: ignore[attr-defined]  # that is the test
