"""Evidence from stored predictions: of a submission, for each of its real sites."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from ..protocols.protocol import Protocol
from ..scoring.blas import one_thread
from ..scoring.bootstrap import ResampledSplit, split_key
from ..scoring.metrics import metric_title
from .evidence import Conditions, Estimate, Evidence, Labelled, Source, no_estimate
from .registry import estimate_all, estimator_names

METRIC = "balanced_accuracy"
REFUSED = "the model refused images of {domain}, of which there is no prediction to judge by"
Splits = Mapping[tuple[str, str], ResampledSplit]
Arrays = Mapping[str, NDArray[np.float32]]


def supported(protocol: Protocol) -> bool:
    """Return whether the figure that ranks is one that is estimated."""
    return protocol.metrics[0] == METRIC


def require_supported(protocol: Protocol) -> None:
    """Raise MedshiftError unless the figure that ranks is one that is estimated."""
    if not supported(protocol):
        title = metric_title(protocol.metrics[0], protocol.positive)
        raise MedshiftError(
            f"{protocol.name} ranks by {title}; only balanced accuracy is estimated without labels: use a protocol "
            f"whose first metric is {METRIC}"
        )


def source_evidence(protocol: Protocol, splits: Splits, arrays: Arrays) -> Source:
    """Collect what is known of a model on the source.

    Args:
        protocol: Its conditions.
        splits: Labels and groups, by domain and split (`bootstrap.resampled_splits`).
        arrays: Probabilities by condition.
    """
    conditions = protocol.conditions()
    (validation,) = (condition for condition in conditions if condition.kind == "validation")
    tested = [condition for condition in conditions if condition.kind in ("clean", "synthesized")]
    held, test = splits[split_key(validation)], splits[split_key(tested[0])]
    return Source(
        Labelled(arrays[validation.key], held.labels, held.groups),
        Conditions(
            tuple(condition.shift for condition in tested),
            tuple(condition.family for condition in tested),
            tuple(condition.severity for condition in tested),
            np.stack([arrays[condition.key] for condition in tested]),
            test.labels,
            test.groups,
        ),
    )


def estimate_sites(
    protocol: Protocol,
    splits: Splits,
    arrays: Arrays,
    sites: Sequence[str] = (),
    names: Sequence[str] = (),
    refused: Collection[str] = (),
) -> dict[str, dict[str, Estimate]]:
    """Estimate the performance at real sites from the predictions of a submission, without the labels there.

    Args:
        protocol: Its conditions.
        splits: Labels and groups, by domain and split; of a site only the groups are used.
        arrays: Probabilities by condition.
        sites: The sites; all targets by default.
        names: The estimators; all by default.
        refused: Keys of the conditions with refused images. What stands for these in `arrays` is made from their
            labels, so a site gets no estimate if it, or a condition of the source, is among them.

    Returns:
        Site -> estimator -> estimate.
    """
    names = names or estimator_names()
    at_source = any(condition.key in refused for condition in protocol.conditions() if condition.kind != "real")
    source = source_evidence(protocol, splits, arrays)
    found = {}
    with one_thread():
        for site in sites or protocol.targets:
            if at_source or site in refused:
                reason = REFUSED.format(domain=protocol.source if at_source else site)
                found[site] = dict.fromkeys(names, no_estimate(reason))
                continue
            evidence = Evidence(source, arrays[site], splits[site, "test"].groups)
            found[site] = estimate_all(evidence, names)
    return found


def record(found: Estimate) -> dict[str, object]:
    """Return an estimate as JSON has it: what is undefined is null."""
    return {
        "value": number(found.value),
        "low": number(found.low),
        "high": number(found.high),
        "reason": found.reason or None,
    }


def number(value: float) -> float | None:
    """Return a number as JSON has it: NaN is null."""
    return None if math.isnan(value) else round(value, 6)
