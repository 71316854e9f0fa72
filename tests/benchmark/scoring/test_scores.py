"""Aggregates are the means they say, undefined figures stay undefined, and the table prints."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from medshift.benchmark.cli.summary import notes, print_summary
from medshift.benchmark.protocols import truth
from medshift.benchmark.reporting.numbers import format_decimal
from medshift.benchmark.scoring import thresholds
from medshift.benchmark.scoring.estimate import Estimate, mean, relative, weighted
from medshift.benchmark.scoring.metrics import METRICS, ece, metric_title
from medshift.benchmark.scoring.scores import board_metrics, score
from medshift.benchmark.submissions import predictions
from medshift.benchmark.submissions.card import claims


@pytest.fixture
def scored(fabricate):
    rows = fabricate.table()
    made = fabricate.terms(rows)
    return made, score(made, rows, fabricate.outputs(made, rows), 200)


def test_shifted_weighs_real_and_synthesized_alike_whatever_their_number(scored):
    made, found = scored
    for metric in made.metrics:
        value = {key: by_metric[metric].value for key, by_metric in found.conditions.items()}
        real = np.mean([value["site-b"], value["site-c"]])
        families = {}
        for condition in made.conditions():
            if condition.kind == "synthesized":
                families.setdefault(condition.family, []).append(value[condition.key])
        synthesized = np.mean([np.mean(members) for members in families.values()])
        aggregates = {name: by_metric[metric].value for name, by_metric in found.aggregates.items()}
        assert aggregates["real"] == pytest.approx(real)
        assert aggregates["synthesized"] == pytest.approx(synthesized)
        assert aggregates["synthesized/noise"] == pytest.approx(np.mean(families["noise"]))
        assert aggregates["shifted"] == pytest.approx((real + synthesized) / 2)
        sign = -1 if metric == "ece" else 1
        assert aggregates["drop"] == pytest.approx(sign * (value["site-a"] - aggregates["shifted"]))


def test_intervals_hold_the_figure_and_conditions_on_the_same_images_are_paired(scored):
    _, found = scored
    for by_metric in [*found.aggregates.values(), *found.conditions.values()]:
        for estimate in by_metric.values():
            if math.isnan(estimate.value):
                assert estimate.undefined  # what is left of ECE above chance
                continue
            low, high = estimate.interval
            assert low <= estimate.value <= high
    clean, noisy = (found.conditions[key]["auroc"] for key in ("site-a", "site-a/gamma@1"))
    assert np.std(clean.replicates - noisy.replicates) < np.hypot(np.std(clean.replicates), np.std(noisy.replicates))


@pytest.mark.parametrize("metric", ["auroc", "balanced_accuracy"])
def test_a_domain_of_one_class_is_left_out_of_the_means(fabricate, metric):
    rows = fabricate.table()
    rows.loc[rows["domain"] == "site-c", "label"] = 1
    made = fabricate.terms(rows)
    found = score(made, rows, fabricate.outputs(made, rows), 50)
    assert math.isnan(found.conditions["site-c"][metric].value)
    assert found.conditions["site-c"][metric].text == "–"
    real, worst = found.aggregates["real"][metric], found.aggregates["real-worst"][metric]
    assert real.value == worst.value == found.conditions["site-b"][metric].value
    assert (real.parts, real.undefined) == (1, 1)
    assert not math.isnan(found.aggregates["shifted"][metric].value)
    assert np.isfinite(found.aggregates["shifted"][metric].interval).all()
    assert {(c.condition, c.metric): c.value for c in claims(found)}["site-c", metric] is None
    assert any(f"{METRICS[metric].title} of site-c" in line for line in notes(made, found))


def test_a_site_of_two_patients_keeps_the_resamples_that_draw_one_class(fabricate):
    rows = fabricate.table()
    few = rows[(rows["domain"] == "site-c")].groupby("label").head(1)
    rows = truth.tidy(pd.concat([rows[rows["domain"] != "site-c"], few.assign(group=["p0", "p1"])]))
    made = fabricate.terms(rows)
    found = score(made, rows, fabricate.outputs(made, rows), 100)
    assert not np.isnan(found.conditions["site-c"]["balanced_accuracy"].replicates).any()
    assert np.isfinite(found.aggregates["shifted"]["balanced_accuracy"].interval).all()


def test_the_table_marks_sites_of_few_groups_and_names_the_positive_class(fabricate):
    rows = fabricate.table()
    few = rows["domain"] == "site-c"
    rows.loc[few, "group"] = np.where(rows.loc[few, "label"] == 1, "one", "two")
    made = fabricate.terms(rows)
    console = Console(width=100, record=True, file=io.StringIO())
    print_summary(made, score(made, rows, fabricate.outputs(made, rows), 0), console=console)
    text = console.export_text()
    assert "real site-c (2 groups)" in text
    assert "real site-b (" not in text
    assert "Positive class: class-1." in text
    several = fabricate.table(classes=3)
    terms = fabricate.terms(several, classes=3)
    assert not any(
        "Positive" in line for line in notes(terms, score(terms, several, fabricate.outputs(terms, several), 0))
    )


@pytest.mark.parametrize(
    ("name", "positive", "title"),
    [
        ("sensitivity", "ill", "sensitivity for ill"),
        ("auroc", "ill", "AUROC for ill"),
        ("balanced_accuracy", "ill", "balanced accuracy"),
        ("sensitivity", "", "sensitivity"),
    ],
)
def test_what_is_measured_of_one_class_is_titled_so(name, positive, title):
    assert metric_title(name, positive) == title


def test_a_mean_of_nothing_defined_is_undefined():
    nothing = Estimate(math.nan, np.full(3, np.nan), by_seed=np.full((2, 4), np.nan))
    found = mean([nothing, nothing])
    some = Estimate(0.5, np.full(3, 0.5), by_seed=np.full((2, 4), 0.5))
    assert math.isnan(weighted([some, found], [1, -1]).value)  # of several seeds, too
    assert math.isnan(found.value)
    assert (found.parts, found.undefined) == (0, 2)
    assert np.isnan(found.interval).all()


@pytest.mark.parametrize("changes", [{"targets": ()}, {"shifts": {}}, {"targets": (), "shifts": {}}])
def test_a_protocol_may_lack_real_or_synthesized_shifts(fabricate, changes):
    rows = fabricate.table()
    made = fabricate.terms(rows, **changes)
    found = score(made, rows, fabricate.outputs(made, rows), 20)
    assert ("shifted" in found.aggregates) == ("drop" in found.aggregates) == (len(changes) == 1)
    print_summary(made, found, console=Console(width=100, quiet=True))


def test_without_replicates_there_are_values_and_no_intervals(fabricate):
    rows = fabricate.table()
    made = fabricate.terms(rows)
    arrays = fabricate.outputs(made, rows)
    bare, full = score(made, rows, arrays, 0), score(made, rows, arrays, 10)
    assert claims(bare) == claims(full)
    assert bare.aggregates["shifted"]["auroc"].text.startswith(".")
    assert "[" not in bare.aggregates["shifted"]["auroc"].text


def test_a_card_claims_the_usual_ece_and_what_is_shown_is_less_whether_or_not_there_are_intervals(fabricate):
    rows = fabricate.table()
    made = fabricate.terms(rows)
    arrays = fabricate.outputs(made, rows)
    bare, full = score(made, rows, arrays, 0), score(made, rows, arrays, 50)
    claimed = {c.condition: c.value for c in claims(full) if c.metric == "ece"}
    for condition in made.conditions():
        labels = truth.truth_of(rows, condition)["label"].to_numpy()
        usual = ece(labels, arrays[condition.key], np.arange(len(labels)), np.ones((1, len(labels))))[0]
        assert claimed[condition.key] == pytest.approx(usual, abs=1e-12)
        found = full.conditions[condition.key]["ece"]
        assert found.value < usual
        assert found.value == bare.conditions[condition.key]["ece"].value
        assert found.replicates.mean() == pytest.approx(found.value)  # also near zero, or they would hardly vary


def test_scores_do_not_change_with_the_order_in_which_rows_were_written(fabricate, tmp_path):
    rows = fabricate.table()
    made = fabricate.terms(rows)
    arrays = fabricate.outputs(made, rows)
    shuffled = {}
    for key, (ids, values) in reversed(fabricate.parts(made, rows, arrays).items()):
        order = np.random.default_rng(0).permutation(len(ids))
        shuffled[key] = ([ids[i] for i in order], values[order])
    predictions.write(shuffled, tmp_path / "p.parquet")
    read = predictions.read(tmp_path / "p.parquet", made, rows)
    assert claims(score(made, rows, read, 0)) == claims(score(made, rows, arrays, 0))


def test_the_table_says_simulated_and_names_the_worst(scored):
    made, found = scored
    console = Console(width=100, record=True, file=io.StringIO())
    print_summary(made, found, "scratch [bold], seed 0", console)
    text = console.export_text()
    assert "SIMULATED: scratch [bold], seed 0 on made-up" in text
    assert "Worst by balanced accuracy: site-a/" in text
    assert "synth. noise" in text
    assert "Drop: positive is worse" in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_table_breaks_no_name_and_no_figure(fabricate, width):
    target = "St.-Anna-Kinderspital"
    rows = fabricate.table(targets=(target,))
    made = fabricate.terms(rows, targets=(target,), metrics=("balanced_accuracy", "auroc", "ece", "brier"))
    found = score(made, rows, fabricate.outputs(made, rows), 20)
    console = Console(width=width, file=io.StringIO())
    print_summary(made, found, "scratch", console)
    text = console.file.getvalue()
    assert "…" not in text
    assert target in text.split()
    estimate = found.aggregates["shifted"]["auroc"].text
    assert all(part in text for part in estimate.split(" ", 1))
    assert (estimate in text) == (width == 200)  # else the interval stands below


def test_one_domain_says_that_nothing_real_was_tested(fabricate):
    rows = fabricate.table(targets=())
    made = fabricate.terms(rows, targets=())
    line = "One domain: no real shift was tested."
    assert line in notes(made, score(made, rows, fabricate.outputs(made, rows), 20))
    rows = fabricate.table()
    made = fabricate.terms(rows)
    assert line not in notes(made, score(made, rows, fabricate.outputs(made, rows), 20))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.8734, ".873"), (-0.0121, "-.012"), (1.0, "1.000"), (0.9999, "1.000"), (0, ".000"), (-0.0001, ".000"),
     (math.nan, "–"), (-1, "-1.000"), (10.5, "10.500")],
)  # fmt: skip
def test_numbers_are_printed_without_their_zero(value, text):
    assert format_decimal(value) == text


def test_a_truth_keeps_its_hash_through_its_file(fabricate, tmp_path):
    rows = fabricate.table()
    truth.write(rows, tmp_path / "t.parquet")
    assert truth.digest(truth.read(tmp_path / "t.parquet")) == truth.digest(rows)


def parts_of(scored, metric="balanced_accuracy"):
    made, found = scored
    return made, {key: by[metric].value for key, by in found.conditions.items()}, found.aggregates


def test_worst_domain_worst_shift_and_the_area_are_what_they_say(scored):
    made, value, aggregates = parts_of(scored)
    shifts = {name: [value[f"site-a/{name}@{s}"] for s in (1, 3, 5)] for name in made.shifts}
    assert aggregates["real-worst"]["balanced_accuracy"].value == min(value["site-b"], value["site-c"])
    worst = min(np.mean(curve) for curve in shifts.values())
    assert aggregates["synthesized-worst"]["balanced_accuracy"].value == pytest.approx(worst)
    areas = {n: np.trapezoid([value["site-a"], *c], [0, 1, 3, 5]) / 5 for n, c in shifts.items()}
    noise = np.mean([areas["gaussian-noise"], areas["rician-noise"]])
    wanted = np.mean([noise, areas["gamma"], areas["psf-blur"]])
    assert aggregates["area"]["balanced_accuracy"].value == pytest.approx(wanted)
    assert aggregates["real-worst"]["ece"].value == max(
        found["ece"].value for name, found in aggregates.items() if name.startswith("real/")
    )


def test_relative_robustness_is_defined_only_clearly_above_chance(fabricate, scored):
    _, value, aggregates = parts_of(scored)
    found = aggregates["relative"]["balanced_accuracy"]
    wanted = (aggregates["shifted"]["balanced_accuracy"].value - 0.5) / (value["site-a"] - 0.5)
    assert found.value == pytest.approx(wanted)
    assert found.interval[0] < found.value < found.interval[1]
    assert math.isnan(aggregates["relative"]["ece"].value)
    rows = fabricate.table()
    made = fabricate.terms(rows)
    guessing = score(made, rows, fabricate.outputs(made, rows, skill=0.0), 200)
    for metric in ("balanced_accuracy", "auroc"):
        assert math.isnan(guessing.aggregates["relative"][metric].value)
        assert np.isnan(guessing.aggregates["relative"][metric].interval).all()
    exactly = relative(Estimate(0.5, np.full(9, 0.5)), Estimate(0.4, np.full(9, 0.4)), 0.5)
    assert math.isnan(exactly.value)


@pytest.mark.parametrize("classes", [2, 3])
def test_thresholds_are_frozen_on_source_validation_and_drift_elsewhere(fabricate, classes):
    rows = fabricate.table(groups=60, classes=classes)
    made = fabricate.terms(rows, classes=classes)
    arrays = fabricate.outputs(made, rows)
    labels = {c.key: truth.truth_of(rows, c)["label"].to_numpy() for c in made.conditions()}
    odds = arrays["site-b"][:, -1] * 0.3  # the next site's scanner makes the last class look less likely
    moved = np.concatenate([arrays["site-b"][:, :-1], odds[:, None]], axis=1)
    arrays["site-b"] = (moved / moved.sum(axis=1, keepdims=True)).astype(np.float32)
    found = score(made, rows, arrays, 0, metrics=board_metrics(made)).conditions
    frozen = thresholds.thresholds(labels["site-a/val"], arrays["site-a/val"])
    for key in ("site-a/val", "site-a", "site-b"):
        sensitivities, specificities = [], []
        for k in thresholds.positives(classes):
            called = arrays[key][:, k] >= frozen[k]
            sensitivities.append(called[labels[key] == k].mean())
            specificities.append(1 - called[labels[key] != k].mean())
        assert found[key]["sensitivity"].value == pytest.approx(np.mean(sensitivities))
        assert found[key]["specificity"].value == pytest.approx(np.mean(specificities))
    assert found["site-b"]["sensitivity"].value < found["site-a"]["sensitivity"].value


@pytest.mark.parametrize("seed", range(20))
def test_the_threshold_is_the_best_that_there_is(seed):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, 40), rng.integers(0, 12, 40) / 11
    (_, frozen) = thresholds.thresholds(labels, np.stack([1 - scores, scores], axis=1))

    def quality(threshold):
        return (scores[labels == 1] >= threshold).mean() + (scores[labels == 0] < threshold).mean()

    assert quality(frozen) == pytest.approx(max(quality(t) for t in np.linspace(0, 1.1, 500)))
    assert thresholds.thresholds(np.zeros(3, int), np.full((3, 2), 0.5)).tolist() == [0.5, 0.5]
