"""The cluster bootstrap: whole groups, the same ones for everybody, and intervals that cover."""

import numpy as np
import pandas as pd
import pytest

from medshift.benchmark import bootstrap, truth
from medshift.benchmark.bootstrap import cells, draw, interval
from medshift.benchmark.metrics import auroc, balanced_accuracy


def test_every_replicate_draws_as_many_groups_as_there_are(fabricate):
    rows = fabricate.table(groups=12)
    cell = cells(fabricate.terms(rows), rows, 50)["site-b", "test"]
    assert cell.weights.shape == (50, 12)
    assert (cell.weights.sum(axis=1) == 12).all()


def test_the_draws_depend_on_protocol_and_truth_alone(fabricate):
    rows = fabricate.table()
    once, again = (cells(fabricate.terms(rows), rows.sample(frac=1).sort_values("sample_id"), 20) for _ in range(2))
    other = cells(fabricate.terms(rows, seed=1), rows, 20)
    for key, cell in once.items():
        assert (cell.weights == again[key].weights).all()
        assert (cell.weights != other[key].weights).any()
    assert (once["site-b", "test"].weights != once["site-c", "test"].weights).any()


def test_a_group_in_two_domains_is_drawn_as_often_in_both(fabricate):
    rows = fabricate.table()
    rows["group"] = rows["group"].str.replace("site-c", "site-b")  # the same patients travelled
    found = cells(fabricate.terms(rows), rows, 30)
    assert (found["site-b", "test"].weights == found["site-c", "test"].weights).all()
    assert (found["site-b", "test"].weights != found["site-a", "test"].weights).any()


def test_it_equals_a_bootstrap_that_copies_rows(fabricate):
    rows = fabricate.table(groups=9, per_group=3)
    made = fabricate.terms(rows)
    cell = cells(made, rows, 25)["site-a", "test"]
    probabilities = fabricate.outputs(made, rows)["site-a"]
    for metric in (auroc, balanced_accuracy):
        quick = metric(cell.labels, probabilities, cell.groups, cell.weights)
        for replicate, value in enumerate(quick):
            copied = np.concatenate(
                [np.flatnonzero(cell.groups == g).repeat(int(n)) for g, n in enumerate(cell.weights[replicate])]
            )
            every = np.arange(len(copied))
            slow = metric(cell.labels[copied], probabilities[copied], every, np.ones((1, len(copied))))[0]
            assert value == pytest.approx(slow, abs=1e-12, nan_ok=True)


def test_intervals_cover_the_truth_and_those_that_ignore_groups_do_not():
    rng = np.random.default_rng(3)
    patients, each, trials, hits, naive = 100, 6, 1000, 0, 0
    for trial in range(trials):
        skill = np.repeat(rng.normal(1.0, 1.0, patients), each)  # a patient's images are alike
        right = rng.random(patients * each) < 1 / (1 + np.exp(-skill))
        labels = np.zeros(patients * each, int)
        probabilities = np.stack([right, ~right], axis=1).astype(float)
        groups = np.repeat(np.arange(patients), each)
        for whose in ("groups", "samples")[: 1 + (trial < 200)]:
            units = groups if whose == "groups" else np.arange(len(groups))
            weights = draw(units.max() + 1, 400, trial, "test")
            low, high = interval(balanced_accuracy(labels, probabilities, units, weights))
            inside = low <= EXPECTED <= high
            hits, naive = hits + (inside and whose == "groups"), naive + (inside and whose == "samples")
    assert 0.93 <= hits / trials <= 0.97
    assert naive / 200 < 0.9


# E[sigmoid(N(1, 1))], by quadrature
EXPECTED = float(
    np.average(
        1 / (1 + np.exp(-np.linspace(-7, 9, 20001))), weights=np.exp(-0.5 * (np.linspace(-7, 9, 20001) - 1) ** 2)
    )
)


def test_undefined_replicates_are_left_out_unless_they_are_half():
    values = np.arange(100.0)
    assert interval(values) == pytest.approx((2.475, 96.525))
    values[:40] = np.nan
    assert interval(values) == pytest.approx(tuple(np.quantile(values[40:], (0.025, 0.975))))
    values[:50] = np.nan
    assert np.isnan(interval(values)).all()
    assert np.isnan(interval(np.zeros(0))).all()


def test_a_chain_of_shared_groups_links_cells():
    groups = {("a", "test"): {"1", "2"}, ("b", "test"): {"2", "3"}, ("c", "test"): {"3"}, ("d", "test"): {"4"}}
    assert sorted(bootstrap._linked(groups)) == [
        [("a", "test"), ("b", "test"), ("c", "test")],
        [("d", "test")],
    ]


def test_one_group_gives_a_point(fabricate):
    rows = pd.DataFrame(fabricate.table(groups=4))
    rows.loc[rows["domain"] == "site-b", "group"] = "only"
    rows = truth.tidy(rows)
    assert (cells(fabricate.terms(rows), rows, 10)["site-b", "test"].weights == 1).all()
