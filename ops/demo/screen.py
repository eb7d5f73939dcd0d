"""What the demo shows: a table that fills, and at the end both sides of the books."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from ops.demo.compare import Figures, Row, totals

_NAME = 15
_BOLD, _GREEN, _RED, _DIM, _PLAIN = "\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m"
_UP_TO_START, _CLEAR_BELOW = "\033[{}F", "\033[J"
_WITHOUT_DECIMALS = ("jpy",)


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
    head = screen.dim(f"  {'channel':{_NAME}}{'visitors':>9}{'clicks':>8}   net")
    rows = [
        f"  {row['channel']:{_NAME}}{row['visitors']:>9}{row['clicks']:>8}   {in_currencies(row['native'])}"
        for row in channels
    ]
    return ["", head, *rows, screen.dim(f"  {note}")]


def day_line(day: str, total: Mapping[str, Any]) -> str:
    """What there is at the end of a day, for whoever reads lines."""
    counted = f"{total['visitors']:4} visitors  {total['clicks']:4} clicks"
    return f"  {day}  {counted}  net {in_currencies(total['native'])}"


def comparison(screen: Screen, rows: Sequence[Row]) -> list[str]:
    """Both sides, channel by channel."""
    width = len(_side(Row("", "usd", Figures(), Figures()), Figures(), counts=True))
    head = screen.dim(f"    {'':{_NAME + 4}}{'trackrev':^{width}}  {'the books of Stripe':^{width}}")
    names = f"{'clicks':>7}{'gross':>11}{'net':>11}"
    rule = screen.dim("    " + "─" * (_NAME + 4 + 2 * width + 2))
    return [
        head,
        screen.dim(f"    {'channel':{_NAME}}    {names}  {names}"),
        *(_compared(screen, row) for row in rows),
        rule,
        *(_compared(screen, row) for row in totals(rows)),
    ]


def brought(screen: Screen, links: Sequence[Mapping[str, Any]]) -> list[str]:
    """What each tracked link and its partner brought."""
    head = f"  {'link':18}{'channel':13}{'partner':17}{'visitors':>9}{'clicks':>8}{'net in USD':>12}"
    rows = [
        f"  /l/{link['slug']:15}{link['channel']:13}{link['partner'] or '-':17}{link['visitors']:>9}"
        f"{link['clicks']:>8}{money(link['net_minor']):>12}"
        for link in links
    ]
    return [screen.dim(head), *rows]


def verdict(screen: Screen, rows: Sequence[Row]) -> str:
    """One sentence: whether both sides agree."""
    wrong = list(dict.fromkeys(row.channel for row in rows if not row.agrees))
    if wrong:
        return screen.bad(f"They do not agree: {', '.join(wrong)} differ{'s' if len(wrong) == 1 else ''}.")
    sums = totals(rows)
    taken, kept = (
        ", ".join(f"{money(getattr(row.books, name), row.currency)} {row.currency.upper()}" for row in sums)
        for name in ("gross_minor", "net_minor")
    )
    channels = len({row.channel for row in rows})
    return screen.good(
        f"They agree to the cent: {channels} channels, {sums[0].books.clicks} clicks,\n"
        f"  {taken} taken, and\n  {kept} kept after refunds and disputes."
    )


def in_currencies(native: Iterable[Mapping[str, Any]]) -> str:
    """Net amounts, each in its own currency."""
    told = sorted(native, key=lambda one: (one["currency"] != "usd", one["currency"]))
    return ", ".join(f"{money(x['net_minor'], x['currency'])} {x['currency'].upper()}" for x in told) or "-"


def money(amount_minor: int, currency: str = "usd") -> str:
    """An amount, such as 1,234.05."""
    sign, units = ("-" if amount_minor < 0 else ""), abs(amount_minor)
    if currency in _WITHOUT_DECIMALS:
        return f"{sign}{units:,}"
    return f"{sign}{units // 100:,}.{units % 100:02}"


def _compared(screen: Screen, row: Row) -> str:
    mark = screen.good("✓") if row.agrees else screen.bad("✗")
    counts = row.currency == "usd"
    sides = f"{_side(row, row.program, counts=counts)}  {_side(row, row.books, counts=counts)}"
    return f"  {mark} {row.channel if counts else '':{_NAME}} {row.currency.upper()}{sides}"


def _side(row: Row, figures: Figures, *, counts: bool) -> str:
    clicks = figures.clicks if counts else ""
    amounts = (figures.gross_minor, figures.net_minor)
    return f"{clicks:>7}" + "".join(f"{money(each, row.currency):>11}" for each in amounts)
