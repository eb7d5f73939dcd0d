"""The words of the command line: they name what a command runs, so that each loads only what it needs."""

import argparse
from typing import Any

from trackrev_stream import __version__, settings
from trackrev_stream.cli.examples import with_examples
from trackrev_stream.cli.hints import how_called
from trackrev_stream.cli.leaf import group as _group
from trackrev_stream.cli.leaf import leaf as _leaf
from trackrev_stream.cli.parser_link import add_link
from trackrev_stream.cli.parser_topics import add_topics
from trackrev_stream.cli.setup_words import add_key_words, add_stripe_words, add_workspace_words
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
    add_link(_group(top, "link", "tracked links"), common, _leaf)
    _add_stripe(top, common)
    _add_inspect(top, common)
    _add_ltv(top, common)
    _add_dead_letters(top, common)
    _add_erase(top, common)
    _add_reconcile(top, common)
    _add_doctor(top, common)
    _add_completion(top, common)
    add_topics(_group(top, "topics", "the topics on Kafka"), common, _leaf)
    return with_examples(parser)


def _add_up(top: Any, common: argparse.ArgumentParser) -> None:
    for name, roles, text in (
        ("up", tuple(Role), "start everything in one process"),
        ("collect", (Role.COLLECT,), "start the collectors alone, over a Kafka broker"),
        ("worker", (Role.WORK,), "start the agents alone, over a Kafka broker; any number of workers"),
        ("poll", (Role.POLL,), "start the poller of Stripe alone, over a Kafka broker"),
        ("api", (Role.SERVE,), "start the API and the page alone"),
    ):
        parser = _leaf(top, name, common, "up:up", text)
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
    group = _group(top, "workspace", "workspaces: a site with its keys and links")
    create = _leaf(group, "create", common, "workspace:workspace_create", "make a workspace and its API key")
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
    _leaf(group, "list", common, "workspace:workspace_list", "the workspaces")
    secret = _leaf(
        group,
        "identify-secret",
        common,
        "workspace:workspace_identify_secret",
        "the secret that signs identify",
    )
    secret.add_argument("workspace", metavar="WS")
    rules = _leaf(
        group, "channels", common, "workspace:workspace_channels", "rules that name channels in your words"
    )
    rules.add_argument("workspace", metavar="WS")
    what = rules.add_mutually_exclusive_group()
    what.add_argument("--show", action="store_true", help="show the rules as they stand (the default)")
    what.add_argument("--file", metavar="FILE", help="take these rules, in JSON; - reads standard input")

    add_workspace_words(group, common)
    _add_settings(group, common)


def _add_settings(group: Any, common: argparse.ArgumentParser) -> None:
    parser = _leaf(
        group,
        "settings",
        common,
        "attribution_settings:workspace_settings",
        "how charges are decided, in versions",
    )
    parser.add_argument("workspace", metavar="WS")
    parser.add_argument("--lookback-days", metavar="N", type=int, help="how old a click may be")
    parser.add_argument(
        "--identify-days",
        metavar="N",
        type=days_or_unlimited,
        default=argparse.SUPPRESS,  # None is what "unlimited" means
        help="how long before the first charge a visitor may have identified; or: unlimited",
    )
    parser.add_argument("--model", choices=[model.value for model in Model], help="who shares the credit")
    parser.add_argument(
        "--returning",
        choices=[returning.value for returning in Returning],
        help="who earns what a customer buys anew: whoever earned the first charge (keep), or the journey "
        "since, where it earns (ask)",
    )
    parser.add_argument(
        "--effective-from",
        metavar="TIME",
        help="when the change takes effect, such as 2026-12-01T00:00 (default: in a minute)",
    )
    parser.add_argument("--withdraw", action="store_true", help="take back the last one before its time")


def _add_stripe(top: Any, common: argparse.ArgumentParser) -> None:
    group = _group(top, "stripe", "the connection to Stripe")
    add_stripe_words(group, common)
    _leaf(group, "webhook-events", common, "stripe:stripe_webhook_events", "what to subscribe the webhook to")
    for name, command, text in (
        ("sync", "stripe:stripe_sync", "read Stripe now, not only on the hour"),
        ("status", "stripe:stripe_status", "when Stripe was read, and how that went"),
    ):
        parser = _leaf(group, name, common, command, text)
        parser.add_argument("workspace", metavar="WS")
        parser.add_argument("--account", metavar="A", help="this account alone (default: all of them)")
        if name == "sync":
            parser.add_argument("--no-wait", action="store_true", help="do not wait until it is done")


def _add_inspect(top: Any, common: argparse.ArgumentParser) -> None:
    group = _group(top, "inspect", "explain what stands in the book")
    charge = _leaf(group, "charge", common, "inspect_charge:inspect_charge", "who earned a charge, and why")
    charge.add_argument("charge", metavar="ID", help="ch_..., or what leads to it: pi_, cus_, in_, re_, du_")
    text = "whom an email address joins: visitors, payers and charges"
    email = _leaf(group, "email", common, "inspect_email:inspect_email", text)
    email.add_argument("address", metavar="ADDRESS", help="the address; - reads it from standard input")
    for each in (charge, email):
        each.add_argument("--workspace", metavar="WS", help="where to look (default: every workspace)")


def _add_ltv(top: Any, common: argparse.ArgumentParser) -> None:
    parser = _leaf(top, "ltv", common, "ltv:lifetime_value", "what the payers of each month came to")
    parser.add_argument("workspace", metavar="WS")
    choices = [by.value for by in By]
    parser.add_argument("--by", choices=choices, default=choices[0], help="who earned it (default: channel)")


def _add_dead_letters(top: Any, common: argparse.ArgumentParser) -> None:
    group = _group(top, "dead-letters", "what could not be processed, and what shall become of it")
    listing = _leaf(group, "list", common, "dead_letters:dead_letters_list", "the newest ones")
    listing.add_argument("--processor", metavar="P", default="", help="of this agent; collect is the edge")
    listing.add_argument("--status", choices=[*Status, "all"], default=Status.OPEN, help="default open")
    listing.add_argument("--limit", metavar="N", type=a_count, default=50, help="default 50")
    show = _leaf(group, "show", common, "dead_letters:dead_letters_show", "one of them, with its payload")
    show.add_argument("letter", metavar="ID", help="its id, or the beginning of it")
    for name, command, text in (
        (
            "replay",
            "dead_letters_replay:dead_letters_replay",
            "put them into their topics again, once the cause is mended",
        ),
        ("drop", "dead_letters:dead_letters_drop", "nothing more shall become of them; replay takes it back"),
    ):
        deciding = _leaf(group, name, common, command, text)
        deciding.add_argument("letters", metavar="ID", nargs="*", help="their ids, or the beginnings of them")
        deciding.add_argument("--all", action="store_true", help="all that are open")
        deciding.add_argument("--processor", metavar="P", default="", help="with --all: of this agent alone")


def _add_erase(top: Any, common: argparse.ArgumentParser) -> None:
    group = _group(top, "erase", "let nobody be known any more who does not want to be")
    email = _leaf(
        group, "email", common, "erase:erase_email", "whoever has this address; the book stays as it is"
    )
    email.add_argument("address", metavar="ADDRESS", help="the address; - reads it from standard input")
    email.add_argument("--workspace", metavar="WS", help="in this workspace alone (default: in all)")
    email.add_argument("--yes", action="store_true", help="do not ask: erase at once")


def _add_reconcile(top: Any, common: argparse.ArgumentParser) -> None:
    text = "hold the book against Stripe's own lists; 1 where they differ, 2 where that cannot be told"
    parser = _leaf(top, "reconcile", common, "reconcile:reconcile_ledger", text)
    parser.add_argument("workspace", metavar="WS")
    for name, which in (("from", "first"), ("to", "last")):
        parser.add_argument(
            f"--{name}",
            dest=which,
            metavar="DAY",
            type=day,
            help=f"the {which} day, UTC, such as 2026-11-20 (default: the last 30 whole days)",
        )
    parser.add_argument("--account", metavar="A", help="this account alone (default: all of them)")


def _add_doctor(top: Any, common: argparse.ArgumentParser) -> None:
    text = "look at everything, and say what to do about what is not well; 1 where something is to be done"
    parser = _leaf(top, "doctor", common, "doctor:doctor", text)
    parser.add_argument("workspace", metavar="WS", nargs="?", help="this one alone (default: all of them)")


def _add_completion(top: Any, common: argparse.ArgumentParser) -> None:
    text = "a script that has the Tab key complete the words of trackrev"
    parser = _leaf(top, "completion", common, "completion:completion", text)
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
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def day(text: str) -> int:
    """A day given by its date. Raises ArgumentTypeError."""
    try:
        return day_of_iso(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
