"""Images at a smaller size: means over areas, the same when trained on and when tested, after shifts and not before."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.files.model_files import Bright

from medshift.benchmark.contract import access as contract
from medshift.benchmark.contract import grants
from medshift.benchmark.contract.checks import CPU
from medshift.benchmark.datasets import images
from medshift.benchmark.datasets.dataset import Dataset
from medshift.benchmark.datasets.streaming import scaling
from medshift.benchmark.exchange import layout, writers
from medshift.benchmark.exchange.models.brought import Statement, bring
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.protocols.protocol import Protocol, read, write
from medshift.benchmark.runs.stream import condition_batches
from medshift.benchmark.runs.stream import test_stream as rows_of
from medshift.shifts.apply import apply_shift
from medshift.shifts.errors import MedshiftError


def data(dtype="uint8", side=32, value_range=None):
    rng = np.random.default_rng(0)
    rows = [(f"{domain}{n:02d}", n % 2, domain, f"{domain}-p{n}") for domain in ("a", "b") for n in range(40)]
    pixels = rng.random((80, 1, side, side))
    pixels = pixels.astype(dtype) if dtype == "float32" else (pixels * np.iinfo(dtype).max).astype(dtype)
    table = pd.DataFrame(rows, columns=["sample_id", "label", "domain", "group"])
    return Dataset("made", "1", ("no", "yes"), "any", table, pixels, value_range)


def planned(dataset, size):
    return plan.plan(dataset, Choices(source="a", shifts=("gaussian-noise",), severities=(3,), size=size))


def test_each_pixel_is_the_mean_over_its_area():
    image = torch.rand(3, 2, 6, 9)
    small = scaling.scale(image, 3)
    assert small.shape == (3, 2, 2, 3)
    assert torch.allclose(small, image.reshape(3, 2, 2, 3, 3, 3).mean((3, 5)), atol=1e-6)
    line = torch.tensor([1.0, 0.0, 0.0, 0.5, 1.0]).expand(1, 1, 1, 5)  # 5 pixels to 2: the middle one is shared
    assert scaling.scale(line, 2).flatten().tolist() == pytest.approx([1 / 2.5, 1.5 / 2.5], abs=1e-6)
    volume = torch.rand(1, 1, 4, 8, 8)
    assert torch.allclose(scaling.scale(volume, 4), torch.nn.functional.avg_pool3d(volume, 2), atol=1e-6)
    assert scaling.scale(image, 0) is image
    assert torch.equal(scaling.scale(image, 4)[1:2], scaling.scale(image[1:2], 4))  # whatever the batch


@pytest.mark.parametrize(("dtype", "value_range"), [("uint8", None), ("uint16", None), ("float32", (0.0, 1.0))])
def test_stored_values_keep_their_type(dtype, value_range):
    pixels = data(dtype, value_range=value_range).pixels
    small = images.scale_stored(pixels, value_range, 16)
    mean = pixels.astype(np.float64).reshape(80, 1, 16, 2, 16, 2).mean((3, 5))
    assert small.dtype == pixels.dtype
    assert np.abs(small - mean).max() <= (0.5 if dtype != "float32" else 1e-6) + 1e-2 * (dtype == "uint16")
    assert images.scale_stored(pixels, value_range, 0) is pixels


@pytest.mark.parametrize("least", [0, 64 << 20], ids=["in files", "in memory"])
def test_training_and_clean_test_images_are_made_in_one_way(tmp_path, monkeypatch, least):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path))
    monkeypatch.setattr(grants, "IN_MEMORY", least)
    dataset = data()
    made, table = planned(dataset, 20)
    told = contract.grant(
        dataset, table, "a", ("b",), "target-unlabelled", 0, CPU, "made", lambda line: None, size=made.size
    )
    assert told.spatial == told.train.pixels.shape[2:] == told.targets["b"].pixels.shape[2:] == (20, 20)
    validation = made.conditions()[0]
    rows = rows_of(made, table, validation)
    (seen,) = condition_batches(dataset, rows, made, validation)
    order = np.argsort(rows["row"].to_numpy())
    kept = table[(table["domain"] == "a") & (table["split"] == "val")]["row"].to_numpy()
    assert torch.equal(seen[order], told.val.batch(np.argsort(kept)))
    assert torch.equal(seen * 255, (seen * 255).round())


def test_shifts_act_on_the_stored_resolution():
    dataset = data()
    whole, table = planned(dataset, 0)
    made, _ = planned(dataset, 16)
    condition = made.conditions()[-1]
    rows = rows_of(made, table, condition)
    (large,) = condition_batches(dataset, rows, whole, condition)
    (small,) = condition_batches(dataset, rows, made, condition)
    assert torch.equal(small, (scaling.scale(large, 16) * 255).round().div(255))
    clean = images.Images(dataset.pixels, None).batch(rows["row"].to_numpy())
    ids = rows["sample_id"].tolist()
    assert torch.equal(large, apply_shift("gaussian-noise", clean, 3, ids, made.seed, levels=256))


def test_an_export_holds_the_smaller_images(tmp_path):
    dataset = data()
    made, table = planned(dataset, 16)
    part = layout.parts(made, table)[-1]
    assert [*writers.npy(tmp_path, part, dataset, made, "uint8")][-1] == len(part.rows)
    assert np.load(tmp_path / "images.npy").shape == (len(part.rows), 16, 16, 1)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_model_that_states_no_size_gets_the_smaller_images(tmp_path):
    dataset = data()
    made, table = planned(dataset, 16)
    torch.jit.trace(Bright(), torch.rand(2, 1, 16, 16)).save(str(tmp_path / "model.ts"))
    found, _ = bring(str(tmp_path / "model.ts"), Statement(), dataset, made, table, CPU)
    assert found.input_size == "16x16"


def test_the_stored_size_is_that_of_a_protocol_without_one(tmp_path):
    plain, small = planned(data(), 0)[0], planned(data(), 20)[0]
    same = planned(data(), 32)[0]
    assert {**json.loads(same.text()), "name": ""} == {**json.loads(plain.text()), "name": ""}
    assert (small.size, small.image_shape, small.dataset.image_size) == (20, (20, 20), (32, 32))
    assert small.model_copy(update={"name": plain.name}).sha256 != plain.sha256
    write(small, tmp_path)
    assert read(tmp_path) == small


@pytest.mark.parametrize("size", [33, 15])
def test_images_are_not_enlarged_nor_made_tiny(tmp_path, size):
    with pytest.raises(MedshiftError, match=f"--size {size}: .*(at most 32|at least 16)"):
        planned(data(), size)
    content = json.loads(planned(data(), 20)[0].text()) | {"size": size}
    write(Protocol.model_validate_json(json.dumps(content)), tmp_path)
    with pytest.raises(MedshiftError, match=f"not a valid protocol: size {size}: "):
        read(tmp_path)
