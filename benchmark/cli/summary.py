"""The summary that a run prints at its end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..files.wording import plural
from ..protocols.protocol import Protocol
from ..protocols.remarks import FEW_GROUPS
from ..reporting.numbers import format_decimal
from ..reporting.terminal import fits, make_console, print_table
from ..scoring.answered import Answered
from ..scoring.estimate import Estimate
from ..scoring.metrics import METRICS
from ..scoring.scores import Scores

WORST = 3  # synthesized conditions named below the table


def print_summary(
    protocol: Protocol,
    scores: Scores,
    title: str = "",
    console: Console | None = None,
    answered: Answered | None = None,
    more: Sequence[str] = (),
) -> None:
    """Print the table of a submission's scores and its worst synthesized conditions.

    Args:
        protocol: What was run.
        scores: Its scores.
        title: Printed above the table, before the protocol's name.
        console: Standard output by default.
        answered: Of a model that refused images: scores without them, for a second table, and the coverage for both.
        more: Further lines below the table.
    """
    console = console or make_console()
    coverage = answered.coverage if answered else {}
    tables = [(scores, f"{title}, refused images as wrong answers" if answered else title)]
    tables += [(answered.scores, f"{title}, refused images left out")] if answered else []
    for found, heading in tables:
        table = summary_table(protocol, found, heading, coverage)
        narrow = None if fits(console, table) else summary_table(protocol, found, heading, coverage, stacked=True)
        print_table(console, narrow or table)
    if answered:
        share = f"{answered.refused:,} of {answered.images:,} images, over all conditions"
        console.print(f"Refused: {share}. Coverage: share of images answered.", soft_wrap=True, highlight=False)
    for line in [*notes(protocol, scores), *more]:
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def summary_table(
    protocol: Protocol,
    scores: Scores,
    title: str = "",
    coverage: Mapping[str, float] | None = None,
    *,
    stacked: bool = False,
) -> Table:
    """Make the table: clean, real, synthesized, shifted and drop, with 95 % intervals.

    Args:
        protocol: What was run.
        scores: Its scores.
        title: Printed above the table, before the protocol's name.
        coverage: Name of an aggregate -> share of images answered; a column of it, if there is any.
        stacked: Set intervals below their figures, which takes 80 columns.
    """
    simulated = "SIMULATED: " if protocol.dataset.simulated else ""
    prefix = f"{title} on " if title else ""
    table = Table(
        title=escape(f"{simulated}{prefix}{protocol.name}"),
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=0 if stacked else (0, 1),
    )
    table.add_column("condition")
    table.add_column("n", justify="right")
    if coverage:
        table.add_column("coverage", justify="right", no_wrap=True)
    for metric in protocol.metrics:
        table.add_column(METRICS[metric].title.replace(" ", "\n"), justify="right", no_wrap=True)
    for label, name, section in _rows(scores):
        if section:
            table.add_section()
        found = scores.aggregates[name]
        groups = found[protocol.metrics[0]].groups
        few = f" ({plural(groups, 'group')})" if name.startswith("real/") and groups < FEW_GROUPS else ""
        size = str(found[protocol.metrics[0]].samples) if name == "clean" or name.startswith("real/") else ""
        figures = [found[metric].text for metric in protocol.metrics]
        share = [format_decimal(coverage[name])] if coverage else []
        table.add_row(
            escape(label + few), size, *share, *(_stacked(text) if stacked else escape(text) for text in figures)
        )
    return table


def _stacked(text: str) -> str:
    value, bracket, interval = text.partition(" [")
    return escape(f"{value}\n[{interval}" if bracket else value)


def _rows(scores: Scores) -> Iterator[tuple[str, str, bool]]:
    """Yield label, name of the aggregate, and whether a rule separates it from the row above."""
    names = list(scores.aggregates)
    yield "clean", "clean", False
    for kind in ("real", "synthesized"):
        parts = [name for name in names if name.startswith(f"{kind}/")]
        for position, name in enumerate(parts):
            yield name.replace("/", " ", 1).replace("synthesized", "synth."), name, position == 0
        if kind in names:
            yield f"{kind}, mean".replace("synthesized", "synth."), kind, not parts
    if "shifted" in names:
        yield "shifted", "shifted", True
        yield "drop", "drop", False


def notes(protocol: Protocol, scores: Scores) -> list[str]:
    """List what stands below the table: the worst synthesized conditions, and undefined figures."""
    rank_by = protocol.metrics[0]
    metric = METRICS[rank_by]
    synthesized = [condition.key for condition in protocol.conditions() if condition.kind == "synthesized"]
    found = {key: scores.conditions[key][rank_by] for key in synthesized}
    lines = [f"Positive class: {protocol.positive}."] if protocol.positive else []
    lines += ["[.84, .90]: 95 % interval from resampling groups (patients). Drop: positive is worse."]
    if not protocol.targets:
        lines.append("One domain: no real shift was tested.")
    if found:
        worst = sorted(found, key=lambda key: _badness(found[key], metric.higher_is_better), reverse=True)[:WORST]
        lines.append(
            f"Worst by {metric.title}: " + ", ".join(f"{key} {format_decimal(found[key].value)}" for key in worst)
        )
    undefined = [
        f"{METRICS[name].title} of {key}"
        for key, by_metric in scores.conditions.items()
        for name, estimate in by_metric.items()
        if math.isnan(estimate.value)
    ]
    if undefined:
        what = ", ".join(undefined[:3]) + (", ..." if len(undefined) > 3 else "")
        lines.append(f"Undefined and left out of the means (one class only): {what}")
    return lines


def _badness(estimate: Estimate, higher_is_better: bool) -> float:
    if math.isnan(estimate.value):
        return -math.inf
    return -estimate.value if higher_is_better else estimate.value
