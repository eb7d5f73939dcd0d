"""Which data directory a command is about. Only what starts or begins something ever makes one."""

import argparse
from pathlib import Path

from trackrev_stream.cli.result import CommandError
from trackrev_stream.program.running_note import RunningNote, running_programs
from trackrev_stream.settings import Settings, read_settings

STARTS = frozenset({"up:up"})
BEGINS = frozenset({"workspace:workspace_create"})
WITHOUT = frozenset(
    {
        "stripe:stripe_webhook_events",
        "completion:completion",
        "topics:topics_check",
        "topics:topics_repair",
    }
)


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings of a command, with a data directory that is there. Raises SettingsError, CommandError."""
    settings = read_settings(
        data=args.data, host=getattr(args, "host", None), port=getattr(args, "port", None)
    )
    name = args.command.rpartition(".")[2]
    if name in STARTS or name in WITHOUT:
        return settings
    not_here = not settings.data_named and not settings.data.is_dir()
    if not_here and (running := running_programs(settings.state)):
        settings = read_settings(data=str(_only(running, settings)))
    if name in BEGINS:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    elif not _needs_none(settings):
        _require(settings)
    return settings


def _only(running: list[RunningNote], settings: Settings) -> Path:
    """The data directory of the one program that runs. Raises CommandError where that is not clear."""
    if len(running) > 1:
        names = ", ".join(note.data for note in running)
        raise CommandError(f"programs run over {names}: say which one with --data DIR")
    [note] = running
    missing = [name for name in note.told if name not in settings.named]
    if missing:
        raise CommandError(
            f"the program that runs over {note.data} was started with {' and '.join(missing)}: set the same "
            "here, and TRACKREV_DATA or --data"
        )
    return Path(note.data)


def _needs_none(settings: Settings) -> bool:
    """Whether database and secret key are elsewhere: what the data directory has is of no use to commands."""
    return "TRACKREV_STORE" in settings.named and "TRACKREV_SECRET_KEY" in settings.named


def _require(settings: Settings) -> None:
    if not settings.data.is_dir():
        where = "" if settings.data_named else ", and no program runs here"
        raise CommandError(
            f"there is no data directory {settings.data}{where}. Name the right one with --data DIR or "
            "TRACKREV_DATA, or start with `trackrev up`"
        )
    if "TRACKREV_STORE" not in settings.named and not (settings.data / "trackrev.db").exists():
        raise CommandError(
            f"{settings.data} holds no database of trackrev. Name the right directory with --data DIR or "
            "TRACKREV_DATA, or start with `trackrev up`"
        )
