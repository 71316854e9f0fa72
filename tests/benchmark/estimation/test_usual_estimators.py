"""The usual estimators give what their papers define, on predictions small enough to count."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from medshift.benchmark.estimation import cbpe, statistics
from medshift.benchmark.estimation.confidence import average_confidence, difference_of_confidences
from medshift.benchmark.estimation.evidence import Conditions, Evidence, Labelled, Source
from medshift.benchmark.estimation.source_figures import clean, synthesized_mean
from medshift.benchmark.estimation.thresholded import atc, atc_by_class
from medshift.benchmark.scoring import metrics


def two(*second):
    """Make probabilities of two classes from those of the second."""
    second = np.array(second)
    return np.stack([1 - second, second], axis=1).astype(np.float32)


def evidence(validation, labels, target, groups=None):
    """Make evidence without synthesized conditions."""
    labels = np.array(labels)
    where = np.arange(len(labels))
    tested = Conditions(("",), ("",), (0.0,), validation[None], labels, where)
    source = Source(Labelled(validation, labels, where), tested)
    return Evidence(source, target, np.arange(len(target)) if groups is None else np.array(groups))


# four confident and right, two unsure of which one is right, and of which the wrong one is the less sure
VALIDATION = two(0.1, 0.1, 0.9, 0.9, 0.55, 0.4)
LABELS = [0, 0, 1, 1, 0, 0]


def test_confidence_is_averaged_at_the_temperature_of_source_validation():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 4000)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    overconfident = two(*(1 / (1 + np.exp(-3 * logits))))
    made = evidence(overconfident, labels, overconfident)
    assert made.source.reference.temperature == pytest.approx(3, rel=0.06)
    calibrated = np.maximum(1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(logits))).mean()
    assert average_confidence(made).value == pytest.approx(calibrated, abs=0.005)


def test_accuracy_falls_by_the_difference_of_confidences():
    target = two(0.4, 0.4, 0.7, 0.7)  # confidence .65; on validation (4 x .9 + .55 + .6) / 6, of which 5 are right
    assert difference_of_confidences(evidence(VALIDATION, LABELS, target)).value == pytest.approx(
        5 / 6 - (4.75 / 6 - 0.65)
    )


def test_atc_counts_what_is_above_the_threshold_that_gives_the_accuracy():
    target = two(0.51, 0.45, 0.05, 0.95)  # the threshold lies between .55 and .6
    made = evidence(VALIDATION, LABELS, target)
    assert 0.55 < made.source.reference.threshold < 0.6 + 1e-6
    assert atc(made).value == 0.5


def test_atc_by_class_counts_the_rest_of_a_class_as_missed_by_the_other():
    made = evidence(VALIDATION, LABELS, two(0.05, 0.05, 0.05, 0.95, 0.95, 0.52))
    # all of the three as class 0 are right, and two of the three as class 1: the third is of class 0
    assert atc_by_class(made).value == pytest.approx((3 / 4 + 2 / 2) / 2)


@pytest.mark.parametrize("estimator", [atc, atc_by_class])
def test_confidences_that_are_tied_give_the_accuracy_on_source_validation(estimator):
    """Hard labels are all tied; of tenths, and of a table rounded to them, many are."""
    hard = two(0, 0, 1, 1)
    assert estimator(evidence(hard, [0, 0, 1, 1], hard)).value == 1.0
    wrong_once = evidence(two(0, 0, 0, 1, 1, 1), [0, 0, 1, 1, 1, 0], two(0, 0, 1, 1))
    assert estimator(wrong_once).value == pytest.approx(2 / 3)
    rng = np.random.default_rng(0)
    tenths = np.round(rng.uniform(0.5, 1, 400), 1)
    right = rng.random(400) < tenths
    labels = rng.integers(0, 2, 400)
    given = two(*np.where(right == labels, tenths, 1 - tenths))
    assert estimator(evidence(given, labels, given)).value == pytest.approx(
        (given.argmax(1) == labels).mean(), abs=0.01
    )


@pytest.mark.parametrize("estimator", [atc_by_class, cbpe.cbpe])
def test_of_a_class_that_is_absent_or_never_recognised_the_interval_holds_both(estimator):
    sure = two(*[0.001, 0.999] * 20)
    found = estimator(evidence(sure, [0, 1] * 20, sure[::2]))
    assert found.value == pytest.approx(0.5, abs=0.01)  # never recognised
    assert found.high == pytest.approx(1.0, abs=0.01)  # absent
    both = estimator(evidence(sure, [0, 1] * 20, sure))
    assert both.value > 0.99
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 3000)
    given = two(*(1 / (1 + np.exp(-rng.normal(12 * labels - 6, 3)))))  # 2 in 100 wrong: some call the absent class
    source, site = slice(1000), np.flatnonzero((np.arange(3000) >= 1000) & (labels == 0))
    found = estimator(evidence(given[source], labels[source], given[site]))
    assert 2 * found.value - found.low < 0.9  # where the interval of the drawing of patients ends
    assert found.high >= (given[site].argmax(1) == 0).mean() > 0.95


@pytest.mark.parametrize("groups", [3, 5])
def test_the_interval_of_few_patients_is_students(groups):
    rng, held = np.random.default_rng(0), []
    for _ in range(300):
        level = np.repeat(rng.normal(0.75, 0.05, groups), 4)
        found = difference_of_confidences(evidence(VALIDATION, LABELS, two(*level), np.arange(groups).repeat(4)))
        held.append(found.low <= 5 / 6 - (4.75 / 6 - 0.75) <= found.high)
    assert np.mean(held) > 0.86  # a normal's holds 75 and 81 %


def test_few_patients_without_any_spread_leave_it_open_what_others_have():
    sure = evidence(VALIDATION, LABELS, two(*[0.99] * 6), np.repeat(np.arange(3), 2))
    found = atc(sure)
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 0.05 ** (1 / 3), 1.0))


def test_few_patients_of_the_source_without_any_spread_leave_it_open_too():
    many = two(*[0.01, 0.99] * 20)
    few, labels, whose = two(*[0.01, 0.99] * 5), np.array([0, 1] * 5), np.repeat(np.arange(5), 2)
    tested = Conditions(("", "blur"), ("", "blur"), (0.0, 1.0), np.stack([few, few]), labels, whose)
    made = Evidence(Source(Labelled(few, labels, whose), tested), many, np.arange(len(many)))
    for estimator in (clean, synthesized_mean, difference_of_confidences, cbpe.cbpe):
        found = estimator(made)
        assert (found.value, found.low, found.high) == pytest.approx((1.0, 0.05 ** (1 / 5), 1.0)), estimator


def test_the_interval_is_that_of_whole_patients():
    target = two(*[0.99] * 20, *[0.55] * 20)
    apart = evidence(VALIDATION, LABELS, target)
    together = evidence(VALIDATION, LABELS, target, np.repeat(np.arange(4), 10))
    narrow, wide = (atc(made) for made in (apart, together))
    assert narrow.value == wide.value == 0.5
    # sqrt(.25 / 40), of which Student's 1.685 fit on a side; with whole patients sqrt(.25 / 3) and 2.35: all of [0, 1]
    assert narrow.high - narrow.low == pytest.approx(2 * 1.685 * 0.08, rel=0.1)
    assert (wide.low, wide.high) == (0, 1)


def noise(count, start):
    """Make numbers in [0, 1) that every version of NumPy makes alike."""
    return (np.sin(np.arange(start, start + count) * 12.9898) * 43758.5453) % 1


def outputs(classes, count, start):
    """Make probabilities, and labels that are less certain than these say."""
    raw = noise(count * classes, start).reshape(count, classes) ** 3 + 1e-3
    given = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
    share = np.cumsum(given**0.5, axis=1)
    drawn = (noise(count, start + 7)[:, None] > share / share[:, -1:]).sum(axis=1)
    return given, drawn.clip(0, classes - 1)


# by the functions of NannyML 0.13.1: IsotonicCalibrator, then estimate_recall and estimate_specificity of two classes,
# or estimate_recall of each of three, on probabilities divided by their sum; its check asks for the calibration
@pytest.mark.parametrize(("classes", "nannyml"), [(2, 0.7144122038937402), (3, 0.5725283356773669)])
def test_cbpe_is_that_of_nannyml(classes, nannyml):
    given, labels = outputs(classes, 600, 1)
    target, _ = outputs(classes, 300, 5000)
    assert cbpe.cbpe(evidence(given, labels, target)).value == pytest.approx(nannyml, abs=1e-6)


def test_isotonic_steps_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    given = rng.random(300).round(2)  # with ties
    wanted = rng.random(300) < given**2
    fitted = IsotonicRegression(out_of_bounds="clip").fit(given, wanted)
    at = np.linspace(-0.1, 1.1, 500)
    assert np.interp(at, *cbpe.isotonic(given, wanted)) == pytest.approx(fitted.predict(at), abs=1e-12)


def test_sums_and_their_figures_are_those_of_the_samples():
    rng = np.random.default_rng(2)
    labels, given = rng.integers(0, 3, 200), rng.dirichlet(np.ones(3), (2, 200)).astype(np.float32)
    found = statistics.reference(given[0], labels)
    table = statistics.sums(given, labels, 3, found)
    once, groups = np.ones((1, 200)), np.arange(200)
    right = [metrics.balanced_accuracy(labels, each, groups, once)[0] for each in given]
    assert statistics.balanced_accuracy(table) == pytest.approx(right)
    features = statistics.features(table.sum(axis=1), found)
    assert features[:, 0] == pytest.approx(given.max(axis=-1).mean(axis=-1), abs=1e-6)
    entropy = -(given * np.log(given)).sum(axis=-1).mean(axis=-1) / np.log(3)
    assert features[:, 2] == pytest.approx(entropy, abs=1e-5)
    ordered = np.sort(np.log(given), axis=-1)
    margin = ordered[..., 2] - ordered[..., 1]
    assert features[:, 7:] == pytest.approx(np.stack([margin.mean(axis=1), margin.std(axis=1)], axis=1), abs=1e-4)


def test_another_mix_of_classes_is_that_of_repeated_samples():
    rng = np.random.default_rng(3)
    labels, given = np.repeat([0, 1], [30, 90]), rng.dirichlet(np.ones(2), 120).astype(np.float32)
    found = statistics.reference(given, labels)
    more = np.concatenate([np.tile(np.arange(30), 3), np.arange(30, 120)])  # as many of either
    by_class = statistics.sums(given[None], labels, 2, found)[0]
    repeated = statistics.sums(given[None, more], labels[more], 2, found)[0]
    mixed = statistics.mixed(by_class, np.array([0.5, 0.5]))
    assert statistics.features(mixed, found) == pytest.approx(statistics.features(repeated.sum(axis=0), found))
