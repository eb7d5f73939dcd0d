"""What is kept of a Stripe connection and what is given now, put together: nothing goes that was not given.

What would change or go all the same is a loss, in whole sentences; whoever runs the command is asked.
"""

import re
from dataclasses import dataclass

from trackrev_stream.cli.result import CommandError
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.store.workspaces.stripe_connections import MOST_SECRETS

_KEY = re.compile(r"(rk|sk)_(live|test)_[A-Za-z0-9_]+")
# Stripe's keys of today hold the account's id: sk_live_5 and what follows acct_.
_ACCOUNT_IN_KEY = re.compile(r"(?:rk|sk)_(?:live|test)_5([A-Za-z0-9]{16})[A-Za-z0-9]{20,}")
WHERE_KEYS_ARE = "Make a restricted one that only reads: Stripe's dashboard, Developers, API keys"


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line, a prompt or a line of a file gives; empty is not given."""

    key: str = ""
    webhook_secrets: tuple[str, ...] = ()
    livemode: bool | None = None
    api_base: str = ""

    def __repr__(self) -> str:
        return f"Given(livemode={self.livemode!r})"

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to connect with."""
        return not (self.key or self.webhook_secrets)


@dataclass(frozen=True, slots=True)
class Merged:
    """What would be kept, and what would change or go that nobody asked for in so many words."""

    wanted: StripeConnection
    losses: tuple[str, ...]


def merged(
    before: StripeConnection | None, given: Given, workspace: str, account: str, *, replace: bool
) -> Merged:
    """What is kept with what is given. With ``replace`` secrets that are given take the place of the others.

    Raises CommandError for what cannot be together.
    """
    if before is None:
        if given.nothing:
            raise CommandError(
                "neither a key nor a webhook secret was given: there is nothing to connect with"
            )
        before = StripeConnection(workspace, account, livemode=_mode(given, None), webhook_secrets=())
        losses: list[str] = []
    else:
        losses = [*_mode_losses(before, given), *_key_losses(before, given), *_secret_losses(before, given)]
    wanted = StripeConnection(
        workspace=workspace,
        account=account,
        livemode=_mode(given, before),
        webhook_secrets=_secrets(before, given, replace=replace),
        api_key=given.key or before.api_key,
        api_base=given.api_base.rstrip("/") or before.api_base,
    )
    return Merged(wanted, tuple(losses))


def check_key(key: str, *, may_write: bool) -> None:
    """Raise CommandError for what cannot be a key that reads; never repeats it, for it may be some secret."""
    if key.startswith("pk_"):
        raise CommandError(f"this is a publishable key (pk_...), which reads nothing. {WHERE_KEYS_ARE}")
    if key.startswith("whsec_"):
        raise CommandError("this is a webhook secret (whsec_...), no key: give it with --webhook-secret")
    if not _KEY.fullmatch(key):
        raise CommandError(
            f"this is no key of Stripe: one begins with rk_live_ or rk_test_. {WHERE_KEYS_ARE}"
        )
    if key.startswith("sk_") and not may_write:
        raise CommandError(
            "this is a secret key (sk_...), which may also charge, refund and pay out. Make a restricted one "
            "that only reads (Stripe's dashboard, Developers, API keys), or insist with --allow-secret-key"
        )


def check_secret(secret: str) -> None:
    """Raise CommandError for what is surely no webhook secret."""
    if re.match(r"(rk|sk|pk|we|acct)_", secret):
        raise CommandError(
            "this is no webhook secret: one begins with whsec_; Stripe's dashboard shows it with its endpoint"
        )


def livemode_of(key: str) -> bool:
    """Whether a key is of live mode."""
    return "_test_" not in key


def account_in(key: str) -> str | None:
    """The part of a key that is the same in all keys of an account, or None where it has none."""
    found = _ACCOUNT_IN_KEY.fullmatch(key)
    return found[1] if found else None


def _mode(given: Given, before: StripeConnection | None) -> bool:
    if given.key:
        livemode = livemode_of(given.key)
        if given.livemode not in (None, livemode):
            raise CommandError(f"the key is of {_named(livemode)}; leave --{_option(not livemode)} out")
        return livemode
    if before is not None and before.api_key and given.livemode not in (None, before.livemode):
        other = _named(not before.livemode)
        raise CommandError(f"the key that is kept is of {_named(before.livemode)}: give one of {other} too")
    if given.livemode is not None:
        return given.livemode
    return before.livemode if before is not None else True


def _mode_losses(before: StripeConnection, given: Given) -> list[str]:
    livemode = _mode(given, before)
    if livemode == before.livemode:
        return []
    old, new = _named(before.livemode), _named(livemode)
    return [f"It is connected in {old} and would be in {new}: events of {old} would count no more."]


def _key_losses(before: StripeConnection, given: Given) -> list[str]:
    losses = []
    if given.key and before.api_key and given.key != before.api_key:
        accounts = account_in(before.api_key), account_in(given.key)
        if None not in accounts and accounts[0] != accounts[1]:
            losses.append(another_account())
    base = given.api_base.rstrip("/")
    if base and before.api_key and base != before.api_base:
        losses.append(f"It reads {before.api_base or 'Stripe itself'} and would read {base}.")
    return losses


def another_account() -> str:
    """That a key is of another account than the one before."""
    return "The new key is of another Stripe account: charges of the one before would be read no more."


def _secret_losses(before: StripeConnection, given: Given) -> list[str]:
    count = len(set(before.webhook_secrets) - set(_secrets(before, given, replace=False)))
    if not count:
        return []
    going = f"{count} that {'are' if count > 1 else 'is'} kept would go."
    return [f"At most {MOST_SECRETS} webhook secrets count at a time, as while one is rolled: {going}"]


def _secrets(before: StripeConnection, given: Given, *, replace: bool) -> tuple[str, ...]:
    """Those that are kept and those that are given; where there is no room for all, these alone."""
    if not given.webhook_secrets:
        return before.webhook_secrets
    together = tuple(dict.fromkeys((*before.webhook_secrets, *given.webhook_secrets)))
    alone = replace or len(together) > MOST_SECRETS
    return tuple(dict.fromkeys(given.webhook_secrets)) if alone else together


def _named(livemode: bool) -> str:
    return "live mode" if livemode else "test mode"


def _option(livemode: bool) -> str:
    return "live-mode" if livemode else "test-mode"
