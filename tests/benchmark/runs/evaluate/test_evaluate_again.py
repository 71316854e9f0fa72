"""A callable that is evaluated again, of other images, or stopped; and what contradicts itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.images.image_folders import folder
from PIL import Image

from medshift.benchmark import evaluate
from medshift.benchmark.submissions import card
from medshift.shifts.errors import MedshiftError


def brightness(batch: torch.Tensor) -> torch.Tensor:
    sick = torch.sigmoid(20 * (batch.flatten(1).quantile(0.97, dim=1) - 0.6))
    return torch.stack([1 - sick, sick], 1)


def test_the_same_predictions_with_other_statements_are_refused(tmp_path, home):
    images = folder(tmp_path / "set", {"site-a": 48, "site-b": 16})
    options = {"data": images, "shifts": ["gamma"], "severities": [1], "threads": 1, "out": tmp_path / "out"}
    evaluate(brightness, **options, submitter="somebody")
    (place,) = (tmp_path / "out").glob("*/brightness/seed-0")
    made = card.read(place)
    for other, named in (
        ({"sees": "target-unlabelled"}, r"statements \(sees='source'\)"),
        ({"submitter": "somebody else"}, r"statements \(submitter='somebody'\)"),
    ):
        with pytest.raises(MedshiftError, match=rf"holds other {named}: choose another name or seed"):
            evaluate(brightness, **options, **other)
        assert card.read(place) == made
    evaluate(brightness, **options, rejections=True)  # it refuses none, and says nothing of who submits it
    assert card.read(place) == made


def test_images_that_changed_under_their_names_stop_before_the_work(tmp_path, home):
    images = folder(tmp_path / "set", {"site-a": 48, "site-b": 16})
    options = {"data": images, "shifts": ["gamma"], "severities": [1], "threads": 1, "out": tmp_path / "out"}
    evaluate(brightness, **options)
    for path in (images / "images").glob("*.png"):
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)

    def never(batch):
        raise AssertionError

    with pytest.raises(MedshiftError, match=r"seed-0 was made with other images under the same names"):
        evaluate(never, **options)
    assert len(list(tmp_path.rglob("card.json"))) == 1


def test_a_callable_that_is_stopped_is_not_said_to_be_kept(tmp_path, home):
    def stops(batch):
        raise KeyboardInterrupt

    images = folder(tmp_path / "set", {"site-a": 48, "site-b": 16})
    with pytest.raises(KeyboardInterrupt) as stop:
        evaluate(stops, data=images, shifts=["gamma"], severities=[1], threads=1, out=tmp_path / "out")
    assert not hasattr(stop.value, "__notes__")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"reading": {"image_size": 5, "fit": "pad"}}, "reading: image_size: give what is an argument of its own"),
        ({"settings": {"budget": "long"}, "budget": "short"}, "settings of budget=long both say how long to train"),
        ({"settings": {"steps": 10}, "budget": "long"}, "settings of steps=10 both say how long to train"),
        ({"seed": 2**63}, "a card cannot hold seed 9223372036854775808: the largest is 9223372036854775807"),
    ],
)
def test_what_contradicts_itself_or_cannot_be_kept_is_refused(tmp_path, home, more, message):
    images = folder(tmp_path / "set", {"site-a": 48, "site-b": 16})
    with pytest.raises(MedshiftError, match=message):
        evaluate("scratch", data=images, shifts=["gamma"], severities=[1], threads=1, **more)
