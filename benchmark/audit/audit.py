"""One audit of a data set: everything that the report says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from ..datasets.dataset import Dataset
from ..datasets.images import Images
from . import counts as counting
from . import duplicates, shortcut_probe
from .confounding import links as confounding
from .confounding.links import Link
from .counts import Counts
from .duplicates import Duplicates
from .fingerprint import fingerprint, placement
from .fingerprint.fingerprint import Fingerprint
from .fingerprint.placement import Place
from .fingerprint.validation import Trial, validate
from .shortcut_probe import CrossDomainResult, ProbeResult

Bar = Callable[[str, str], "AbstractContextManager[Callable[[int, int], None]]"]


@dataclass(frozen=True)
class Audit:
    """What was found.

    Args:
        dataset: The data set.
        source: The domain that others are compared with.
        counts: Images and groups.
        duplicates: Images that are there twice.
        links: What goes with the label or the domain.
        probed: How far trivial features get within domains, and in telling the domain.
        moved: How far they get elsewhere.
        fingerprints: Of every domain, the source first.
        places: Domain -> where it lies on each shift's scale.
        trials: Of the validation; empty unless it was asked for.
    """

    dataset: Dataset
    source: str
    counts: Counts
    duplicates: Duplicates
    links: list[Link]
    probed: list[ProbeResult]
    moved: list[CrossDomainResult]
    fingerprints: list[Fingerprint]
    places: dict[str, list[Place]]
    trials: list[Trial]


def audit(
    dataset: Dataset,
    source: str,
    shifts: Sequence[str],
    bar: Bar,
    images: int = fingerprint.IMAGES,
    validated: bool = False,
) -> Audit:
    """Returns the audit of a data set.

    Labels are looked at by counts, confounding and the probe; the fingerprint sees pixels and groups alone.

    Args:
        dataset: The data set.
        source: The domain that others are compared with.
        shifts: On whose scales domains are placed.
        bar: Shows progress: `progress.bar`.
        images: Of each domain for its fingerprint, at most.
        validated: Whether known shifts are sought on half of the source, too, which takes minutes.
    """
    counted = counting.counts(dataset, source)
    with bar("looking for duplicates", "images") as progress:
        twice = duplicates.duplicates(dataset, counted.table, progress)
    links = confounding.links(dataset)
    with bar("probing for shortcuts", "steps") as progress:
        probed, moved = shortcut_probe.probe(dataset, progress)
    domains = [source, *(name for name in dataset.domains if name != source)]
    with bar("taking fingerprints", "images") as progress:
        prints = fingerprint.fingerprints(dataset, domains, images, progress)
    with bar("placing them on severities", "shifts") as progress:
        places = place_sites(dataset, prints, shifts, progress) if len(prints) > 1 else {}
    trials: list[Trial] = []
    if validated:
        with bar("seeking known shifts", "steps") as progress:
            trials = validate(dataset, source, shifts, progress)
    return Audit(dataset, source, counted, twice, links, probed, moved, prints, places, trials)


def place_sites(
    dataset: Dataset,
    prints: Sequence[Fingerprint],
    shifts: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, list[Place]]:
    """Returns where each domain but the first lies on the scales of the shifts, as seen from the first."""
    source, names = prints[0], fingerprint.columns(dataset)
    rows = source.rows[: placement.count(dataset.channels, dataset.spatial)]
    images = Images(np.ascontiguousarray(dataset.pixels[rows]), dataset.value_range).batch(slice(None))
    ids = dataset.table["sample_id"].astype(str).to_numpy()[rows].tolist()
    known = placement.covered(shifts)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress(done, len(known))

    curves = placement.curves(images, ids, known, dataset.grey_levels, done=advance)
    return {
        other.domain: [
            found for curve in curves if (found := placement.place_site(source, other, curve, names)) is not None
        ]
        for other in prints[1:]
    }
