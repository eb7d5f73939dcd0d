"""What the demo shows: a table that fills, and at the end both sides of the books."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from ops.demo.compare import Figures, Row, total

_NAME = 15
_BOLD, _GREEN, _RED, _DIM, _PLAIN = "\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m"
_UP_TO_START, _CLEAR_BELOW = "\033[{}F", "\033[J"


class Screen:
    """Prints to a terminal or to a file: the former is redrawn in place, the latter gets calm lines."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self.is_terminal = out.isatty()
        self._drawn = 0

    def say(self, *lines: str) -> None:
        """Print lines that stay."""
        print(*lines, sep="\n", file=self._out, flush=True)
        self._drawn = 0

    def redraw(self, lines: Sequence[str]) -> None:
        """Print lines over those that `redraw` printed last, if nothing came since."""
        back = _UP_TO_START.format(self._drawn) + _CLEAR_BELOW if self._drawn else ""
        print(back + "\n".join(lines), file=self._out, flush=True)
        self._drawn = len(lines)

    def good(self, text: str) -> str:
        return self._in(_GREEN, text)

    def bad(self, text: str) -> str:
        return self._in(_RED, text)

    def strong(self, text: str) -> str:
        return self._in(_BOLD, text)

    def dim(self, text: str) -> str:
        return self._in(_DIM, text)

    def _in(self, style: str, text: str) -> str:
        return f"{style}{text}{_PLAIN}" if self.is_terminal else text


def filling(screen: Screen, channels: Iterable[Mapping[str, Any]], note: str) -> list[str]:
    """The channels table as the program has it now."""
    head = screen.dim(f"  {'channel':{_NAME}}{'clicks':>8}{'gross':>14}{'net':>14}")
    rows = [
        f"  {row['channel']:{_NAME}}{row['clicks']:>8}"
        f"{money(row['gross_minor']):>14}{money(row['net_minor']):>14}"
        for row in channels
    ]
    return ["", head, *rows, screen.dim(f"  {note}")]


def comparison(screen: Screen, rows: Sequence[Row]) -> list[str]:
    """Both sides, channel by channel."""
    width = len(_side(Figures()))
    head = screen.dim(f"    {'':{_NAME}}{'trackrev':^{width}}  {'the books of Stripe':^{width}}")
    names = f"{'clicks':>7}{'gross':>11}{'net':>11}"
    rule = screen.dim("    " + "─" * (_NAME + 2 * width + 2))
    return [
        head,
        screen.dim(f"    {'channel':{_NAME}}{names}  {names}"),
        *(_compared(screen, row) for row in rows),
        rule,
        _compared(screen, total(rows)),
    ]


def verdict(screen: Screen, rows: Sequence[Row]) -> str:
    """One sentence: whether both sides agree."""
    wrong = [row.channel for row in rows if not row.agrees]
    if wrong:
        return screen.bad(f"They do not agree: {', '.join(wrong)} differ{'s' if len(wrong) == 1 else ''}.")
    books = total(rows).books
    return screen.good(
        f"They agree to the cent: {len(rows)} channels, {books.clicks} clicks, "
        f"{money(books.gross_minor)} USD taken and {money(books.net_minor)} USD kept after refunds."
    )


def money(amount_minor: int) -> str:
    """An amount of cents, such as 1,234.05."""
    sign, cents = ("-" if amount_minor < 0 else ""), abs(amount_minor)
    return f"{sign}{cents // 100:,}.{cents % 100:02}"


def _compared(screen: Screen, row: Row) -> str:
    mark = screen.good("✓") if row.agrees else screen.bad("✗")
    return f"  {mark} {row.channel:{_NAME}}{_side(row.program)}  {_side(row.books)}"


def _side(figures: Figures) -> str:
    return f"{figures.clicks:>7}{money(figures.gross_minor):>11}{money(figures.net_minor):>11}"
