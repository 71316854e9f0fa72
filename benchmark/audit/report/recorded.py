"""Make the record of an audit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.metadata import version

import numpy as np
from pydantic import ValidationError

from ....shifts.errors import MedshiftError
from ...files.schema import first_problem
from ..audit import Audit
from ..finding import GRAVE, NOTE, SERIOUS
from ..findings import findings
from ..shortcut_probe import ALL, DOMAIN
from .record import LONGEST, SCHEMA, AuditRecord, Weight

WEIGHTS: Mapping[int, Weight] = {GRAVE: "grave", SERIOUS: "serious", NOTE: "note"}


def audit_json(audit: Audit) -> str:
    """Write an audit as a record. The same figures give the same bytes: no date, no path, no name of an image.

    Raises:
        MedshiftError: A name of the data set cannot be written, as it holds characters that are not to be seen.
    """
    counts, pairs = audit.counts, audit.duplicates
    domains = [found.domain for found in audit.fingerprints]
    made = {
        "schema": SCHEMA,
        "dataset": audit.dataset.name,
        "version": audit.dataset.version,
        "classes": list(audit.dataset.classes),
        "source": audit.source,
        "counts": [
            {"domain": domain, "images": images, "groups": groups}
            for domain, images, groups in zip(
                domains,
                *(part.loc[domains].to_numpy(np.int64).tolist() for part in (counts.images, counts.groups)),
                strict=True,
            )
        ],
        "duplicates": {
            "all": len(pairs.pairs),
            "exact": sum(pair.exact for pair in pairs.pairs),
            **{name: pairs.count(name) for name in ("group", "split", "domain", "label")},
        },
        "findings": [
            {"weight": WEIGHTS[each.weight], "text": _cut(each.nameless or each.text), "advice": _cut(each.advice)}
            for each in findings(audit)
        ],
        "shortcuts": _shortcuts(audit),
        "severities": [
            {
                "domain": domain,
                "shift": place.shift,
                **{name: round(float(getattr(place, name)), 2) for name in ("severity", "low", "high")},
                "contradictory": place.mixed,
            }
            for domain, places in audit.places.items()
            for place in places
        ],
        "medshift": version("medshift"),
    }
    text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
    try:
        AuditRecord.model_validate_json(text)
    except ValidationError as error:
        raise MedshiftError(f"this audit cannot be recorded: {first_problem(error)}") from error
    return text


def _shortcuts(audit: Audit) -> list[dict[str, object]]:
    own = [
        (each.where, each.where, each.area, each.low, each.high)
        for each in audit.probes
        if each.family == ALL and each.where != DOMAIN
    ]
    others = [(each.trained, each.tested, each.area, each.low, each.high) for each in audit.cross_domain]
    return [
        {"trained": trained, "tested": tested, "area": round(area, 3), "low": _end(low), "high": _end(high)}
        for trained, tested, area, low, high in [*own, *others]
        if not math.isnan(area)
    ]


def _cut(text: str) -> str:
    """Shorten a text to what a record takes, as where many sites have long names."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def _end(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 3)
