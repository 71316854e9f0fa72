"""Protocols for sharing, without pixels: one per fraction of the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from ...shifts.errors import MedshiftError
from ..datasets.dataset import Dataset
from ..files.names import require_name
from ..files.text import fault
from . import splits, truth
from .plan import Choices, Match, plan
from .protocol import Protocol
from .training_sets import label_fractions


def make(
    dataset: Dataset,
    choices: Choices,
    name: str,
    *,
    source: str = "",
    version: str = "1",
    fractions: Sequence[float] = (1.0,),
    label_seed: int = 0,
    match: Match | None = None,
) -> list[tuple[Protocol, pd.DataFrame]]:
    """Make a protocol and its truth for each fraction of labels.

    All have the same tests. Severities, too, are matched once, on all training images: matching needs no labels.

    Args:
        dataset: The data set.
        choices: Domains, shifts, severities.
        name: Name of the protocol with all labels; the others append the percentage.
        source: The data set's own source, if it has one.
        version: Version of the protocol.
        fractions: Fractions of the source's training groups, in (0, 1].
        label_seed: Seed of the choice of groups, also of those that a confounded protocol trains on.
        match: Finds the severities of a `matched` protocol (see `severity.matching`).

    Raises:
        MedshiftError: Invalid name, or the choices do not suit the data.
    """
    require_name(name, "protocol")
    for fraction in fractions:
        require_name(label_fractions.protocol_name(name, fraction, label_seed), "protocol")
    if not version or (why := fault(version, 40)):
        raise MedshiftError(f"invalid protocol version: {why if version else 'it is empty'}")
    if choices.confound is not None and tuple(fractions) != (1.0,):
        raise MedshiftError("--label-fractions and --confound both choose what is trained on: give one of them")
    whole, table = plan(dataset, replace(choices, confound_seed=label_seed), source, match)
    made = []
    for fraction in fractions:
        rows = label_fractions.keep_fraction(table, whole.source, fraction, label_seed)
        splits.check(rows, whole.source, whole.dataset.classes, mixed=whole.mixed)
        changes = {
            "name": label_fractions.protocol_name(name, fraction, label_seed),
            "version": version,
            "truth_sha256": truth.digest(rows),
        }
        made.append((Protocol.model_validate({**whole.model_dump(by_alias=True), **changes}), rows))
    return made
