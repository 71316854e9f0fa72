"""The cluster bootstrap: whole groups, the same ones for everybody, and intervals that cover."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from studies import interval_coverage
from studies.interval_coverage import Kind

from medshift.benchmark.protocols import truth
from medshift.benchmark.scoring import bootstrap, intervals
from medshift.benchmark.scoring.bootstrap import effective_groups, interval, resample_counts, resampled_splits
from medshift.benchmark.scoring.estimate import Estimate
from medshift.benchmark.scoring.metrics import METRICS, auroc, balanced_accuracy, sensitivity
from medshift.benchmark.scoring.scores import aggregated, score
from medshift.leaderboard.entries.scoring import over_seeds


def test_every_replicate_draws_as_many_groups_as_there_are(fabricate):
    rows = fabricate.table(groups=12)
    cell = resampled_splits(fabricate.terms(rows), rows, 50)["site-b", "test"]
    assert cell.weights.shape == (50, 12)
    assert (cell.weights.sum(axis=1) == 12).all()


def test_the_draws_depend_on_protocol_and_truth_alone(fabricate):
    rows = fabricate.table()
    once, again = (
        resampled_splits(fabricate.terms(rows), rows.sample(frac=1).sort_values("sample_id"), 20) for _ in range(2)
    )
    other = resampled_splits(fabricate.terms(rows, seed=1), rows, 20)
    for key, cell in once.items():
        assert (cell.weights == again[key].weights).all()
        assert (cell.weights != other[key].weights).any()
    assert (once["site-b", "test"].weights != once["site-c", "test"].weights).any()


def test_a_group_in_two_domains_is_drawn_as_often_in_both(fabricate):
    rows = fabricate.table()
    rows["group"] = rows["group"].str.replace("site-c", "site-b")  # the same patients travelled
    found = resampled_splits(fabricate.terms(rows), rows, 30)
    assert (found["site-b", "test"].weights == found["site-c", "test"].weights).all()
    assert (found["site-b", "test"].weights != found["site-a", "test"].weights).any()


def test_protocols_with_the_same_tests_number_their_patients_alike(fabricate):
    rows = fabricate.table()
    validation = rows[rows["split"] == "val"]
    fewer = rows[~rows["sample_id"].isin(validation[validation["group"] == validation["group"].min()]["sample_id"])]
    found, other = (resampled_splits(fabricate.terms(each), each, 5) for each in (rows, fewer))
    assert len(found["site-a", "val"].patients) > len(other["site-a", "val"].patients)
    for site in ("site-a", "site-b", "site-c"):
        assert found[site, "test"].patients.tolist() == other[site, "test"].patients.tolist()


def test_it_equals_a_bootstrap_that_copies_rows(fabricate):
    rows = fabricate.table(groups=9, per_group=3)
    made = fabricate.terms(rows)
    cell = resampled_splits(made, rows, 25)["site-a", "test"]
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
        skill = np.repeat(rng.normal(1.0, 1.0, patients), each)  # a patient's images are correlated
        right = rng.random(patients * each) < 1 / (1 + np.exp(-skill))
        labels = np.ones(patients * each, int)
        predicted = np.stack([~right, right], axis=1).astype(float)
        groups = np.repeat(np.arange(patients), each)
        for whose in ("groups", "samples")[: 1 + (trial < 200)]:
            units = groups if whose == "groups" else np.arange(len(groups))
            weights = resample_counts(units.max() + 1, 400, trial, "test")
            low, high = interval(sensitivity(labels, predicted, units, weights))
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
    assert (resampled_splits(fabricate.terms(rows), rows, 10)["site-b", "test"].weights == 1).all()


def within(share, studies):
    """Whether a coverage is 93 to 97 %, within two standard errors for that many studies."""
    doubt = 2 * np.sqrt(0.95 * 0.05 / studies)
    return 0.93 - doubt <= share <= 0.97 + doubt


MAIN = [
    (Kind("balanced_accuracy", 20, 1), 800),
    (Kind("balanced_accuracy", 20, 3), 800),
    (Kind("balanced_accuracy", 50, 3, spread=0.3), 800),
    (Kind("balanced_accuracy", 50, 5), 500),
    (Kind("balanced_accuracy", 20, 3, classes="rare"), 500),
    (Kind("balanced_accuracy", 20, 3, paired=True), 500),
    (Kind("auroc", 20, 3), 400),
]


@pytest.mark.parametrize(("kind", "studies"), MAIN, ids=lambda given: str(given))
def test_intervals_over_groups_and_few_seeds_cover(kind, studies):
    assert within(interval_coverage.covered(kind, studies), studies)


def test_an_interval_that_leaves_out_the_seeds_does_not_cover(monkeypatch):
    monkeypatch.setattr(intervals, "between_seeds", lambda by_seed, of_groups: (0.0, 0.0))
    assert interval_coverage.covered(Kind("balanced_accuracy", 50, 3, spread=0.3), 300) < 0.88


# where one group holds a large share, intervals are too narrow, and a remark says so
PROMISED = [(title, given) for title, given in interval_coverage.kinds() if "one group" not in title]


@pytest.mark.slow
@pytest.mark.parametrize("groups", [20, 50, 200])
@pytest.mark.parametrize("seeds", [1, 3, 5])
@pytest.mark.parametrize(("title", "given"), PROMISED, ids=lambda given: given if isinstance(given, str) else "")
def test_the_whole_table_of_coverage(title, given, groups, seeds):
    assert within(interval_coverage.covered(Kind(groups=groups, seeds=seeds, **given), 300), 300), title


def test_a_rare_class_leaves_few_units():
    groups = np.arange(20)
    assert effective_groups((groups < 4).astype(int), groups) == pytest.approx(1 + (5 / 16) ** 2 / (1 / 48 + 1 / 3840))
    assert effective_groups((groups < 10).astype(int), groups) == pytest.approx(19)
    assert effective_groups(np.tile([0, 1], 20), np.repeat(groups, 2)) == 20  # every group has both
    assert effective_groups(np.zeros(20, int), groups) == 20
    assert 2 <= effective_groups((groups < 1).astype(int), groups) < 3
    assert effective_groups(np.array([0, 1]), np.array([0, 0])) == 1


def test_the_interval_of_a_mean_is_students():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, 12)
    replicates = resample_counts(12, 20_000, 0, "test") @ values / 12
    expected = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    bounded = Estimate(float(values.mean()), replicates, units=12, bounds=(-1e4, 1e4))  # too far for the logit to bend
    assert bounded.interval == pytest.approx(expected, abs=0.02)
    assert Estimate(float(values.mean()), replicates, units=12).interval == pytest.approx(expected, abs=0.08)  # skewed


def test_intervals_stay_between_the_bounds_and_about_the_figure():
    replicates = np.random.default_rng(0).normal(0.99, 0.02, 500)
    low, high = Estimate(0.99, replicates, units=5, bounds=(0, 1)).interval
    assert 0 < low < 0.99 < high < 1
    assert np.isnan(Estimate(0.9, replicates, units=1, bounds=(0, 1)).interval).all()  # one group shows no spread


def test_a_figure_at_a_bound_is_not_certain():
    # none of 20 patients erred: Clopper and Pearson's bound, as in statsmodels and textbooks, is 16.8 %
    low, high = Estimate(1.0, np.ones(500), units=20, bounds=(0, 1)).interval
    assert (low, high) == (pytest.approx(0.8316, abs=1e-4), 1)
    assert low == pytest.approx(stats.beta.ppf(0.025, 20, 1))
    low, high = Estimate(0.0, np.zeros(500), units=20, bounds=(0, 1)).interval
    assert (low, high) == (0, pytest.approx(0.1684, abs=1e-4))


def test_a_seed_without_a_figure_leaves_no_interval():
    rng = np.random.default_rng(0)
    by_seed = rng.normal(0.7, 0.02, (5, 501))
    by_seed[3] = np.nan
    assert np.isnan(intervals.between_seeds(by_seed, 1.0)).all()
    assert np.isnan(Estimate(0.7, by_seed[0, 1:], units=50, by_seed=by_seed).interval).all()


def test_what_seeds_have_from_groups_is_not_counted_twice():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):  # each seed errs on other groups, and nothing else sets seeds apart
        hits = rng.normal(0, 1, (3, 60))
        weights = np.concatenate([np.ones((1, 60)), resample_counts(60, 400, 0, "test")])
        found = intervals.between_seeds(hits @ weights.T / 60, 60 / 59)
        assert found[1] == pytest.approx(hits.mean(axis=1).var(ddof=1) / 3)
        shares.append(found)
    from_seeds, whole = np.mean(shares, axis=0)
    assert whole == pytest.approx(1 / 180, rel=0.15)  # all of it comes from the groups
    assert from_seeds < 0.5 * whole  # what is left is that it cannot be negative


def test_aggregates_know_each_seeds_own(fabricate):
    rows = fabricate.table()
    made = fabricate.terms(rows)
    each = [
        score(made, rows, fabricate.outputs(made, rows, skill, seed), 50) for seed, skill in enumerate((1.5, 2, 2.5))
    ]
    conditions = {
        key: {metric: over_seeds([one.conditions[key][metric] for one in each]) for metric in made.metrics}
        for key in each[0].conditions
    }
    for name, by_metric in aggregated(made, conditions).items():
        if "worst" in name or name == "relative":  # of the mean, not each seed's
            continue
        for metric, found in by_metric.items():
            assert found.by_seed[:, 0] == pytest.approx([one.aggregates[name][metric].value for one in each])
            assert found.by_seed.mean(axis=0)[1:] == pytest.approx(found.replicates, nan_ok=True)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("groups", [6, 40])  # few: by pairs of groups; many: by samples
def test_conditions_at_once_are_conditions_one_by_one(name, classes, groups):
    rng = np.random.default_rng(0)
    labels, whose = (
        rng.integers(0, classes, 120),
        np.concatenate([np.arange(groups), rng.integers(0, groups, 120 - groups)]),
    )
    given = rng.dirichlet(np.ones(classes), (5, 120)).astype(np.float32).round(2)  # with ties
    weights = resample_counts(groups, 50, 0, "test")
    together = METRICS[name].function(labels, given, whose, weights)
    assert together.shape == (5, 50)
    alone = [METRICS[name].function(labels, one, whose, weights) for one in given]
    np.testing.assert_allclose(together, np.stack(alone), atol=1e-12)


@pytest.mark.parametrize("tail", [0.025, 0.05, 0.005])
def test_the_ends_of_an_interval_are_one_sided_bounds_at_its_tail(tail):
    rng = np.random.default_rng(0)
    hits = rng.uniform(size=40) < 0.5
    drawn = resample_counts(40, 4000, 0, "tail") @ hits / 40
    unsure, sure = (
        intervals.confidence_intervals(
            np.array([value]), np.array([again]), np.array([40.0]), 1, np.zeros((1, 2)),
            np.array([[0.0, 1.0]]), np.zeros((1, 2)), tail,
        )[0]
        for value, again in ((hits.mean(), drawn), (1.0, np.ones(4000)))
    )  # fmt: skip
    value = hits.mean()
    spread = np.sqrt(40 / 39 * value * (1 - value) / 40) / (value * (1 - value))
    logit = np.log(value / (1 - value)) - stats.t.ppf(1 - tail, 39) * spread
    assert unsure[0] == pytest.approx(1 / (1 + np.exp(-logit)), abs=0.005)
    assert sure[0] == pytest.approx(tail ** (1 / 40))
