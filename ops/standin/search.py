"""Stripe's search query language, as far as charges need it: https://docs.stripe.com/search."""

import base64
import binascii
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

from ops.standin.errors import ApiError, Json

_CLAUSE = re.compile(
    r"""\s*(?P<not>-?)(?P<field>[a-z_0-9.]+)(?:\[(?P<q>["'])(?P<key>.*?)(?P=q)\])?\s*
        (?P<op><=|>=|[:<>~])\s*
        (?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<bare>[^\s"']+))
        (?=\s|$)""",
    re.VERBOSE,
)
_JOIN = re.compile(r"\s+(?:(AND|OR)(?:\s+|$))?", re.IGNORECASE)
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ":": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_NUMBERS = frozenset({"amount", "created"})
_WORDS = frozenset(
    {
        "billing_details.address.postal_code",
        "currency",
        "customer",
        "disputed",
        "payment_method_details.card.brand",
        "payment_method_details.card.last4",
        "refunded",
        "status",
    }
)
UNAVAILABLE = "The search feature is temporarily unavailable in your region."
"""Merchants in India are told this, with a 400: https://docs.stripe.com/search#regional-availability."""


@dataclass(frozen=True, slots=True)
class _Clause:
    field: str
    key: str
    compare: str
    value: str | int | None
    """None asks whether there is nothing."""
    negated: bool

    def fits(self, charge: Json) -> bool:
        return self._met(_searched(charge, self.field, self.key)) != self.negated

    def _met(self, held: str | int | None) -> bool:
        if self.value is None or held is None:
            return self.compare == ":" and held == self.value
        return _COMPARE[self.compare](held, self.value)


@dataclass(frozen=True, slots=True)
class Search:
    """A query that was understood."""

    query: str
    clauses: tuple[_Clause, ...]
    any_: bool

    @classmethod
    def of(cls, query: str) -> "Search":
        """Raises ApiError 400 for what is no query, or asks for more than the stand-in knows."""
        clauses: list[_Clause] = []
        joins: set[str] = set()
        at = 0
        while match := _CLAUSE.match(query, at):
            clauses.append(_clause(match))
            at = match.end()
            if join := _JOIN.match(query, at):
                joins.add((join[1] or "AND").upper() if join.end() < len(query) else "")
                at = join.end()
        joins.discard("")
        if at < len(query) or not clauses:
            raise _refusal(
                f"We were unable to parse your search query: it stops making sense at {query[at:]!r}."
            )
        if len(joins) > 1:
            raise _refusal("Mixing AND and OR in one query is not possible.")
        return cls(query, tuple(clauses), "OR" in joins)

    def finds(self, charge: Json) -> bool:
        return (any if self.any_ else all)(clause.fits(charge) for clause in self.clauses)

    def token(self, last: str) -> str:
        """The token of the page after the object `last`; it is good for this query alone."""
        return base64.urlsafe_b64encode(f"{crc32(self.query.encode())} {last}".encode()).decode()

    def cursor(self, token: str | None) -> str | None:
        """The id after which a page begins. Raises ApiError 400 for a token of another query."""
        if token is None:
            return None
        try:
            check, _, last = base64.urlsafe_b64decode(token).decode().partition(" ")
        except (binascii.Error, ValueError):
            check = last = ""
        if check != str(crc32(self.query.encode())):
            raise ApiError(400, "Invalid page token: it belongs to another query.", param="page")
        return last


def _clause(match: re.Match[str]) -> _Clause:
    field, compare = match["field"], match["op"]
    quoted = match["double"] if match["double"] is not None else match["single"]
    text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match["bare"]
    if field != "metadata" and (field not in _NUMBERS | _WORDS or match["key"] is not None):
        raise _refusal(f"Field `{field}` is an unsupported search field for resource `charges`.")
    value: str | int | None = text
    if quoted is None and text == "null":
        value = None
    elif field in _NUMBERS:
        if not text.isdecimal():
            raise _refusal(f"Field `{field}` takes whole numbers, not {text!r}.")
        value = int(text)
    elif quoted is None and not text.isdecimal():
        raise _refusal(f"Values of the field `{field}` must be in quotation marks.")
    if compare not in _COMPARE or (compare != ":" and field not in _NUMBERS):
        raise _refusal(f"Operator `{compare}` is not supported for the field `{field}`.")
    if field in {"disputed", "refunded"} and value not in ("true", "false", None):
        raise _refusal(f'Field `{field}` only takes "true" and "false".')
    return _Clause(field, match["key"] or "", compare, value, match["not"] == "-")


def _searched(charge: Json, field: str, key: str) -> str | int | None:
    """What a field of the query language is of a charge."""
    if field == "refunded":
        # "true" is fully, "false" partially refunded, null not at all.
        return None if not charge["amount_refunded"] else str(bool(charge["refunded"])).lower()
    if field == "disputed":
        return str(bool(charge["disputed"])).lower()
    if field == "metadata":
        found: str | None = charge["metadata"].get(key)
        return found
    value: Any = charge
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if value is None or isinstance(value, int) else str(value)


def _refusal(message: str) -> ApiError:
    return ApiError(400, message, param="query")
