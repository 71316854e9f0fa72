"""The record of an audit: its findings and tables as data, without pictures and without names of images.

It may be committed where images must not be, and needs no torch to be read.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import pandas as pd
from pydantic import AfterValidator, Field, model_validator

from ....shifts.errors import MedshiftError
from ...files.schema import Strict, first_of, printable, read_model
from ...protocols.protocol import Protocol

SCHEMA = "medshift-audit/1"
LARGEST = 1 << 18  # bytes
LONGEST = 1000  # characters of a finding or its advice
WORDS = re.compile(r"[^\s,;:()]+")

Weight: TypeAlias = Literal["grave", "serious", "note"]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(printable)]
Word = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
Number = Annotated[int, Field(ge=0, lt=2**53)]
Area = Annotated[float, Field(ge=0, le=1)]
Severity = Annotated[float, Field(ge=-1, le=5)]


class Stated(Strict):
    """A finding: how grave it is, what was found, and what to do about it."""

    weight: Weight
    text: Text
    advice: Text


class Counted(Strict):
    """Images and groups of each class in a domain, in the order of the classes."""

    domain: Word
    images: tuple[Number, ...] = Field(strict=False)
    groups: tuple[Number, ...] = Field(strict=False)


class Pairs(Strict):
    """Pairs of duplicate images: all, the byte-identical ones, and those that differ in group, split, domain, label."""

    all: Number
    exact: Number
    group: Number
    split: Number
    domain: Number
    label: Number


class Probed(Strict):
    """AUC of shallow image features that were trained in one domain and tested in one, with its 95 % interval."""

    trained: Word
    tested: Word
    area: Area
    low: Area | None
    high: Area | None


class Placed(Strict):
    """Severity at which one shift alone would make the source look like a domain, with its 95 % interval."""

    domain: Word
    shift: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,99}$")]
    severity: Severity
    low: Severity
    high: Severity
    contradictory: bool


class AuditRecord(Strict):
    """An audit of a data set.

    Args:
        dataset: Its name.
        version: Its version.
        classes: Its classes.
        source: The domain that the others are compared with.
        counts: One per domain.
        duplicates: Pairs of duplicate images.
        findings: Worst first.
        shortcuts: What shallow features predict of the label, in their own domain and in others.
        severities: Where each domain lies on the scales of shifts.
        medshift: The version that made it.
    """

    schema_: Literal["medshift-audit/1"] = Field(alias="schema")
    dataset: Word
    version: Word
    classes: tuple[Word, ...] = Field(strict=False, min_length=1, max_length=1000)
    source: Word
    counts: tuple[Counted, ...] = Field(strict=False, min_length=1, max_length=200)
    duplicates: Pairs
    findings: tuple[Stated, ...] = Field(strict=False, max_length=200)
    shortcuts: tuple[Probed, ...] = Field(strict=False, max_length=10_000)
    severities: tuple[Placed, ...] = Field(strict=False, max_length=10_000)
    medshift: Annotated[str, Field(pattern=r"^[0-9][0-9A-Za-z.+!_-]{0,59}$")]

    @property
    def domains(self) -> list[str]:
        """Names of the domains, the source first."""
        return [each.domain for each in self.counts]

    @model_validator(mode="after")
    def _tables_fit(self) -> AuditRecord:
        domains = self.domains
        if len(set(domains)) < len(domains) or domains[0] != self.source:
            raise ValueError("counts: one for each domain, the source first")
        if any(len(part) != len(self.classes) for each in self.counts for part in (each.images, each.groups)):
            raise ValueError("counts: as many numbers as classes")
        named = {name for each in self.shortcuts for name in (each.trained, each.tested)}
        named |= {each.domain for each in self.severities}
        if not named <= set(domains):
            raise ValueError("shortcuts and severities: domains that have counts")
        return self


def read_audit(path: Path) -> AuditRecord:
    """Read a record.

    Raises:
        MedshiftError: It is missing, damaged, or of another schema.
    """
    found = read_model(path, AuditRecord, LARGEST, "record of an audit")
    if isinstance(found, list):
        raise MedshiftError(f"{path} is not a valid record of an audit: {first_of(found)}")
    return found


def audit_problems(record: AuditRecord, protocol: Protocol, truth: pd.DataFrame) -> list[str]:
    """List what does not fit between a record and the protocol and truth that it lies beside."""
    dataset, problems = protocol.dataset, []
    if (record.dataset, record.version) != (dataset.name, dataset.version):
        problems.append(
            f"it is of {record.dataset}@{record.version}, the protocol is of {dataset.name}@{dataset.version}"
        )
    if record.classes != tuple(dataset.classes):
        problems.append("its classes are not those of the protocol")
        return problems
    if record.source != protocol.source:
        problems.append(f"its source is {record.source}, that of the protocol is {protocol.source}")
    counts = {(each.domain, number): n for each in record.counts for number, n in enumerate(each.images)}
    tested = Counter(zip(truth["domain"].astype(str), truth["label"].astype(int), strict=True))
    short = sorted({place[0] for place, count in tested.items() if counts.get(place, 0) < count})
    if short:
        problems.append(f"it has fewer images than the truth in {', '.join(short)}")
    words = {word for each in record.findings for text in (each.text, each.advice) for word in WORDS.findall(text)}
    names = {name for column in ("sample_id", "group") for name in truth[column].astype(str)}
    named = (
        {name for name in words & names if not re.fullmatch(r"[\d.]+", name)}
        - set(record.domains)
        - set(record.classes)
    )
    if named:
        problems.append(f"its findings name an image or a group ({sorted(named)[0][:80]!r}): leave such names out")
    return problems


def checked_audit(path: Path, protocol: Protocol, truth: pd.DataFrame) -> AuditRecord:
    """Read a record and hold it against the protocol and truth that it lies beside.

    Raises:
        MedshiftError: It is damaged, or does not fit them.
    """
    record = read_audit(path)
    problems = audit_problems(record, protocol, truth)
    if problems:
        raise MedshiftError(f"{path} does not fit its board: {'; '.join(problems)}")
    return record
