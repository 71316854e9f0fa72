"""Aggregates of one metric over all conditions: means, worst, drop, area under the severity curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from ..protocols.condition import Condition
from .estimate import Estimate, mean, relative, weighted, worst
from .metrics import Metric


def aggregate(
    conditions: Sequence[Condition], found: Mapping[str, Estimate], metric: Metric, classes: int
) -> dict[str, Estimate]:
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
    clean = next(found[c.key] for c in conditions if c.kind == "clean")
    real = {f"real/{c.domain}": found[c.key] for c in conditions if c.kind == "real"}
    shifts = _grouped([c for c in conditions if c.kind == "synthesized"])
    by_family: dict[str, list[Estimate]] = {}
    for (family, _), members in shifts.items():
        by_family.setdefault(f"synthesized/{family}", []).extend(found[c.key] for c in members)
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
    if shifts:
        by_shift = {f"shift/{shift}": mean([found[c.key] for c in members]) for (_, shift), members in shifts.items()}
        aggregates["synthesized-worst"] = worst(list(by_shift.values()), metric.higher_is_better)
        aggregates["area"] = _area(clean, shifts, found)
        aggregates.update(by_shift)
    return aggregates


def _grouped(synthesized: Sequence[Condition]) -> dict[tuple[str, str], list[Condition]]:
    """Group conditions by (family, shift), in order of severity."""
    shifts: dict[tuple[str, str], list[Condition]] = {}
    for condition in synthesized:
        shifts.setdefault((condition.family, condition.shift), []).append(condition)
    return {key: sorted(members, key=lambda c: c.severity) for key, members in shifts.items()}


def _area(
    clean: Estimate, shifts: Mapping[tuple[str, str], Sequence[Condition]], found: Mapping[str, Estimate]
) -> Estimate:
    """Average the mean height of the severity curve, from severity 0, over shifts and then over families."""
    families: dict[str, list[Estimate]] = {}
    for (family, _), members in shifts.items():
        heights = _heights(tuple(c.severity for c in members))
        families.setdefault(family, []).append(weighted([clean, *(found[c.key] for c in members)], heights))
    return mean([mean(parts) for parts in families.values()])


@lru_cache(maxsize=256)
def _heights(severities: tuple[float, ...]) -> tuple[float, ...]:
    """Weigh severity 0 and those given so that the sum is the mean height of the curve between them (trapezoids)."""
    at = [0.0, *severities]
    widths = [right - left for left, right in pairwise(at)]
    return tuple((left + right) / 2 / at[-1] for left, right in zip([0.0, *widths], [*widths, 0.0], strict=True))
