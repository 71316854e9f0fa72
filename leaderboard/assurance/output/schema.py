"""The fields of a report's JSON, schema `medshift-report/1`, and its reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ....benchmark.files.schema import Strict, read_own
from ....benchmark.submissions.card import EnvironmentClaim
from ....benchmark.submissions.fields import Name, Sha256

LARGEST = 64 << 20  # bytes
Several = Annotated[list[Name], Field(max_length=10_000)]


class FigureRecord(Strict):
    """A figure and its 95 % interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None


class CriterionRecord(Strict):
    """A criterion: its sentence, and the fields of its file."""

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
    return read_own(path, ReportRecord, LARGEST, "report")
