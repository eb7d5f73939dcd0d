"""Addresses that stand for nobody: typed where a form, a till or a program wanted an email.

Joined like a person's they would make one customer of strangers, so they are refused at the edge before they
are hashed: an identify with one is dropped, and a charge with one counts as without an email. Only what is
surely nobody's is listed. Dots, hyphens, underscores and a ``+tag`` do not matter.
"""


def _words(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


# Nobody, at whatever domain.
NOBODY = _words(
    "noreply donotreply dontreply noresponse mailerdaemon nobody noone none null nil undefined unknown",
    "anonymous noemail noemailaddress nomail nomailaddress noaddress notprovided notavailable",
)

# No one has a mailbox there: names of the machine itself (RFC 6761), and domains typed as "there is none".
NOWHERE = _words("localhost localdomain invalid")
NO_DOMAINS = _words(
    "none.com no.com noemail.com no-email.com nomail.com noreply.com no-reply.com nowhere.com null.com",
    "unknown.com test.com",
)

# Reserved for examples (RFC 2606). Trials are full of people there, Stripe's own as well (jenny.rosen@), so
# only what is typed without thinking of anyone is refused.
EXAMPLES = _words("example.com example.net example.org")
MADE_UP = _words(
    "test tests tester testing testuser user username name yourname firstname lastname you your youremail",
    "email mail mailaddress example someone somebody anyone foo bar foobar abc asdf qwerty xxx aaa",
    "customer client admin info sample demo dummy fake",
)

# Typed in a hurry at domains that everybody knows.
WELL_KNOWN = _words("gmail.com hotmail.com outlook.com yahoo.com mail.com email.com domain.com")
HURRIED = _words("test tests testing testuser asdf qwerty xxx")

# At the shop's own domain: the till's and the office's address, typed for customers who give none.
OF_THE_SHOP = _words(
    "guest guests guestcheckout walkin walkins pos till kiosk cash cashier counter checkout customer",
    "customers client clients order orders sales shop store info office contact hello support billing test",
)

_WITHIN_EXAMPLES = tuple(f".{example}" for example in EXAMPLES)
_SEPARATORS = str.maketrans("", "", ".-_ ")


def is_placeholder(email: str, shop: str) -> bool:
    """Whether the normalised ``email`` stands for nobody, to a shop whose site is at the domain ``shop``.

    A site may have several domains, separated by blanks.
    """
    local, _, domain = email.rpartition("@")
    name = local.partition("+")[0].translate(_SEPARATORS)
    if name in NOBODY or domain in NO_DOMAINS or domain.rpartition(".")[2] in NOWHERE:
        return True
    if f".{domain}".endswith(_WITHIN_EXAMPLES):
        return name in MADE_UP
    if domain in WELL_KNOWN:
        return name in HURRIED
    return name in OF_THE_SHOP and any(_is_of_shop(domain, each) for each in shop.split())


def _is_of_shop(domain: str, shop: str) -> bool:
    return _is_within(domain, shop) or ("." in domain and _is_within(shop, domain))


def _is_within(domain: str, other: str) -> bool:
    return domain == other or domain.endswith("." + other)
