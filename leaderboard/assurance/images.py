"""What only images show: where each site lies on the scales of the shifts, and the findings of an audit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...benchmark.audit.finding import Finding
from ...benchmark.protocols.protocol import Protocol

if TYPE_CHECKING:  # a report without images needs no torch
    from ...benchmark.audit.fingerprint.placement import Place
    from ...benchmark.datasets.dataset import Dataset

Bar = Callable[[str, str], "AbstractContextManager[Callable[[int, int], None]]"]


@dataclass(frozen=True)
class Seen:
    """What the images of a data set show.

    Args:
        places: Site -> shift -> its place on the shift's scale.
        findings: Findings of the audit; None if it was not asked for.
    """

    places: Mapping[str, Mapping[str, Place]] = field(default_factory=dict)
    findings: Sequence[Finding] | None = None


def look_at(dataset: Dataset, protocol: Protocol, bar: Bar, *, audited: bool) -> Seen:
    """Place every site of a protocol on the scales of its shifts; no label is used for that.

    Args:
        dataset: The images, which are the protocol's (`protocols.data.adopt`).
        protocol: The protocol.
        bar: Shows progress, as `cli.progress.bar` does.
        audited: Whether to run the whole audit, whose findings use labels.
    """
    from ...benchmark.audit.audit import audit, place_sites
    from ...benchmark.audit.findings import findings
    from ...benchmark.audit.fingerprint import fingerprint

    shifts = list(protocol.shifts)
    if audited:
        found = audit(dataset, protocol.source, shifts, bar)
        return Seen(_by_shift(found.places, protocol), findings(found))
    sites = [protocol.source, *protocol.targets]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the audit: what nearly black images leave undefined is left out
        with bar("taking fingerprints", "images") as progress:
            prints = fingerprint.fingerprints(dataset, sites, progress=progress)
        with bar("placing sites on severity scales", "shifts") as progress:
            places = place_sites(dataset, prints, shifts, progress) if len(prints) > 1 else {}
    return Seen(_by_shift(places, protocol))


def _by_shift(places: Mapping[str, Sequence[Place]], protocol: Protocol) -> dict[str, dict[str, Place]]:
    return {site: {place.shift: place for place in found} for site, found in places.items() if site in protocol.targets}
