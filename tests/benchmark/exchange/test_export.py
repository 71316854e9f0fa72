"""`medshift export`: exactly the pixels that models see, no test labels, whole or resumed."""

from __future__ import annotations

import dataclasses
import io
import shutil
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from helpers.images.image_folders import folder
from helpers.images.made_up_data import sites
from PIL import Image
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.datasets import manifest
from medshift.benchmark.datasets.dataset import Dataset
from medshift.benchmark.exchange import export, layout
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.runs import stream
from medshift.shifts.errors import MedshiftError

CHOICES = Choices(shifts=("gamma", "gaussian-noise"), severities=(1, 5))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The data set, protocol and truth with rows of a folder of images."""
    dataset = manifest.read_manifest(folder(tmp_path_factory.mktemp("data") / "set"))
    return dataset, *plan.plan(dataset, CHOICES)


@pytest.fixture(scope="module")
def written(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "conditions"
    return out, export.export(*made, out, "npy")


def changed(dataset: Dataset, **changes):
    other = dataclasses.replace(dataset, **changes)
    return other, *plan.plan(other, Choices(shifts=("gamma",), severities=(3,)))


def test_every_array_is_what_a_model_is_shown(made, written):
    dataset, terms, table = made
    out, parts = written
    for condition in terms.conditions():
        (part,) = (part for part in parts if part.tested and part.condition == condition)
        rows = stream.test_stream(terms, table, condition)
        shown = np.concatenate([b.numpy() for b in stream.condition_batches(dataset, rows, terms, condition)])
        array = np.load(out / part.folder / "images.npy", mmap_mode="r")
        assert array.dtype == np.uint8
        assert np.array_equal(np.moveaxis(np.asarray(array, np.float32) / 255, -1, 1), shown)
        ids = pd.read_csv(out / part.folder / "ids.csv", dtype=str)
        assert ids["sample_id"].tolist() == rows["sample_id"].tolist()
        assert set(ids["condition"]) == {condition.key}
    keys = pd.read_csv(out / "conditions.csv")
    assert keys["condition"].tolist() == [condition.key for condition in terms.conditions()]
    assert keys["images"].sum() == sum(len(part.rows) for part in parts if part.tested)


def test_labels_are_the_sources_alone_and_nothing_else_holds_any(made, written):
    _, terms, table = made
    out, _ = written
    truth = table.set_index("sample_id")
    for path in sorted(out.rglob("*.csv")):
        rows = pd.read_csv(path, dtype=str)
        place = path.parent.relative_to(out).as_posix()
        labelled = place in ("source/train", "source/val")
        assert bool({"label", "class", "group", "split"} & set(rows.columns)) == labelled, path
        if labelled:
            mine = truth.loc[rows["sample_id"]]
            assert (mine["label"].astype(str) == rows["label"].to_numpy()).all()
            assert set(mine["domain"]) == {terms.source}
            assert set(mine["split"]) == {place.split("/")[1]}
        elif place.startswith("adapt"):
            assert set(truth.loc[rows["sample_id"], "split"]) == {"adapt"}
    kinds = {path.suffix for path in out.rglob("*") if path.is_file()}
    assert kinds == {".csv", ".npy", ".json", ".md"}  # no truth.parquet among them
    names = {path.name for path in out.rglob("*") if path.is_file()}
    assert names == {"README.md", "protocol.json", "export.json", "conditions.csv", "images.npy", "ids.csv"}


def test_the_order_says_nothing_of_labels(made):
    _, terms, table = made
    for part in layout.parts(terms, table):
        assert part.rows["sample_id"].tolist() != sorted(part.rows["sample_id"])
        moved = table.assign(label=1 - table["label"])
        (again,) = (other for other in layout.parts(terms, moved) if other.folder == part.folder)
        assert again.rows["sample_id"].tolist() == part.rows["sample_id"].tolist()


def test_png_holds_the_same_pixels(made, written, tmp_path):
    out, parts = written
    export.export(*made, tmp_path / "png", "png")
    for part in parts:
        array = np.load(out / part.folder / "images.npy")
        ids = pd.read_csv(tmp_path / "png" / part.folder / "ids.csv")
        files = [np.asarray(Image.open(tmp_path / "png" / part.folder / name)) for name in ids["file"]]
        assert np.array_equal(np.stack(files)[..., None], array)
        assert ids["sample_id"].tolist() == pd.read_csv(out / part.folder / "ids.csv")["sample_id"].tolist()


@pytest.mark.parametrize("form", ["npy", "png"])
def test_an_interrupted_export_goes_on_and_ends_in_the_same_files(made, written, tmp_path, form):
    whole = export.export(*made, tmp_path / "whole", form) and tmp_path / "whole"

    def stops(done, total):
        if done > total / 2:
            raise KeyboardInterrupt

    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        export.export(*made, cut, form, stops)
    assert not (cut / "conditions.csv").exists()
    assert not list(cut.rglob("*.part"))
    before = {path: path.stat().st_mtime_ns for path in cut.rglob("ids.csv")}
    assert before
    export.export(*made, cut, form)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    one, other = ({p.relative_to(w): p.read_bytes() for p in w.rglob("*") if p.is_file()} for w in (whole, cut))
    assert one == other


def test_foreign_folders_are_left_alone(made, written, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(MedshiftError, match="exists and is not an export: choose another --out"):
        export.export(*made, tmp_path, "npy")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    out, _ = written
    with pytest.raises(MedshiftError, match=r"holds another export \(different format\)"):
        export.export(*made, out, "png")
    dataset, terms, table = made
    pixels = dataset.pixels.copy()
    pixels[0] += 1
    with pytest.raises(MedshiftError, match=r"different data\)"):
        export.export(dataclasses.replace(dataset, pixels=pixels), terms, table, out, "npy")
    assert export.fingerprints(out, terms).keys() == terms.shifts.keys()
    with pytest.raises(MedshiftError, match="is not an export of protocol"):
        export.fingerprints(out, terms.model_copy(update={"seed": 1}))


def test_a_full_disk_is_said_before_anything_large_is_written(made, tmp_path, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(MedshiftError, match=r"needs 197 kB more, but its disk has 1\.0 kB"):
        export.export(*made, tmp_path / "out", "npy")
    assert not list(tmp_path.rglob("*.npy"))


def test_what_has_no_256_levels_is_written_exactly_or_not_at_all(made, tmp_path):
    dataset, *_ = made
    fine = changed(dataset, pixels=dataset.pixels.astype(np.uint16) * 257)
    made_ = export.export(*fine, tmp_path / "npy", "npy")
    export.export(*fine, tmp_path / "png", "png")
    for part in made_:
        array = np.load(tmp_path / "npy" / part.folder / "images.npy")
        assert array.dtype == np.float32
        name = pd.read_csv(tmp_path / "png" / part.folder / "ids.csv")["file"][0]
        image = np.asarray(Image.open(tmp_path / "png" / part.folder / name))
        assert np.abs(image / 65535 - array[0, ..., 0]).max() <= 0.5001 / 65535
    assert "16 bits: 0 is black, 65535 full scale" in (tmp_path / "png" / "README.md").read_text()
    colour = changed(dataset, pixels=np.repeat(dataset.pixels.astype(np.uint16), 3, axis=1))
    with pytest.raises(MedshiftError, match="PNG cannot hold 2-D images with 3 channels of type float32"):
        export.export(*colour, tmp_path / "colour", "png")
    volumes = changed(dataset, pixels=np.repeat(dataset.pixels[:, :, None], 8, axis=2))
    with pytest.raises(MedshiftError, match="PNG cannot hold 3-D images"):
        export.export(*volumes, tmp_path / "volumes", "png")
    export.export(*volumes, tmp_path / "volumes", "npy")
    assert np.load(tmp_path / "volumes" / "test/clean/images.npy").shape[1:] == (8, 32, 32, 1)


def test_memory_is_bounded_by_the_batch(tmp_path):
    rng = np.random.default_rng(0)
    count, side = 3000, 32
    domains = np.where(np.arange(count) < count - 100, "a", "b")
    table = pd.DataFrame({"sample_id": [f"{i:05d}" for i in range(count)], "label": np.arange(count) % 2})
    table = table.assign(domain=domains, group=[f"g{i // 2}" for i in range(count)])
    pixels = rng.integers(0, 65535, (count, 1, side, side), dtype=np.uint16)
    many = Dataset("many", "1", ("no", "yes"), "any", table, pixels)
    terms, rows = plan.plan(many, Choices(shifts=("gamma",), severities=(3,)))
    export.export(many, terms, rows, tmp_path / "first", "npy")  # imports and caches
    layout.depth(many, terms)
    many.digest()
    tracemalloc.start()
    export.export(many, terms, rows, tmp_path / "out", "npy")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    largest = max(path.stat().st_size for path in (tmp_path / "out").rglob("*.npy"))
    assert largest > 7e6, peak
    assert peak < largest / 2, (peak, largest)


def test_sites_whose_names_differ_in_case_only_have_folders_apart_on_every_disk(tmp_path):
    dataset = sites({"A": 20, "Site-B": 6, "site-b": 6, "c": 6}, classes=("well", "ill"))
    terms, rows = plan.plan(dataset, Choices(source="A", shifts=("gamma",), severities=(3,)))
    folders = [part.folder for part in layout.parts(terms, rows)]
    assert len({name.casefold() for name in folders}) == len(folders)
    assert "test/real/c" in folders
    export.export(dataset, terms, rows, tmp_path / "out", "npy")
    assert "Sensitivity, specificity and AUROC are for ill." in (tmp_path / "out" / "README.md").read_text()


def test_ids_that_name_classes_are_pointed_out(made):
    _, terms, table = made
    parts = layout.parts(terms, table)
    assert layout.telling(parts, terms) == ""
    named = table.assign(sample_id=[f"images/sick/{name}" for name in table["sample_id"]])
    assert layout.telling(layout.parts(terms, named), terms).startswith("images/sick/")
    inside = table.assign(sample_id=[f"homesickness-{name}" for name in table["sample_id"]])
    assert layout.telling(layout.parts(terms, inside), terms) == ""


def test_the_command_says_the_size_first_and_keeps_the_truth_out(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    where = folder(tmp_path / "set", {"site-a": 40, "site-b": 12})
    words = ["export", "--data", str(where), "--out", "out", "--shifts", "gamma", "--severities", "2"]
    within = CliRunner().invoke(app, [*words, "--submissions", "out/within"])
    assert isinstance(within.exception, MedshiftError)
    assert "inside the export" in str(within.exception)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "in 6 folders, about 61 kB" in done.stderr
    (home,) = (tmp_path / "submissions").iterdir()
    assert {path.name for path in home.iterdir()} == {"protocol.json", "truth.parquet"}
    assert (tmp_path / "out" / "protocol.json").read_bytes() == (home / "protocol.json").read_bytes()
    assert f"medshift score PREDICTIONS --protocol 'submissions/{home.name}' --export 'out'" in done.stdout
    assert not list((tmp_path / "out").rglob("*.parquet"))
    same = CliRunner().invoke(app, ["export", "--data", str(where), "--protocol", str(home), "--out", "out"])
    assert same.exit_code == 0, same.output
    both = CliRunner().invoke(app, ["export", "--protocol", str(home), "--out", "out", "--shifts", "gamma"])
    assert "leave their options out" in str(both.exception)


def test_a_header_that_other_tools_read(written):
    out, _ = written
    raw = (out / "test/clean/images.npy").read_bytes()
    assert raw[:8] == b"\x93NUMPY\x01\x00"  # version 1: MATLAB's readers know it
    assert np.load(io.BytesIO(raw)).flags["C_CONTIGUOUS"]
