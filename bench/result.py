"""What a section of the page says, and the figures that ratios are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Figures = dict[str, list[float]]
"""Values by name, one a round: `rate/mutate/2/8/ours` is of calls a second, 2 members, 8 connections."""


@dataclass(frozen=True)
class Table:
    """Rows under headings. Columns are of numbers, but for the first few."""

    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: int = 1
    """How many columns at the left hold words."""


@dataclass(frozen=True)
class Line:
    """Points of a plot under one name."""

    name: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Plot:
    """Lines over numbers, the axis of which is logarithmic."""

    file: str
    """Its name without `.svg`."""
    title: str
    across: str
    up: str
    lines: list[Line]
    flat: bool = False
    """Whether what is shown should not grow: then the axis upwards begins at 0 and is not logarithmic."""


@dataclass(frozen=True)
class Bars:
    """Groups of bars beside each other, their axis logarithmic; a panel for each of several titles."""

    file: str
    title: str
    up: str
    groups: tuple[str, ...]
    panels: dict[str, dict[str, list[float]]]
    """Values by panel and by name: one for each group."""


@dataclass
class Section:
    """What one measurement says."""

    title: str
    how: str
    """The method, in sentences."""
    tables: list[Table] = field(default_factory=list)
    pictures: list[Plot | Bars] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    figures: Figures = field(default_factory=dict)


def number(value: float) -> str:
    """Three digits, or all before the point: 0.123, 12.3, 12,345."""
    if value == 0:
        return "0"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}" if abs(value) >= 0.9995 else f"{value:.3f}"


def share(part: float) -> str:
    """A part of the whole in percent."""
    return f"{part:.0%}"
