"""Human-readable descriptions of a protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import pandas as pd

from ..files.wording import plural
from .protocol import Protocol
from .remarks import group_remarks, site_remarks
from .training_sets.confounding import described
from .training_sets.label_fractions import label_budget
from .truth import SPLITS


def lines(protocol: Protocol, table: pd.DataFrame) -> Iterator[str]:
    """Describe a protocol, line by line, without the table of its samples.

    Args:
        protocol: The protocol.
        table: Its truth.
    """
    facts = protocol.dataset
    simulated = "SIMULATED: " if facts.simulated else ""
    yield f"{protocol.name}, version {protocol.version}"
    yield f"sha256 {protocol.sha256}"
    size = f"{plural(facts.channels, 'channel')}, {' x '.join(map(str, facts.image_size))}"
    yield f"data: {simulated}{facts.name}, version {facts.version}; {facts.modality}, {size}"
    positive = f"; positive: {protocol.positive}" if protocol.positive else ""
    if protocol.size:
        to = " x ".join(map(str, protocol.image_shape))
        yield f"size: images are scaled to {to} by averaging areas, after any shift"
    yield f"classes: {', '.join(facts.classes)}{positive}"
    yield f"truth: sha256 {protocol.truth_sha256}"
    yield f"trained on: {protocol.trained_on} ({label_budget(protocol, table)})"
    if protocol.confounded:
        yield described(table, protocol.source, protocol.mixed, facts.classes, protocol.confounded.cramers_v)
    yield f"real shifts: {', '.join(protocol.targets) or 'none'}"
    by_family: dict[str, list[str]] = {}
    for shift, family in protocol.shifts.items():
        by_family.setdefault(family, []).append(shift)
    for family, shifts in by_family.items():
        yield f"synthesized, {family}: {', '.join(shifts)}"
    scale = "matched across shifts" if protocol.matched else "physical scale"
    yield f"severities: {', '.join(map(str, protocol.severities))} ({scale})"
    rounded = f"; shifted images are rounded to {protocol.grey_levels} levels" if protocol.grey_levels else ""
    yield f"{len(protocol.conditions())} conditions; batches of {protocol.batch_size}, seed {protocol.seed}{rounded}"
    yield f"scored: {', '.join(protocol.metrics)}; the first one ranks"
    yield from site_remarks(protocol, table)
    yield from group_remarks(table)
    for what, text in (("licence", facts.licence), ("citation", facts.citation)):
        if text:
            yield f"{what}: {text}"


@dataclass(frozen=True)
class SplitCounts:
    """Counts of one split of a domain.

    Args:
        domain: The domain.
        split: The split.
        groups: Number of groups.
        images: Number of images.
        classes: Class -> number of images.
    """

    domain: str
    split: str
    groups: int
    images: int
    classes: dict[str, int]


def count_splits(protocol: Protocol, table: pd.DataFrame) -> list[SplitCounts]:
    """Count groups and images of each split of each domain, the source first; splits without images are left out.

    Args:
        protocol: The protocol.
        table: Its truth.
    """
    rows = []
    for domain in (protocol.source, *protocol.targets):
        for split in SPLITS:
            found = table[(table["domain"] == domain) & (table["split"] == split)]
            if len(found):
                of_class = {
                    name: int((found["label"] == label).sum()) for label, name in enumerate(protocol.dataset.classes)
                }
                rows.append(SplitCounts(domain, split, int(found["group"].nunique()), len(found), of_class))
    return rows


def counts(protocol: Protocol, table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Format `count_splits` for a table: domain, split, groups, images, images of each class.

    Args:
        protocol: The protocol.
        table: Its truth.
    """
    return [
        (each.domain, each.split, *(f"{count:,}" for count in (each.groups, each.images, *each.classes.values())))
        for each in count_splits(protocol, table)
    ]


def record(protocol: Protocol, table: pd.DataFrame) -> dict[str, object]:
    """Describe a protocol for other programs: the fields of protocol.json, its hash, and the counts of its samples.

    Args:
        protocol: The protocol.
        table: Its truth.
    """
    found = [asdict(each) for each in count_splits(protocol, table)]
    return {**json.loads(protocol.text()), "sha256": protocol.sha256, "counts": found}
