"""Scrubbing: emails, tokens and fragments leave a URL before anything else sees it."""

import re
from collections.abc import Iterator
from urllib.parse import unquote_plus, urlsplit, urlunsplit

_REMOVED = "removed"
_LONGEST_RAW = 8_192  # what is worth looking at: fragments and tokens are removed before the limit applies

# The local part is bounded, so that the search stays linear in the text, and may hold characters that look
# like separators: what stands before the @ matters less than that an address follows it.
_EMAIL = re.compile(r"[^\s@/?#&=:;,\"'<>()\[\]]{0,64}@[^\s@/?#&=:;,\"'<>()\[\]]{1,255}\.[^\W\d_]{2,}")
# Lone surrogates are what aiohttp makes of bytes in a header that are not UTF-8.
_CONTROL = re.compile(r"[\x00-\x20\x7f\ud800-\udfff]")
_APP = re.compile(r"(?:android|ios)-app://[a-z0-9_.]{1,255}(?=/|$)", re.ASCII | re.IGNORECASE)
_JWT = re.compile(r"eyJ[\w-]{5,}\.[\w-]{5,}")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# Anywhere in a parameter's name, and as a whole word of it ("apiKey" and "api_key", not "keyword").
_TELLING = ("token", "password", "passwd", "secret", "session", "credential", "email", "e-mail")
_TELLING_WORDS = frozenset(
    ("code", "key", "apikey", "auth", "authorization", "jwt", "otp", "pwd", "pass", "pin", "sid", "sig",
     "signature", "nonce", "mail", "phone", "hash")
)  # fmt: skip
# An address with nothing to take out, as most are; looked through step by step it takes ten times as long.
CLEAN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,4})?(?!.*eyJ)(?:/[\w/.~-]*)?", re.ASCII)
_KEPT = frozenset(("ref", "source", "gclid", "msclkid", "fbclid"))


class BadUrl(ValueError):
    """Not an address of a page, or one that is too long."""


def scrub_url(url: str, longest: int, *, drop: str = "") -> str:
    """``url`` without its fragment, user, emails, token-like parameters and the parameter ``drop``.

    Raises BadUrl when it is not http or https, or has more than ``longest`` characters after that.
    """
    if len(url) <= longest and CLEAN.fullmatch(url):
        return url
    if len(url) > _LONGEST_RAW or _CONTROL.search(url):
        raise BadUrl(f"url should have at most {longest} characters, and no spaces or control characters")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise BadUrl("url should be the address of a page") from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadUrl("url should begin with http:// or https:// and name a host")
    path = "/".join(_scrub_segment(segment) for segment in parts.path.split("/"))
    query = "&".join(part for part in parts.query.split("&") if not _is_telling(part, drop))
    scrubbed = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, query, ""))
    if len(scrubbed) > longest:
        raise BadUrl(f"url should have at most {longest} characters")
    return scrubbed


def scrub_referrer(referrer: str, longest: int) -> str:
    """``referrer`` scrubbed like a URL; its origin alone when it is too long, "" when it is nobody's.

    Of an app its name is kept and no more, of what is neither page nor app nothing: that is no reason to lose
    the page view.
    """
    if app := _APP.match(referrer):
        return f"{app[0]}/".lower()
    try:
        return scrub_url(referrer, longest)
    except BadUrl:
        pass
    try:
        parts = urlsplit(referrer[:longest])
        return scrub_url(f"{parts.scheme}://{parts.netloc}/", longest)
    except ValueError:
        return ""


def scrub_text(text: str, longest: int) -> str:
    """``text`` cut to ``longest`` characters, with emails and tokens taken out."""
    return _JWT.sub(_REMOVED, _EMAIL.sub(_REMOVED, _decoded(text[:longest])))


def values_of(query: str, name: str) -> Iterator[str]:
    """The values of the parameter ``name`` in a query, decoded."""
    for part in query.split("&"):
        found, _, value = part.partition("=")
        if unquote_plus(found) == name:
            yield unquote_plus(value)


def _scrub_segment(segment: str) -> str:
    decoded = _decoded(segment)
    return _REMOVED if _is_personal(decoded) else segment


def _is_telling(part: str, drop: str) -> bool:
    if not part:
        return True
    decoded = _decoded(part)
    name = decoded.partition("=")[0].strip()
    lower = name.lower()
    if lower == drop or _is_personal(decoded):
        return True
    if lower in _KEPT or lower.startswith("utm_"):
        return False
    words = {word.lower() for word in _WORD.findall(name)}
    return any(telling in lower for telling in _TELLING) or bool(words & _TELLING_WORDS)


def _is_personal(decoded: str) -> bool:
    return bool(_EMAIL.search(decoded) or _JWT.search(decoded))


def _decoded(text: str) -> str:
    # Addresses in addresses are encoded twice, and once more by trackers in between.
    for _ in range(3):
        if "%" not in text and "+" not in text:
            break
        once = unquote_plus(text)
        if once == text:
            break
        text = once
    return text
