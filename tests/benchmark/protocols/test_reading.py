"""A protocol is of images that were read in one way, and its data are read so."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from helpers.images.image_folders import folder
from PIL import Image

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.runs.terms import DataChoice, resolve_terms
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")
CHOICES = Choices(source="site-a", shifts=("gamma",), severities=(3,))


@pytest.fixture
def oblong(tmp_path) -> Path:
    """Return a folder of images that are wider than high."""
    where = folder(tmp_path / "in", {"site-a": 40, "site-b": 12})
    for path in (where / "images").iterdir():
        image = np.asarray(Image.open(path))
        Image.fromarray(np.pad(image, ((0, 0), (8, 8)))).save(path)
    return where


def shared(where: Path, into: Path, options: Options, choices: Choices = CHOICES) -> Path:
    """Make a protocol of a folder, and return the folder of the protocol."""
    _, protocol, table = resolve_terms(DataChoice(folder=where, options=options), choices)
    write_protocol(protocol, table, into / protocol.name)
    return into / protocol.name


def test_images_that_are_read_in_another_way_are_not_those_of_the_protocol(oblong, tmp_path):
    made = shared(oblong, tmp_path / "protocols", Options(fit="pad"))
    dataset, _, _ = resolve_terms(DataChoice(folder=oblong, options=Options(fit="pad")), Choices(), made)
    assert dataset.pixels.shape[-1] == 48
    for other in (Options(), Options(fit="stretch")):
        with pytest.raises(MedshiftError, match="read in another way than the protocol's images"):
            resolve_terms(DataChoice(folder=oblong, options=other), Choices(), made)


def test_the_file_of_a_protocol_is_not_its_folder(oblong, tmp_path):
    made = shared(oblong, tmp_path / "protocols", Options())
    with pytest.raises(MedshiftError, match=r"protocol\.json is a file: give the folder that holds protocol\.json"):
        resolve_terms(DataChoice(folder=oblong, options=Options()), Choices(), made / "protocol.json")


def test_options_that_a_protocol_sets_or_that_come_too_late_are_refused(oblong, tmp_path):
    made = shared(oblong, tmp_path / "protocols", Options())
    with pytest.raises(MedshiftError, match="--protocol sets domains, classes, image size"):
        resolve_terms(DataChoice(folder=oblong, options=Options(image_size=16)), Choices(), made)
    stored = add("kept", oblong, Options())
    _, protocol, table = resolve_terms(DataChoice(stored.name), CHOICES)
    write_protocol(protocol, table, tmp_path / "of-stored")
    for choice in (DataChoice("kept", options=Options(fit="pad")), DataChoice(options=Options(fit="pad"))):
        with pytest.raises(MedshiftError, match="--fit: how images are read goes with --data DIR"):
            resolve_terms(choice, Choices(), tmp_path / "of-stored")


def test_a_column_split_that_is_not_to_be_used_is_not_read(tmp_path):
    """An empty cell stops an import, but not one that leaves the column out, now or by a protocol's truth."""
    where = folder(tmp_path / "in", {"site-a": 40, "site-b": 12})
    lines = (where / "manifest.csv").read_text().splitlines()
    splits = ["split", *("" if number == 5 else "fold1" for number in range(len(lines) - 1))]
    (where / "manifest.csv").write_text("\n".join(f"{a},{b}" for a, b in zip(lines, splits, strict=True)))
    with pytest.raises(MedshiftError, match="empty split"):
        resolve_terms(DataChoice(folder=where), CHOICES)
    made = shared(where, tmp_path / "protocols", Options(), Choices(source="site-a", ignore_split=True))
    dataset, _, table = resolve_terms(DataChoice(folder=where), Choices(), made)
    assert "split" not in dataset.table
    assert set(table["split"]) == {"train", "val", "test", "adapt"}


def test_equal_images_of_patients_numbered_alike_leak_once_they_are_told_apart(tmp_path):
    where = folder(tmp_path / "in", {"site-a": 40, "site-b": 44})
    text = (where / "manifest.csv").read_text().replace("site-a-p", "p").replace("site-b-p", "p")
    (where / "manifest.csv").write_text(text)
    (where / "images" / "site-b-000.png").write_bytes((where / "images" / "site-a-000.png").read_bytes())
    said = "2 images are equal to one of another group"
    same, apart = (
        resolve_terms(DataChoice(folder=where), Choices(source="site-a", groups_per_domain=each))[0]
        for each in (False, True)
    )
    assert not any(said in note for note in same.notes)
    assert any(said in note for note in apart.notes)


def test_volumes_that_a_folder_has_besides_change_nothing(tmp_path):
    way = Options(window="image")
    where, rows = tmp_path / "in", ["image,label,domain,split_group"]

    def scan(domain: str, number: int, millimetres: float) -> None:
        voxels = np.random.default_rng(number).integers(0, 900, (12, 12, 12)).astype(np.int16)
        where.mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([millimetres] * 3 + [1])), where / f"{domain}-{number}.nii")
        rows.append(f"{domain}-{number}.nii,{('no', 'yes')[number % 2]},{domain},{domain}-{number}")
        (where / "manifest.csv").write_text("\n".join(rows))

    for number in range(12):
        scan("site-a", number, 2)
        scan("site-b", number, 2)
    made = shared(where, tmp_path / "protocols", way)
    before, _, _ = resolve_terms(DataChoice(folder=where, options=way), Choices(), made)
    for number in range(30):
        scan("site-c", number, 4)
    after, _, table = resolve_terms(DataChoice(folder=where, options=way), Choices(), made)
    assert sorted(after.table["sample_id"]) == sorted(table["sample_id"])
    assert np.array_equal(after.pixels, before.pixels)  # the voxel size is the median of what is read


def test_sites_that_could_not_be_read_again_are_refused_before_a_run(tmp_path):
    where = folder(tmp_path / "in", {"St Mary": 40, "St Mary.": 12})
    with pytest.raises(MedshiftError, match=r"domains 'St Mary' and 'St Mary\.' look alike: rename one"):
        resolve_terms(DataChoice(folder=where), Choices(source="St Mary", shifts=("gamma",), severities=(3,)))
