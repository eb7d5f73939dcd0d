"""The signed token in ``tr_click``: a landing page tells its click without any join.

``base64url(payload) . base64url(mac)``, where the payload is a JSON array and the MAC binds it to its
workspace. The token holds nothing secret; it only cannot be made or altered by others.
"""

import base64
import binascii
import hashlib
import hmac

import msgspec

from trackrev_stream.domain.journeys.touch import Click
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import is_plain

PARAMETER = "tr_click"
# A token lives on in bookmarks and shared addresses; after this the visit is no longer the link's doing.
LONGEST_AGE_MS = 90 * DAY_MS

_FORMAT = 1
_MAC_BYTES = 16
_LONGEST = 1_024

_Payload = tuple[int, str, str, str, str, int]
_decoder = msgspec.json.Decoder(_Payload)


def sign(click: Click, workspace: str, secret: bytes) -> str:
    """The token of ``click``, safe to stand in a query as it is."""
    payload: _Payload = (_FORMAT, click.id, click.link, click.channel, click.partner, click.occurred_at)
    packed = _pack(msgspec.json.encode(payload))
    return f"{packed}.{_pack(_mac(packed, workspace, secret))}"


def verify_click(token: str, workspace: str, secret: bytes, now: int) -> Click | None:
    """The click that ``token`` tells, or None when it is not one of this workspace or too old at ``now``."""
    packed, _, mac = token.partition(".")
    # `secret` may not be empty: anyone could sign with nothing.
    if not secret or len(token) > _LONGEST or not token.isascii():
        return None
    if not hmac.compare_digest(_pack(_mac(packed, workspace, secret)), mac):
        return None
    try:
        version, click_id, link, channel, partner, occurred_at = _decoder.decode(_unpack(packed))
    except (msgspec.DecodeError, binascii.Error, UnicodeDecodeError):
        return None
    if version != _FORMAT or not is_plain(click_id, 64) or now - occurred_at > LONGEST_AGE_MS:
        return None
    return Click(click_id, link, channel, partner, occurred_at)


def _mac(packed: str, workspace: str, secret: bytes) -> bytes:
    # The workspace is plain ASCII without the separator, so that the two cannot run into each other.
    return hmac.new(secret, f"{workspace}|{packed}".encode(), hashlib.sha256).digest()[:_MAC_BYTES]


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unpack(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
