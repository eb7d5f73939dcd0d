"""An example for every command, shown with its help; a test holds them against the parser."""

import argparse
from collections.abc import Iterator

from trackrev_stream.cli.hints import how_called

EXAMPLES = {
    "up": ("up --port 8080", "up --data /var/lib/trackrev --host 0.0.0.0"),
    "collect": ("collect --host 0.0.0.0 --port 8765",),
    "worker": ("worker --data /var/lib/trackrev",),
    "poll": ("poll --data /var/lib/trackrev",),
    "api": ("api --host 10.0.0.5 --port 8767",),
    "workspace create": (
        "workspace create ws_shop --domain shop.example",
        "workspace create ws_shop --domain shop.example --time-zone Europe/Berlin",
    ),
    "workspace list": ("workspace list --json",),
    "workspace identify-secret": ("workspace identify-secret ws_shop",),
    "workspace show": ("workspace show ws_shop",),
    "workspace rename-domain": ("workspace rename-domain ws_shop shop.example",),
    "workspace set": ("workspace set ws_shop --add-domain shop.de --time-zone Europe/Berlin",),
    "workspace archive": ("workspace archive ws_shop", "workspace archive ws_shop --undo"),
    "workspace delete": ("workspace delete ws_shop --dry-run", "workspace delete ws_shop --yes"),
    "key create": (
        "key create ws_shop --name dashboard",
        "key create ws_shop --name scripts --scope manage",
    ),
    "key list": ("key list ws_shop",),
    "key revoke": ("key revoke ws_shop dashboard",),
    "workspace channels": ("workspace channels ws_shop", "workspace channels ws_shop --file rules.json"),
    "workspace settings": (
        "workspace settings ws_shop",
        "workspace settings ws_shop --model linear --effective-from 2026-12-01T00:00",
    ),
    "link create": (
        "link create ws_shop yt-june --to https://shop.example/ --channel YouTube",
        "link create ws_shop anna --to https://shop.example/ --channel Partners --partner anna",
    ),
    "link edit": ("link edit ws_shop yt-june --to https://shop.example/sale",),
    "link show": ("link show ws_shop yt-june --days 90",),
    "link archive": ("link archive ws_shop yt-june", "link archive ws_shop yt-june --undo"),
    "link list": ("link list ws_shop",),
    "stripe connect": (
        "stripe connect ws_shop",
        "stripe connect ws_shop --account acct_1Anna --key - < key.txt",
        "stripe connect ws_shop --webhook-secret whsec_...",
        "stripe connect --csv merchants.csv --key - < key.txt",
    ),
    "stripe disconnect": (
        "stripe disconnect ws_shop",
        "stripe disconnect ws_shop --account acct_1Anna --yes",
    ),
    "stripe webhook-setup": ("stripe webhook-setup ws_shop", "stripe webhook-setup ws_shop --create"),
    "stripe webhook-events": ("stripe webhook-events",),
    "stripe sync": ("stripe sync ws_shop", "stripe sync ws_shop --account acct_1Anna --no-wait"),
    "stripe status": ("stripe status ws_shop",),
    "inspect charge": ("inspect charge ch_3Ab", "inspect charge cus_9Xy --workspace ws_shop"),
    "inspect email": ("inspect email anna@example.com", "inspect email - --workspace ws_shop < address.txt"),
    "ltv": ("ltv ws_shop --by link",),
    "dead-letters list": (
        "dead-letters list",
        "dead-letters list --processor bill --status all --limit 200",
    ),
    "dead-letters show": ("dead-letters show 3f9c",),
    "dead-letters replay": ("dead-letters replay 3f9c 81aa", "dead-letters replay --all --processor bill"),
    "dead-letters drop": ("dead-letters drop 3f9c", "dead-letters drop --all --processor collect"),
    "erase email": (
        "erase email anna@example.com",
        "erase email - --workspace ws_shop --yes < address.txt",
    ),
    "reconcile": ("reconcile ws_shop", "reconcile ws_shop --from 2026-11-01 --to 2026-11-30"),
    "topics check": ("topics check",),
    "topics repair": ("topics repair", "topics repair --yes"),
    "doctor": ("doctor", "doctor ws_shop --json"),
    "completion": (
        "completion bash > ~/.local/share/bash-completion/completions/trackrev",
        "completion zsh > ~/.zfunc/_trackrev",
        "completion fish > ~/.config/fish/completions/trackrev.fish",
    ),
}


def with_examples(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The parser, whose commands end their help with an example."""
    for words, command in commands_of(parser):
        if found := EXAMPLES.get(words):
            name = how_called().replace("%", "%%")
            lines = "\n".join(f"  {name} {example}" for example in found)
            command.epilog = f"{'examples' if len(found) > 1 else 'example'}:\n{lines}"
            command.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def commands_of(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command with what follows the program's name, such as ``workspace create``."""
    groups = subparsers_of(parser)
    if not groups:
        yield " ".join(words), parser
    for name, each in groups.items():
        yield from commands_of(each, (*words, name))


def subparsers_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The words that may come next, each with what follows it; none of a command."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to its own tree
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            found |= action.choices
    return found
