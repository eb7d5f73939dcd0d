"""Where the program of a data directory is reached: noted by `up`, so that commands can name its URLs."""

from contextlib import suppress
from pathlib import Path

FILE = "address"


def note_address(data: Path, url: str) -> None:
    """Keep the URL at which the program listens now."""
    if noted_address(data) != url:
        (data / FILE).write_text(url)


def noted_address(data: Path) -> str:
    """The URL at which it listened last; empty before the first start."""
    with suppress(FileNotFoundError):
        return (data / FILE).read_text()
    return ""
