"""What a site's domains, cookie domain and time zone may be."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trackrev_stream.store.database.errors import InvalidSetting

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"^{_LABEL}(\.{_LABEL})*$")
_COOKIE_DOMAIN = re.compile(rf"^\.?{_LABEL}(\.{_LABEL})+$")
_IP = re.compile(r"^[0-9.]+$")


def site_domain(text: str) -> str:
    """A domain as it is kept. Raises InvalidSetting."""
    domain = text.strip().lower().rstrip(".")
    if not _DOMAIN.match(domain) or len(domain) > 253:
        raise InvalidSetting(f"{text!r} is no domain: give the site's host name alone, such as example.com")
    return domain


def cookie_domain_for(domain: str, given: str | None = None) -> str:
    """Where the cookie is valid: as ``given``, or the domain with all below it; empty: the host alone.

    Raises InvalidSetting.
    """
    site = site_domain(domain).removeprefix("www.")
    if given is None:
        # A cookie for localhost or an address is for that host alone.
        return f".{site}" if "." in site and not _IP.match(site) else ""
    wanted = given.strip().lower()
    if wanted and (not _COOKIE_DOMAIN.match(wanted) or not f".{site}".endswith(f".{wanted.lstrip('.')}")):
        raise InvalidSetting(
            f"the cookie domain {given!r} must be the site's domain {site!r} or one above it"
        )
    return wanted


def known_time_zone(name: str) -> str:
    """The name of a time zone that there is. Raises InvalidSetting."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidSetting(f"{name!r} is no time zone; give one such as Europe/Berlin") from error
    return name
