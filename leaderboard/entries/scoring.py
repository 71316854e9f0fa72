"""Score one entry from its predictions: seeds averaged, groups and seeds resampled, details for the page."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from ...benchmark.protocols.protocol import Protocol
from ...benchmark.scoring import bootstrap
from ...benchmark.scoring.bootstrap import ResampledSplit, split_key
from ...benchmark.scoring.estimate import Estimate
from ...benchmark.scoring.metrics import BINS, confidence_bins
from ...benchmark.scoring.scores import Scores, aggregated, board_metrics
from ...benchmark.scoring.still import combined
from . import openness, sketches
from .entries import ProtocolFolder
from .estimating import estimates
from .figures import to_array

STORED = 200  # replicates stored in the page, to compare two entries condition by condition
MOST_CLASSES = 20  # up to which a confusion matrix is shown
# a corrected ECE varies more than the usual one, which is resampled: so much that equal models are told apart in 5 %
WIDER = 1.3
PAIRED = ("clean", "real", "synthesized", "shifted")  # aggregates by which entries are compared seed by seed
KEPT = 12  # decimals of figures: what lies on the edge of a printed digit would be decided by the last bits
Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of an entry. Replicates are of the ranking metric.

    Args:
        conditions: (C, M, 3) value, low and high by condition and metric (`board_metrics`).
        names: (A,) names of the aggregates.
        aggregates: (A, M, 3) value, low and high by aggregate and metric.
        sizes: (A, M, 2) samples and groups behind each aggregate and metric, summed over its parts.
        replicates: (A, B) aggregates with groups and seeds resampled.
        spread: (C + A, 2) of conditions and aggregates: the variance due to seeds, and the variance between seeds
            divided by their number.
        quantised: (C + A, STORED) the first replicates of conditions and aggregates, 0..254 between the bounds; 255 is
            undefined.
        bounds: (C + A, 2) the values that 0 and 254 stand for.
        confusion: (D, K, K) counts by true (rows) and predicted class (columns), over all seeds; domains are the
            source, then the targets. (D, 0, 0) for more than MOST_CLASSES classes.
        reliability: (D, BINS, 3) samples, summed confidence and hits by bin of the top probability.
        thresholds: (S, K) by seed and class, frozen on source validation.
        by_seed: (P, S, 1 + B) of source validation and of the aggregates of PAIRED that exist: the figure of each seed,
            then its replicates, on the same groups in every seed and entry.
        estimates: (S, E, D, 4) performance at the real sites as estimated without labels (`estimating.estimates`).
        places, place_units, place_patients, still, excess: `openness.Openness` of the figures of `by_seed`.
        order, hits, digests, misfit: `sketches.Sketch` of all seeds, by which entries that are alike are found.
    """

    conditions: NDArray[np.float64]
    names: NDArray[np.str_]
    aggregates: NDArray[np.float64]
    sizes: NDArray[np.int64]
    replicates: NDArray[np.float32]
    spread: NDArray[np.float64]
    quantised: NDArray[np.uint8]
    bounds: NDArray[np.float32]
    confusion: NDArray[np.int64]
    reliability: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    by_seed: NDArray[np.float32]
    estimates: NDArray[np.float64]
    places: NDArray[np.str_]
    place_units: NDArray[np.float64]
    place_patients: NDArray[np.bool_]
    still: NDArray[np.float64]
    excess: NDArray[np.float64]
    order: NDArray[np.float32]
    hits: NDArray[np.float32]
    digests: NDArray[np.uint64]
    misfit: NDArray[np.float64]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def score_seeds(
    folder: ProtocolFolder,
    name: str,
    seeds: Sequence[Arrays],
    each: Sequence[Scores],
    splits: Mapping[tuple[str, str], ResampledSplit],
    refused: Sequence[Collection[str]],
) -> Scored:
    """Score an entry from the predictions of its seeds and the scores of each.

    Args:
        folder: Protocol and truth.
        name: Name of the entry.
        seeds: Probabilities by condition, one mapping per seed.
        each: Scores of each seed in all metrics of the board, on the resamples of `splits`.
        splits: Result of `bootstrap.resampled_splits`.
        refused: Keys of the conditions of which each seed's model refused images.
    """
    protocol = folder.protocol
    metrics = board_metrics(protocol)
    count = len(next(iter(splits.values())).weights)
    seed_counts = bootstrap.resample_counts(len(seeds), count, protocol.seed, "seeds", name)
    conditions = each[0].conditions
    if len(each) > 1:
        conditions = {
            key: {metric: over_seeds([one.conditions[key][metric] for one in each]) for metric in by_metric}
            for key, by_metric in conditions.items()
        }
    aggregates = aggregated(protocol, conditions)  # after averaging: the worst site is the worst on average over seeds
    ranking = [found[metrics[0]] for found in (*conditions.values(), *aggregates.values())]
    replicates = np.stack([with_seeds_redrawn(found, seed_counts) for found in ranking])
    quantised, bounds = _quantise(replicates[:, :STORED])
    confusion, reliability = _outcomes(protocol, seeds, splits)
    drawn = sketches.stacked([sketches.sketch(protocol, arrays, splits) for arrays in seeds])
    return Scored(
        conditions=to_array(conditions).round(KEPT),
        names=np.array(list(aggregates)),
        aggregates=to_array(aggregates).round(KEPT),
        sizes=np.array(
            [[(found.samples, found.groups) for found in by_metric.values()] for by_metric in aggregates.values()]
        ),
        replicates=replicates[len(conditions) :].astype(np.float32),
        spread=np.array([found.spread for found in ranking]),
        quantised=quantised,
        bounds=bounds,
        confusion=confusion,
        reliability=reliability,
        thresholds=np.stack([one.thresholds for one in each]),
        by_seed=_by_seed(protocol, conditions, aggregates),
        estimates=estimates(protocol, seeds, each, splits, refused),
        **vars(openness.packed(_figures_of_seeds(protocol, each, aggregates))),
        **vars(drawn),
    )


def paired_names(names: Sequence[str]) -> list[str]:
    """List what `Scored.by_seed` holds, given the names of the aggregates."""
    return ["validation", *(name for name in PAIRED if name in names)]


def over_seeds(parts: Sequence[Estimate]) -> Estimate:
    """Average estimates over seeds; replicate b uses the same groups in every seed."""
    if len(parts) == 1:
        return parts[0]
    by_seed = np.stack([np.concatenate([[part.value], part.replicates]) for part in parts])
    middle = by_seed.mean(axis=0)
    down, up = np.mean([part.excess for part in parts], axis=0).tolist()
    value, again = float(middle[0]), middle[1:]
    still = combined([part.still for part in parts], [1 / len(parts)] * len(parts))
    return replace(parts[0], value=value, replicates=again, by_seed=by_seed, excess=(down, up), still=still, usual=None)


def with_seeds_redrawn(found: Estimate, seed_counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Resample the seeds as well in the replicates of a mean over seeds, for ranks and comparisons.

    Deviations between seeds are scaled to the variance due to seeds (`intervals.between_seeds`): resampling three from
    three makes it too small, and part of it comes from the groups, which are resampled already. One seed adds nothing.

    Args:
        found: The mean.
        seed_counts: (B, S) how often each seed counts in each replicate.
    """
    if any(found.excess) and not np.isnan(found.replicates).all():
        # not kept within the bounds: around zero, half of the replicates would not vary at all
        middle = np.nanmean(found.replicates)
        varied = replace(found, replicates=middle + WIDER * (found.replicates - middle), excess=(0.0, 0.0))
        return with_seeds_redrawn(replace(varied, bounds=(-math.inf, math.inf)), seed_counts)
    if not len(found.by_seed):
        return found.replicates
    count = len(found.by_seed)
    from_seeds, whole = found.spread
    if not from_seeds > 0:
        return found.replicates
    away = (seed_counts / count) @ (found.by_seed[:, 0] - found.by_seed[:, 0].mean())
    scale = math.sqrt(from_seeds / whole * count / (count - 1))
    return np.asarray(np.clip(found.replicates + scale * away, *found.bounds))


def _by_seed(
    protocol: Protocol,
    conditions: Mapping[str, Mapping[str, Estimate]],
    aggregates: Mapping[str, Mapping[str, Estimate]],
) -> NDArray[np.float32]:
    """Compute `Scored.by_seed`."""
    (validation,) = (condition.key for condition in protocol.conditions() if condition.kind == "validation")
    given = {**aggregates, "validation": conditions[validation]}
    found = [given[name][protocol.metrics[0]] for name in paired_names(list(aggregates))]
    alone = [np.concatenate([[each.value], each.replicates])[None] for each in found]
    return np.stack(
        [each.by_seed if len(each.by_seed) else one for each, one in zip(found, alone, strict=True)]
    ).astype(np.float32)


def _figures_of_seeds(
    protocol: Protocol, each: Sequence[Scores], aggregates: Mapping[str, Mapping[str, Estimate]]
) -> list[list[Estimate]]:
    """List the estimates of `Scored.by_seed`: by figure, then by seed; the aggregates of a single seed are given."""
    (validation,) = (condition.key for condition in protocol.conditions() if condition.kind == "validation")
    metric = protocol.metrics[0]
    found: list[dict[str, Estimate]] = []
    for one in each:
        ranking = {key: {metric: by_metric[metric]} for key, by_metric in one.conditions.items()}
        means = aggregates if len(each) == 1 else aggregated(protocol, ranking)
        found.append({name: by_metric[metric] for name, by_metric in means.items()})
        found[-1]["validation"] = ranking[validation][metric]
    return [[means[name] for means in found] for name in paired_names(list(aggregates))]


def _quantise(replicates: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Quantise each row of replicates to 1 / 254 of its range; return the steps and the range."""
    undefined = np.isnan(replicates)
    low = np.min(replicates, axis=1, initial=np.inf, where=~undefined)
    high = np.max(replicates, axis=1, initial=-np.inf, where=~undefined)
    bounds = np.stack([np.where(low <= high, low, 0), np.where(low <= high, high, 0)], axis=1).astype(np.float32)
    width = np.where(bounds[:, 1] > bounds[:, 0], bounds[:, 1] - bounds[:, 0], 1)[:, None]
    steps = np.rint((np.where(undefined, 0, replicates) - bounds[:, :1]) / width * 254)
    return np.where(undefined, 255, np.clip(steps, 0, 254)).astype(np.uint8), bounds


def _outcomes(
    protocol: Protocol, seeds: Sequence[Arrays], splits: Mapping[tuple[str, str], ResampledSplit]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Compute `Scored.confusion` and `Scored.reliability`."""
    domains = [c for c in protocol.conditions() if c.kind in ("clean", "real")]
    classes = len(protocol.dataset.classes)
    confusion = np.zeros((len(domains), classes, classes), np.int64)
    reliability = np.zeros((len(domains), BINS, 3))
    for number, condition in enumerate(domains):
        labels = splits[split_key(condition)].labels
        for arrays in seeds:
            probabilities = arrays[condition.key].astype(np.float64)
            top, guess = probabilities.max(axis=1), probabilities.argmax(axis=1)
            np.add.at(confusion[number], (labels, guess), 1)
            bins = confidence_bins(top)
            for column, weights in enumerate((np.ones(len(top)), top, (guess == labels).astype(np.float64))):
                reliability[number, :, column] += np.bincount(bins, weights, BINS)
    return confusion if classes <= MOST_CLASSES else confusion[:, :0, :0], reliability
