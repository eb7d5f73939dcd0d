"""The words of setting up: API keys, what may change of a workspace, the connection to Stripe."""

import argparse
from typing import Any

from trackrev_stream.cli.leaf import group, leaf
from trackrev_stream.contracts.choices import KeyScope


def add_key_words(top: Any, common: argparse.ArgumentParser) -> None:
    """`key create|list|revoke`."""
    keys = group(top, "key", "manage API keys")
    create = leaf(keys, "create", common, "key:key_create", "make an API key; it is shown once")
    create.add_argument("workspace", metavar="WS")
    create.add_argument("--name", metavar="N", default="", help="what it is for, such as dashboard")
    create.add_argument(
        "--scope",
        choices=[scope.value for scope in KeyScope],
        default=KeyScope.READ.value,
        help="what it may do: read (the default); manage reads and changes settings; payouts reads and pays",
    )
    text = "list the API keys, with scope and last use"
    listing = leaf(keys, "list", common, "key:key_list", text)
    listing.add_argument("workspace", metavar="WS")
    text = "take an API key out of use"
    revoke = leaf(keys, "revoke", common, "key:key_revoke", text)
    revoke.add_argument("workspace", metavar="WS")
    revoke.add_argument("key", metavar="KEY", help="its id (key_...) or its name")


def add_workspace_words(workspace: Any, common: argparse.ArgumentParser) -> None:
    """`workspace show|rename-domain|set|archive|delete`."""
    text = "show a workspace, with its script tag"
    show = leaf(workspace, "show", common, "workspace_changes:workspace_show", text)
    show.add_argument("workspace", metavar="WS")
    _add_changes(workspace, common)
    text = "take no more hits; reports stay, and refunds still come in"
    archive = leaf(workspace, "archive", common, "workspace_changes:workspace_archive", text)
    archive.add_argument("workspace", metavar="WS")
    archive.add_argument("--undo", action="store_true", help="take hits again")
    text = "delete it with its ledger, for good"
    delete = leaf(workspace, "delete", common, "workspace_delete:workspace_delete", text)
    delete.add_argument("workspace", metavar="WS")
    delete.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")
    delete.add_argument("--yes", action="store_true", help="do not ask, for scripts")


def _add_changes(workspace: Any, common: argparse.ArgumentParser) -> None:
    rename = leaf(
        workspace,
        "rename-domain",
        common,
        "workspace_changes:workspace_rename_domain",
        "the site has moved to another domain; the old one stays a domain of it",
    )
    rename.add_argument("workspace", metavar="WS")
    rename.add_argument("domain", metavar="D", help="the new first domain, such as shop.example")
    rename.add_argument(
        "--drop-old", action="store_true", help="the old one is no domain of the site any more"
    )
    change = leaf(
        workspace,
        "set",
        common,
        "workspace_changes:workspace_set",
        "further domains, the time zone, where the cookie is valid",
    )
    change.add_argument("workspace", metavar="WS")
    for name, text in (
        ("--add-domain", "one more domain of the site"),
        ("--remove-domain", "not its domain"),
    ):
        change.add_argument(name, metavar="D", action="append", default=[], help=f"{text}; repeatable")
    change.add_argument("--time-zone", metavar="TZ", help="of the days in reports, such as Europe/Berlin")
    change.add_argument(
        "--cookie-domain", metavar="D", help="where the visitor cookie is valid on the first domain"
    )


def add_stripe_words(stripe: Any, common: argparse.ArgumentParser) -> None:
    """`stripe connect|disconnect|webhook-setup`."""
    _add_connect(stripe, common)
    disconnect = leaf(
        stripe,
        "disconnect",
        common,
        "stripe_disconnect:stripe_disconnect",
        "forget an account's key and webhook secrets; the ledger stays",
    )
    disconnect.add_argument("workspace", metavar="WS")
    which = disconnect.add_mutually_exclusive_group()
    which.add_argument("--account", metavar="A", help="a connected account, acct_... (default: the own one)")
    which.add_argument("--platform", action="store_true", help="the Connect endpoint of a platform")
    disconnect.add_argument("--yes", action="store_true", help="do not ask, for scripts")
    setup = leaf(
        stripe,
        "webhook-setup",
        common,
        "webhook_setup:stripe_webhook_setup",
        "the steps to a webhook endpoint; with --create it is made",
    )
    setup.add_argument("workspace", metavar="WS")
    setup.add_argument(
        "--create",
        action="store_true",
        help="make it with the workspace's key, which may write webhook endpoints, and keep its secret",
    )
    setup.add_argument(
        "--key",
        metavar="K",
        help="with --create: a key for this once; it is not kept; - reads standard input",
    )
    setup.add_argument(
        "--platform", action="store_true", help="a Connect endpoint, for all connected accounts"
    )
    setup.add_argument(
        "--url", metavar="URL", help="where Stripe reaches this program (default: TRACKREV_PUBLIC_URL)"
    )


def _add_connect(stripe: Any, common: argparse.ArgumentParser) -> None:
    connect = leaf(
        stripe,
        "connect",
        common,
        "stripe_connect:stripe_connect",
        "connect a Stripe account to a workspace; what is not given stays as it is",
    )
    connect.add_argument("workspace", metavar="WS", nargs="?")
    connect.add_argument("--key", metavar="K", help="a restricted key; - reads it from standard input")
    connect.add_argument("--account", metavar="A", help="a connected account, acct_...")
    connect.add_argument(
        "--webhook-secret",
        metavar="S",
        action="append",
        help="the endpoint's signing secret, whsec_...; - reads standard input; twice while you roll it",
    )
    mode = connect.add_mutually_exclusive_group()
    mode.add_argument(
        "--test-mode", action="store_true", help="take test-mode events (only needed without a key)"
    )
    mode.add_argument("--live-mode", action="store_true", help="take live events (only needed without a key)")
    connect.add_argument(
        "--allow-secret-key", action="store_true", help="take a key that may also write (sk_...)"
    )
    connect.add_argument(
        "--csv",
        metavar="FILE",
        help="connect many from a file with the columns workspace, account, key, webhook_secret",
    )
    connect.add_argument("--platform", action="store_true", help="this is a platform's Connect endpoint")
    connect.add_argument("--api-base", default="", metavar="URL", help="another address of Stripe's API")
    connect.add_argument(
        "--replace",
        action="store_true",
        help="do not ask where what is kept would change its mode, account or address, or go",
    )
