"""What a study finds: answers with verdicts, figures and tables; its page is made of these."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from ..reporting.numbers import UNDEFINED, format_decimal

if TYPE_CHECKING:
    from .stored import StoredStudy

ROUNDING = 1e-9  # from a limit, within which a number is at it
Verdict: TypeAlias = Literal["supported", "refuted", "not shown"]


@dataclass(frozen=True)
class Measured:
    """A number with its 95 % interval; NaN where undefined.

    Args:
        value: The number.
        low: Lower end of the interval.
        high: Upper end.
        seeds: Number of seeds behind it.
        note: What limits it, as a sentence; e.g. why it is undefined.
        limits: Between which it can be read. A number or an end at one of them may lie anywhere beyond it: it is open.
        over: What the interval is over, in words; patients and seeds by default.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    seeds: int = 0
    note: str = ""
    limits: tuple[float, float] = (-math.inf, math.inf)
    over: str = ""

    @property
    def varied_over(self) -> str:
        """What the interval is over: `patients and 3 seeds`, `patients alone`."""
        return self.over or (f"patients and {self.seeds} seeds" if self.seeds > 1 else "patients alone")

    @property
    def text(self) -> str:
        """The number with its interval, `+.031 [+.012, +.050]`, `+.93 [+.84, ≥ +.96]`; a dash if undefined."""
        if math.isnan(self.value):
            return UNDEFINED
        if math.isnan(self.low):
            return f"{self._written(self.value)} (no interval)"
        return f"{self._written(self.value)} [{self._written(self.low)}, {self._written(self.high)}]"

    @property
    def held(self) -> tuple[float, float]:
        """All that the interval holds: infinite at an open end."""
        low = -math.inf if self.below(self.low) else self.low
        return low, math.inf if self.above(self.high) else self.high

    def below(self, value: float) -> bool:
        """Return whether a value is at the lower limit: it may be less."""
        return value <= self.limits[0] + ROUNDING

    def above(self, value: float) -> bool:
        """Return whether a value is at the upper limit: it may be more."""
        return value >= self.limits[1] - ROUNDING

    def _written(self, value: float) -> str:
        return f"{'≤ ' if self.below(value) else '≥ ' if self.above(value) else ''}{signed(value)}"


def signed(value: float) -> str:
    """Format a number with its sign: `+.031`, `-120`."""
    if abs(value) >= 10:
        return f"{value:+,.0f}"
    text = format_decimal(value)
    return text if text.startswith("-") or not float(text) else f"+{text}"


def verdict(found: Measured, least: float | None, most: float | None) -> Verdict:
    """Judge the claim that a number lies between `least` and `most`.

    Supported if its whole interval does, refuted if its whole interval lies outside, else not shown. An open end holds
    all that lies beyond. A claim with one bound is that the number is larger (or smaller): equality refutes it.
    """
    if math.isnan(found.low) or math.isnan(found.high):
        return "not shown"
    low, high = found.held
    if least is not None and most is not None:
        inside, outside = least <= low and high <= most, high < least or low > most
    elif least is not None:
        inside, outside = low > least, high <= least
    else:
        inside, outside = high < (most or 0.0), low >= (most or 0.0)
    return "supported" if inside else "refuted" if outside else "not shown"


@dataclass(frozen=True)
class Answered:
    """An answer.

    Args:
        sentence: What is said, with number and interval.
        found: The number.
        verdict: Of the claim.
        claimed: The claim's range, in words.
        name: What was measured, in words.
    """

    sentence: str
    found: Measured
    verdict: Verdict
    claimed: str = ""
    name: str = ""


@dataclass(frozen=True)
class Point:
    """A value of a curve with its interval; NaN for none."""

    x: float
    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Curve:
    """A curve, or with one point over all of the axis, a level line.

    Args:
        name: In the legend; the same name has the same colour in all figures.
        points: By x.
        level: Whether its only point stands for the whole axis.
    """

    name: str
    points: Sequence[Point]
    level: bool = False


@dataclass(frozen=True)
class Drawing:
    """A figure of curves.

    Args:
        name: Name of its file, without ending.
        title: Above it.
        across: Label of the horizontal axis.
        down: Label of the vertical axis.
        curves: What is drawn.
        ticks: (x, label) along the horizontal axis; round numbers by default.
        log: Whether the horizontal axis is logarithmic.
    """

    name: str
    title: str
    across: str
    down: str
    curves: Sequence[Curve]
    ticks: Sequence[tuple[float, str]] = ()
    log: bool = False


@dataclass(frozen=True)
class Table:
    """A table of text.

    Args:
        title: Above it.
        columns: Headings; the first column holds the names of the rows.
        rows: Cells.
        note: Below it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Findings:
    """All that a study finds.

    Args:
        answers: The first one answers the question.
        drawings: Figures; the first two are on the first screen.
        tables: Tables.
        records: Rows of `study.csv`: column -> cell, the same columns in all.
        doubts: What a reader must know before believing the answer, one sentence each.
        cards: Summary of each run: heading, and what it says by name.
        other_first: Whether the first answer is not the study's own first one, as its runs were left out.
    """

    answers: Sequence[Answered]
    drawings: Sequence[Drawing] = ()
    tables: Sequence[Table] = ()
    records: Sequence[Mapping[str, object]] = ()
    doubts: Sequence[str] = ()
    cards: Sequence[tuple[str, Mapping[str, str]]] = field(default_factory=tuple)
    other_first: bool = False


class Analysis(Protocol):
    """A study's own way to measure and to report, for what a grid of submissions does not say.

    The study's runs, if it has arms, are made before. An analysis may have a method `check(protocol, table)`, too. It
    gets each protocol and its truth before any run, and raises MedshiftError if they do not suit the analysis.

    What was cut and what the study cannot say (`Study.limits`) are put before the doubts that it reports.
    """

    def measure(self, stored: StoredStudy, out: Path) -> None:
        """Measure what the report needs, and write it into the study's folder; resumes what was interrupted.

        Args:
            stored: The study as it is run, with its data and options.
            out: The study's folder.
        """
        ...

    def report(self, stored: StoredStudy, out: Path) -> Findings:
        """Make the findings from the study's folder alone.

        Raises:
            MedshiftError: Something is missing or damaged.
        """
        ...
