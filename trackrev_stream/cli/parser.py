"""The words of the command line: they name what a command runs, so that each loads only what it needs."""

import argparse
from typing import Any

from trackrev_stream import __version__, settings
from trackrev_stream.cli.examples import with_examples
from trackrev_stream.cli.hints import how_called
from trackrev_stream.cli.leaf import group, leaf
from trackrev_stream.cli.parser_link import add_link_words
from trackrev_stream.cli.parser_setup import add_key_words, add_stripe_words, add_workspace_words
from trackrev_stream.cli.parser_topics import add_topics_words
from trackrev_stream.contracts.choices import UNLIMITED, By, Status
from trackrev_stream.domain.attribution.attribution_settings import Returning
from trackrev_stream.domain.attribution.models import Model
from trackrev_stream.domain.values.days import day_of_iso
from trackrev_stream.program.roles import Role


def build_parser() -> argparse.ArgumentParser:
    """All commands; what `command` names is found with pkgutil.resolve_name."""
    parser = argparse.ArgumentParser(
        prog=how_called(),
        description="Which link earned this Stripe charge, and what is it worth after refunds?",
        epilog="Settings are environment variables:\n"
        + "\n".join(f"  {name:22} {text}" for name, text in settings.VARIABLES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"trackrev {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data", metavar="DIR", help="the data directory (default: TRACKREV_DATA or ./trackrev-data)"
    )
    common.add_argument("--json", action="store_true", help="answer in JSON")
    top = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_up(top, common)
    _add_workspace(top, common)
    add_key_words(top, common)
    add_link_words(top, common)
    _add_stripe(top, common)
    _add_inspect(top, common)
    _add_ltv(top, common)
    _add_dead_letters(top, common)
    _add_erase(top, common)
    _add_reconcile(top, common)
    _add_doctor(top, common)
    _add_completion(top, common)
    add_topics_words(top, common)
    return with_examples(parser)


def _add_up(top: Any, common: argparse.ArgumentParser) -> None:
    for name, roles, text in (
        ("up", tuple(Role), "start everything in one process"),
        ("collect", (Role.COLLECT,), "run only the collectors (needs Kafka)"),
        ("worker", (Role.WORK,), "run only the stream processor (needs Kafka); start as many as you like"),
        ("poll", (Role.POLL,), "run only the part that reads Stripe (needs Kafka)"),
        ("api", (Role.SERVE,), "run only the read API and the live page (needs Kafka)"),
    ):
        parser = leaf(top, name, common, "up:up", text)
        parser.set_defaults(roles=frozenset(roles))
        if name == "up":
            parser.add_argument(
                "--domain", metavar="D", help="on the first start: the site's domain, such as shop.example"
            )
        if name not in ("worker", "poll"):
            parser.add_argument("--host", metavar="H", help="the address to listen on (default 127.0.0.1)")
            parser.add_argument(
                "--port", metavar="N", type=a_port, help="the port (default 8765; 0 for any free one)"
            )


def _add_workspace(top: Any, common: argparse.ArgumentParser) -> None:
    workspaces = group(top, "workspace", "manage workspaces: one for each site")
    create = leaf(
        workspaces, "create", common, "workspace:workspace_create", "make a workspace and its API key"
    )
    create.add_argument("workspace", metavar="WS", help="its id, such as ws_shop")
    create.add_argument(
        "--domain", required=True, metavar="D", help="the site's domain, such as shop.example"
    )
    create.add_argument(
        "--cookie-domain", metavar="D", help="where the visitor cookie is valid (default .DOMAIN)"
    )
    create.add_argument(
        "--time-zone", metavar="TZ", default="UTC", help="of the days in reports (default UTC)"
    )
    leaf(workspaces, "list", common, "workspace:workspace_list", "list the workspaces")
    secret = leaf(
        workspaces,
        "identify-secret",
        common,
        "workspace:workspace_identify_secret",
        "print the secret with which your backend signs identify",
    )
    secret.add_argument("workspace", metavar="WS")
    rules = leaf(
        workspaces, "channels", common, "workspace:workspace_channels", "show or set your own channel names"
    )
    rules.add_argument("workspace", metavar="WS")
    what = rules.add_mutually_exclusive_group()
    what.add_argument("--show", action="store_true", help="show the current rules (the default)")
    what.add_argument("--file", metavar="FILE", help="take these rules, in JSON; - reads standard input")

    add_workspace_words(workspaces, common)
    _add_settings(workspaces, common)


def _add_settings(workspaces: Any, common: argparse.ArgumentParser) -> None:
    parser = leaf(
        workspaces,
        "settings",
        common,
        "attribution_settings:workspace_settings",
        "show or change attribution windows and model",
    )
    parser.add_argument("workspace", metavar="WS")
    parser.add_argument(
        "--lookback-days",
        metavar="N",
        type=int,
        help="how many days before the charge, or before identifying, a click still counts",
    )
    parser.add_argument(
        "--identify-days",
        metavar="N",
        type=days_or_unlimited,
        default=argparse.SUPPRESS,  # None is what "unlimited" means
        help="how many days may pass from identifying to the first charge; or: unlimited",
    )
    parser.add_argument(
        "--model", choices=[model.value for model in Model], help="how clicks share the credit"
    )
    parser.add_argument(
        "--returning",
        choices=[returning.value for returning in Returning],
        help="who earns a returning customer's new purchase: who earned the first one (keep), or their newer "
        "visits, if any earn (ask)",
    )
    parser.add_argument(
        "--effective-from",
        metavar="TIME",
        help="when the change takes effect, such as 2026-12-01T00:00 (default: in a minute)",
    )
    parser.add_argument(
        "--withdraw", action="store_true", help="withdraw the last change; possible until it takes effect"
    )


def _add_stripe(top: Any, common: argparse.ArgumentParser) -> None:
    stripe = group(top, "stripe", "connect Stripe, read it, see its state")
    add_stripe_words(stripe, common)
    leaf(
        stripe,
        "webhook-events",
        common,
        "stripe:stripe_webhook_events",
        "list the events to select for the webhook endpoint",
    )
    for name, command, text in (
        ("sync", "stripe:stripe_sync", "read Stripe now"),
        ("status", "stripe:stripe_status", "show when Stripe was last read, and with what result"),
    ):
        parser = leaf(stripe, name, common, command, text)
        parser.add_argument("workspace", metavar="WS")
        parser.add_argument("--account", metavar="A", help="only this account (default: all of them)")
        if name == "sync":
            parser.add_argument("--no-wait", action="store_true", help="do not wait until it is done")


def _add_inspect(top: Any, common: argparse.ArgumentParser) -> None:
    inspect = group(top, "inspect", "explain a charge or an email address")
    charge = leaf(inspect, "charge", common, "inspect_charge:inspect_charge", "who earned a charge, and why")
    charge.add_argument("charge", metavar="ID", help="ch_..., or what leads to it: pi_, cus_, in_, re_, du_")
    text = "show the visitors, payers and charges that an email address connects"
    email = leaf(inspect, "email", common, "inspect_email:inspect_email", text)
    email.add_argument("address", metavar="ADDRESS", help="the address; - reads it from standard input")
    for each in (charge, email):
        each.add_argument("--workspace", metavar="WS", help="where to look (default: every workspace)")


def _add_ltv(top: Any, common: argparse.ArgumentParser) -> None:
    parser = leaf(top, "ltv", common, "ltv:lifetime_value", "lifetime value by month of first payment")
    parser.add_argument("workspace", metavar="WS")
    choices = [by.value for by in By]
    parser.add_argument(
        "--by", choices=choices, default=choices[0], help="sum up by channel or by link (default: channel)"
    )


def _add_dead_letters(top: Any, common: argparse.ArgumentParser) -> None:
    letters = group(top, "dead-letters", "records that could not be read: list, replay or drop them")
    listing = leaf(letters, "list", common, "dead_letters:dead_letters_list", "the newest ones")
    listing.add_argument(
        "--processor", metavar="P", default="", help="only those of this agent, or collect for the collectors"
    )
    listing.add_argument("--status", choices=[*Status, "all"], default=Status.OPEN, help="default open")
    listing.add_argument("--limit", metavar="N", type=a_count, default=50, help="default 50")
    show = leaf(letters, "show", common, "dead_letters:dead_letters_show", "one of them, with its payload")
    show.add_argument("letter", metavar="ID", help="its id, or the beginning of it")
    for name, command, text in (
        (
            "replay",
            "dead_letters_replay:dead_letters_replay",
            "send them again, once the cause is fixed",
        ),
        ("drop", "dead_letters:dead_letters_drop", "give up on them; `replay ID` takes this back"),
    ):
        deciding = leaf(letters, name, common, command, text)
        deciding.add_argument("letters", metavar="ID", nargs="*", help="their ids, or the beginnings of them")
        deciding.add_argument("--all", action="store_true", help="all that are open")
        deciding.add_argument(
            "--processor", metavar="P", default="", help="with --all: only those of this agent"
        )


def _add_erase(top: Any, common: argparse.ArgumentParser) -> None:
    erase = group(top, "erase", "delete a person's data")
    email = leaf(
        erase, "email", common, "erase:erase_email", "delete everything about this address; all totals stay"
    )
    email.add_argument("address", metavar="ADDRESS", help="the address; - reads it from standard input")
    email.add_argument("--workspace", metavar="WS", help="only in this workspace (default: in all)")
    email.add_argument("--yes", action="store_true", help="do not ask: erase at once")


def _add_reconcile(top: Any, common: argparse.ArgumentParser) -> None:
    text = "compare the ledger with Stripe; exits with 1 if they differ, 2 if that cannot be told"
    parser = leaf(top, "reconcile", common, "reconcile:reconcile_ledger", text)
    parser.add_argument("workspace", metavar="WS")
    for name, which in (("from", "first"), ("to", "last")):
        parser.add_argument(
            f"--{name}",
            dest=which,
            metavar="DAY",
            type=day,
            help=f"the {which} day, UTC, such as 2026-11-20 (default: the last 30 whole days)",
        )
    parser.add_argument("--account", metavar="A", help="only this account (default: all of them)")


def _add_doctor(top: Any, common: argparse.ArgumentParser) -> None:
    text = "check everything and say what to do; exits with 1 if something needs doing"
    parser = leaf(top, "doctor", common, "doctor:doctor", text)
    parser.add_argument("workspace", metavar="WS", nargs="?", help="only this one (default: all of them)")


def _add_completion(top: Any, common: argparse.ArgumentParser) -> None:
    text = "print a script that completes commands with the Tab key"
    parser = leaf(top, "completion", common, "completion:completion", text)
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="your shell")


def days_or_unlimited(text: str) -> int | None:
    """A number of days, or None for no limit. Raises ValueError."""
    return None if text == UNLIMITED else int(text)


def a_port(text: str) -> int:
    """A port, or 0 for any free one. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) > settings.LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 0 to {settings.LAST_PORT}")
    return int(text)


def a_count(text: str) -> int:
    """A number from 1 on. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number; give 1 or more")
    return int(text)


def day(text: str) -> int:
    """A day given by its date. Raises ArgumentTypeError."""
    try:
        return day_of_iso(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
