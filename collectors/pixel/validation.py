"""Screening: from what a page sent to a Hit, by an ordered list of small steps.

Each step has its reasons to drop.

Pure: the time and the workspace are arguments. What a step raises drops that one hit alone.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from collectors.scrub import BadUrl, scrub_referrer, scrub_text, scrub_url, values_of
from trackrev_stream.contracts import click_token
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.drop_reasons import DropReason
from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.contracts.topics import PIXEL_HITS
from trackrev_stream.domain.acquisition.channel_overrides import NO_OVERRIDES, ChannelOverrides
from trackrev_stream.domain.acquisition.landing import landing_of
from trackrev_stream.domain.journeys.placeholder_emails import is_placeholder
from trackrev_stream.domain.journeys.touch import Click, Hit, HitKind, Trust
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import email_key, is_plain, normalise_email

PROCESSOR = "collect"
LONGEST_ID = 64
LONGEST_EMAIL = 254
LATENESS_MS = 7 * DAY_MS
_LATEST = 10**15  # beyond the year 30000: whatever it is, it is not milliseconds

_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@.\x00-\x1f\x7f]+(\.[^\s@.\x00-\x1f\x7f]+)+")
_PROOF = re.compile(r"([0-9]{1,16})\.([0-9a-fA-F]{64})")
_KINDS = {"pageview": HitKind.PAGEVIEW, "identify": HitKind.IDENTIFY}


class Dropped(Exception):
    """A hit that cannot be used. The message says what it should have been and repeats nothing of it."""

    def __init__(self, reason: DropReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all hits of a request share; times in milliseconds."""

    workspace: Workspace
    visitor: str
    sent_at: int
    received_at: int
    longest_url: int
    overrides: ChannelOverrides = NO_OVERRIDES


@dataclass(slots=True)
class Draft:
    """A hit on its way through the steps."""

    raw: Mapping[str, Any]
    id: str = ""
    kind: HitKind = HitKind.PAGEVIEW
    occurred_at: int = 0
    url: str = ""
    referrer: str = ""
    email: str = field(default="", repr=False)
    trust: Trust = Trust.UNSIGNED
    click: Click | None = None
    channel: str = ""


def screen(raw: object, envelope: Envelope) -> Hit:
    """The hit that ``raw`` (parsed JSON) is. Raises Dropped."""
    if not isinstance(raw, dict):
        raise Dropped(DropReason.BAD_HIT, "a hit should be an object")
    draft = Draft(raw)
    for step in STEPS:
        step(draft, envelope)
    workspace = envelope.workspace
    return Hit(
        workspace=workspace.id,
        id=draft.id,
        visitor=envelope.visitor,
        kind=draft.kind,
        occurred_at=draft.occurred_at,
        received_at=envelope.received_at,
        url=draft.url,
        referrer=draft.referrer,
        site=workspace.site,
        email_key=email_key(workspace.email_secret, draft.email) if draft.email else "",
        trust=draft.trust,
        click=draft.click,
        channel=draft.channel,
        channel_rules=envelope.overrides.version if draft.kind is HitKind.PAGEVIEW else 0,
    )


def _check_id(draft: Draft, _envelope: Envelope) -> None:
    value = draft.raw.get("id")
    if not isinstance(value, str) or not is_plain(value, LONGEST_ID):
        message = f"id should be 1 to {LONGEST_ID} visible ASCII characters without a vertical bar"
        raise Dropped(DropReason.BAD_ID, message)
    draft.id = value


def _check_type(draft: Draft, _envelope: Envelope) -> None:
    value = draft.raw.get("type")
    kind = _KINDS.get(value) if isinstance(value, str) else None
    if kind is None:
        raise Dropped(DropReason.BAD_TYPE, "type should be pageview or identify")
    draft.kind = kind


def _correct_time(draft: Draft, envelope: Envelope) -> None:
    at = time_of(draft.raw.get("at"))
    if at is None:
        raise Dropped(DropReason.BAD_TIME, "at should be a time in milliseconds since the epoch")
    # The browser's clock may be wrong, but not about how long ago something was.
    ago = min(max(envelope.sent_at - at, 0), LATENESS_MS)
    draft.occurred_at = envelope.received_at - ago


def _verify_click(draft: Draft, envelope: Envelope) -> None:
    url = draft.raw.get("url")
    if not isinstance(url, str) or click_token.PARAMETER not in url:
        return
    workspace = envelope.workspace
    try:
        query = urlsplit(url).query
    except ValueError:  # the next step says so
        return
    for token in values_of(query, click_token.PARAMETER):
        # The last one that verifies: a link's target may have been copied from an address bar.
        click = click_token.verify_click(token, workspace.id, workspace.click_secret, envelope.received_at)
        draft.click = click or draft.click


def _scrub_url(draft: Draft, envelope: Envelope) -> None:
    url = draft.raw.get("url")
    if url is None and draft.kind is HitKind.IDENTIFY:
        return
    if not isinstance(url, str):
        raise Dropped(DropReason.BAD_URL, "url should be text")
    if draft.kind is HitKind.IDENTIFY:  # where it was said is a detail: no reason to lose an identity
        draft.url = scrub_referrer(url, envelope.longest_url)
        return
    try:
        draft.url = scrub_url(url, envelope.longest_url, drop=click_token.PARAMETER)
    except BadUrl as error:
        raise Dropped(DropReason.BAD_URL, str(error)) from error


def _scrub_referrer(draft: Draft, envelope: Envelope) -> None:
    referrer = draft.raw.get("referrer")
    if referrer is not None and not isinstance(referrer, str):
        raise Dropped(DropReason.BAD_URL, "referrer should be text")
    draft.referrer = scrub_referrer(referrer, envelope.longest_url) if referrer else ""


def _check_email(draft: Draft, envelope: Envelope) -> None:
    if draft.kind is not HitKind.IDENTIFY:
        return
    value = draft.raw.get("email")
    email = normalise_email(value) if isinstance(value, str) else ""
    if "@" in email and is_placeholder(email[-LONGEST_EMAIL:], envelope.workspace.site):
        raise Dropped(DropReason.PLACEHOLDER_EMAIL, "email should be a person's")
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        raise Dropped(DropReason.BAD_EMAIL, "email should be an email address")
    if envelope.workspace.has_erased(email_key(envelope.workspace.email_secret, email)):
        raise Dropped(DropReason.ERASED, "email was erased")
    draft.email = email


def _verify_proof(draft: Draft, envelope: Envelope) -> None:
    proof = draft.raw.get("proof")
    if draft.kind is not HitKind.IDENTIFY or proof is None or proof == "":
        return
    # What claims to be signed and is not says that something is wrong: it must not pass as unsigned.
    if not is_signed(proof, draft.email, envelope.workspace.identify_secret, envelope.received_at):
        message = "proof should be <expiry_ms>.<hmac of email.expiry_ms>, unexpired"
        raise Dropped(DropReason.BAD_PROOF, message)
    draft.trust = Trust.SIGNED


def _override(draft: Draft, envelope: Envelope) -> None:
    if envelope.overrides.rules and draft.kind is HitKind.PAGEVIEW and draft.click is None:
        contact = landing_of(draft.url, draft.referrer, envelope.workspace.site)
        draft.channel = envelope.overrides.channel_of(contact)


STEPS: tuple[Callable[[Draft, Envelope], None], ...] = (
    _check_id,
    _check_type,
    _correct_time,
    _verify_click,
    _scrub_url,
    _scrub_referrer,
    _check_email,
    _verify_proof,
    _override,
)


def time_of(value: object) -> int | None:
    """``value`` as milliseconds since the epoch, or None when it cannot be that."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= _LATEST:
        return None
    return int(value)


def is_signed(proof: object, email: str, secret: bytes, now: int) -> bool:
    """Whether ``proof`` shows that a holder of ``secret`` vouches for the normalised ``email`` at ``now``."""
    parts = _PROOF.fullmatch(proof) if isinstance(proof, str) else None
    if parts is None or not secret:
        return False
    expiry, signature = parts.groups()
    expected = hmac.new(secret, f"{email}.{expiry}".encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature.lower()) and int(expiry) > now


def dead_letter_of(raw: object, index: int, dropped: Dropped, received_at: int) -> DeadLetter:
    """The dead letter of a hit that was dropped: its known fields, scrubbed; of an email only that it was."""
    kept: dict[str, object] = {}
    if isinstance(raw, dict):
        for name in ("id", "type", "url", "referrer"):
            value = raw.get(name)
            if value is not None:
                kept[name] = scrub_text(value, 2_048) if isinstance(value, str) else type(value).__name__
        kept["at"] = time_of(raw.get("at"))
        kept |= {name: type(raw[name]).__name__ for name in ("email", "proof") if name in raw}
    return DeadLetter(
        processor=PROCESSOR,
        failure=dropped.reason.value,
        message=str(dropped),
        payload=base64.b64encode(orjson.dumps(kept)).decode(),
        topic=PIXEL_HITS.name,
        partition=-1,
        offset=-1,
        index=index,
        failed_at=received_at,
    )
