"""The regression on synthesized conditions knows families that it has not seen, and says what it cannot know."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from medshift.benchmark.estimation import source_figures, statistics, synthesized_regression
from medshift.benchmark.estimation.evidence import Evidence
from medshift.benchmark.estimation.stored import estimate_sites, source_evidence
from medshift.benchmark.estimation.synthesized_regression import left_out_family, mixes
from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.scoring.bootstrap import resampled_splits
from medshift.benchmark.submissions import predictions

BOARD = Path(__file__).parents[3] / "leaderboard" / "submissions" / "brain-mri-sim"
SEVERAL = "acquisition-augment"  # predicts each family of shifts by another model, and sites by none of these
FILES = [path for path in sorted(BOARD.glob("*/seed-0/predictions.parquet")) if path.parts[-3] != SEVERAL][::3]


@pytest.fixture(scope="module")
def board():
    """Protocol, splits, and the predictions of every third entry on the committed board."""
    protocol, truth = read_protocol(BOARD)
    splits = resampled_splits(protocol, truth, 0)
    return protocol, splits, [predictions.read(path, protocol, truth) for path in FILES]


@pytest.fixture(scope="module")
def sources(board):
    """The evidence of these entries on the source."""
    protocol, splits, arrays = board
    return [source_evidence(protocol, splits, each) for each in arrays]


def test_each_family_is_estimated_by_the_others_at_less_than_half_the_error_of_confidence_and_atc(sources):
    errors, usual = [], []
    for source in sources:
        kept = source.kept(source_figures.chosen)
        table = source.kept(source_figures.by_class)
        truth = statistics.balanced_accuracy(table)
        some = mixes(source.tested.labels, table.shape[-2])
        points = np.stack([statistics.features(statistics.mixed(table, mix), source.reference) for mix in some])
        kinds = np.array(source.tested.families)[kept]
        for family in sorted(set(kinds) - {""}):
            errors += np.abs(left_out_family(points, truth, kinds == family)[0]).tolist()
        usual.append(np.abs(points[0, 1:, :2] - truth[1:, None]))
    assert len(FILES) >= 2
    assert np.mean(errors) < 0.045
    assert 2 * np.mean(errors) < np.concatenate(usual).mean(axis=0).min()


def test_the_interval_is_the_worst_familys_and_that_of_patients(sources):
    for source in sources:
        found = source.kept(synthesized_regression.fitted)
        tested = source.tested
        made = synthesized_regression.synthesized_regression(Evidence(source, tested.probabilities[0], tested.groups))
        assert found.design >= 1
        assert made.high - made.value > found.error or made.high == 1
        assert made.low <= made.value <= made.high


def test_a_single_patient_has_no_interval(sources):
    tested = sources[0].tested
    lone = Evidence(sources[0], tested.probabilities[0], np.zeros_like(tested.groups))
    found = synthesized_regression.synthesized_regression(lone)
    assert found.given
    assert np.isnan([found.low, found.high]).all()


@pytest.fixture
def made(fabricate):
    """A protocol, its splits and the predictions of a model, in which the shifts of a family fall alike."""
    rows = fabricate.table(groups=40, per_group=10)
    protocol = fabricate.terms(rows, shifts={**fabricate.SHIFTS, "window": "contrast"})
    return protocol, resampled_splits(protocol, rows, 0), fabricate.outputs(protocol, rows)


def one(made, site="site-b", **changes):
    """Estimate at a site, with other predictions there."""
    protocol, splits, arrays = made
    return estimate_sites(protocol, splits, {**arrays, **changes}, [site], ["synthesized-regression"])[site][
        "synthesized-regression"
    ]


def test_a_site_where_the_model_falls_as_under_the_shifts_is_estimated_within_its_interval(made):
    _, splits, arrays = made
    found = one(made)
    labels, guess = splits["site-b", "test"].labels, arrays["site-b"].argmax(axis=1)
    truth = np.mean([(guess[labels == k] == k).mean() for k in (0, 1)])
    assert abs(found.value - truth) < 0.05
    assert found.low <= truth <= found.high


def test_the_labels_of_the_target_change_nothing(made):
    protocol, splits, arrays = made
    site = splits["site-b", "test"]
    other = {**splits, ("site-b", "test"): dataclasses.replace(site, labels=1 - site.labels)}
    assert estimate_sites(protocol, other, arrays) == estimate_sites(protocol, splits, arrays)


def test_another_mix_of_classes_at_a_real_site_is_not_taken_for_a_fall(board, sources, monkeypatch):
    protocol, splits, arrays = board
    errors = {}
    for tilt in (1.0, synthesized_regression.TILT):
        monkeypatch.setattr(synthesized_regression, "TILT", tilt)
        errors[tilt] = []
        for source, predicted in zip(sources, arrays, strict=True):
            local = synthesized_regression.fitted(source).local
            for site in protocol.targets:
                labels = splits[site, "test"].labels
                by_class = statistics.sums(predicted[site][None], labels, 2, source.reference)[0]
                rare = statistics.mixed(by_class, np.array([0.9, 0.1]))  # leaves balanced accuracy as it is
                found = local.predict(statistics.features(rare, source.reference)[None])[0][0]
                errors[tilt].append(abs(found - statistics.balanced_accuracy(by_class)))
    assert np.mean(errors[synthesized_regression.TILT]) < 0.85 * np.mean(errors[1.0])


def test_there_is_no_estimate_where_predictions_are_unlike_all_synthesized_ones(made):
    _, _, arrays = made
    sure = np.tile(np.array([[0.999999, 0.000001]], dtype=np.float32), (len(arrays["site-b"]), 1))
    found = one(made, **{"site-b": sure})
    assert not found.given
    assert "lie outside everything synthesized" in found.reason


THREE = {"gamma": "contrast", "window": "contrast", "psf-blur": "resolution"}


@pytest.mark.parametrize(
    ("shifts", "have"),
    [
        (1, "1 synthesized shift to learn from, 2 are needed"),
        (2, "7 conditions to learn"),
        (3, "10 conditions to learn"),
    ],
)
def test_there_is_no_estimate_with_too_few_shifts_to_learn_from(fabricate, shifts, have):
    rows = fabricate.table()
    protocol = fabricate.terms(rows, shifts=dict(list(THREE.items())[:shifts]))
    found = one((protocol, resampled_splits(protocol, rows, 0), fabricate.outputs(protocol, rows)))
    assert not found.given
    assert found.reason.startswith(have)
    assert found.reason.endswith("are needed: add shifts to the protocol")
