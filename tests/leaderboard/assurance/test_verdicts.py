"""Verdicts and breaking points of entries whose errors are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t

from medshift.benchmark.protocols.truth import truth_of
from medshift.benchmark.scoring.refused import wrong_answers
from medshift.benchmark.scoring.thresholds import thresholds
from medshift.leaderboard.assurance.breaking import breaking_point, crossing
from medshift.leaderboard.assurance.criteria.criterion import Rule
from medshift.leaderboard.assurance.entry.rejections import coverage
from medshift.leaderboard.assurance.entry.scores import _two_columns, read_entry
from medshift.leaderboard.assurance.verdicts import judge

EVERY = 'sites = "every"'


def wrong_at(clean=0.0, site_b=0.0, site_c=0.0, per_severity=0.0):
    def wrong(condition):
        if condition.kind == "synthesized":
            return clean + per_severity * condition.severity
        return {"site-b": site_b, "site-c": site_c}.get(condition.domain, clean)

    return wrong


@pytest.mark.parametrize(
    ("limit", "state"),
    [(0.70, "met"), (0.80, "not shown"), (0.95, "not met")],
)
def test_each_verdict_by_the_bound_of_the_worst_site(limit, state, scores, criteria):
    (criterion,) = criteria(f'metric = "sensitivity"; at_least = {limit}; {EVERY}')
    verdict = judge(scores(wrong_at(0.05, 0.10, 0.20)), criterion)
    assert verdict.state == state
    assert [check.place for check in verdict.checks] == ["site-c", "site-b", "site-a"]
    assert verdict.checks[0].value == pytest.approx(0.80)


def test_the_bound_is_students_on_the_logit(scores, criteria):
    (criterion,) = criteria(f'metric = "sensitivity"; at_least = 0.5; {EVERY}')
    check = judge(scores(wrong_at(0.2, 0.2, 0.2), patients=100), criterion).checks[0]
    error = math.sqrt(0.8 * 0.2 / 100) / (0.8 * 0.2)  # of the logit
    expected = 1 / (1 + math.exp(-(math.log(4) - t.ppf(0.95, 198) * error)))
    assert check.bound == pytest.approx(expected, abs=0.01)


def test_no_error_in_n_patients_shows_no_more_than_clopper_and_pearson(scores, criteria):
    (criterion,) = criteria(f'metric = "balanced_accuracy"; at_least = 0.99; {EVERY}')
    verdict = judge(scores(wrong_at(), patients=50), criterion)
    assert verdict.state == "not shown"
    assert verdict.checks[0].bound == pytest.approx(0.05 ** (1 / 99), abs=0.001)


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ('metric = "specificity"; at_least = 0.85; sites = ["site-a"]', "met"),
        ('metric = "specificity"; class = "class-0"; at_least = 0.85; sites = ["site-a"]', "met"),
        ('metric = "auroc"; at_least = 0.99; sites = ["site-a"]', "not met"),
        ('metric = "brier"; at_most = 0.2; sites = ["site-a"]', "met"),
        ('metric = "ece"; at_most = 0.02; sites = ["site-b"]', "not met"),
        ('metric = "coverage"; at_least = 1.0; sites = "other"', "met"),
        ('metric = "balanced_accuracy"; loses_at_most = 0.05; sites = ["site-b"]', "not met"),
        ('metric = "balanced_accuracy"; loses_at_most = 0.05; sites = ["site-c"]', "not shown"),
    ],
)
def test_every_measure_and_every_kind_of_limit(words, state, scores, criteria):
    (criterion,) = criteria(words)
    assert judge(scores(wrong_at(0.05, 0.40, 0.10)), criterion).state == state


def test_one_site_that_fails_is_enough_for_not_met_and_one_that_is_open_for_not_shown(scores, criteria):
    (criterion,) = criteria(f'metric = "sensitivity"; at_least = 0.85; {EVERY}')
    verdict = judge(scores(wrong_at(0.0, 0.12, 0.50)), criterion)
    assert {check.place: check.state for check in verdict.checks} == {
        "site-a": "met",
        "site-b": "not shown",
        "site-c": "not met",
    }
    assert verdict.state == "not met"
    assert verdict.why == "shown to miss .850 in 1 of 3 places: site-c: .500"


@pytest.mark.parametrize(
    ("words", "state", "why"),
    [
        ("up_to = 1.4", "met", "shown in each of 2 places, by one-sided bounds"),
        ("up_to = 2.1", "not shown", "not shown in 1 of 3 places; least certain at 2.1 sd px (interpolated): .120, "),
        ("up_to = 3.2", "not met", "shown to miss .150 in 1 of 3 places: 3.2 sd px: .250"),
    ],
)
def test_a_loss_is_judged_at_every_severity_up_to_its_value_in_physical_units(words, state, why, scores, criteria):
    (criterion,) = criteria(f'metric = "balanced_accuracy"; loses_at_most = 0.15; shift = "psf-blur"; {words}')
    lost = {1.0: 0.0, 3.0: 0.05, 4.0: 0.12, 5.0: 0.25}
    severities = (1, 3, 4, 5) if "2.1" in words else (1, 3, 5)
    made = scores(lambda c: lost[c.severity] if c.shift else 0.0, severities=severities)
    if "2.1" in words:
        why = why.replace(" (interpolated)", "")
    verdict = judge(made, criterion)
    assert verdict.state == state, verdict
    assert verdict.why.startswith(why)


def test_between_two_severities_figure_and_bound_are_interpolated(scores, criteria):
    at_3, between = criteria(
        'metric = "balanced_accuracy"; loses_at_most = 0.2; shift = "psf-blur"; up_to = 1.4',
        'metric = "balanced_accuracy"; loses_at_most = 0.2; shift = "psf-blur"; up_to_severity = 4',
    )
    made = scores(wrong_at(per_severity=0.02))
    (check,) = [each for each in judge(made, between).checks if "interpolated" in each.place]
    assert check.place == "2.1 sd px (interpolated)"
    assert check.value == pytest.approx(0.08)
    assert all("interpolated" not in each.place for each in judge(made, at_3).checks)


def test_beyond_what_was_tested_nothing_is_shown(scores, criteria):
    (criterion,) = criteria('metric = "balanced_accuracy"; loses_at_most = 0.5; shift = "psf-blur"; up_to = 2.1')
    verdict = judge(scores(wrong_at(), severities=(1, 3)), criterion)
    assert (verdict.state, verdict.why) == ("not shown", "severities were tested up to 1.4 sd px only")


LOSS = Rule("balanced_accuracy", "", "loses_at_most", 0.05)


def test_the_breaking_point_of_a_linear_loss_is_where_it_reaches_the_limit(scores):
    lost = {1.0: 0.0, 3.0: 0.1, 5.0: 0.2}
    found = breaking_point(scores(lambda c: lost.get(c.severity, 0.0)), LOSS, "psf-blur")
    assert found.point == pytest.approx(2.0)
    assert found.scale.value(found.point) == pytest.approx(0.9)
    assert found.low < found.shown < found.point < found.high
    none_changed = 1 - 0.05 ** (1 / 199)  # Clopper and Pearson at severity 1
    some_changed = 0.1 + t.ppf(0.95, 198) * math.hypot(0.3 / math.sqrt(200), 1 / 199)
    expected = 1 + 2 * (0.05 - none_changed) / (some_changed - none_changed)
    assert found.shown == pytest.approx(expected, abs=0.05)
    assert found.point_text.startswith("0.9 [")


def test_a_rule_that_holds_at_all_tested_severities_has_no_breaking_point(scores):
    found = breaking_point(scores(wrong_at()), LOSS, "psf-blur")
    assert found.holds_throughout
    assert found.point_text == "beyond 3.2 sd px"
    assert found.shown_text == "3.2 sd px, the last tested"


def test_a_rule_that_fails_unshifted_says_so(scores):
    found = breaking_point(scores(wrong_at(0.5)), Rule("balanced_accuracy", "", "at_least", 0.9), "psf-blur")
    assert (found.point_text, found.shown_text) == ("fails unshifted", "not even unshifted")


def test_few_patients_in_whom_nothing_changed_do_not_show_that_nothing_changes(scores):
    found = breaking_point(scores(wrong_at(), patients=10), LOSS, "psf-blur")
    assert found.holds_throughout
    # Clopper and Pearson's bound of the one-sided 95 %, and that of the interval's 97.5 %
    assert found.shown == pytest.approx(0.05 / (1 - 0.05 ** (1 / 19)), abs=1e-6)
    assert found.low == pytest.approx(0.05 / (1 - 0.025 ** (1 / 19)), abs=1e-6)


def test_few_patients_without_an_error_at_a_site_do_not_show_that_nothing_is_lost_there(scores, criteria):
    rules = ("loses_at_most = 0.02", "at_least = 0.8")
    limit, least = criteria(*(f'metric = "balanced_accuracy"; {rule}; sites = "other"' for rule in rules))
    found = scores(wrong_at(clean=0.1), patients=3)  # six of each site, all of them right at the others
    assert [judge(found, rule).state for rule in (limit, least)] == ["not shown", "not shown"]
    assert judge(found, limit).checks[0].bound > 0.2
    many = scores(wrong_at(clean=0.1), patients=200)
    assert judge(many, limit).state == "met"


def test_seeds_that_differ_widen_the_bound(scores, criteria):
    (criterion,) = criteria('metric = "sensitivity"; at_least = 0.5; sites = ["site-a"]')
    alike, unlike = (
        judge(scores(lambda c, seed, by=by: by[seed] if c.kind != "validation" else 0.0, seeds=3), criterion).checks[0]
        for by in ((0.2, 0.2, 0.2), (0.1, 0.2, 0.3))
    )
    assert alike.value == pytest.approx(unlike.value)
    assert unlike.bound < alike.bound - 0.05


@pytest.mark.parametrize(
    ("heights", "where"),
    [
        ([1, 1, -1], 2.0),
        ([1, -1, 1], 0.5),
        ([1, 1, 1], 3.0),
        ([0, 0, 0], 3.0),
        ([-1, 1, 1], math.nan),
        ([1, math.nan, 1], 0.0),
        ([1, 1, math.nan], 1.0),
        ([math.nan, 1, 1], math.nan),
    ],
)
def test_a_polygon_crosses_zero_where_it_first_falls_below(heights, where):
    assert crossing([0.0, 1.0, 3.0], [float(h) for h in heights]) == pytest.approx(where, nan_ok=True)


def test_the_coverage_of_a_model_that_refuses_is_resampled(scores):
    made = scores(wrong_at(), patients=50)
    refused = {"site-b": np.arange(100) < 10}
    found = coverage(made.protocol, made.splits, refused, may_refuse=True)
    assert found["site-b"].value == pytest.approx(0.9)
    assert found["site-b"].replicates.std() == pytest.approx(0.03, rel=0.1)
    assert found["site-c"].value == 1.0
    assert found["site-c"].interval[0] == pytest.approx(0.025 ** (1 / 100))


def test_the_images_that_a_model_refuses_are_read_from_its_predictions(fabricate, tmp_path):
    rows = fabricate.table(groups=4)
    place, terms, rows = fabricate.contest(tmp_path / "contest", rows)
    arrays = fabricate.outputs(terms, rows)
    arrays["site-b"][[1, 2]] = np.nan
    (found,) = read_entry(fabricate.submission(place, terms, rows, arrays=arrays), replicates=2).rejected
    assert {key: np.flatnonzero(which).tolist() for key, which in found.items()} == {"site-b": [1, 2]}


def test_a_loss_over_classes_is_of_those_that_the_site_has(fabricate, tmp_path, criteria):
    table = fabricate.table(groups=60, per_group=3, classes=3)
    gone = (table["domain"] == "site-b") & (table["label"] == 2)
    kept = table[~gone].reset_index(drop=True)
    place, protocol, rows = fabricate.contest(tmp_path / "in", kept, shifts={}, classes=3)
    recall = {"site-a": [1.0, 1.0, 0.4], "site-b": [0.8, 0.8, 1.0]}  # the source's mean is that of the site's
    rng, arrays = np.random.default_rng(0), {}
    for condition in protocol.conditions():
        labels = truth_of(rows, condition)["label"].to_numpy()
        right = rng.random(len(labels)) < np.array(recall.get(condition.domain, [1.0] * 3))[labels]
        arrays[condition.key] = np.eye(3, dtype=np.float32)[np.where(right, labels, (labels + 1) % 3)]
    found = read_entry(fabricate.submission(place, protocol, rows, "known", 0, arrays))
    (criterion,) = criteria('metric = "balanced_accuracy"; loses_at_most = 0.05; sites = ["site-b"]')
    (check,) = judge(found, criterion).checks
    assert check.place == "site-b (the classes it has)"
    assert check.value == pytest.approx(0.2, abs=0.06)
    assert check.state == "not met"


def test_the_threshold_of_one_class_is_that_of_the_images_that_were_answered():
    rng, labels = np.random.default_rng(0), np.repeat([0, 1, 2], 20)
    given = rng.dirichlet(np.ones(3), 60)
    alone = thresholds((labels[:40] == 0).astype(np.int64), _two_columns(given[:40], 0))
    given[40:] = wrong_answers(labels[40:], 3)
    assert (thresholds((labels == 0).astype(np.int64), _two_columns(given, 0)) == alone).all()
