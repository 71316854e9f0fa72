"""Aggregates are the means they say, undefined figures stay undefined, and the table prints."""

import io
import math

import numpy as np
import pytest
from rich.console import Console

from medshift.benchmark import predictions, truth
from medshift.benchmark.scores import Estimate, decimal, mean, score
from medshift.benchmark.summary import notes, print_summary


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
            low, high = estimate.interval
            assert low <= estimate.value <= high
    clean, noisy = (found.conditions[key]["auroc"] for key in ("site-a", "site-a/gamma@1"))
    assert np.std(clean.replicates - noisy.replicates) < np.hypot(np.std(clean.replicates), np.std(noisy.replicates))


def test_a_domain_of_one_class_has_no_auroc_and_is_left_out(fabricate):
    rows = fabricate.table()
    rows.loc[rows["domain"] == "site-c", "label"] = 1
    made = fabricate.terms(rows)
    found = score(made, rows, fabricate.outputs(made, rows), 50)
    assert math.isnan(found.conditions["site-c"]["auroc"].value)
    assert found.conditions["site-c"]["auroc"].text == "–"
    real = found.aggregates["real"]["auroc"]
    assert real.value == found.conditions["site-b"]["auroc"].value
    assert (real.parts, real.undefined) == (1, 1)
    assert not math.isnan(found.aggregates["shifted"]["auroc"].value)
    assert {(c.condition, c.metric): c.value for c in found.claims()}["site-c", "auroc"] is None
    assert any("AUROC of site-c" in line for line in notes(made, found))


def test_a_mean_of_nothing_defined_is_undefined():
    nothing = Estimate(math.nan, np.full(3, np.nan))
    found = mean([nothing, nothing])
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
    assert bare.claims() == full.claims()
    assert bare.aggregates["shifted"]["auroc"].text.startswith(".")
    assert "[" not in bare.aggregates["shifted"]["auroc"].text


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
    assert score(made, rows, read, 0).claims() == score(made, rows, arrays, 0).claims()


def test_the_table_says_simulated_and_names_the_worst(scored):
    made, found = scored
    console = Console(width=100, record=True, file=io.StringIO())
    print_summary(made, found, "scratch [bold], seed 0", console)
    text = console.export_text()
    assert "SIMULATED: scratch [bold], seed 0 on made-up" in text
    assert "Worst by balanced accuracy: site-a/" in text
    assert "synthesized noise" in text
    assert "Drop: positive is worse" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.8734, ".873"), (-0.0121, "-.012"), (1.0, "1.000"), (0.9999, "1.000"), (0, ".000"), (-0.0001, ".000"),
     (math.nan, "–"), (-1, "-1.000"), (10.5, "10.500")],
)  # fmt: skip
def test_numbers_are_printed_without_their_zero(value, text):
    assert decimal(value) == text


def test_a_truth_keeps_its_hash_through_its_file(fabricate, tmp_path):
    rows = fabricate.table()
    truth.write(rows, tmp_path / "t.parquet")
    assert truth.digest(truth.read(tmp_path / "t.parquet")) == truth.digest(rows)
