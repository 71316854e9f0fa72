"""The curve of a training: its columns are those of the steps that were taken and of the network that is kept."""

import numpy as np
import pytest
import torch
from helpers.bright_squares import TINY, access

from medshift.baselines.common import training
from medshift.baselines.scratch.scratch import Scratch
from medshift.benchmark.contract.access import Access


def test_a_curve_holds_the_rate_of_the_steps_and_the_figures_of_the_kept_network(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path))
    rates, step, records = [], torch.optim.AdamW.step, []

    def noted(optimiser, *given):
        rates.append(optimiser.param_groups[0]["lr"])
        return step(optimiser, *given)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    told = Access(**{**access().__dict__, "trained": records.append})
    made = Scratch(**TINY | {"steps": 60, "patience": 1.0})
    found = made.fit(told)
    (record,) = records
    curve = record.curve
    assert record.losses == curve.losses
    assert curve.step == tuple(range(2, 61, 2))
    assert curve.images == tuple(8 * each for each in curve.step)
    assert curve.epoch == pytest.approx([8 * each / 48 for each in curve.step])
    assert curve.learning_rate == pytest.approx([rates[each - 1] for each in curve.step])
    assert list(curve.seconds) == sorted(curve.seconds)
    at = curve.step.index(record.kept)
    probabilities, labels = found(told.val.scaled(told.val.stored(slice(None)), told.device)).numpy(), told.val.labels
    recalls = [(probabilities.argmax(1) == labels)[labels == k].mean() for k in (0, 1)]
    assert (curve.metric, curve.validation_figure[at]) == ("balanced_accuracy", np.mean(recalls))
    costs = -np.log(probabilities[np.arange(len(labels)), labels])
    assert curve.validation_loss[at] == pytest.approx(costs.mean(), rel=1e-4)


def test_the_figure_of_a_single_class_is_undefined():
    told = access()
    told.val.labels[:] = 1
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32 * 32, 2))
    assert training.validate(network, told, torch.ones(2))[1] is None
