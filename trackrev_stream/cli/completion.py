"""`trackrev completion`: what a shell reads so that the Tab key completes commands and options."""

import argparse

from trackrev_stream.cli.examples import subparsers_of
from trackrev_stream.cli.hints import PROGRAM
from trackrev_stream.cli.parser import build_parser
from trackrev_stream.cli.result import CommandResult
from trackrev_stream.settings import Settings

Words = dict[str, list[str]]
"""What may come after some words of a command: words, options and choices."""

_BASH = """# bash completion of trackrev
_{name}() {{
  local came="" word at=1
  while [ $at -lt $COMP_CWORD ]; do
    word="${{COMP_WORDS[at]}}"
    case "$came $word" in
      {groups}) came="$came $word" ;;
    esac
    at=$((at + 1))
  done
  local words=""
  case "$came" in
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _{name} {name}
"""

_ZSH = """#compdef trackrev
# zsh completion of trackrev
_{name}() {{
  local came="" word
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$came $word" in
      {groups}) came="$came $word" ;;
    esac
  done
  local -a found
  case "$came" in
{cases}
  esac
  compadd -- $found || _files
}}
if [ "$funcstack[1]" = _{name} ]; then _{name} "$@"; else compdef _{name} {name}; fi
"""


def completion(args: argparse.Namespace, _settings: Settings) -> CommandResult:
    """`completion`: the script for a shell."""
    made = {"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell](build_parser())
    return CommandResult(made.rstrip("\n"), {"shell": args.shell, "script": made}, verbatim=True)


def _bash(parser: argparse.ArgumentParser) -> str:
    following = _following(parser, ())
    cases = [f'    "{path}") words="{" ".join(words)}" ;;' for path, words in following.items()]
    return _BASH.format(name=PROGRAM, groups=_paths(following), cases="\n".join(cases))


def _zsh(parser: argparse.ArgumentParser) -> str:
    following = _following(parser, ())
    cases = [f'    "{path}") found=({" ".join(words)}) ;;' for path, words in following.items()]
    return _ZSH.format(name=PROGRAM, groups=_paths(following), cases="\n".join(cases))


def _fish(parser: argparse.ArgumentParser) -> str:
    lines = [f"# fish completion of {PROGRAM}"]
    for path, words in _following(parser, ()).items():
        came = path.split()
        condition = " ".join(
            [f"__fish_seen_subcommand_from {word}; and" for word in came]
            + [f"not __fish_seen_subcommand_from {' '.join(_plain(words))}" if _plain(words) else "true"]
        )
        lines += [f"complete -c {PROGRAM} -n '{condition}' -f -a '{word}'" for word in _plain(words)]
        lines += [
            f"complete -c {PROGRAM} -n '{condition}' -l {word.removeprefix('--')}"
            for word in words
            if word.startswith("--")
        ]
    return "\n".join(lines) + "\n"


def _plain(words: list[str]) -> list[str]:
    return [word for word in words if not word.startswith("-")]


def _paths(following: Words) -> str:
    """The words that lead on to others, as alternatives of a case."""
    return "|".join(f'"{path}"' for path in following if path)


def _following(parser: argparse.ArgumentParser, path: tuple[str, ...]) -> Words:
    groups = subparsers_of(parser)
    actions = parser._actions  # noqa: SLF001 - argparse has no other way to its own tree
    options = [word for action in actions for word in action.option_strings if word.startswith("--")]
    chosen = [str(word) for action in actions for word in action.choices or ()]  # of a group: its words
    found = {"".join(f" {word}" for word in path): [*chosen, *options]}
    for name, each in groups.items():
        found |= _following(each, (*path, name))
    return found
