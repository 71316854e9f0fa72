"""The same pixels are the same data set and get the same scores, whatever they are written as."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tifffile
from helpers.images.dicom_files import write as write_dicom
from helpers.images.picture_files import exif, png
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from medshift.benchmark.datasets import store
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.pictures.orientation import turn_values
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.benchmark.scoring import metrics

pytestmark = pytest.mark.usefixtures("home")

UNDONE = {6: 8, 8: 6}  # orientation that undoes another; all others undo themselves
COUNT = 6
TURNABLE = ("png", "tif")


def write(path: Path, values: np.ndarray, orientation: int) -> None:
    """Write (H, W, C) of 8 or 16 bits as its name says, stored so that a viewer must turn it."""
    if path.suffix in (".bmp", ".dcm"):
        assert orientation == 1
    turned = np.moveaxis(turn_values(np.moveaxis(values, -1, 0), UNDONE.get(orientation, orientation)), 0, -1)
    flat = np.ascontiguousarray(turned if values.shape[2] == 3 else turned[..., 0])
    if path.suffix == ".png":
        png(path, turned, (b"eXIf", exif(orientation).tobytes()[6:]))
    elif path.suffix == ".tif":
        photometric = "rgb" if flat.ndim == 3 else "minisblack"
        tifffile.imwrite(path, flat, photometric=photometric, extratags=[(274, 3, 1, orientation, True)])
    elif path.suffix == ".dcm":
        write_dicom(path, flat, int(path.stem))
    else:
        Image.fromarray(flat).save(path)


@st.composite
def writings(draw):
    """Draw a format, a depth and an orientation that go together, and names of the classes."""
    ending = draw(st.sampled_from(("png", "tif", "bmp", "dcm")))
    channels = draw(st.sampled_from((1, 3)))
    eight_only = ending == "bmp" or (ending == "dcm" and channels == 3)
    return {
        "ending": ending,
        "channels": channels,
        "depth": "8" if eight_only else draw(st.sampled_from(("8", "16", "8 in 16"))),
        "orientations": draw(st.lists(st.integers(1, 8 if ending in TURNABLE else 1), min_size=COUNT, max_size=COUNT)),
        "names": tuple(draw(st.permutations(("no finding", "Ödem", "0")))),
        "separator": draw(st.sampled_from(",;\t|")),
    }


def scored(made, names: tuple[str, ...], certain: np.ndarray) -> dict[str, float]:
    """Score predictions that are known by the names of the classes, (N, len(names)), on a data set."""
    given = certain[:, [names.index(name) for name in made.classes]]
    labels, groups = made.table["label"].to_numpy(), np.arange(len(made.table))
    weights = np.ones((1, len(labels)))
    return {
        name: float(metrics.METRICS[name].function(labels, given, groups, weights)[0])
        for name in ("balanced_accuracy", "auroc", "ece", "brier")
    }


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), how=writings())
def test_format_depth_orientation_separator_and_names_of_classes_change_nothing(seed, how):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (COUNT, 8, 11, how["channels"])).astype(np.uint8)
    labels = [index % 3 for index in range(COUNT)]
    deep = {"8": images, "16": images * np.uint16(257), "8 in 16": images.astype(np.uint16)}[how["depth"]]
    ranges = ("0,255",) if how["depth"] == "8 in 16" else ()
    with tempfile.TemporaryDirectory() as folder:
        lines = [["image", "label", "domain", "split_group"]]
        for index, (values, orientation) in enumerate(zip(deep, how["orientations"], strict=True)):
            write(Path(folder) / f"{index}.{how['ending']}", values, orientation)
            lines.append([f"{index}.{how['ending']}", how["names"][labels[index]], "ab"[index % 2], f"p{index // 2}"])
        text = "\n".join(how["separator"].join(line) for line in lines)
        (Path(folder) / "manifest.csv").write_text(text, encoding="utf-8")
        direct = read_manifest(folder, value_ranges=ranges)
        stored = add("set", Path(folder), Options(value_ranges=ranges))
        try:
            expected = np.moveaxis(images[:, :, 1:9], -1, 1)
            assert np.array_equal(direct.pixels, expected)
            low, high = stored.value_range or (0, np.iinfo(stored.pixels.dtype).max)
            assert np.array_equal((stored.pixels.astype(float) - low) / (high - low), expected / 255)
            for made in (direct, stored):
                assert [made.classes[label] for label in made.table["label"]] == [how["names"][n] for n in labels]
                assert made.table["group"].tolist() == [f"p{index // 2}" for index in range(COUNT)]
                assert made.table["domain"].tolist() == ["ab"[index % 2] for index in range(COUNT)]
            assert direct.table.equals(stored.table)
            certain = rng.dirichlet(np.ones(3), COUNT)
            plain = scored(
                SimpleNamespace(classes=how["names"], table=pd.DataFrame({"label": labels})), how["names"], certain
            )
            assert scored(stored, how["names"], certain) == pytest.approx(plain, abs=1e-12)
        finally:
            store.remove("set")
