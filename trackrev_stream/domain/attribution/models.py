"""Attribution models: how the touches that may earn a charge share it, as pure functions behind one port.

Every model but ``last_click`` passes direct touches over where there is another: coming back by a bookmark
says nothing of what brought the visitor. (Google Analytics 4 does so in all its models; ``last_click`` is
what it called Last Interaction before.) Shares are whole numbers of their sum: ``money.split`` loses nothing.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from math import gcd, isqrt

from trackrev_stream.domain.journeys.touch import Touch
from trackrev_stream.domain.values.days import DAY_MS

HALF_LIFE_MS = 7 * DAY_MS

Weigh = Callable[[list[Touch]], list[int]]


class Model(StrEnum):
    """The models by the name that settings and lines have for them."""

    LAST_NON_DIRECT = "last_non_direct_click"
    LAST = "last_click"
    FIRST = "first_click"
    LINEAR = "linear"
    POSITION = "position_based"
    TIME_DECAY = "time_decay"


def weights(model: Model, contacts: Sequence[tuple[str, Touch]]) -> tuple[int, ...]:
    """What each of ``contacts`` (visitor and touch, in any order) earns: its weight of the sum of all.

    A weight of 0 earns nothing; those of one or more contacts sum to more than 0 and to less than 2**53.
    """
    if len(contacts) < 2:
        return (1,) * len(contacts)
    moments = [(touch.occurred_at, touch.id, visitor) for visitor, touch in contacts]
    ordered = sorted(range(len(contacts)), key=moments.__getitem__)
    taking_part = [i for i in ordered if not contacts[i][1].direct] if model is not Model.LAST else ordered
    taking_part = taking_part or ordered
    found = [0] * len(contacts)
    shares = _MODELS[model]([contacts[i][1] for i in taking_part])
    common = gcd(*shares)
    for index, share in zip(taking_part, shares, strict=True):
        found[index] = share // common
    return tuple(found)


def _last(touches: list[Touch]) -> list[int]:
    return [0] * (len(touches) - 1) + [1]


def _first(touches: list[Touch]) -> list[int]:
    return [1] + [0] * (len(touches) - 1)


def _linear(touches: list[Touch]) -> list[int]:
    return [1] * len(touches)


def _position(touches: list[Touch]) -> list[int]:
    """40 % each for the first and the last, 20 % for those between; of two 50 % each, of one all."""
    between = len(touches) - 2
    if between < 1:
        return _linear(touches)
    return [2 * between, *[1] * between, 2 * between]


def _time_decay(touches: list[Touch]) -> list[int]:
    """Half as much for every seven days that a touch is older, as Google Analytics had it until 2023.

    Older than the last touch, which is the same as older than the charge: only proportions count.
    """
    return [_decayed(touches[-1].occurred_at - touch.occurred_at) for touch in touches]


_MODELS: dict[Model, Weigh] = {
    Model.LAST_NON_DIRECT: _last,
    Model.LAST: _last,
    Model.FIRST: _first,
    Model.LINEAR: _linear,
    Model.POSITION: _position,
    Model.TIME_DECAY: _time_decay,
}

# Powers of two in fixed point, without floats: the same number on every machine. A weight has 40 bits, so
# that those of thousands of touches sum to less than 2**53, which every reader of JSON can hold.
_WEIGHT_BITS = 40
_ONE_BITS = 62
_FRACTION_BITS = 48  # of a half-life: far less than a millisecond


def _halving_roots() -> tuple[int, ...]:
    """2 to the power of -1/2, -1/4, -1/8, ..., in units of 2**-62."""
    roots = [isqrt(1 << (2 * _ONE_BITS - 1))]
    while len(roots) < _FRACTION_BITS:
        roots.append(isqrt(roots[-1] << _ONE_BITS))
    return tuple(roots)


_ROOTS = _halving_roots()


def _decayed(age_ms: int) -> int:
    """2**40 halved for every half-life in ``age_ms``; at least 1, so that no touch is worth nothing."""
    halvings, rest = divmod(age_ms, HALF_LIFE_MS)
    fraction = (rest << _FRACTION_BITS) // HALF_LIFE_MS
    weight = 1 << _ONE_BITS
    for place, root in enumerate(_ROOTS, start=1):
        if fraction >> (_FRACTION_BITS - place) & 1:
            weight = weight * root >> _ONE_BITS
    return max(1, weight >> (_ONE_BITS - _WEIGHT_BITS + halvings))
