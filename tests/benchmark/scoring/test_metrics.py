"""Metrics agree with scikit-learn, unweighted and weighted, ties and missing classes included."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from medshift.benchmark.protocols import protocol
from medshift.benchmark.scoring.metrics import (
    METRICS,
    auroc,
    balanced_accuracy,
    brier,
    confidence_bins,
    ece,
    metrics_by_name,
    top_class,
)
from medshift.shifts.errors import MedshiftError


def once(metric, labels, probabilities, weights=None):
    """Compute a metric of samples, each its own group."""
    size = len(labels)
    weights = np.ones((1, size)) if weights is None else np.asarray(weights, float)[None]
    return metric(np.asarray(labels), np.asarray(probabilities), np.arange(size), weights)[0]


def reference_ece(labels, probabilities, weights):
    """The definition, spelled out."""
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    error = 0.0
    for low in range(15):
        inside = (top > low / 15) & (top <= (low + 1) / 15)
        if weights[inside].sum():
            gap = np.average(right[inside], weights=weights[inside]) - np.average(top[inside], weights=weights[inside])
            error += weights[inside].sum() / weights.sum() * abs(gap)
    return error


@st.composite
def outcomes(draw):
    classes = draw(st.integers(2, 4))
    size = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    odds = rng.integers(1, draw(st.sampled_from([3, 50, 10_000])), (size, classes))  # few values: many ties
    weights = rng.integers(0, 4, size).astype(float)
    return rng.integers(0, classes, size), odds / odds.sum(axis=1, keepdims=True), weights


@settings(max_examples=150, deadline=None)
@given(outcomes())
def test_all_metrics_are_those_of_scikit_learn_or_of_their_definition(outcome):
    labels, probabilities, weights = outcome
    if not weights.sum():
        assert all(np.isnan(once(m.function, labels, probabilities, weights)) for m in METRICS.values())
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = weights > 0  # scikit-learn counts a class whose samples weigh nothing
        wanted = balanced_accuracy_score(labels[kept], probabilities[kept].argmax(1), sample_weight=weights[kept])
    wanted = wanted if len(set(labels)) > 1 else np.nan
    assert once(balanced_accuracy, labels, probabilities, weights) == pytest.approx(wanted, abs=1e-12, nan_ok=True)
    assert once(ece, labels, probabilities, weights) == pytest.approx(
        reference_ece(labels, probabilities, weights), abs=1e-9
    )
    exact = np.eye(probabilities.shape[1])[labels]
    distances = ((probabilities - exact) ** 2).sum(axis=1)
    assert once(brier, labels, probabilities, weights) == pytest.approx(np.average(distances, weights=weights))
    present = np.unique(labels[kept])
    found = once(auroc, labels, probabilities, weights)
    if len(present) < 2:
        assert np.isnan(found)
        return
    scored = [1] if probabilities.shape[1] == 2 else present
    areas = [roc_auc_score(labels[kept] == k, probabilities[kept][:, k], sample_weight=weights[kept]) for k in scored]
    assert found == pytest.approx(np.mean(areas), abs=1e-12)


def test_auroc_of_several_classes_is_macro_one_versus_rest():
    rng = np.random.default_rng(0)
    labels, probabilities = rng.integers(0, 4, 200), rng.dirichlet(np.ones(4), 200)
    assert once(auroc, labels, probabilities) == pytest.approx(roc_auc_score(labels, probabilities, multi_class="ovr"))


def test_a_group_that_counts_twice_is_the_same_as_its_samples_twice():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(10), 5)
    labels, probabilities = rng.integers(0, 2, 50), rng.dirichlet(np.ones(2), 50)
    counts = rng.integers(0, 3, (7, 10)).astype(float)
    for metric in METRICS.values():
        found = metric.function(labels, probabilities, groups, counts)
        for value, count in zip(found, counts, strict=True):
            rows = np.repeat(np.arange(50), count[groups].astype(int))
            assert value == pytest.approx(once(metric.function, labels[rows], probabilities[rows]), abs=1e-12)


def test_known_values():
    perfect = np.eye(2)[[0, 1, 1, 0]]
    assert once(auroc, [0, 1, 1, 0], perfect) == 1
    assert once(balanced_accuracy, [0, 1, 1, 0], perfect) == 1
    assert once(ece, [0, 1, 1, 0], perfect) == 0
    assert once(auroc, [1, 0, 0, 1], perfect) == 0
    assert once(auroc, [0, 1], [[0.5, 0.5], [0.5, 0.5]]) == 0.5  # one tie
    assert once(balanced_accuracy, [0, 0, 0, 1], [[0.9, 0.1]] * 4) == 0.5  # always the majority
    assert once(ece, [0, 0, 0, 1], [[0.75, 0.25]] * 4) == pytest.approx(0)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_probability_on_an_edge_is_in_the_lower_bin_in_single_precision_too(kind):
    edges = (np.arange(1, 16) / 15).astype(kind)
    assert confidence_bins(edges).tolist() == list(range(15))
    assert confidence_bins(edges.astype(np.float64)).tolist() == list(range(15))
    assert confidence_bins(edges[:-1] + kind(1e-6)).tolist() == list(range(1, 15))
    assert confidence_bins(edges - kind(1e-6)).tolist() == list(range(15))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_table_rounded_to_tenths_has_the_calibration_error_of_its_bins(kind):
    # a bin ends at .6 and the next at .667: .6 of 15 right, .65 of 10 wrong, .8 of 5 right
    second = np.repeat([0.6, 0.65, 0.8], [15, 10, 5])
    labels = np.repeat([1, 0, 1], [15, 10, 5])
    stated = np.stack([1 - second, second], axis=1).astype(kind)
    assert once(ece, labels, stated) == pytest.approx((15 * 0.4 + 10 * 0.65 + 5 * 0.2) / 30, abs=1e-6)


def test_many_samples_in_blocks_of_weights_change_nothing(monkeypatch):
    rng = np.random.default_rng(2)
    labels, probabilities = rng.integers(0, 2, 300), rng.dirichlet(np.ones(2), 300)
    weights = rng.integers(0, 3, (40, 300)) / 2
    whole = auroc(labels, probabilities, np.arange(300), weights)
    monkeypatch.setattr("medshift.benchmark.scoring.auroc.CELLS", 300 * 7)
    assert (auroc(labels, probabilities, np.arange(300), weights) == whole).all()


def test_an_unknown_metric_suggests_near_ones():
    assert list(metrics_by_name(["ece", "auroc"])) == ["ece", "auroc"]
    with pytest.raises(MedshiftError, match=r"unknown metric 'auroq'.*'auroc'"):
        metrics_by_name(["auroq"])


def test_protocols_know_the_metrics_that_are_computed():
    assert tuple(METRICS) == protocol.METRICS


def test_the_top_class_is_remembered_of_what_cannot_change_alone():
    given = np.array([[[0.2, 0.8], [0.7, 0.3]]], dtype=np.float32)
    first = top_class(given)
    given[0, 0] = 0.6, 0.4
    assert top_class(given)[0].tolist() == [[0, 0]]
    assert first[0].tolist() == [[1, 0]]
    given.flags.writeable = False
    assert top_class(given) is top_class(given)
    assert top_class(given[:, :1])[0].tolist() == [[0]]
