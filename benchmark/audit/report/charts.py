"""The charts of an audit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ....shifts import catalogue
from ...reporting import axes
from ...reporting.axes import Curves, Rows
from ...reporting.numbers import format_estimate
from ..audit import Audit
from ..fingerprint.fingerprint import columns
from ..fingerprint.profiles import profile
from ..measures.table import MEASURES
from ..shortcut_probe import DOMAIN

FLOOR = -80.0  # dB; below this, 8-bit rounding dominates
BAR = 22  # pixels per bar, including the gap below it


@dataclass(frozen=True)
class Mix:
    """Stacked bars: (y, name, full name) of each bar, and (x, y, width, style, label) of each part."""

    names: list[tuple[float, str, str]]
    parts: list[tuple[float, float, float, int, str]]
    height: int


def mix(audit: Audit) -> Mix:
    """Draw the share of each class in each domain."""
    names, parts = [], []
    room = axes.WIDTH - axes.LEFT - axes.RIGHT
    for number, (domain, row) in enumerate(audit.counts.images.iterrows()):
        y, x, name = 4.0 + BAR * number, float(axes.LEFT), str(domain)
        short = name if len(name) <= axes.LETTERS else name[: axes.LETTERS - 1] + "…"
        names.append((y, short, name))
        for style, (label, count) in enumerate(row.items()):
            width = room * float(count) / max(1, int(row.sum()))
            text = f"{name}: {100 * float(count) / max(1, int(row.sum())):.0f} % {label}"
            parts.append((round(x, 1), y, round(width, 1), style % axes.STYLES, text))
            x += width
    return Mix(names, parts, 8 + BAR * len(names))


def probes(audit: Audit) -> list[Rows]:
    """Draw one chart per domain, and one for predicting the domain: all features, then each family."""
    styles = {found.domain: style for style, found in enumerate(audit.fingerprints)}
    charts = []
    for where in dict.fromkeys(result.where for result in audit.probes):
        results = [result for result in audit.probes if result.where == where]
        style = styles.get(where, axes.STYLES - 1)
        entries = [
            (
                each.family,
                [(each.area, each.low, each.high, style, format_estimate(each.area, each.low, each.high), False)],
            )
            for each in results
        ]
        left_out = results[0].left_out
        note = f"AUC, {results[0].images} images" + (f", without {', '.join(left_out)}" if left_out else "")
        title = "Predicting the domain" if where == DOMAIN else f"Predicting the label within {where}"
        low = min([0.4, *(result.area for result in results)])
        charts.append(axes.rows(title, entries, (low, 1.0), 0.5, note))
    return charts


def profiles(audit: Audit) -> list[Curves]:
    """Draw the spectrum and the grey-level distribution of every domain."""
    found = [profile(audit.dataset, each) for each in audit.fingerprints]
    return [
        axes.curves(
            "Power spectrum",
            "cycles per pixel",
            "dB",
            [(each.frequency.tolist(), each.power.clip(FLOOR).tolist()) for each in found],
        ),
        axes.curves(
            "Share of pixels up to a grey level",
            "grey level, full scale = 1",
            "share",
            [(each.level.tolist(), each.share.tolist()) for each in found],
        ),
    ]


def measures(audit: Audit, *, core: bool) -> list[Rows]:
    """Draw one chart per measure, with one row per domain."""
    charts = []
    means = [found.means for found in audit.fingerprints]
    ends = [found.intervals() for found in audit.fingerprints]
    for index, name in enumerate(columns(audit.dataset)):
        measure = MEASURES[name]
        if measure.core != core:
            continue
        entries = []
        for style, found in enumerate(audit.fingerprints):
            value, (low, high) = float(means[style][index]), ends[style][index]
            between = "" if math.isnan(low) else f" [{low:.{measure.digits}f}, {high:.{measure.digits}f}]"
            text = f"{found.domain}: {value:.{measure.digits}f}{between}"
            entries.append((found.domain, [(value, low, high, style, text, False)]))
        unit = f"{measure.unit}; " if measure.unit else ""
        charts.append(
            axes.rows(measure.title[0].upper() + measure.title[1:], entries, note=f"{unit}high values: {measure.means}")
        )
    return charts


def places(audit: Audit) -> list[Rows]:
    """Draw one chart per domain except the source: its place on each shift's scale, family by family."""
    charts = []
    styles = {found.domain: style for style, found in enumerate(audit.fingerprints)}
    for domain, domain_places in audit.places.items():
        ordered = sorted(
            domain_places, key=lambda place: catalogue.FAMILIES.index(catalogue.shift_info(place.shift).family)
        )
        entries = [
            (
                place.shift,
                [(place.severity, place.low, place.high, styles[domain], f"{place.shift}: {place.text}", place.mixed)],
            )
            for place in ordered
        ]
        charts.append(axes.rows(domain, entries, (-1.0, 5.0), 0.0, "severity", 1.0))
    return charts
