"""Performance without labels as the terminal shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from ...estimation.evidence import Estimate
from ...estimation.registry import OWN
from ...estimation.stored import estimate_sites, supported
from ...reporting.numbers import format_decimal, format_estimate
from ...reporting.terminal import print_table
from ...scoring.bootstrap import resampled_splits
from ...submissions import predictions

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from ...protocols.protocol import Protocol
    from ...scoring.scores import Scores

LEGEND = "[.84, .90]: 90 % interval. Average and difference of confidences and ATC estimate accuracy."
UNSEEN = (
    "What no estimate can see: another mix of kinds of disease within a class, labels given by other rules, and a "
    "change that leaves the predictions as they are."
)


def print_estimates(
    console: Console, title: str, found: Mapping[str, Mapping[str, Estimate]], measured: Mapping[str, float]
) -> None:
    """Print a table of estimates by site and estimator, and below it why some are missing.

    Args:
        console: Where to.
        title: Above the table.
        found: Site -> estimator -> estimate.
        measured: Balanced accuracy of the sites whose labels are known.
    """
    made = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    made.add_column("site")
    made.add_column("estimator", no_wrap=True)
    made.add_column("balanced accuracy", justify="right", no_wrap=True)
    for site, by_name in found.items():
        made.add_section()
        for row, (name, one) in enumerate(by_name.items()):
            text = escape(format_estimate(one.value, one.low, one.high)) if one.given else "no estimate"
            made.add_row(escape(site) if not row else "", escape(name), text)
        if not math.isnan(measured.get(site, math.nan)):
            made.add_row("", "measured with labels", format_decimal(measured[site]))
    print_table(console, made)
    for site, by_name in found.items():
        for name, one in by_name.items():
            if one.reason:
                console.print(f"{site}, {name}: {one.reason}.", soft_wrap=True, markup=False)
    console.print(LEGEND, soft_wrap=True, markup=False)
    console.print(UNSEEN, soft_wrap=True, markup=False)


def estimate_lines(protocol: Protocol, truth: pd.DataFrame, folder: Path, scores: Scores) -> list[str]:
    """Write the estimate of every real site of a submission beside the measured figure, for the summary of a run.

    Args:
        protocol: What was run.
        truth: Its truth.
        folder: The submission.
        scores: Its scores.

    Returns:
        One line; none where nothing can be estimated.
    """
    if not supported(protocol) or not protocol.targets or not protocol.shifts:
        return []
    seen = predictions.read_all(folder / predictions.PREDICTIONS_FILE, protocol, truth)
    splits = resampled_splits(protocol, truth, 0)
    found = estimate_sites(protocol, splits, seen.arrays, names=[OWN], refused=seen.refused)
    parts = []
    for site, by_name in found.items():
        one = by_name[OWN]
        text = format_estimate(one.value, one.low, one.high) if one.given else f"no estimate ({one.reason})"
        measured = scores.conditions[site][protocol.metrics[0]].value
        parts.append(f"{site} {text}" + ("" if math.isnan(measured) else f", measured {format_decimal(measured)}"))
    return [f"Balanced accuracy estimated without labels, with 90 % interval: {'; '.join(parts)}"]
