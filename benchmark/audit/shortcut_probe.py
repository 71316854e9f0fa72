"""The shortcut probe: how far do features without shape tell the label, and the domain?"""

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
IMAGES = 1000  # of a domain, at most
LEAST = 10  # groups of a class, for it to be told
ALL = "all together"
DOMAIN = "the domain"


@dataclass(frozen=True)
class ProbeResult:
    """What a probe reached.

    Args:
        where: The domain it is within, or `DOMAIN` where the domain is what it tells.
        family: Of features, or `ALL`.
        area: AUC on images of groups that it did not learn from; of more than two classes one against the rest, mean.
        low: Lower end of the 95 % interval over groups.
        high: Upper end.
        images: How many.
        left_out: Classes with too few groups to be told.
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
    """What the probe of all features that learnt in one domain reaches in another, on groups that it did not see."""

    learnt: str
    tested: str
    area: float
    low: float
    high: float


def probe(
    dataset: Dataset, progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[list[ProbeResult], list[CrossDomainResult]]:
    """Returns what logistic regression on trivial features reaches, within domains, for the domain, and elsewhere.

    Args:
        dataset: The images.
        progress: Called with the number of domains done, and of all and one.
    """
    codes = group_codes(dataset)
    labels = dataset.table["label"].to_numpy(dtype=np.int64)
    names = dataset.domains
    rows = {name: sample_rows(dataset, np.flatnonzero(dataset.table["domain"] == name), IMAGES) for name in names}
    made = {}
    found: list[ProbeResult] = []
    for number, name in enumerate(names):
        made[name] = features(dataset, rows[name])
        mine = labels[rows[name]]
        kept = _enough(mine, codes[rows[name]])
        missing = tuple(dataset.classes[k] for k in range(len(dataset.classes)) if k not in kept)
        chosen = np.isin(mine, kept)
        if len(kept) > 1:
            judge = _judge(mine[chosen], codes[rows[name]][chosen], (dataset.name, name))
            for family, table in _tables(made[name]).items():
                found.append(ProbeResult(name, family, *judge(table[chosen]), int(chosen.sum()), missing))
        progress(number + 1, len(names) + 1)
    if len(names) > 1:
        together = np.concatenate([rows[name] for name in names])
        site = np.repeat(np.arange(len(names)), [len(rows[name]) for name in names])
        stacked = {family: np.concatenate([made[name][family] for name in names]) for family in made[names[0]]}
        judge = _judge(site, codes[together], (dataset.name, DOMAIN))
        found.append(ProbeResult(DOMAIN, ALL, *judge(_tables(stacked)[ALL]), len(together)))
    progress(len(names) + 1, len(names) + 1)
    taught = [(name, *_taught(made[name], labels[rows[name]], codes[rows[name]])) for name in names]
    moved = [
        _moved(
            dataset.name,
            one,
            other,
            model,
            kept,
            codes[rows[one]],
            made[other],
            labels[rows[other]],
            codes[rows[other]],
        )
        for one, model, kept in taught
        for other in names
        if one != other and model is not None
    ]
    return found, [each for each in moved if each is not None]


def _tables(made: dict[str, Floats]) -> dict[str, Floats]:
    pixels = [table for family, table in made.items() if family != "size"]
    return {ALL: np.concatenate(pixels, axis=1), **made}


def _enough(labels: NDArray[np.int64], codes: NDArray[np.int64]) -> list[int]:
    return [int(k) for k in np.unique(labels) if len(np.unique(codes[labels == k])) >= LEAST]


def _learn(table: Floats, labels: NDArray[np.int64]) -> Callable[[Floats], Floats]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=60, tol=1e-3, class_weight="balanced"))
    with warnings.catch_warnings():  # near convergence is near enough
        warnings.simplefilter("ignore")
        model.fit(table, labels)
    return lambda unseen: np.asarray(model.predict_proba(unseen))


def _judge(
    labels: NDArray[np.int64], codes: NDArray[np.int64], address: Sequence[str]
) -> Callable[[Floats], tuple[float, float, float]]:
    """Returns a function from features to the AUC, and its interval, of predictions for groups that were left out."""
    from sklearn.model_selection import StratifiedGroupKFold

    _, labels = np.unique(labels, return_inverse=True)
    with warnings.catch_warnings():  # a class with fewer images than folds is spread as far as it goes
        warnings.simplefilter("ignore", UserWarning)
        folds = list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED).split(labels, labels, codes))

    def judge(table: Floats) -> tuple[float, float, float]:
        scores = np.full((len(labels), int(labels.max()) + 1), np.nan)
        for learnt, judged in folds:
            if len(np.unique(labels[learnt])) == scores.shape[1]:
                scores[judged] = _learn(table[learnt], labels[learnt])(table[judged])
        told = ~np.isnan(scores[:, 0])
        return _area(labels[told], scores[told], codes[told], address)

    return judge


def _area(
    labels: NDArray[np.int64], scores: Floats, codes: NDArray[np.int64], address: Sequence[str]
) -> tuple[float, float, float]:
    mine, own = np.unique(codes, return_inverse=True)
    weights = np.concatenate([np.ones((1, len(mine))), resample_counts(len(mine), REPLICATES, SEED, "probe", *address)])
    areas = auroc(labels, scores, own.astype(np.int64), weights)
    return float(areas[0]), *interval(areas[1:])


def _taught(
    made: dict[str, Floats], labels: NDArray[np.int64], codes: NDArray[np.int64]
) -> tuple[Callable[[Floats], Floats] | None, list[int]]:
    """Returns what a whole domain teaches, and which classes it has enough of."""
    kept = _enough(labels, codes)
    if len(kept) < 2:
        return None, kept
    chosen = np.isin(labels, kept)
    return _learn(_tables(made)[ALL][chosen], labels[chosen]), kept


def _moved(
    name: str,
    one: str,
    other: str,
    model: Callable[[Floats], Floats],
    kept: list[int],
    seen: NDArray[np.int64],
    made: dict[str, Floats],
    labels: NDArray[np.int64],
    codes: NDArray[np.int64],
) -> CrossDomainResult | None:
    unseen = ~np.isin(codes, seen)
    classes = sorted(set(kept) & set(_enough(labels[unseen], codes[unseen])))
    if len(classes) < 2:
        return None
    judged = np.isin(labels, classes) & unseen
    scores = model(_tables(made)[ALL][judged])[:, [kept.index(k) for k in classes]]
    scores = scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-12)
    return CrossDomainResult(
        one, other, *_area(np.searchsorted(classes, labels[judged]), scores, codes[judged], (name, one, other))
    )
