"""Figures: what a benchmark found, and how it is shown."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its unit; `note` says what it is, where the name does not."""

    name: str
    value: float
    unit: str
    note: str = ""


@dataclass(slots=True)
class Result:
    """What a benchmark found."""

    name: str
    about: str
    figures: list[Figure] = field(default_factory=list)
    shortfalls: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, note: str = "") -> None:
        """Add a figure."""
        self.figures.append(Figure(name, value, unit, note))

    def aim(self, name: str, value: float, most: float, unit: str, note: str = "") -> None:
        """Add a figure that should be no more than `most`; what is above it is named as a shortfall."""
        met = value <= most
        self.add(
            name, value, unit, f"aim: at most {_number(most)} {unit}, {'met' if met else 'MISSED'}{note}"
        )
        if not met:
            self.shortfalls.append(f"{name} is {_number(value)} {unit}, the aim is at most {_number(most)}")

    def reach(self, name: str, value: float, least: float, unit: str, note: str = "") -> None:
        """Add a figure that should be at least `least`; what is below it is named as a shortfall."""
        met = value >= least
        self.add(
            name, value, unit, f"aim: at least {_number(least)} {unit}, {'met' if met else 'MISSED'}{note}"
        )
        if not met:
            self.shortfalls.append(f"{name} is {_number(value)} {unit}, the aim is at least {_number(least)}")

    def add_percentiles(self, name: str, values_s: Sequence[float], note: str = "") -> None:
        """Add p50, p99 and the maximum of durations in seconds, as milliseconds."""
        for label, share in (("p50", 0.50), ("p99", 0.99), ("max", 1.0)):
            self.add(f"{name} {label}", 1_000 * percentile(values_s, share), "ms", note)
            note = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def as_lines(self) -> list[str]:
        """A table for people."""
        rows = [
            f"  {figure.name:<34}{_number(figure.value):>12} {figure.unit:<12}{figure.note}".rstrip()
            for figure in self.figures
        ]
        missed = [f"  SHORTFALL: {shortfall}" for shortfall in self.shortfalls]
        return ["", f"{self.name}: {self.about}", *rows, *missed]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share of all do not exceed (nearest rank); not a number without values."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -int(-share * len(ordered) // 1) - 1))]


def _number(value: float) -> str:
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
