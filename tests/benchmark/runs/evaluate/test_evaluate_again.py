"""A callable that is evaluated again: its entry is kept if nothing else is stated, and never silently."""

from __future__ import annotations

import pytest
import torch
from helpers.images.image_folders import folder

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
