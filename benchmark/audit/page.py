"""The audit as one HTML file that needs nothing else: no server, no network, no script."""

from __future__ import annotations

import base64
import hashlib
import math
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ...shifts import catalogue
from ..estimate import decimal
from . import drawing, figures
from .audit import Audit
from .confounding import Link
from .counting import FEW_GROUPS, FEW_IMAGES
from .findings import findings
from .pictures import strip
from .placing import Place
from .probe import ALL
from .reacts import UNPLACED, below
from .validate import Recovered, recovered

TEMPLATES = Path(__file__).with_name("templates")
EXAMPLES = 8  # images of a class in a domain
PAIRS = 12
LINKS = 40
SIDES = (56, 110)  # pixels of an example's side, and of a duplicate's
MEGABYTES = 4 << 20  # of pictures; of many domains and classes fewer are shown


def page(audit: Audit) -> str:
    """Returns the page; the same figures give the same bytes. All text is escaped, and no script can run."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    twice = audit.duplicates
    domains = [found.domain for found in audit.fingerprints]
    size = {name.lower(): getattr(drawing, name) for name in ("WIDTH", "LEFT", "RIGHT", "TOP", "BOTTOM", "HEIGHT")}
    return environment.get_template("page.html").render(
        dataset=audit.dataset,
        source=audit.source,
        domains=domains,
        style=Markup(style),
        style_hash=f"sha256-{digest}",
        size=size | {"narrow": drawing.NARROW},
        findings=findings(audit),
        splits=[name for name in audit.counts.by_split.columns if name],
        counts=_counts(audit),
        shared=audit.counts.shared,
        in_several=audit.counts.in_several,
        unsplit=audit.counts.unsplit,
        gallery=_gallery(audit),
        pairs=_pairs(audit),
        pairs_count=len(twice.pairs),
        exact=sum(pair.exact for pair in twice.pairs),
        across={name: twice.count(name) for name in ("group", "split", "domain", "label")},
        left_out=twice.left_out,
        mix=figures.mix(audit) if len(domains) > 1 else None,
        links=[_link(link) for link in audit.links[:LINKS]],
        probes=figures.probes(audit),
        moved=_moved(audit, domains),
        most=max(len(found.rows) for found in audit.fingerprints),
        profiles=figures.profiles(audit),
        core=figures.measures(audit, core=True),
        more=figures.measures(audit, core=False),
        places=figures.places(audit),
        others=list(audit.places),
        severities=_severities(audit.places),
        unplaced=list(UNPLACED.items()),
        trials=[_trial(found) for found in recovered(audit.trials)],
    )


def _counts(audit: Audit) -> list[dict[str, object]]:
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
    """Returns (domain, class, picture, number of images) of some images of each class in each domain."""
    table, shown, spent = audit.dataset.table, [], 0
    for found in audit.fingerprints:
        labels = table["label"].to_numpy()[found.rows]
        for label, name in enumerate(audit.dataset.classes):
            rows = found.rows[labels == label][:EXAMPLES]
            if len(rows) and spent < MEGABYTES:
                picture = strip(audit.dataset, rows, SIDES[0])
                spent += len(picture)
                shown.append((found.domain, name, picture, len(rows)))
    return shown


def _pairs(audit: Audit) -> list[dict[str, object]]:
    ids = audit.dataset.table["sample_id"].astype(str).to_numpy()
    table = audit.counts.table
    shown = []
    for pair in audit.duplicates.pairs[:PAIRS]:
        parts = [
            f"{name}: {_named(audit, name, table[name].iloc[pair.first])} and "
            f"{_named(audit, name, table[name].iloc[pair.second])}"
            for name in pair.across
            if name != "group"
        ]
        shown.append(
            {
                "picture": strip(audit.dataset, [pair.first, pair.second], SIDES[1]),
                "exact": pair.exact,
                "likeness": decimal(pair.likeness, 2),
                "first": ids[pair.first],
                "second": ids[pair.second],
                "across": "; ".join(["different groups" if "group" in pair.across else "one group", *parts]),
            }
        )
    return shown


def _named(audit: Audit, column: str, value: object) -> str:
    return audit.dataset.classes[int(str(value))] if column == "label" else str(value)


def _link(link: Link) -> dict[str, object]:
    return {
        "column": link.column,
        "target": link.target,
        "where": link.where,
        "v": decimal(link.strength, 2),
        "interval": _interval(link.low, link.high),
        "chance": "–" if math.isnan(link.chance) else decimal(link.chance, 2),
        "images": link.images,
        "extremes": link.extremes(),
        "settles": link.settles,
    }


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{decimal(low, 2)} to {decimal(high, 2)}"


def _moved(audit: Audit, domains: list[str]) -> list[dict[str, object]]:
    areas: dict[tuple[str, str], tuple[float, float, float]] = {
        (m.learnt, m.tested): (m.area, m.low, m.high) for m in audit.moved
    }
    areas |= {(p.where, p.where): (p.area, p.low, p.high) for p in audit.probed if p.family == ALL}
    rows: list[dict[str, object]] = []
    for one in domains if len(domains) > 1 else ():
        cells = [areas.get((one, other), (math.nan, math.nan, math.nan)) for other in domains]
        rows.append({"learnt": one, "cells": [(decimal(a, 2), _interval(low, high)) for a, low, high in cells]})
    return rows


def _severities(places: dict[str, list[Place]]) -> list[dict[str, object]]:
    by_shift: dict[str, dict[str, Place]] = {}
    for domain, mine in places.items():
        for place in mine:
            by_shift.setdefault(place.shift, {})[domain] = place
    return [
        {
            "shift": shift,
            "cells": [
                (found[domain].text + (" (contradictory)" if found[domain].mixed else "")) if domain in found else "–"
                for domain in places
            ],
            "below": below(shift, catalogue.entry(shift).family),
        }
        for shift, found in by_shift.items()
    ]


def _trial(found: Recovered) -> dict[str, str]:
    return {
        "shift": found.shift,
        "bias": f"{found.bias:+.2f}",
        "error": f"{found.error:.2f}",
        "faint": "–" if np.isnan(found.faint) else f"{found.faint:.2f}",
        "named": f"{100 * found.named:.0f} %",
        "mistaken": ", ".join(f"{name} {count}" for name, count in found.mistaken.items()) or "–",
    }
