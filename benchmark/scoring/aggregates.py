"""Aggregates of one metric over all conditions: means, worst, drop, area under the severity curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..protocols.condition import Condition
from .estimate import Estimate, mean, relative, weighted, worst
from .metrics import Metric


@dataclass(frozen=True)
class Curve:
    """The conditions of one shift.

    Args:
        family: Family of the shift.
        keys: Keys of its conditions, in order of severity.
        heights: Weights of clean and of these conditions whose sum is the mean height of the severity curve.
    """

    family: str
    keys: tuple[str, ...]
    heights: tuple[float, ...]


@dataclass(frozen=True)
class Layout:
    """Which conditions are aggregated with which: the same for all metrics and entries.

    Args:
        clean: Key of the clean condition.
        real: Domain -> key of its condition.
        shifts: Name -> the conditions of each synthesized shift.
    """

    clean: str
    real: dict[str, str]
    shifts: dict[str, Curve]

    @classmethod
    def of(cls, conditions: Sequence[Condition]) -> Layout:
        """Lay out the conditions of a protocol."""
        shifts: dict[str, list[Condition]] = {}
        for condition in conditions:
            if condition.kind == "synthesized":
                shifts.setdefault(condition.shift, []).append(condition)
        curves = {}
        for name, members in shifts.items():
            members.sort(key=lambda c: c.severity)
            keys = tuple(c.key for c in members)
            curves[name] = Curve(members[0].family, keys, _heights([c.severity for c in members]))
        clean = next(c.key for c in conditions if c.kind == "clean")
        return cls(clean, {c.domain: c.key for c in conditions if c.kind == "real"}, curves)


def aggregate(layout: Layout, found: Mapping[str, Estimate], metric: Metric, classes: int) -> dict[str, Estimate]:
    """Aggregate one metric over conditions.

    - `clean`; `real/DOMAIN` and their mean `real`;
    - `synthesized/FAMILY`, the mean over its conditions, and the families' mean `synthesized`;
    - `shifted`, the mean of `real` and `synthesized` where both exist, so that a hundred synthesized conditions do not
      drown out three real ones;
    - `drop`, how much worse `shifted` is than `clean`: positive is worse, also for metrics where lower is better;
    - `relative`, the fraction of `clean`'s margin over chance that `shifted` keeps (see `estimate.relative`);
    - `shift/NAME`, the mean over the severities of a shift;
    - `real-worst` and `synthesized-worst`, the worst domain and the worst shift;
    - `area`, the mean height of a shift's severity curve from clean on, averaged over shifts and families.

    Undefined values are left out of a mean and counted in `Estimate.undefined`; a mean of none is undefined.
    """
    clean = found[layout.clean]
    real = {f"real/{domain}": found[key] for domain, key in layout.real.items()}
    by_family: dict[str, list[Estimate]] = {}
    for curve in layout.shifts.values():
        by_family.setdefault(f"synthesized/{curve.family}", []).extend(found[key] for key in curve.keys)
    families = {title: mean(members) for title, members in by_family.items()}
    means = {title: mean(list(parts.values())) for title, parts in (("real", real), ("synthesized", families)) if parts}
    aggregates = {"clean": clean, **real, **families, **means}
    if means:
        aggregates["shifted"] = shifted = mean(list(means.values()))
        sign = 1 if metric.higher_is_better else -1
        aggregates["drop"] = weighted([clean, shifted], [sign, -sign])
        aggregates["relative"] = relative(clean, shifted, metric.chance and metric.chance(classes))
    if real:
        aggregates["real-worst"] = worst(list(real.values()), metric.higher_is_better)
    if layout.shifts:
        by_shift = {f"shift/{name}": mean([found[key] for key in curve.keys]) for name, curve in layout.shifts.items()}
        aggregates["synthesized-worst"] = worst(list(by_shift.values()), metric.higher_is_better)
        aggregates["area"] = _area(layout, found)
        aggregates.update(by_shift)
    return aggregates


def _area(layout: Layout, found: Mapping[str, Estimate]) -> Estimate:
    """Average the mean height of the severity curve, from severity 0, over shifts and then over families."""
    clean = found[layout.clean]
    families: dict[str, list[Estimate]] = {}
    for curve in layout.shifts.values():
        height = weighted([clean, *(found[key] for key in curve.keys)], curve.heights)
        families.setdefault(curve.family, []).append(height)
    return mean([mean(parts) for parts in families.values()])


def _heights(severities: Sequence[float]) -> tuple[float, ...]:
    """Weigh severity 0 and those given so that the sum is the mean height of the curve between them (trapezoids)."""
    at = [0.0, *severities]
    widths = [right - left for left, right in pairwise(at)]
    return tuple((left + right) / 2 / at[-1] for left, right in zip([0.0, *widths], [*widths, 0.0], strict=True))
