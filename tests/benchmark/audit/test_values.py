"""Stored values that no network can use well are found: depth, outliers, constant images."""

from __future__ import annotations

import re
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
from helpers.images.made_up_data import data

from medshift.benchmark.audit import value_use as values
from medshift.benchmark.audit.audit import Audit, audit
from medshift.benchmark.audit.counts import counts
from medshift.benchmark.audit.duplicates import Duplicates
from medshift.benchmark.audit.findings import SERIOUS, findings
from medshift.benchmark.audit.report.page import page
from medshift.benchmark.datasets.dataset import Dataset


def stored(edit, kind="uint16", value_range=None):
    """Return made-up data in another type, edited there, of a usual range 0 to 4,095."""
    made = data()
    pixels = (made.pixels.astype(np.float32) / made.pixels.max() * 4095).astype(kind)
    pixels[:, 0, 0, 0], pixels[:, 0, 0, 1] = 0, 4095
    pixels = edit(pixels)
    return Dataset("values", "1", made.classes, "any", made.table, pixels, value_range)


def said(made):
    empty = Audit(made, "a", counts(data(), "a"), Duplicates([], 0), [], [], [], [], {}, [], values.value_use(made))
    return {f.text: f for f in findings(empty)}


def silent(label, unit):
    return nullcontext(lambda done, total: None)


def put(pixels, rows, value):
    pixels[rows] = value
    return pixels


def hot(pixels):
    pixels[7, 0, 3, 3] = 65535
    return pixels


LITTLE = "the images use 6 % of the scale: values 0 to 4,095 of 0 to 65,535: 12 bits in 16"
OUTLIER = "1 image holds 94 % of the range of values alone: a-7 holds 0 to 65,535, others 0 to 4,095"


@pytest.mark.parametrize(
    ("made", "texts"),
    [
        (lambda: stored(lambda p: p), [LITTLE]),
        (lambda: stored(hot), [LITTLE, OUTLIER]),
        (lambda: stored(hot, "float32", (0.0, 65535.0)), [LITTLE.removesuffix(": 12 bits in 16"), OUTLIER]),
        (lambda: stored(lambda p: p, value_range=(0.0, 4095.0)), []),
        (lambda: stored(lambda p: p * 16), []),
        (
            lambda: stored(lambda p: np.where(np.arange(120)[:, None, None, None] < 60, p, p * 16)),
            ["the greatest value of an image differs between domains: 4,095 in a, 65,520 in b"],
        ),
        (
            lambda: stored(lambda p: put(put(p * 16, slice(60, 63), 0), 70, 30000)),
            ["4 images hold hardly more than one value (3 black; 4 in b), e.g. b-0"],
        ),
        (lambda: data(), []),
    ],
)
def test_values_are_named_with_their_share_of_the_scale(made, texts):
    found = said(made())
    assert list(found) == texts
    assert all(each.weight == SERIOUS and each.advice.endswith(".") for each in found.values())


def test_the_text_for_others_names_no_image():
    for made in (stored(hot), stored(lambda p: put(p, [60, 61, 62, 63], 0))):
        empty = Audit(made, "a", counts(data(), "a"), Duplicates([], 0), [], [], [], [], {}, [], values.value_use(made))
        for each in findings(empty):
            shared = each.nameless or each.text
            assert set(re.split(r"[\s,:]+", shared)).isdisjoint(made.table["sample_id"])
            assert bool(each.nameless) == (not set(re.split(r"[\s,:]+", each.text)).isdisjoint(made.table["sample_id"]))


def test_pixels_are_read_block_by_block_with_the_same_result(monkeypatch):
    made = stored(hot)
    whole = values.value_use(made)
    monkeypatch.setattr(values, "BLOCK", 3 * made.pixels[:1].nbytes)
    parts = values.value_use(made)
    assert (parts.greatest == whole.greatest).all()
    assert parts.outliers.tolist() == whole.outliers.tolist() == [7]


def test_nearly_black_images_are_audited_without_a_warning_of_a_library():
    def black(pixels, table):
        pixels[:] = np.random.default_rng(0).integers(0, 3, pixels.shape)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = audit(data((("a", 24), ("b", 24)), edit=black), "a", ["gamma"], silent, images=20)
    assert any("the images use less than 1 % of the scale" in each.text for each in findings(found))
    assert ">nan" not in page(found)
