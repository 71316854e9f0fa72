"""The report as JSON, for other programs: schema `medshift-report/1`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from ...benchmark.files.schema import Strict, first_problem
from ...benchmark.scoring.estimate import Estimate
from ...benchmark.submissions.card import EnvironmentClaim, Name, Sha256
from ...shifts.errors import MedshiftError
from ...shifts.plugins import own_distribution
from .breaking import Breaking
from .criteria import Criterion
from .report import Report
from .sites import Site
from .verdicts import Verdict
from .weights import weights_text

LARGEST = 64 << 20  # bytes
Several = Annotated[list[Name], Field(max_length=10_000)]


class FigureRecord(Strict):
    """A figure and its 95 % interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None


class CriterionRecord(Strict):
    """A criterion, with the hash of what its file says."""

    name: Name
    text: str
    metric: Name
    class_: str = Field(alias="class")
    limit: Literal["at_least", "at_most", "loses_at_most"]
    value: float
    sites: Several
    shift: str
    up_to: float | None
    up_to_severity: float | None


class CheckRecord(Strict):
    """A criterion in one place; `bound` is one-sided, 95 %."""

    place: Name
    condition: str
    value: float | None
    bound: float | None
    state: Literal["met", "not met", "not shown"]
    samples: int
    groups: int


class VerdictRecord(Strict):
    """The verdict on one criterion; `remark` says so if it was written after the run."""

    criterion: CriterionRecord
    state: Literal["met", "not met", "not shown"]
    remark: str
    why: str
    checks: list[CheckRecord]


class BreakingRecord(Strict):
    """A breaking point, in severities and in the shift's unit; `point` is None if the rule holds at all of them."""

    rule: str
    shift: Name
    family: Name
    unit: str
    severities: list[float]
    values: list[float]
    margins: list[float | None]
    point: float | None
    low: float
    high: float
    shown: float | None
    point_value: float | None
    shown_value: float | None


class SiteRecord(Strict):
    """One site, or source validation."""

    condition: Name
    kind: Literal["validation", "clean", "real"]
    samples: int
    groups: int
    figures: dict[str, FigureRecord]
    called_positive: float | None
    prevalence: float | None
    own_threshold: float | None
    confidence: float
    accuracy: float


class PlaceRecord(Strict):
    """Where a site lies on the scale of a shift."""

    site: Name
    shift: Name
    severity: float
    low: float | None
    high: float | None
    contradictory: bool


class FindingRecord(Strict):
    """A finding of the audit; weight 3 is grave."""

    weight: int
    text: str
    advice: str


class SeedRecord(Strict):
    """The lineage of one seed."""

    seed: int
    card_sha256: Sha256
    predictions_sha256: Sha256
    version: str
    commit: str | None
    dirty: bool | None
    verified: bool
    weights: str
    environment: EnvironmentClaim


class ReportRecord(Strict):
    """The whole report. No date: the same files give the same bytes."""

    schema_: Literal["medshift-report/1"] = Field(default="medshift-report/1", alias="schema")
    made_by: Name
    entry: Name
    protocol: Name
    protocol_version: Name
    protocol_sha256: Sha256
    dataset: Name
    dataset_version: Name
    simulated: bool
    truth_sha256: Sha256
    criteria_sha256: Sha256
    registered_by: Literal["protocol", "card", ""]
    verdicts: list[VerdictRecord]
    breaking_points: list[BreakingRecord]
    sites: list[SiteRecord]
    places: list[PlaceRecord] | None
    findings: list[FindingRecord] | None
    seeds: list[SeedRecord]

    def text(self) -> str:
        """Return the report as written to file."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False) + "\n"


def read_record(path: Path) -> ReportRecord:
    """Read a report's JSON.

    Raises:
        MedshiftError: It is missing, damaged or of another schema.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise MedshiftError(f"{path} is larger than {LARGEST >> 20} MiB, the limit for a report")
        return ReportRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MedshiftError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise MedshiftError(f"{path} is not a valid report: {first_problem(error)}") from error


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
    findings = None if seen is None or seen.findings is None else seen.findings
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
        findings=findings and [FindingRecord(weight=f.weight, text=f.text, advice=f.advice) for f in findings],
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
