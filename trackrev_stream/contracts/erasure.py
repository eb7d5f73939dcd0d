"""Erasure of a person from bytes: what the records of a visitor come to when nobody may know them any more.

The person's names (email key and visitor ids) become random ones of the same form, to which no address and no
cookie leads; their journeys keep the touches that earned a charge, without addresses of pages, and nothing
else. So all agents, and a replay, come to the same credits, and there is nobody to whom they could belong.
"""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from trackrev_stream.contracts.codec import Malformed, decode, encode, encode_frame
from trackrev_stream.contracts.topics import DEAD_LETTERS, PIXEL_HITS
from trackrev_stream.domain.journeys.touch import Hit, HitKind, touch_of
from trackrev_stream.domain.values.ids import is_visitor_id

_CAMPAIGN = re.compile(r"utm_\w+|ref|source")


@dataclass(frozen=True, slots=True)
class Erasure:
    """``names`` of a person and what they become; ``credited`` are the touches that earned a charge."""

    names: Mapping[str, str]
    credited: Collection[str] = frozenset()

    @property
    def mentioned(self) -> re.Pattern[bytes]:
        """What finds any of the names."""
        return re.compile(b"|".join(re.escape(name.encode()) for name in self.names))

    def rename(self, raw: bytes) -> bytes:
        """``raw`` with the new names."""
        return self.mentioned.sub(lambda found: self.names[found.group().decode()].encode(), raw)

    def record(self, topic: str, value: bytes | None) -> bytes | None:
        """What becomes of a record's value that mentions a name; None where nothing is left of it."""
        if value is None:
            return None
        if topic == DEAD_LETTERS.name:
            return None
        if topic == PIXEL_HITS.name:
            return self._frame(value)
        return self.row(value)

    def row(self, raw: bytes) -> bytes:
        """A record or row of any agent, or a frame, with the new names and what may stay of journeys."""
        return b"\n".join(self._line(line) for line in raw.split(b"\n"))

    def _line(self, raw: bytes) -> bytes:
        try:
            found = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return self.rename(raw)
        return self.rename(orjson.dumps(self._walk(found)))

    def _frame(self, raw: bytes) -> bytes | None:
        lines = (self._hit(line) for line in raw.split(b"\n"))
        kept = [line for line in lines if line is not None]
        return encode_frame(kept) if kept else None

    def _hit(self, line: bytes) -> bytes | None:
        try:
            hit = decode(Hit, line)
        except Malformed:
            return self.rename(line)
        if hit.visitor not in self.names:
            return line
        if hit.kind is HitKind.IDENTIFY:
            return self.rename(encode(replace(hit, url="", referrer="")))
        touch = touch_of(hit)
        if touch is None or touch.id not in self.credited:
            return None
        return self.rename(encode(_bare(hit)))

    def _walk(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._walk(each) for each in node if not self._is_considered(each)]
        if not isinstance(node, dict):
            return node
        found = {name: self._walk(value) for name, value in node.items()}
        if self._is_of(node):
            if "touches" in node:
                found["touches"] = self._touches(found["touches"])
            if isinstance(found.get("touch"), dict):
                found["touch"] = found["touch"] | {"url": ""}
        return found

    def _touches(self, touches: Any) -> Any:
        if isinstance(touches, dict):
            return {name: each | {"url": ""} for name, each in touches.items() if name in self.credited}
        return [each | {"url": ""} for each in touches if each["id"] in self.credited]

    def _is_considered(self, node: Any) -> bool:
        return isinstance(node, dict) and "verdict" in node and self._is_of(node)

    def _is_of(self, node: Any) -> bool:
        visitor = node.get("visitor")
        return isinstance(visitor, str) and visitor in self.names


def visitors_with(name: str, value: bytes | None) -> set[str]:
    """The visitors that a record ties to the email key ``name``."""
    return {each for node in _parts(value) for each in _tied(node, name, "visitor") if is_visitor_id(each)}


def payers_with(name: str, value: bytes | None) -> set[str]:
    """The payers that a record ties to the email key ``name``."""
    return {each for node in _parts(value) for each in _tied(node, name, "payer")}


def credited_touches(detail: bytes, visitors: Collection[str]) -> set[str]:
    """The touches of ``visitors`` that a decision credits."""
    return _credited(orjson.loads(detail)["data"], visitors)


def credited_in(charge: bytes, visitors: Collection[str]) -> set[str]:
    """The touches of ``visitors`` that the decision of an attributed charge credits."""
    return {name for node in _parts(charge) for name in _credited(node["data"]["decision"], visitors)}


def _credited(decision: Any, visitors: Collection[str]) -> set[str]:
    return {one["touch"]["id"] for one in decision.get("credits", ()) if one["visitor"] in visitors}


def letter_mentions(payload: str, mentioned: re.Pattern[bytes]) -> bool:
    """Whether the payload of a dead letter, which is in base64, mentions a name."""
    try:
        return bool(mentioned.search(base64.b64decode(payload)))
    except (binascii.Error, ValueError):
        return False


def _parts(value: bytes | None) -> list[Any]:
    found = []
    for part in (value or b"").split(b"\n"):
        try:
            found.append(orjson.loads(part))
        except orjson.JSONDecodeError:
            continue
    return found


def _tied(node: Any, name: str, field: str) -> set[str]:
    """The values of ``field`` in all objects that mention ``name`` anywhere within."""
    if isinstance(node, list):
        return {each for item in node for each in _tied(item, name, field)}
    if not isinstance(node, dict):
        return set()
    found = {each for item in node.values() for each in _tied(item, name, field)}
    value = node.get(field)
    if isinstance(value, str) and value and name.encode() in orjson.dumps(node):
        found.add(value)
    return found


def _bare(hit: Hit) -> Hit:
    """A hit with as little of its addresses as still makes the same touch."""
    address, referrer = urlsplit(hit.url), urlsplit(hit.referrer)
    campaign = urlencode(
        [(name, value) for name, value in parse_qsl(address.query) if _CAMPAIGN.fullmatch(name)]
    )
    url = f"{address.scheme}://{address.netloc}/" + (f"?{campaign}" if campaign else "")
    origin = f"{referrer.scheme}://{referrer.netloc}/" if referrer.netloc else ""
    made = touch_of(hit)
    for bare in (replace(hit, url="", referrer=""), replace(hit, url=url, referrer=origin)):
        touch = touch_of(bare)
        if touch and made and replace(touch, url="") == replace(made, url=""):
            return bare
    return hit
