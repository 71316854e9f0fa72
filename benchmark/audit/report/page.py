"""The audit as one self-contained HTML file: no server, no network, no script."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ....shifts import catalogue
from ...reporting import axes
from ...reporting.html import inlined, page_style, template_environment
from ...reporting.numbers import format_decimal
from ...reporting.thumbnails import strip
from ..audit import Audit
from ..confounding.columns import unexamined
from ..confounding.links import Link
from ..counts import FEW_GROUPS, FEW_IMAGES
from ..findings import findings
from ..fingerprint.placement import Place
from ..fingerprint.sensitivity import UNPLACED, meaning_below_zero
from ..fingerprint.validation import Recovered, recovered
from ..shortcut_probe import ALL
from . import charts

TEMPLATES = Path(__file__).with_name("templates")
EXAMPLES = 8  # images shown per class and domain
PAIRS = 12  # duplicate pairs shown
LINKS = 40  # associations shown
EXAMPLE_HEIGHT, PAIR_HEIGHT = 56, 110  # pixels
GALLERY_BYTES = 4 << 20  # once the examples reach this size, no more are added
FRAME = ("WIDTH", "LEFT", "RIGHT", "TOP", "BOTTOM", "HEIGHT", "NARROW")  # sizes that the templates use


def page(audit: Audit, *, thumbnails: bool = True) -> str:
    """Render the page. The same figures give the same bytes; all text is escaped, and no script can run.

    Args:
        audit: What is shown.
        thumbnails: Whether to show images; terms may forbid to pass them on.
    """
    style = page_style(TEMPLATES / "page.css")
    pairs = audit.duplicates.pairs
    domains = [found.domain for found in audit.fingerprints]
    size = {name.lower(): getattr(axes, name) for name in FRAME}
    return (
        template_environment(TEMPLATES)
        .get_template("page.html")
        .render(
            dataset=audit.dataset,
            source=audit.source,
            domains=domains,
            **inlined(style),
            size=size,
            findings=findings(audit),
            splits=[name for name in audit.counts.by_split.columns if name],
            counts=_count_rows(audit),
            shared=audit.counts.shared,
            in_several=audit.counts.in_several,
            unsplit=audit.counts.unsplit,
            gallery=_gallery(audit) if thumbnails else [],
            pairs=_pairs(audit, thumbnails=thumbnails),
            pairs_count=len(pairs),
            exact=sum(pair.exact for pair in pairs),
            across={name: audit.duplicates.count(name) for name in ("group", "split", "domain", "label")},
            left_out=audit.duplicates.left_out,
            mix=charts.mix(audit) if len(domains) > 1 else None,
            links=[_link_row(link) for link in audit.links[:LINKS]],
            unexamined=unexamined(audit.dataset.table),
            probes=charts.probes(audit),
            cross_domain=_cross_domain_rows(audit, domains),
            most=max(len(found.rows) for found in audit.fingerprints),
            profiles=charts.profiles(audit),
            core=charts.measures(audit, core=True),
            more=charts.measures(audit, core=False),
            places=charts.places(audit),
            others=list(audit.places),
            severities=_severity_rows(audit.places),
            unplaced=list(UNPLACED.items()),
            trials=[_recovery_row(found) for found in recovered(audit.trials)],
        )
    )


def _count_rows(audit: Audit) -> list[dict[str, object]]:
    counts = audit.counts
    rows = []
    for domain in counts.images.index:
        images, groups = (part.loc[domain].tolist() for part in (counts.images, counts.groups))
        least, middle, most = counts.per_group[domain]
        rows.append(
            {
                "domain": domain,
                "classes": [(i, g, i < FEW_IMAGES or g < FEW_GROUPS) for i, g in zip(images, groups, strict=True)],
                "splits": [number for name, number in counts.by_split.loc[domain].items() if name],
                "groups": int(counts.table.loc[counts.table["domain"] == domain, "group"].nunique()),
                "each": f"{least}" if least == most else f"{least} to {most}, median {middle:g}",
            }
        )
    return rows


def _gallery(audit: Audit) -> list[tuple[str, str, str, int]]:
    """Return (domain, class, picture, number of images) for some images of each class in each domain."""
    table, gallery, spent = audit.dataset.table, [], 0
    for found in audit.fingerprints:
        labels = table["label"].to_numpy()[found.rows]
        for label, name in enumerate(audit.dataset.classes):
            rows = found.rows[labels == label][:EXAMPLES]
            if len(rows) and spent < GALLERY_BYTES:
                picture = strip(audit.dataset, rows, EXAMPLE_HEIGHT)
                spent += len(picture)
                gallery.append((found.domain, name, picture, len(rows)))
    return gallery


def _pairs(audit: Audit, *, thumbnails: bool) -> list[dict[str, object]]:
    ids = audit.dataset.table["sample_id"].astype(str).to_numpy()
    table = audit.counts.table
    rows = []
    for pair in audit.duplicates.pairs[:PAIRS]:
        parts = [
            f"{name}: {_value_name(audit, name, table[name].iloc[pair.first])} and "
            f"{_value_name(audit, name, table[name].iloc[pair.second])}"
            for name in pair.across
            if name != "group"
        ]
        rows.append(
            {
                "picture": strip(audit.dataset, [pair.first, pair.second], PAIR_HEIGHT) if thumbnails else "",
                "exact": pair.exact,
                "inverted": pair.inverted,
                "similarity": format_decimal(abs(pair.similarity), 2),
                "first": ids[pair.first],
                "second": ids[pair.second],
                "across": "; ".join(["different groups" if "group" in pair.across else "same group", *parts]),
            }
        )
    return rows


def _value_name(audit: Audit, column: str, value: object) -> str:
    return audit.dataset.classes[int(str(value))] if column == "label" else str(value)


def _link_row(link: Link) -> dict[str, object]:
    return {
        "column": link.column,
        "target": link.target,
        "where": link.where,
        "v": format_decimal(link.strength, 2),
        "interval": _interval(link.low, link.high),
        "chance": "–" if math.isnan(link.chance) else format_decimal(link.chance, 2),
        "images": link.images,
        "extremes": link.extremes(),
        "determines": link.determines,
    }


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{format_decimal(low, 2)} to {format_decimal(high, 2)}"


def _cross_domain_rows(audit: Audit, domains: list[str]) -> list[dict[str, object]]:
    areas: dict[tuple[str, str], tuple[float, float, float]] = {
        (result.trained, result.tested): (result.area, result.low, result.high) for result in audit.cross_domain
    }
    areas |= {
        (result.where, result.where): (result.area, result.low, result.high)
        for result in audit.probes
        if result.family == ALL
    }
    rows: list[dict[str, object]] = []
    for one in domains if len(domains) > 1 else ():
        cells = [areas.get((one, other), (math.nan, math.nan, math.nan)) for other in domains]
        rows.append({"trained": one, "cells": [(format_decimal(a, 2), _interval(low, high)) for a, low, high in cells]})
    return rows


def _severity_rows(places: dict[str, list[Place]]) -> list[dict[str, object]]:
    by_shift: dict[str, dict[str, Place]] = {}
    for domain, domain_places in places.items():
        for place in domain_places:
            by_shift.setdefault(place.shift, {})[domain] = place
    return [
        {
            "shift": shift,
            "cells": [
                (found[domain].text + (" (contradictory)" if found[domain].mixed else "")) if domain in found else "–"
                for domain in places
            ],
            "below": meaning_below_zero(shift, catalogue.shift_info(shift).family),
        }
        for shift, found in by_shift.items()
    ]


def _recovery_row(found: Recovered) -> dict[str, str]:
    return {
        "shift": found.shift,
        "bias": f"{found.bias:+.2f}",
        "error": f"{found.error:.2f}",
        "faint_error": "–" if np.isnan(found.faint_error) else f"{found.faint_error:.2f}",
        "recognised": f"{100 * found.recognised:.0f} %",
        "mistaken": ", ".join(f"{name} {count}" for name, count in found.mistaken.items()) or "–",
    }
