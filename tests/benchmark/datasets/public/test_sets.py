"""Readers of public sets against files in their authors' layouts: the result is what each file says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.cli import medshift
from helpers.progress import nothing
from helpers.public import layouts as published

from medshift.benchmark.datasets import registry, store
from medshift.benchmark.datasets.public import catalogue, get
from medshift.benchmark.datasets.public.sets import chest
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.plan import Choices
from medshift.shifts.errors import MedshiftError

GRADES = ("no-dr", "mild", "moderate", "severe", "proliferative")


@pytest.fixture(autouse=True)
def _empty_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))


def same(dataset, want, tolerance=1):
    """Every sample is there, with its label, domain, group and grey value."""
    table = dataset.table.set_index("sample_id")
    assert set(table.index) == set(want)
    values = dataset.pixels.reshape(len(dataset.pixels), -1)
    assert (np.ptp(values.astype(float), axis=1) <= 2 * tolerance).all()
    for position, name in enumerate(dataset.table["sample_id"]):
        value, label, domain, group = want[name]
        row = table.loc[name]
        have = (dataset.classes[row["label"]], row["domain"], row["group"])
        assert have == (label, domain, group), name
        assert abs(values[position].mean() - value) <= tolerance, name


@pytest.mark.parametrize("name", published.LAYOUTS)
def test_sets_of_pictures(name, tmp_path):
    want = published.LAYOUTS[name](tmp_path / "raw")
    dataset = get.get(name, nothing, folder=tmp_path / "raw", image_size=24)
    same(dataset, want)
    definition = catalogue.find(name)
    assert dataset.pixels.shape == (len(want), 3, 24, 24)
    assert (dataset.name, dataset.classes, dataset.licence) == (f"{name}-24px", definition.classes, definition.licence)
    assert set(dataset.domains) == set(definition.domains)
    assert registry.source(dataset) == definition.source
    assert set(definition.notes) <= set(dataset.notes)


def test_files_where_they_are_looked_for_and_the_second_call(tmp_path):
    want = published.camelyon17(
        get.raw_folder(catalogue.find("ham10000")).with_name("camelyon17") / "camelyon17_v1.0", 20
    )
    archive = tmp_path / "home/raw/camelyon17/camelyon17_v1.0.tar.gz"
    archive.write_bytes(b"")  # fetched and unpacked before
    (archive.parent / f".{archive.name}.unpacked").touch()
    dataset = get.get("camelyon17", nothing, offline=True)
    same(dataset, want)
    assert dataset.spatial == (96, 96)
    assert {"slide", "official_split"} <= set(dataset.table)
    again = get.get("camelyon17", nothing, folder=tmp_path / "nowhere")  # stored: no file is needed
    assert again.version == dataset.version
    assert store.names() == ["camelyon17"]
    terms, table = plan.plan(registry.load_dataset("camelyon17"), Choices(shifts=("gamma",)), "hospital-2")
    assert terms.source == "hospital-2"
    assert terms.dataset.licence == "CC0"
    assert not set(table.loc[table["split"] == "train", "group"]) & set(table.loc[table["split"] == "test", "group"])


def test_fundus_programmes_share_a_scale(tmp_path):
    want = published.fundus(tmp_path / "raw")
    graded = {name: (value, GRADES[int(grade)], *rest) for name, (value, grade, *rest) in want.items()}
    dataset = get.get("dr-grade", nothing, folder=tmp_path / "raw")
    same(dataset, graded)
    assert any(note.startswith("messidor2: 1 images without a gradable") for note in dataset.notes)
    told = {
        name: (value, ("not-referable", "referable")[int(grade) >= 2], *rest)
        for name, (value, grade, *rest) in want.items()
    }
    dataset = get.get("dr-referable", nothing, folder=tmp_path / "raw")
    same(dataset, told)
    eyes = dataset.table[dataset.table["domain"].isin(["messidor2", "eyepacs"])]
    assert (eyes.groupby("group").size() == 2).all()
    assert set(dataset.table["grade"]) == set(GRADES)


def test_two_programmes_are_enough_and_one_is_not(tmp_path):
    published.fundus(tmp_path / "raw")
    (tmp_path / "raw/aptos2019").rename(tmp_path / "aptos2019")
    (tmp_path / "raw/messidor2").rename(tmp_path / "messidor2")
    dataset = get.get("dr-referable", nothing, folder=tmp_path / "raw")
    assert dataset.domains == ["eyepacs", "idrid"]
    assert registry.source(dataset) == ""
    (tmp_path / "raw/idrid").rename(tmp_path / "idrid")
    with pytest.raises(MedshiftError, match=r"holds 1 of aptos2019, idrid, messidor2, eyepacs(?s:.*)put these into"):
        get.get("dr-grade", nothing, folder=tmp_path / "raw")


def test_pathmnist_is_split_by_centre(tmp_path):
    medmnist = pytest.importorskip("medmnist", reason="the extra medmnist is not installed")
    want = published.pathmnist(tmp_path / "raw")
    dataset = get.get("pathmnist", nothing, folder=tmp_path / "raw", image_size=28)
    same(dataset, want, tolerance=0)
    assert dataset.classes == catalogue.find("pathmnist").classes
    theirs = medmnist.PathMNIST("test", root=str(tmp_path / "raw"), size=28)
    mine = np.flatnonzero(dataset.table["domain"] == "crc-val-he-7k")
    assert np.array_equal(np.moveaxis(dataset.pixels[mine], 1, -1), theirs.imgs)
    assert np.array_equal(dataset.table["label"].to_numpy()[mine], theirs.labels[:, 0])
    with pytest.raises(MedshiftError, match="comes in sizes 28, 64, 128, 224, not 96"):
        get.get("pathmnist", nothing, image_size=96)
    (tmp_path / "raw/pathmnist_64.npz").write_bytes(b"PK no zip")
    with pytest.raises(MedshiftError, match=r"pathmnist_64\.npz is not PathMNIST"):
        get.get("pathmnist", nothing, folder=tmp_path / "raw")


def test_a_damaged_pathmnist_is_told(tmp_path):
    pytest.importorskip("medmnist", reason="the extra medmnist is not installed")
    published.pathmnist(tmp_path / "raw")
    path = tmp_path / "raw/pathmnist.npz"
    whole = bytearray(path.read_bytes())
    at = whole.index(b"test_images.npy") + 100  # in the compressed pixels
    whole[at : at + 8] = bytes(255 - byte for byte in whole[at : at + 8])
    path.write_bytes(whole)
    with pytest.raises(MedshiftError, match=r"pathmnist\.npz is damaged: "):
        get.get("pathmnist", nothing, folder=tmp_path / "raw", image_size=28)
    assert store.names() == []


def test_pathmnist_is_published_with_checksums():
    pytest.importorskip("medmnist", reason="the extra medmnist is not installed")
    from medmnist.info import INFO

    from medshift.benchmark.datasets.public.sets.histology import pathmnist_remotes

    for side in catalogue.find("pathmnist").sides:
        (found,) = pathmnist_remotes(side)
        assert found.checksum == "md5:" + INFO["pathmnist"]["MD5" if side == 28 else f"MD5_{side}"]
        assert found.file in found.url


@pytest.mark.parametrize("rsna", [True, False])
def test_chest_sets_name_findings_alike(tmp_path, rsna):
    pytest.importorskip("torchxrayvision", reason="the extra xray is not installed")
    want = published.chest(tmp_path / "raw", rsna)
    dataset = get.get("chest-pneumonia", nothing, folder=tmp_path / "raw")
    same(dataset, want)
    assert dataset.pixels.shape[1:] == (1, 96, 96)
    assert any(note.startswith("chexpert: 2 of 5 PA images are left out") for note in dataset.notes)
    if rsna:  # the challenge's patients are NIH's: no group may be on both sides
        shared = dataset.table.groupby("group")["domain"].nunique()
        assert (shared > 1).sum() == 3
    else:
        effusion = get.get("chest-effusion", nothing, folder=tmp_path / "raw")
        positive = effusion.table[effusion.table["label"] == 1]
        assert set(positive["domain"]) == {"nih"}


def test_a_damaged_radiograph_is_named():
    class Opened:
        """Stands in for a class of TorchXRayVision: reads an image on access."""

        def __getitem__(self, row):
            if row == 3:
                raise OSError("image file is truncated")
            return {"img": np.full((1, 16, 16), 512.0)}

    paths = [Path("nih/images/a.png"), Path("nih/images/b.png")]
    made = chest.radiographs([(Opened(), np.array([2, 3]))], paths, 8)
    assert (next(made) == 191).all()
    with pytest.raises(MedshiftError, match=r"^nih/images/b\.png cannot be decoded: OSError: image file is truncated"):
        next(made)


def test_rsna_without_its_mapping_is_refused(tmp_path):
    pytest.importorskip("torchxrayvision", reason="the extra xray is not installed")
    published.chest(tmp_path / "raw")
    (tmp_path / "raw/rsna/pneumonia-challenge-dataset-mappings_2018.json").unlink()
    with pytest.raises(MedshiftError, match=r"no pneumonia-challenge-dataset-mappings_2018\.json in"):
        get.get("chest-pneumonia", nothing, folder=tmp_path / "raw")


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("pathmnist", "medmnist", "medmnist"), ("chest-effusion", "torchxrayvision", "xray"), ("ixi-age", "x", "ixi")],
)
def test_a_package_that_is_not_installed_is_named(name, package, extra, tmp_path, monkeypatch):
    (tmp_path / "nih/images").mkdir(parents=True)
    (tmp_path / "IXI.xls").write_bytes(b"")
    (tmp_path / "pathmnist_64.npz").write_bytes(b"")
    (tmp_path / "IXI002-Guys-0828-T1.nii.gz").write_bytes(b"")
    for module in (package, f"{package}.info", "python_calamine"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MedshiftError, match=rf"pip install 'medshift\[{extra}\]'") as error:
        get.get(name, nothing, folder=tmp_path)
    assert "put these into" not in str(error.value)  # the files are here
    assert str(error.value).count(name) == 1


@pytest.mark.parametrize("given", [{"offline": True}, {}, {"folder": "empty"}], ids=["offline", "fetched", "from"])
def test_pathmnist_says_what_to_get_by_hand_before_the_package_that_reads_it(given, tmp_path, monkeypatch):
    for module in ("medmnist", "medmnist.info"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path))
    where = tmp_path / given.get("folder", "raw/pathmnist")
    where.mkdir(parents=True)
    with pytest.raises(MedshiftError) as error:
        get.get("pathmnist", nothing, **{**given, **({"folder": where} if "folder" in given else {})})
    assert f"put these into {where}:\n       pathmnist_64.npz" in str(error.value)
    assert "https://medmnist.com/" in str(error.value)
    assert f"medshift data get pathmnist --from {where}" in str(error.value)


def test_a_name_that_the_user_took_is_not_given_for_the_public_set(tmp_path):
    from medshift.benchmark.datasets.importing.pack import Content, pack

    table = pd.DataFrame({"sample_id": ["a", "b"], "label": [0, 1], "domain": "x", "group": ["a", "b"]})
    pack(
        "ham10000", Content(table, (1, 8, 8), "uint8", ("a", "b")), [np.arange(128, dtype=np.uint8).reshape(2, 1, 8, 8)]
    )
    with pytest.raises(MedshiftError, match="'ham10000' from elsewhere is stored already"):
        get.get("ham10000", nothing)


@pytest.mark.parametrize(
    ("name", "path", "old", "new", "message"),
    [
        ("camelyon17", "metadata.csv", ",center,", ",hospital,", "lacks the columns center"),
        (
            "camelyon17",
            "metadata.csv",
            "0,000,4,3328",
            "0,000,4,1",
            "1 of 60 files are missing:\n  patches/patient_000",
        ),
        ("ham10000", "HAM10000_metadata.csv", ",dataset", "", "lacks the columns dataset"),
        ("ham10000", "HAM10000_metadata.csv", "nv,", "naevus,", "unknown values of 'dx', e.g. 'naevus'"),
        ("ham10000", "HAM10000_metadata.csv", "ISIC_0024306", "ISIC_0099999", "1 of 28 images are missing"),
        ("isic2019", "ISIC_2019_Training_GroundTruth.csv", "1.0", "0.0", "do not have exactly one diagnosis"),
    ],
)
def test_other_tables_and_missing_files_are_named(name, path, old, new, message, tmp_path):
    published.LAYOUTS[name](tmp_path / "raw")
    table = tmp_path / "raw" / path
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))
    with pytest.raises(MedshiftError) as error:
        get.get(name, nothing, folder=tmp_path / "raw")
    assert message in str(error.value)
    assert f"To get {name}:" in str(error.value)
    assert store.names() == []


def test_a_damaged_image_leaves_nothing_behind(tmp_path):
    want = published.cells(tmp_path / "raw")
    broken = tmp_path / "raw" / sorted(want)[-1]
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(MedshiftError, match=f"{broken.name} cannot be decoded"):
        get.get("wbc", nothing, folder=tmp_path / "raw")
    assert store.names() == []
    assert not list((tmp_path / "home").rglob("*.npy"))


def test_typed(tmp_path):
    published.ham10000(tmp_path / "raw")
    done = medshift("data", "get", "ham10000", "--from", tmp_path / "raw", "--image-size", 16)
    assert done.returncode == 0, done.stderr
    assert "28 images of 16 x 16, rosendahl, vidir_modern" in done.stdout
    assert "licence: CC BY-NC 4.0" in done.stderr
    unknown = medshift("data", "get", "ham1000")
    assert unknown.returncode == 1
    assert "Did you mean 'ham10000'" in unknown.stderr
    listed = medshift("list", "datasets").stdout
    assert "medshift data get" in listed
    assert "ham10000-16px" in listed
    for name, size in (("isic2019", ""), ("isic2019-32px", " --image-size 32")):
        hint = medshift("run", "--baseline", "scratch", "--dataset", name)
        assert f"data set {name!r} is not stored yet: medshift data get isic2019{size}" in hint.stderr
