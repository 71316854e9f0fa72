"""The shortcut probe: how well shallow features predict the label and the domain."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.dataset import Dataset
from ..scoring.bootstrap import interval, resample_counts
from ..scoring.metrics import auroc
from .fingerprint.fingerprint import Floats
from .measures.sampling import REPLICATES, SEED, group_codes, sample_rows
from .shallow_features import features

FOLDS = 5
IMAGES = 1000  # per domain, at most
LEAST = 10  # groups that a class needs to be predicted
ALL = "all features"
DOMAIN = "the domain"


@dataclass(frozen=True)
class ProbeResult:
    """Cross-validated AUC of a probe within one domain, or in predicting the domain.

    Args:
        where: The domain in which it predicts the label, or `DOMAIN` if it predicts the domain.
        family: Family of features, or `ALL`.
        area: AUC on groups left out of training; for more than two classes the mean of one against the rest.
        low: Lower end of the 95 % interval over groups.
        high: Upper end.
        images: Number of images.
        left_out: Classes, or domains, with too few groups to be predicted.
    """

    where: str
    family: str
    area: float
    low: float
    high: float
    images: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class CrossDomainResult:
    """AUC in one domain of the probe of all features trained in another, on groups not seen in training."""

    trained: str
    tested: str
    area: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class _DomainSample:
    """The sampled images of one domain.

    Args:
        name: The domain.
        features: Family -> (n, F).
        labels: (n,).
        groups: (n,) group codes.
    """

    name: str
    features: dict[str, Floats]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]


def probe(
    dataset: Dataset, progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[list[ProbeResult], list[CrossDomainResult]]:
    """Measure how well logistic regression on shallow features predicts the label and the domain.

    Args:
        dataset: The images.
        progress: Called with (steps done, steps in all): one step per domain, and one more.

    Returns:
        The results within each domain, the last one for predicting the domain unless there are fewer groups than folds,
        and those in other domains.
    """
    codes = group_codes(dataset)
    labels = dataset.table["label"].to_numpy(dtype=np.int64)
    names = dataset.domains
    samples: list[_DomainSample] = []
    within: list[ProbeResult] = []
    for number, name in enumerate(names):
        rows = sample_rows(dataset, np.flatnonzero(dataset.table["domain"] == name), IMAGES)
        samples.append(_DomainSample(name, features(dataset, rows), labels[rows], codes[rows]))
        within += _within_domain(dataset, samples[-1])
        progress(number + 1, len(names) + 1)
    within += _domain_probe(dataset.name, samples)
    progress(len(names) + 1, len(names) + 1)
    return within, _cross_domain(dataset.name, samples)


def _within_domain(dataset: Dataset, sample: _DomainSample) -> list[ProbeResult]:
    kept = _predictable_classes(sample.labels, sample.groups)
    if len(kept) < 2:
        return []
    left_out = tuple(dataset.classes[k] for k in range(len(dataset.classes)) if k not in kept)
    chosen = np.isin(sample.labels, kept)
    evaluate = _cross_validation(sample.labels[chosen], sample.groups[chosen], (dataset.name, sample.name))
    return [
        ProbeResult(sample.name, family, *evaluate(table[chosen]), int(chosen.sum()), left_out)
        for family, table in _tables(sample.features).items()
    ]


def _domain_probe(name: str, samples: Sequence[_DomainSample]) -> list[ProbeResult]:
    """Measure how well all features predict the domain, of domains with a group for training and one for testing."""
    kept = [sample for sample in samples if len(np.unique(sample.groups)) > 1]
    left_out = tuple(sample.name for sample in samples if sample not in kept)
    groups = np.concatenate([sample.groups for sample in kept or samples])
    if len(kept) < 2 or len(np.unique(groups)) < FOLDS:
        return []
    domain = np.repeat(np.arange(len(kept)), [len(sample.labels) for sample in kept])
    table = np.concatenate([_tables(sample.features)[ALL] for sample in kept])
    area = _cross_validation(domain, groups, (name, DOMAIN))(table)
    return [ProbeResult(DOMAIN, ALL, *area, len(groups), left_out)]


def _cross_domain(name: str, samples: Sequence[_DomainSample]) -> list[CrossDomainResult]:
    """Train on each whole domain that has two classes with enough groups, and test in every other domain."""
    results = []
    for source in samples:
        kept = _predictable_classes(source.labels, source.groups)
        if len(kept) < 2:
            continue
        chosen = np.isin(source.labels, kept)
        predict = _fit(_tables(source.features)[ALL][chosen], source.labels[chosen])
        results += [
            result
            for target in samples
            if target is not source and (result := _test_elsewhere(name, source, target, predict, kept)) is not None
        ]
    return results


def _test_elsewhere(
    name: str, source: _DomainSample, target: _DomainSample, predict: Callable[[Floats], Floats], kept: list[int]
) -> CrossDomainResult | None:
    unseen = ~np.isin(target.groups, source.groups)
    classes = sorted(set(kept) & set(_predictable_classes(target.labels[unseen], target.groups[unseen])))
    if len(classes) < 2:
        return None
    tested = np.isin(target.labels, classes) & unseen
    scores = predict(_tables(target.features)[ALL][tested])[:, [kept.index(k) for k in classes]]
    scores = scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-12)
    labels = np.searchsorted(classes, target.labels[tested])
    area = _area(labels, scores, target.groups[tested], (name, source.name, target.name))
    return CrossDomainResult(source.name, target.name, *area)


def _tables(families: dict[str, Floats]) -> dict[str, Floats]:
    """Add all families together, except `size`, which is not in the pixels."""
    pixels = [table for family, table in families.items() if family != "size"]
    return {ALL: np.concatenate(pixels, axis=1), **families}


def _predictable_classes(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> list[int]:
    return [int(k) for k in np.unique(labels) if len(np.unique(groups[labels == k])) >= LEAST]


def _fit(table: Floats, labels: NDArray[np.int64]) -> Callable[[Floats], Floats]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=60, tol=1e-3, class_weight="balanced"))
    with warnings.catch_warnings():  # approximate convergence is good enough
        warnings.simplefilter("ignore")
        model.fit(table, labels)
    return lambda unseen: np.asarray(model.predict_proba(unseen))


def _cross_validation(
    labels: NDArray[np.int64], groups: NDArray[np.int64], address: Sequence[str]
) -> Callable[[Floats], tuple[float, float, float]]:
    """Return a function from features to the AUC, with its interval, of predictions for left-out groups."""
    from sklearn.model_selection import StratifiedGroupKFold

    _, labels = np.unique(labels, return_inverse=True)
    with warnings.catch_warnings():  # a class may have fewer images than there are folds
        warnings.simplefilter("ignore", UserWarning)
        folds = list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED).split(labels, labels, groups))

    def evaluate(table: Floats) -> tuple[float, float, float]:
        scores = np.full((len(labels), int(labels.max()) + 1), np.nan)
        for train, test in folds:
            if len(np.unique(labels[train])) == scores.shape[1]:
                scores[test] = _fit(table[train], labels[train])(table[test])
        predicted = ~np.isnan(scores[:, 0])
        return _area(labels[predicted], scores[predicted], groups[predicted], address)

    return evaluate


def _area(
    labels: NDArray[np.int64], scores: Floats, groups: NDArray[np.int64], address: Sequence[str]
) -> tuple[float, float, float]:
    """Return the AUC and the ends of its 95 % interval over groups."""
    distinct, own = np.unique(groups, return_inverse=True)
    count = len(distinct)
    weights = np.concatenate([np.ones((1, count)), resample_counts(count, REPLICATES, SEED, "probe", *address)])
    areas = auroc(labels, scores, own.astype(np.int64), weights)
    return float(areas[0]), *interval(areas[1:])
