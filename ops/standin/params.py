"""What a request says: form-encoded or JSON, read with Stripe's complaints about what is wrong."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ops.standin.errors import ApiError, Json

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")


def nested(pairs: Iterable[tuple[str, str]]) -> Json:
    """`a[b][c]=v` as nested tables; `a[]=v` and `a[0]=v` as tables whose keys are the positions."""
    tree: Json = {}
    for key, value in pairs:
        match = _KEY.match(key)
        if match is None:
            raise ApiError(400, f"Invalid parameter name: {key}", param=key)
        *outer, last = [match[1], *re.findall(r"\[([^\]]*)\]", match[2])]
        node = tree
        for part in outer:
            node = node.setdefault(part or str(len(node)), {})
            if not isinstance(node, dict):
                raise ApiError(400, f"Invalid {match[1]}: both a value and a table", param=match[1])
        node[last or str(len(node))] = value
    return tree


def from_json(text: str) -> Json:
    try:
        value = json.loads(text or "{}")
    except ValueError as error:
        raise ApiError(400, f"Invalid JSON in the request's body: {error}") from error
    if not isinstance(value, dict):
        raise ApiError(400, "Invalid JSON in the request's body: not an object")
    return value


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of one request. All readers raise ApiError 400 for what they cannot take."""

    values: Json

    def only(self, allowed: Iterable[str]) -> None:
        """Refuses what the stand-in does not know, so that nothing is ignored in silence."""
        unknown = sorted(set(self.values) - set(allowed))
        if unknown:
            message = f"Received unknown parameter: {unknown[0]} (or one that this stand-in does not have)"
            raise ApiError(400, message, code="parameter_unknown", param=unknown[0])

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise ApiError(400, f"Invalid string: {value}", param=name)
        return value

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise missing(name)
        return value

    def whole(self, name: str, *, at_least: int, at_most: int) -> int | None:
        """A whole number within bounds, None when absent."""
        value = self.values.get(name)
        if value is None:
            return None
        number = whole_number(value, name)
        if not at_least <= number <= at_most:
            bound = (
                f"greater than or equal to {at_least}"
                if number < at_least
                else f"less than or equal to {at_most}"
            )
            raise ApiError(400, f"This value must be {bound}.", code="parameter_invalid_integer", param=name)
        return number

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if value in (True, "true"):
            return True
        if value in (False, "false", ""):
            return False
        raise ApiError(400, f"Invalid boolean: {value}", param=name)

    def table(self, name: str) -> Json:
        value = self.values.get(name)
        if value is None or value == "":
            return {}
        if not isinstance(value, dict):
            raise ApiError(400, "Invalid object", param=name)
        return value

    def items(self, name: str) -> list[Any]:
        value = self.values.get(name, [])
        if isinstance(value, dict):
            return list(value.values())
        return value if isinstance(value, list) else [value]


def whole_number(value: Any, name: str) -> int:
    """An integer, or its decimal digits as forms carry them."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    raise ApiError(400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)


def missing(name: str) -> ApiError:
    return ApiError(400, f"Missing required param: {name}.", code="parameter_missing", param=name)


async def body(request: web.Request) -> Params:
    """What a request to write says. Raises ApiError 400."""
    if request.content_type == "application/json":
        return Params(from_json(await request.text()))
    return Params(nested((key, str(value)) for key, value in (await request.post()).items()))
