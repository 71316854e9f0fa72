"""Collect a report's JSON, for other programs: see `schema`."""

from __future__ import annotations

import math

from ....benchmark.scoring.estimate import Estimate
from ....shifts.plugins import own_distribution
from ..breaking import Breaking
from ..criteria.criterion import Criterion
from ..entry.sites import Site
from ..entry.weights import weights_text
from ..report import Report
from ..verdicts import Verdict
from .schema import (
    BreakingRecord,
    CheckRecord,
    CriterionRecord,
    FigureRecord,
    FindingRecord,
    PlaceRecord,
    ReportRecord,
    SeedRecord,
    SiteRecord,
    VerdictRecord,
)


def record(report: Report) -> ReportRecord:
    """Collect what the JSON holds of a report."""
    protocol, seen = report.scores.protocol, report.seen
    places = None
    if seen is not None:
        places = [
            PlaceRecord(
                site=site,
                shift=shift,
                severity=place.severity,
                low=_known(place.low),
                high=_known(place.high),
                contradictory=place.mixed,
            )
            for site, by_shift in seen.places.items()
            for shift, place in by_shift.items()
        ]
    findings = None
    if seen is not None and seen.findings is not None:
        findings = [FindingRecord(weight=f.weight, text=f.text, advice=f.advice) for f in seen.findings]
    return ReportRecord(
        made_by=own_distribution(),
        entry=report.scores.name,
        protocol=protocol.name,
        protocol_version=protocol.version,
        protocol_sha256=protocol.sha256,
        dataset=protocol.dataset.name,
        dataset_version=protocol.dataset.version,
        simulated=protocol.dataset.simulated,
        truth_sha256=protocol.truth_sha256,
        criteria_sha256=report.registration.sha256,
        registered_by=report.registration.by,
        verdicts=[_verdict(verdict, report.registration.remark) for verdict in report.verdicts],
        breaking_points=[_breaking(rule.text, each) for rule, found in report.breaking.items() for each in found],
        sites=[_site(site) for site in report.sites],
        places=places,
        findings=findings,
        seeds=_seeds(report),
    )


def _seeds(report: Report) -> list[SeedRecord]:
    return [
        SeedRecord(
            seed=seed.card.seed,
            card_sha256=seed.hashes[0],
            predictions_sha256=seed.hashes[1],
            version=seed.card.code.version,
            commit=seed.card.code.commit,
            dirty=seed.card.code.dirty,
            verified=seed.mark is not None,
            weights=weights_text(seed.card),
            environment=seed.card.environment,
        )
        for seed in report.scores.seeds
    ]


def _verdict(verdict: Verdict, remark: str) -> VerdictRecord:
    return VerdictRecord(
        criterion=_criterion(verdict.criterion),
        state=verdict.state,
        remark=remark,
        why=verdict.why,
        checks=[
            CheckRecord(
                place=check.place,
                condition=check.condition,
                value=_known(check.value),
                bound=_known(check.bound),
                state=check.state,
                samples=check.samples,
                groups=check.groups,
            )
            for check in verdict.checks
        ],
    )


def _criterion(criterion: Criterion) -> CriterionRecord:
    rule = criterion.rule
    return CriterionRecord.model_validate(
        {
            "name": criterion.name,
            "text": criterion.text,
            "metric": rule.metric,
            "class": rule.class_,
            "limit": rule.limit,
            "value": rule.value,
            "sites": list(criterion.sites),
            "shift": criterion.shift,
            "up_to": criterion.up_to,
            "up_to_severity": criterion.up_to_severity,
        }
    )


def _breaking(rule: str, found: Breaking) -> BreakingRecord:
    point = None if found.holds_throughout else _known(found.point)
    shown = _known(found.shown)
    steps = [each.condition.severity for each in found.margins]
    return BreakingRecord(
        rule=rule,
        shift=found.scale.shift,
        family=found.family,
        unit=found.scale.unit,
        severities=steps,
        values=[found.scale.value(step) for step in steps],
        margins=[_known(each.good.value) for each in found.margins],
        point=point,
        low=found.low,
        high=found.high,
        shown=shown,
        point_value=None if point is None else found.scale.value(point),
        shown_value=None if shown is None else found.scale.value(shown),
    )


def _site(site: Site) -> SiteRecord:
    first = next(iter(site.figures.values()))
    return SiteRecord(
        condition=site.condition.key,
        kind=site.condition.kind,  # type: ignore[arg-type]  # no synthesized one is a site
        samples=first.samples,
        groups=first.groups,
        figures={name: _figure(figure) for name, figure in site.figures.items()},
        called_positive=_known(site.called),
        prevalence=_known(site.prevalence),
        own_threshold=_known(site.threshold),
        confidence=site.confidence,
        accuracy=site.accuracy,
    )


def _figure(figure: Estimate) -> FigureRecord:
    low, high = figure.interval
    return FigureRecord(value=_known(figure.value), low=_known(low), high=_known(high))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
