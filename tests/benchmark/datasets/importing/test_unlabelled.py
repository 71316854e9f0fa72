"""A folder of images without labels: patients come from headers, or from paths."""

from __future__ import annotations

import pandas as pd
import pytest
from helpers.images.dicom_files import tree
from helpers.images.image_folders import folder

from medshift.benchmark.datasets.importing.collection import read_unlabelled
from medshift.benchmark.datasets.importing.options import Options
from medshift.shifts.errors import MedshiftError


def test_patients_of_dicom_are_those_of_the_headers(tmp_path):
    images, _ = tree(tmp_path / "scans")  # in two folders; two images per patient
    found = read_unlabelled(images, Options(depth=8))
    assert found.pixels.shape == (8, 1, 16, 16)
    assert len(set(found.ids)) == 8
    assert sorted(pd.Series(found.groups).value_counts()) == [2, 2, 2, 2]


def test_a_path_without_a_patient_is_named(tmp_path):
    images = folder(tmp_path / "set", {"site-a": 4})
    with pytest.raises(MedshiftError, match=r"4 files, the first .*: --group-pattern does not match"):
        read_unlabelled(images, Options(group_pattern="nobody"))
