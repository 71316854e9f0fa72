"""Prediction of a condition: the same bytes whether its batches are made ahead or in the loop."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
import torch
from helpers.images.image_folders import folder

from medshift.benchmark.datasets import manifest
from medshift.benchmark.datasets.streaming import ahead
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.runs import stream
from medshift.benchmark.runs.predict import predict
from medshift.shifts.errors import MedshiftError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    dataset = manifest.read_manifest(folder(tmp_path_factory.mktemp("data") / "set"))
    choices = Choices(source="site-a", shifts=("gamma", "gaussian-noise"), severities=(3,))
    terms, table = plan.plan(dataset, choices)
    return dataset, terms.model_copy(update={"batch_size": 5}), table


@pytest.fixture(params=[1, 2], ids=["in the loop", "in a thread"])
def threads(request, monkeypatch):
    monkeypatch.setattr(ahead, "cores", lambda: 3)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)
    assert not [thread for thread in threading.enumerate() if thread.name == "medshift-ahead"]


class Darkest:
    """Tells the exact value of a pixel, as a probability; refuses a batch if asked to."""

    def __init__(self, most=1000):
        self.most = most

    def __call__(self, images):
        self.most -= 1
        if not self.most:
            raise MedshiftError("enough")
        value = images[:, 0, 3, 4] / 2
        return torch.stack([value, 1 - value], 1)


def test_predictions_are_of_the_batches_of_the_stream(planned, threads):
    dataset, terms, table = planned
    for condition in terms.conditions():
        rows = stream.test_stream(terms, table, condition)
        shown = torch.cat(list(stream.condition_batches(dataset, rows, terms, condition)))
        if not condition.shift:
            assert torch.equal(shown, torch.from_numpy(dataset.pixels[rows["row"]]).float() / 255)
        found = predict(Darkest(), dataset, rows, terms, condition, CPU)
        assert found.tobytes() == Darkest()(shown).numpy().tobytes()


def test_a_predictor_that_fails_is_told_of_and_leaves_no_thread(planned, threads):
    dataset, terms, table = planned
    condition = terms.conditions()[-1]
    rows = stream.test_stream(terms, table, condition)
    with pytest.raises(MedshiftError, match="enough"):
        predict(Darkest(most=2), dataset, rows, terms, condition, CPU)


def test_a_stored_set_is_predicted_like_one_in_memory(planned, threads, tmp_path):
    dataset, terms, table = planned
    np.save(tmp_path / "pixels.npy", dataset.pixels)
    stored = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    condition = terms.conditions()[-1]
    rows = stream.test_stream(terms, table, condition)
    wanted = predict(Darkest(), dataset, rows, terms, condition, CPU)
    kept = dataclasses.replace(dataset, pixels=stored)
    assert predict(Darkest(), kept, rows, terms, condition, CPU).tobytes() == wanted.tobytes()
