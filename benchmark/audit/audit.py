"""Run every part of a data set's audit and collect the results."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..datasets.dataset import Dataset
from ..datasets.images import Images
from ..datasets.streaming.progress import Bar
from .confounding.links import Link, links
from .counts import Counts, counts
from .duplicates import Duplicates, duplicates
from .fingerprint import fingerprint, placement
from .fingerprint.fingerprint import Fingerprint
from .fingerprint.placement import Place
from .fingerprint.validation import Trial, require_halves, validate
from .shortcut_probe import CrossDomainResult, ProbeResult, probe
from .value_use import ValueUse, value_use


@dataclass(frozen=True)
class Audit:
    """The results of an audit.

    Args:
        dataset: The data set.
        source: The domain that others are compared with.
        counts: Images and groups.
        duplicates: Duplicate images.
        links: Associations with the label or the domain, strongest first.
        probes: How well shallow features predict the label within each domain, and the domain itself.
        cross_domain: How well they predict the label in other domains.
        fingerprints: One per domain, the source first.
        places: Domain -> its place on each shift's scale.
        trials: Trials of the validation; empty unless it was requested.
        values: What of the value range the images use.
    """

    dataset: Dataset
    source: str
    counts: Counts
    duplicates: Duplicates
    links: list[Link]
    probes: list[ProbeResult]
    cross_domain: list[CrossDomainResult]
    fingerprints: list[Fingerprint]
    places: dict[str, list[Place]]
    trials: list[Trial]
    values: ValueUse | None = None


def audit(
    dataset: Dataset,
    source: str,
    shifts: Sequence[str],
    bar: Bar,
    images: int = fingerprint.IMAGES,
    validated: bool = False,
) -> Audit:
    """Audit a data set.

    Counts, duplicates, confounding and the probe use labels; fingerprints use pixels and groups only.

    Args:
        dataset: The data set.
        source: The domain that others are compared with.
        shifts: The shifts on whose scales domains are placed.
        bar: Shows progress, as `cli.progress.bar` does.
        images: Maximum number of images per domain for its fingerprint.
        validated: Whether to validate the fingerprint on the source, which takes minutes.
    """
    with warnings.catch_warnings():
        # figures that nearly black images leave undefined are reported as such; libraries need not add lines of theirs
        warnings.simplefilter("ignore")
        return _audit(dataset, source, shifts, bar, images, validated)


def _audit(dataset: Dataset, source: str, shifts: Sequence[str], bar: Bar, images: int, validated: bool) -> Audit:
    if validated:
        require_halves(dataset, source)  # now, rather than after minutes
    counted = counts(dataset, source)
    values = value_use(dataset)
    with bar("looking for duplicates", "images") as progress:
        pairs = duplicates(dataset, counted.table, progress)
    with bar("testing columns for confounding", "associations") as progress:
        associations = links(dataset, progress)
    with bar("probing for shortcuts", "steps") as progress:
        probes, cross_domain = probe(dataset, progress)
    domains = [source, *(name for name in dataset.domains if name != source)]
    with bar("taking fingerprints", "images") as progress:
        prints = fingerprint.fingerprints(dataset, domains, images, progress)
    with bar("placing domains on severity scales", "shifts") as progress:
        places = place_sites(dataset, prints, shifts, progress) if len(prints) > 1 else {}
    trials: list[Trial] = []
    if validated:
        with bar("recovering known shifts", "steps") as progress:
            trials = validate(dataset, source, shifts, progress)
    return Audit(dataset, source, counted, pairs, associations, probes, cross_domain, prints, places, trials, values)


def place_sites(
    dataset: Dataset,
    prints: Sequence[Fingerprint],
    shifts: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, list[Place]]:
    """Place each domain except the first on the scale of each shift, relative to the first."""
    source, names = prints[0], fingerprint.columns(dataset)
    rows = source.rows[: placement.curve_images(dataset.channels, dataset.spatial)]
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
