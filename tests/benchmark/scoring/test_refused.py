"""A refused image is a wrong answer in every figure, whatever the class, the threshold and the number of classes."""

import numpy as np
import pytest

from medshift.benchmark.scoring.metrics import METRICS
from medshift.benchmark.scoring.refused import answered, wrong_answers
from medshift.benchmark.scoring.thresholds import binarise, thresholds


@pytest.mark.parametrize("classes", [2, 3, 8])
@pytest.mark.parametrize("frozen", [0.0, 0.5, 1.0])
def test_a_model_that_refuses_all_has_the_worst_of_every_figure(classes, frozen):
    labels = np.repeat(np.arange(classes), 5)
    rows, ones = wrong_answers(labels, classes), np.ones((1, len(labels)))
    assert not answered(rows).any()
    for metric in METRICS.values():
        given = binarise(rows, np.full(classes, frozen)) if metric.operating else rows
        (value,) = metric.function(labels, given, np.arange(len(labels)), ones)
        assert value == (0 if metric.higher_is_better else metric.most)


def test_refused_images_do_not_move_a_threshold():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 80)
    sure = np.clip(0.3 * labels + 0.35 + 0.2 * rng.standard_normal(80), 0, 1)
    rows = np.stack([1 - sure, sure], axis=1)
    alone = thresholds(labels[:40], rows[:40])
    rows[40:] = wrong_answers(labels[40:], 2)
    assert (thresholds(labels, rows) == alone).all()
    assert (thresholds(labels[40:], rows[40:]) == 0.5).all()
