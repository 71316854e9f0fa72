"""The report as one self-contained HTML file that prints to a clean PDF: no server, no network, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ....benchmark.files.wording import plural
from ....benchmark.reporting.html import inlined, page_style, template_environment
from ....benchmark.reporting.numbers import format_decimal, format_signed
from ....benchmark.scoring.metrics import metric_title
from ....shifts.plugins import own_distribution
from ..breaking import Breaking
from ..entry.sites import Site, frozen_thresholds, worst_conditions, worst_site
from ..entry.weights import weights_text
from ..images import Seen
from ..report import Report
from ..verdicts import Verdict
from .charts import ROW, WIDTH, breaking_chart, letters
from .checklist import NOT_COVERED, ROWS

if TYPE_CHECKING:  # a report without images needs no torch
    from ....benchmark.audit.fingerprint.placement import Place

TEMPLATES = Path(__file__).with_name("templates")
SYMBOLS = {"met": "✓", "not met": "✗", "not shown": "?"}
TABLE = ("balanced_accuracy", "auroc", "sensitivity", "specificity", "ece", "brier")
LEAST_DRIFT = 0.05  # difference of two shares that is worth a word
FARTHEST = 4  # shifts named per site
MOVED = 0.1  # difference of two thresholds; the best one of few images is a noisy figure


def page(report: Report) -> str:
    """Render the page. The same files give the same bytes; all text is escaped, and no script can run."""
    style = page_style(TEMPLATES / "report.css")
    scores, protocol = report.scores, report.scores.protocol
    rank_by = protocol.metrics[0]
    tested = [site for site in report.sites if site.condition.kind != "validation"]
    worst = worst_site(report.sites, rank_by)
    frozen = frozen_thresholds(scores)
    return (
        template_environment(TEMPLATES)
        .get_template("report.html")
        .render(
            **inlined(style),
            title=report.title,
            card=scores.seeds[0].card,
            seeds=scores.seeds,
            protocol=protocol,
            digest=protocol.sha256,
            made_by=own_distribution(),
            registration=report.registration,
            verdicts=[_verdict(verdict) for verdict in report.verdicts],
            counts=_counts(report),
            breaking=[_breaking(rule.text, found, report.seen) for rule, found in report.breaking.items()],
            size=(WIDTH, ROW),
            letters=letters(report.seen),
            seen=report.seen,
            columns=[metric_title(name, protocol.positive) for name in TABLE],
            sites=[_site(site) for site in tested],
            rank_by=metric_title(rank_by, protocol.positive),
            worst=worst and (worst.name, worst.figures[rank_by].text),
            worst_conditions=[(c.key, c.family, found.text) for c, found in worst_conditions(scores, rank_by)],
            operating=[_operating(site, _mean_threshold(frozen)) for site in report.sites],
            thresholds=_thresholds(frozen),
            calibration=[_calibration(site) for site in report.sites],
            placed=_placed(report.seen),
            weights=weights_text(scores.seeds[0].card),
            rows=ROWS,
            not_covered=NOT_COVERED,
        )
    )


def _counts(report: Report) -> str:
    """Count the verdicts in words."""
    states = [verdict.state for verdict in report.verdicts]
    parts = [f"{states.count(state)} {state}" for state in SYMBOLS if state in states]
    return f"{plural(len(states), 'criterion') if len(states) == 1 else f'{len(states)} criteria'}: {', '.join(parts)}"


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "name": verdict.criterion.name,
        "text": verdict.criterion.text,
        "state": verdict.state,
        "symbol": SYMBOLS[verdict.state],
        "why": verdict.why,
        "checks": [
            {
                "place": check.place,
                "value": format_decimal(check.value),
                "bound": format_decimal(check.bound),
                "state": check.state,
                "symbol": SYMBOLS[check.state],
                "size": f"{check.samples:,} / {check.groups:,}",
            }
            for check in verdict.checks
        ],
        "bound": "at most" if verdict.criterion.rule.lower_figure_is_better else "at least",
    }


def _breaking(rule: str, found: list[Breaking], seen: Seen | None) -> dict[str, object]:
    families: dict[str, list[Breaking]] = {}
    for each in found:
        families.setdefault(each.family, []).append(each)
    ordered = [each for members in families.values() for each in members]
    return {
        "rule": rule,
        "chart": breaking_chart(ordered, seen),
        "rows": [
            {
                "shift": each.scale.shift,
                "shown": each.shown_text,
                "point": each.point_text,
                "sites": _site_texts(each, seen),
            }
            for each in ordered
        ],
        "throughout": sum(each.shown >= each.last for each in ordered),
        "never": sum(math.isnan(each.shown) for each in ordered),
        "all": len(ordered),
    }


def _site_texts(found: Breaking, seen: Seen | None) -> str:
    """Write where each site lies on a shift's scale, in its unit."""
    parts = []
    for site, places in (seen.places if seen else {}).items():
        place = places.get(found.scale.shift)
        if place is not None:
            parts.append(f"{site} {_place_text(found, place)}{' ?' if place.mixed else ''}")
    return "; ".join(parts)


def _place_text(found: Breaking, place: Place) -> str:
    """Write a site's place in the shift's unit."""
    if place.low <= 0 <= place.high:
        return "like the source"
    return "below 0" if place.severity < 0 else found.scale.number(min(place.severity, 5.0))


def _site(site: Site) -> dict[str, object]:
    first = site.figures[TABLE[0]]
    return {
        "name": site.name,
        "kind": "source" if site.condition.kind == "clean" else "",
        "size": f"{first.samples:,} / {first.groups:,}",
        "cells": [_cell(site, name) for name in TABLE],
    }


def _cell(site: Site, name: str) -> tuple[str, str]:
    """Format a figure and, separately, its interval."""
    found = site.figures[name]
    if math.isinf(found.units):  # certain by construction
        return format_decimal(found.value), ""
    value, bracket, interval = found.text.partition(" [")
    return value, f"[{interval}" if bracket else ""


def _operating(site: Site, frozen: float) -> dict[str, object]:
    """Describe a site's operating point; `frozen` is the mean threshold of the seeds."""
    shares = "–"
    notes = []
    if not math.isnan(site.called):
        shares = f"{format_decimal(site.called, 2)} / {format_decimal(site.prevalence, 2)}"
        drift = site.called - site.prevalence
        if abs(drift) >= LEAST_DRIFT:
            notes.append("too many called" if drift > 0 else "too few called")
    moved = site.threshold - frozen
    if abs(moved) >= MOVED:
        notes.append(f"threshold {format_signed(moved, 2)}")
    return {
        "name": site.name,
        "sensitivity": _cell(site, "sensitivity"),
        "specificity": _cell(site, "specificity"),
        "shares": shares,
        "threshold": format_decimal(site.threshold, 2),
        "note": ", ".join(notes),
    }


def _thresholds(frozen: Sequence[NDArray[np.float64]]) -> str:
    """Write the frozen thresholds, of two classes one per seed."""
    if len(frozen[0]) == 2:
        return ", ".join(format_decimal(float(each[1])) for each in frozen)
    return "; ".join(", ".join(format_decimal(float(one), 2) for one in each) for each in frozen)


def _mean_threshold(frozen: Sequence[NDArray[np.float64]]) -> float:
    return float(np.mean([each[1] for each in frozen])) if len(frozen[0]) == 2 else math.nan


def _calibration(site: Site) -> dict[str, object]:
    gap = site.confidence - site.accuracy
    return {
        "name": site.name,
        "ece": _cell(site, "ece"),
        "brier": _cell(site, "brier"),
        "confidence": format_decimal(site.confidence),
        "accuracy": format_decimal(site.accuracy),
        "gap": format_signed(gap, 2),
        "coverage": _cell(site, "coverage"),
        "note": "overconfident" if gap > LEAST_DRIFT else "underconfident" if gap < -LEAST_DRIFT else "",
    }


def _placed(seen: Seen | None) -> list[dict[str, str]]:
    """List each site's largest clear distances from the source, on the scales of shifts that explain it alone."""
    found = []
    for site, places in (seen.places if seen else {}).items():
        clear = sorted((p for p in places.values() if not p.mixed and p.low > 0), key=lambda place: -place.severity)
        text = ", ".join(f"{place.shift} {place.text}" for place in clear[:FARTHEST])
        found.append({"site": site, "text": text or "none stands out"})
    return found
