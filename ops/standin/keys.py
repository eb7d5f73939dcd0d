"""Who asks, and what that key may do."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ops.standin.errors import ApiError

PROMISED_PERMISSIONS = frozenset(
    {"rak_charge_read", "rak_customer_read", "rak_payment_intent_read", "rak_subscription_read"}
)
"""What the product's page says that it asks for."""

KNOWN_PERMISSIONS = PROMISED_PERMISSIONS | {
    "rak_balance_transaction_source_read",
    "rak_checkout_session_read",
    "rak_dispute_read",
    "rak_invoice_read",
}
"""What a restricted key of the stand-in can be given to read."""

WEBHOOK_PERMISSIONS = frozenset({"rak_webhook_read", "rak_webhook_write"})
"""What a restricted key can be given beside: its webhook endpoints. It writes nothing else."""

_HINT = (
    "You can provide your API key in the Authorization header, using Bearer auth "
    "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was recognised; `permissions` is None for a secret key, which may do anything."""

    text: str
    permissions: frozenset[str] | None

    def require(self, permission: str, account: str) -> None:
        """Raises ApiError 403, naming the permission, unless the key has it."""
        if self.permissions is None or permission in self.permissions:
            return
        raise ApiError(
            403,
            f"The provided key '{redacted(self.text)}' does not have the required permissions for "
            f"this endpoint on account '{account}'. Having the '{permission}' permission would "
            "allow this request to continue.",
        )


class Keyring:
    """The keys of one account in one mode. ValueError when they could not be keys of one."""

    def __init__(self, secret_key: str, restricted_keys: Mapping[str, Collection[str]] | None) -> None:
        if not secret_key.startswith(("sk_test_", "sk_live_")):
            raise ValueError("the secret key must begin with sk_test_ or sk_live_")
        mode = secret_key[3:8]
        self.livemode = mode == "live_"
        if restricted_keys is None:
            restricted_keys = {f"rk_{mode}standin": PROMISED_PERMISSIONS}
        self.secret = Key(secret_key, None)
        self.restricted = tuple(Key(text, frozenset(granted)) for text, granted in restricted_keys.items())
        for key in self.restricted:
            _check_restricted(key, f"rk_{mode}")
        self._by_text = {key.text: key for key in (self.secret, *self.restricted)}

    def identify(self, authorization: str | None) -> Key:
        """The key of an Authorization header. Raises ApiError 401 when there is none or it is unknown."""
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise ApiError(401, f"You did not provide an API key. {_HINT}")
        key = self._by_text.get(text.strip())
        if key is None:
            raise ApiError(401, f"Invalid API Key provided: {redacted(text.strip())}")
        return key


def redacted(key: str) -> str:
    """The key as Stripe shows it in messages: its kind, stars, its last four characters."""
    shown = 8 if key[:3] in {"sk_", "rk_"} else 0
    tail = key[-4:] if len(key) > shown + 4 else ""
    return key[:shown] + "*" * max(len(key) - shown - len(tail), 1) + tail


def _check_restricted(key: Key, prefix: str) -> None:
    if not key.text.startswith(prefix):
        raise ValueError(
            f"restricted key {redacted(key.text)}: must begin with {prefix}, as the secret key's mode says"
        )
    unknown = (key.permissions or frozenset()) - KNOWN_PERMISSIONS - WEBHOOK_PERMISSIONS
    if unknown:
        raise ValueError(
            f"restricted key {redacted(key.text)}: unknown permissions {', '.join(sorted(unknown))}; "
            f"choose from {', '.join(sorted(KNOWN_PERMISSIONS | WEBHOOK_PERMISSIONS))}"
        )
