"""How a type lies in bytes: a line for each field, and for each word that a field may hold."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

_PLAIN = {str: "text", int: "number", bool: "true or false", float: "decimal number", bytes: "base64"}


def wire_fields(kind: Any) -> dict[str, str]:
    """What the encoded form of ``kind`` consists of.

    Names of types are no part of it: only what others read. ``[]`` is each of an array, ``{}`` each value of
    a map, ``=`` a word that may stand there. Behind `` = `` is what a field is where it is missing.
    """
    found: dict[str, str] = {}
    _describe(kind, "", "", found)
    return found


def _describe(kind: Any, at: str, default: str, found: dict[str, str]) -> None:
    kind, null = _without_null(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    end = f"{' or null' if null else ''}{default}"
    if dataclasses.is_dataclass(kind):
        if at:
            found[at] = f"object{end}"
        _describe_fields(kind, f"{at}." if at else "", found)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        found[at] = f"word{end}"
        found.update({f"{at}={each.value}": "a word" for each in kind})
    elif origin is tuple and arguments[-1] is not Ellipsis:
        found[at] = f"array of {len(arguments)}{end}"
        for number, each in enumerate(arguments):
            _describe(each, f"{at}[{number}]", "", found)
    elif origin in (tuple, list, set, frozenset):
        found[at] = f"array{end}"
        _describe(arguments[0], f"{at}[]", "", found)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        found[at] = f"map by {_PLAIN[arguments[0]]}{end}"
        _describe(arguments[1], f"{at}{{}}", "", found)
    else:
        found[at] = f"{_PLAIN[kind]}{end}"


def _describe_fields(kind: Any, before: str, found: dict[str, str]) -> None:
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        _describe(hints[field.name], f"{before}{field.name}", _default_of(field), found)


def _default_of(field: "dataclasses.Field[Any]") -> str:
    value = field.default
    if value is dataclasses.MISSING:
        if field.default_factory is dataclasses.MISSING:
            return ""
        value = field.default_factory()
    if dataclasses.is_dataclass(value):
        return " = what its own fields are where they are missing"
    return f" = {msgspec.json.encode(value).decode()}"


def _without_null(kind: Any) -> tuple[Any, bool]:
    if typing.get_origin(kind) not in (types.UnionType, typing.Union):
        return kind, False
    arguments = [each for each in typing.get_args(kind) if each is not types.NoneType]
    assert len(arguments) == 1, f"{kind}: what is in the bytes must tell which of them it is"
    return arguments[0], len(arguments) < len(typing.get_args(kind))


def unreadable(recorded: dict[str, str], now: dict[str, str]) -> list[str]:
    """The new fields without a default: what was written before they were there could not be read."""
    return [
        name
        for name in sorted(now.keys() - recorded.keys())
        if "=" not in name and " = " not in now[name] and _is_field_of(name, recorded)
    ]


def _is_field_of(name: str, recorded: dict[str, str]) -> bool:
    owner, dot, _ = name.rpartition(".")
    return not name.endswith(("]", "}")) and (not dot or owner in recorded)
