"""The model of a submission, fitted again, predicts a folder of new images as it predicts the same images of a site."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.images.image_folders import folder

from medshift.benchmark import evaluate
from medshift.benchmark.datasets.images import Images
from medshift.benchmark.datasets.importing.collection import read_unlabelled
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.estimation.stored import estimate_sites, source_evidence
from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.protocols.truth import truth_of
from medshift.benchmark.runs import refit
from medshift.benchmark.scoring.bootstrap import resampled_splits
from medshift.benchmark.submissions import predictions
from medshift.shifts.errors import MedshiftError

SETTINGS = {"arch": "test_resnet", "steps": 8}
SHIFTS = ("gamma", "gaussian-noise", "psf-blur")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A submission of a small network, its data, and a folder with the test images of a site, without labels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(tmp_path_factory.mktemp("home")))
        data, out = folder(tmp_path_factory.mktemp("data") / "set"), tmp_path_factory.mktemp("out")
        evaluate(
            "scratch", data=data, shifts=SHIFTS, severities=(1, 2, 3, 4, 5), settings=SETTINGS, out=out, threads=1,
            device="cpu",
        )  # fmt: skip
        (entry,) = out.glob("*/*/seed-0")
        protocol, truth = read_protocol(entry.parent.parent)
        (site,) = (condition for condition in protocol.conditions() if condition.key == "site-b")
        new = tmp_path_factory.mktemp("new")
        for name in truth_of(truth, site)["sample_id"]:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(data / name, new / name)
        yield entry, data, new


def test_new_images_are_predicted_as_those_of_a_site(ran):
    entry, data, new = ran
    protocol, truth = read_protocol(entry.parent.parent)
    arrays = predictions.read(entry / "predictions.parquet", protocol, truth)
    facts = protocol.dataset
    found = read_unlabelled(new, Options(image_size=facts.image_size[0], channels=facts.channels, depth=8))
    predictor, device = refit.refit(entry, data)
    images = Images(found.pixels, found.value_range)
    made = refit.predict_images(predictor, images, found.ids, protocol, device)
    order = np.argsort(found.ids)
    assert made[order] == pytest.approx(arrays["site-b"], abs=1e-5)


class Sides:
    """Predicts by the side of the images that it is given."""

    def __call__(self, images):
        share = torch.full((len(images), 1), images.shape[-1] / 100)
        return torch.cat([share, 1 - share], 1)


def test_new_images_are_scaled_as_the_protocol_scales_those_of_a_site(fabricate):
    protocol = fabricate.terms(fabricate.table()).model_copy(update={"size": 8})
    images = Images(np.zeros((3, 1, 16, 16), np.uint8), None)
    made = refit.predict_images(Sides(), images, ["a", "b", "c"], protocol, torch.device("cpu"))
    assert made[:, 0] == pytest.approx([0.08] * 3)


def test_a_folder_is_estimated_as_the_site_whose_images_it_holds(ran):
    entry, data, new = ran
    protocol, truth = read_protocol(entry.parent.parent)
    splits = resampled_splits(protocol, truth, 0)
    arrays = predictions.read(entry / "predictions.parquet", protocol, truth)
    source = source_evidence(protocol, splits, arrays)
    names = ["atc", "cbpe", "synthesized-regression"]
    found = refit.estimate_images(entry, source, [new], names, data)[str(new)]
    stored = estimate_sites(protocol, splits, arrays, ["site-b"], names)["site-b"]
    for name in names:
        assert found[name].value == pytest.approx(stored[name].value, abs=1e-4, nan_ok=True)


def test_a_model_that_does_not_come_out_the_same_is_refused(ran, monkeypatch):
    entry, data, _ = ran
    read = refit.submission.read_submission

    def other(*given):
        card, arrays = read(*given)
        return card, {key: array[:, ::-1] for key, array in arrays.items()}

    monkeypatch.setattr(refit.submission, "read_submission", other)
    with pytest.raises(MedshiftError, match="does not come out the same here"):
        refit.refit(entry, data)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(MedshiftError, match="holds no image"):
        read_unlabelled(tmp_path, Options())


def test_patients_are_found_in_paths(ran):
    _, _, new = ran
    by_pattern = read_unlabelled(new, Options(group_pattern=r"([^/]+)\.png$", image_size=16))
    assert by_pattern.groups == [name.rpartition("/")[2].removesuffix(".png") for name in by_pattern.ids]
    assert pd.Series(by_pattern.ids).is_unique
