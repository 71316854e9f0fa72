"""Human-readable descriptions of a protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pandas as pd

from ..files.wording import plural
from .label_fractions import label_budget
from .protocol import Protocol
from .remarks import site_remarks
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
    yield f"classes: {', '.join(facts.classes)}{positive}"
    yield f"truth: sha256 {protocol.truth_sha256}"
    yield f"trained on: {protocol.source} ({label_budget(protocol, table)})"
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
    for what, text in (("licence", facts.licence), ("citation", facts.citation)):
        if text:
            yield f"{what}: {text}"


def counts(protocol: Protocol, table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Count groups and images; one row per split of each domain: domain, split, groups, images, images of each class.

    Args:
        protocol: The protocol.
        table: Its truth.
    """
    rows = []
    for domain in (protocol.source, *protocol.targets):
        for split in SPLITS:
            found = table[(table["domain"] == domain) & (table["split"] == split)]
            if len(found):
                of_class = [f"{(found['label'] == label).sum():,}" for label in range(len(protocol.dataset.classes))]
                rows.append((domain, split, f"{found['group'].nunique():,}", f"{len(found):,}", *of_class))
    return rows


def record(protocol: Protocol, table: pd.DataFrame) -> dict[str, object]:
    """Describe a protocol for other programs: the fields of protocol.json, its hash, and the counts of its samples.

    Args:
        protocol: The protocol.
        table: Its truth.
    """
    classes = protocol.dataset.classes
    found = []
    for domain, split, groups, images, *of_class in counts(protocol, table):
        numbers = [int(text.replace(",", "")) for text in (groups, images, *of_class)]
        found.append(
            {
                "domain": domain,
                "split": split,
                "groups": numbers[0],
                "images": numbers[1],
                "classes": dict(zip(classes, numbers[2:], strict=True)),
            }
        )
    return {**json.loads(protocol.text()), "sha256": protocol.sha256, "counts": found}
