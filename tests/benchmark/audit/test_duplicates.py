"""Copies are found in any frame; what all images share does not make them copies."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medshift.benchmark.audit.duplicates import duplicates
from medshift.benchmark.datasets.dataset import Dataset

SIDE = 64
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def field(rng):
    """Draw a smooth random image with a little noise, as independent as two patients."""
    away = np.fft.fftfreq(SIDE)[:, None] ** 2 + np.fft.rfftfreq(SIDE)[None] ** 2
    smooth = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) * np.exp(-150 * away), (SIDE, SIDE))
    return 0.5 + 0.08 * smooth / smooth.std() + rng.normal(0, 0.03, (SIDE, SIDE))


def border(image, rng):
    image[:8] = image[-8:] = image[:, :8] = image[:, -8:] = 0


def bar(image, rng):
    image[:8] = 0.95


def round_view(image, rng):
    image[np.hypot(ROWS - 31.5, COLUMNS - 31.5) > rng.choice([26, 28, 30])] = 0


def marker(image, rng):
    image[2:10, 2:10] = 1
    image[4:8, 4:8] = 0


def collimated_third(image, rng):
    if rng.random() < 0.3:
        border(image, rng)


def jpeg(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=50)
    return np.asarray(Image.open(file))


COPIES = (jpeg, lambda image: (0.7 * image + 20).round().astype(np.uint8), lambda image: jpeg(image // 4 * 3 + 30))


def framed(frame, count, copies=0):
    """Make a data set of two domains, whose last images are copies of its first."""
    rng = np.random.default_rng(3)
    pixels = np.stack([field(rng) for _ in range(count)])
    for image in pixels:
        frame(image, rng)
    pixels = (255 * pixels.clip(0, 1)).round().astype(np.uint8)
    for index in range(copies):
        pixels[count - 1 - index] = COPIES[index % len(COPIES)](pixels[index])
    names = [str(index) for index in range(count)]
    domain = ["a" if index < count // 2 else "b" for index in range(count)]
    table = pd.DataFrame({"sample_id": names, "label": 0, "domain": domain, "group": names, "split": "test"})
    table.loc[::2, "label"] = 1
    return Dataset("framed", "1", ("x", "y"), "any", table, pixels[:, None])


@pytest.mark.parametrize("frame", [border, bar, round_view, marker, collimated_third])
@pytest.mark.parametrize(("count", "copies"), [(48, 6), (16, 3)])
def test_copies_are_found_and_images_with_the_same_frame_are_none(frame, count, copies):
    made = framed(frame, count, copies)
    found = {(pair.first, pair.second) for pair in duplicates(made, made.table).pairs}
    assert found == {(index, count - 1 - index) for index in range(copies)}


@pytest.mark.parametrize("frame", [border, bar, round_view, marker, collimated_third])
@pytest.mark.parametrize("inverted", [[44, 46, 47], range(24, 48)], ids=["some of a site", "a whole site"])
def test_inverted_copies_are_found_and_told(frame, inverted):
    made = framed(frame, 48, 6)
    made.pixels[list(inverted)] = 255 - made.pixels[list(inverted)]
    pairs = duplicates(made, made.table).pairs
    assert {(pair.first, pair.second) for pair in pairs} == {(index, 47 - index) for index in range(6)}
    assert {pair.second for pair in pairs if pair.inverted} == set(range(42, 48)) & set(inverted)


def test_copies_are_found_where_there_are_only_three_images():
    made = framed(border, 3, 1)
    assert [(pair.first, pair.second) for pair in duplicates(made, made.table).pairs] == [(0, 2)]


def test_a_copy_keeps_the_frame_of_the_site_that_it_comes_from():
    made = framed(border, 40)
    made.pixels[20:] = framed(bar, 40).pixels[20:]
    made.pixels[39, 0] = jpeg(made.pixels[0, 0])
    assert [(pair.first, pair.second) for pair in duplicates(made, made.table).pairs] == [(0, 39)]


def test_ten_copies_of_one_image_among_forty_are_all_found():
    made = framed(border, 40)
    for index in range(1, 10):
        made.pixels[index, 0] = np.clip(made.pixels[0, 0] * (0.7 + 0.03 * index) + index, 0, 255)
    found = {(pair.first, pair.second) for pair in duplicates(made, made.table).pairs}
    assert found == {(one, other) for other in range(10) for one in range(other)}
