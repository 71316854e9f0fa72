"""The model of a submission, fitted again, predicts a folder of new images as it predicts the same images of a site."""

from __future__ import annotations

import shutil
from dataclasses import replace

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch
from helpers.files.model_files import Bright, exported
from helpers.images.image_folders import folder
from PIL import Image
from typer.testing import CliRunner

from medshift.benchmark import evaluate
from medshift.benchmark.cli.main import app
from medshift.benchmark.datasets.dataset import Dataset
from medshift.benchmark.datasets.images import Images
from medshift.benchmark.datasets.importing.collection import read_unlabelled
from medshift.benchmark.datasets.importing.formats.nifti.notes import voxel_note
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.estimation.stored import estimate_sites
from medshift.benchmark.files import memory
from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.protocols.truth import truth_of
from medshift.benchmark.runs.job import RunProgress
from medshift.benchmark.runs.new_sites import refit
from medshift.benchmark.runs.new_sites.images import predict_images, read_sites
from medshift.benchmark.runs.parts import FinishedConditions
from medshift.benchmark.runs.predict import fit_job
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


def test_new_images_are_predicted_as_those_of_a_site(ran, tmp_path):
    entry, data, new = ran
    protocol, truth = read_protocol(entry.parent.parent)
    arrays = predictions.read(entry / "predictions.parquet", protocol, truth)
    facts = protocol.dataset
    found = read_unlabelled(new, Options(image_size=facts.image_size[0], channels=facts.channels, depth=8))
    job, device = refit.stored_job(entry, tmp_path, data)
    predictor = fit_job(job, device, RunProgress(), FinishedConditions(tmp_path, "x"))
    images = Images(found.pixels, found.value_range)
    made = predict_images(predictor, images, found.ids, protocol, device)
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
    made = predict_images(Sides(), images, ["a", "b", "c"], protocol, torch.device("cpu"))
    assert made[:, 0] == pytest.approx([0.08] * 3)


def estimated(ran, out, names):
    """The estimates at the folder of new images."""
    entry, data, new = ran
    protocol, _ = read_protocol(entry.parent.parent)
    job, device = refit.stored_job(entry, out, data)
    return refit.estimate_new_sites(entry, job, read_sites([new], protocol), names, device)[str(new)]


def test_a_folder_is_estimated_as_the_site_whose_images_it_holds(ran, tmp_path):
    entry, _, _ = ran
    protocol, truth = read_protocol(entry.parent.parent)
    splits = resampled_splits(protocol, truth, 0)
    arrays = predictions.read(entry / "predictions.parquet", protocol, truth)
    names = ["atc", "cbpe", "synthesized-regression"]
    found = estimated(ran, tmp_path, names)
    stored = estimate_sites(protocol, splits, arrays, ["site-b"], names)["site-b"]
    for name in names:
        assert found[name].value == pytest.approx(stored[name].value, abs=1e-4, nan_ok=True)


def test_a_model_that_does_not_come_out_the_same_is_refused(ran, tmp_path, monkeypatch):
    read = refit.submission.read_submission

    def other(*given):
        card, arrays = read(*given)
        return card, {key: array[:, ::-1] for key, array in arrays.items()}

    monkeypatch.setattr(refit.submission, "read_submission", other)
    with pytest.raises(MedshiftError, match="does not come out the same here"):
        estimated(ran, tmp_path, ["atc"])


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(MedshiftError, match="holds no image"):
        read_unlabelled(tmp_path, Options())


def test_patients_are_found_in_paths(ran):
    _, _, new = ran
    by_pattern = read_unlabelled(new, Options(group_pattern=r"([^/]+)\.png$", image_size=16))
    assert by_pattern.groups == [name.rpartition("/")[2].removesuffix(".png") for name in by_pattern.ids]
    assert pd.Series(by_pattern.ids).is_unique


def twelve_bits(where, most=4095, dtype=np.uint16):
    """Make a folder of images of one site whose values end at `most`."""
    where.mkdir()
    for number in range(3):
        Image.fromarray(np.linspace(0, most, 4096).reshape(64, 64).astype(dtype)).save(where / f"{number}.png")
    return where


class Told(RunProgress):
    """Keeps what it is told."""

    def __init__(self):
        self.lines: list[str] = []

    def line(self, text):
        self.lines.append(text)


SLICES = voxel_note("64 x 64", 2.0)  # of NIfTI; pictures have no voxels
STORED = "values from black to white (--value-range): 0 to 4,095"


@pytest.mark.parametrize(
    ("notes", "given", "white", "said"),
    [
        ((STORED, SLICES), {}, 255, "--value-range of new sites is that with which the model's data were read; "),
        ((STORED,), {"value_ranges": ("0,8190",)}, 128, "(--value-range, --window, "),
        ((), {}, 15, "(--value-range, --window, "),  # the range is of headers, or measured
    ],
    ids=["stored", "given", "not given for all"],
)
def test_new_images_are_on_the_scale_of_stored_data_unless_the_user_gives_another(
    fabricate, tmp_path, notes, given, white, said
):
    table = fabricate.table()
    protocol = fabricate.terms(table)
    pixels, rows = np.zeros((len(table), 1, 16, 16), np.uint16), table.drop(columns="split")
    stored = Dataset("s", "1", protocol.dataset.classes, "any", rows, pixels, (0.0, 4095.0), notes=notes)
    new, told = twelve_bits(tmp_path / "new"), Told()
    found = read_sites([new], protocol, Options(**given), told, stored)[new]
    assert found.pixels.max() == white
    assert said in told.lines[-1]
    assert (STORED in " ".join(told.lines)) == (white == 255)
    if white == 255:
        shallow = twelve_bits(tmp_path / "shallow", 255, np.uint8)
        with pytest.raises(MedshiftError, match="shallow: 8-bit images, and the model's data are uint16 with values "):
            read_sites([shallow], protocol, Options(), told, stored)


def command(*words):
    """Run a command of the command line on one thread of the CPU."""
    return CliRunner().invoke(app, [*map(str, words), "--threads", "1", "--device", "cpu"])


def told(done, new):
    """What a summary says of the site whose images the folder holds, and of the folder."""
    assert done.exit_code == 0, done.exception
    lines = done.stdout.splitlines()
    (sites,) = (line for line in lines if line.startswith("Balanced accuracy estimated without labels"))
    (folder,) = (line for line in lines if line.startswith(f"{new}: balanced accuracy estimated"))
    (site,) = (part for part in sites.partition(": ")[2].split("; ") if part.startswith("site-b "))
    return site.partition(" ")[2].partition(", measured")[0], folder.partition("interval: ")[2]


def test_a_run_says_how_well_it_will_do_on_images_without_labels(ran):
    entry, data, new = ran
    settings = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    words = ["run", "--baseline", "scratch", "--data", data, "--shifts", ",".join(SHIFTS), *settings]
    site, images = told(command(*words, "--out", entry.parents[2], "--unlabelled", new), new)
    assert images == site
    assert not list(entry.glob("parts/*"))


def test_a_model_that_was_brought_says_how_well_it_will_do_on_images_without_labels(ran, tmp_path):
    _, data, new = ran
    model = exported(tmp_path / "bright.pt2", Bright())
    words = ["test", model, "--data", data, "--shifts", ",".join(SHIFTS), "--out", tmp_path / "out"]
    site, images = told(command(*words, "--unlabelled", new), new)
    assert images == site
    (entry,) = tmp_path.glob("out/*/bright/seed-0")
    done = CliRunner().invoke(app, ["estimate", str(entry), "--target", str(new), "--data", str(data)])
    assert "the model was brought and is not in the submission" in str(done.exception)


def test_a_folder_without_labels_is_read_before_the_run(ran, tmp_path):
    _, data, _ = ran
    words = ["run", "--baseline", "scratch", "--data", data, "--out", tmp_path / "out"]
    done = command(*words, "--unlabelled", tmp_path / "none")
    assert f"{tmp_path / 'none'}: not a folder" in str(done.exception)
    assert not list(tmp_path.glob("out/*"))


def volumes(where, side=32, voxel=2.0):
    """Make a folder with a volume of one site: a cube of 32 mm in air."""
    where.mkdir()
    volume = np.zeros((side, side, side), np.int16)
    inside = slice(side // 2 - round(16 / voxel), side // 2 + round(16 / voxel))
    volume[inside, inside, inside] = 1000
    nibabel.save(nibabel.Nifti1Image(volume, np.diag([voxel, voxel, voxel, 1.0])), where / "v.nii.gz")
    return where


def test_volumes_of_a_new_site_have_the_voxels_of_the_models_data(fabricate, tmp_path):
    table = fabricate.table()
    protocol = fabricate.terms(table)
    facts = protocol.dataset.model_copy(update={"image_size": (16, 16, 16)})
    protocol = protocol.model_copy(update={"dataset": facts})
    rows, pixels = table.drop(columns="split"), np.zeros((len(table), 1, 16, 16, 16), np.uint8)
    reading = Options(image_size=16, value_ranges=("0,1000",))
    notes = tuple(read_unlabelled(volumes(tmp_path / "stored"), reading).notes)  # 32 x 2 mm in 16 voxels
    stored = Dataset("s", "1", protocol.dataset.classes, "any", rows, pixels, notes=notes)
    new, told = volumes(tmp_path / "new", 64), Told()  # of a larger field
    found = read_sites([new], protocol, reading, told, stored)[new]
    assert (found.pixels > 127).sum() == 8**3  # as in the stored ones: 32 mm are 8 voxels of 4 mm
    assert told.lines[-1].startswith("--voxel-mm of new sites is that with which the model's data were read; images of")
    given = read_sites([new], protocol, replace(reading, voxel_mm=8), told, stored)[new]
    assert (given.pixels > 127).sum() == 4**3
    with pytest.raises(MedshiftError, match=r"new: volumes, and the voxel size of the model's data is not known"):
        read_sites([new], protocol, reading, told, replace(stored, notes=()))


def test_a_folder_that_memory_does_not_hold_is_refused_before_it_is_read(ran, monkeypatch):
    _, _, new = ran
    monkeypatch.setattr(memory, "SMALL", 0)
    monkeypatch.setattr(memory, "available", lambda: 1000)
    with pytest.raises(MedshiftError, match=r"its [\d,]+ images need .* in memory, .* are free: give fewer of them"):
        read_unlabelled(new, Options(image_size=32))


def test_an_image_that_cannot_be_processed_leaves_the_results_and_is_named(ran, tmp_path, monkeypatch):
    _, data, _ = ran
    monkeypatch.chdir(tmp_path)
    lines = ["import torch", "def predict(images):", "    top = images.amax((1, 2, 3))"]
    lines += ["    top = torch.where(top == 1, torch.nan, top)", "    return torch.stack([1 - top, top], 1)"]
    (tmp_path / "module_that_refuses.py").write_text("\n".join(lines))
    (tmp_path / "new").mkdir()
    for value in (9, 255):
        Image.fromarray(np.uint8([[0, value], [value, 0]]).repeat(16, 0).repeat(16, 1)).save(f"new/{value}.png")
    done = command("test", "module_that_refuses:predict", "--data", data, "--shifts", "gamma", "--unlabelled", "new")
    assert "in condition 'new' the model returned NaN" in str(done.exception)
    assert "give --rejections" in str(done.exception)
    assert "submission: submissions/" in done.stdout
