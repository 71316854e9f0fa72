"""Frames of DICOM files: taken with --slices, each rescaled and windowed by its own tags."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from helpers.images.dicom_files import transcode, tree, write
from helpers.importing import refused
from pydicom.dataset import Dataset

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest

pytestmark = pytest.mark.usefixtures("home")
MAKERS = {"domain_from": "Manufacturer"}


def of(**tags):
    made = Dataset()
    for name, value in tags.items():
        setattr(made, name, value)
    return made


def cine(where, frames=6, dtype=np.uint8, **tags):
    """Write class/file.dcm of several frames, frame k of the value k everywhere but in one pixel."""
    values = np.repeat(np.arange(frames, dtype=dtype), 256).reshape(frames, 16, 16)
    values[:, 0, 0] = 100
    for number in range(8):
        label = ("no", "yes")[number // 2 % 2]
        path = write(where / label / f"{number}.dcm", values[0], number, **tags)
        read = pydicom.dcmread(path)
        read.NumberOfFrames, read.PixelData = frames, values.tobytes()
        read.Manufacturer = ("SIEMENS", "GE")[number // 4]
        read.save_as(path)
    return where


@pytest.mark.parametrize("syntax", ["", "RLELossless", "JPEGLosslessProcess14_1"])
def test_each_frame_taken_is_an_image_of_its_files_group(tmp_path, syntax):
    where = cine(tmp_path / "in")
    for path in where.rglob("*.dcm") if syntax else ():
        transcode(path, path, syntax)
    made = add("set", where, Options(**MAKERS, slices=3))
    assert made.pixels[:6, 0, 5, 5].tolist() == [1, 3, 5, 1, 3, 5]
    assert made.table["slice"].tolist()[:3] == ["1", "3", "5"]
    assert made.table["sample_id"].str.extract("#(.)")[0].tolist()[:3] == ["1", "3", "5"]
    assert (made.table.groupby("group").size() == 6).all()  # two files a patient
    assert made.table["sample_id"].is_unique
    assert "3 frames of each file, spread evenly" in made.notes


def test_files_of_fewer_frames_are_refused_as_those_of_fewer_slices_are(tmp_path, home):
    where = cine(tmp_path / "in")
    write(where / "no" / "still.dcm", np.arange(256, dtype=np.uint8).reshape(16, 16), 99)
    assert refused(where, home, **MAKERS, slices=2)[1:] == [
        "no/still.dcm: has 1 frame, fewer than --slices 2 (--slices 1 takes one of each)"
    ]


def test_frames_by_a_manifest_in_eight_bits(tmp_path):
    where = cine(tmp_path / "in")
    files = sorted(path.relative_to(where).as_posix() for path in where.rglob("*.dcm"))
    rows = [f"{name},{name.split('/')[0]},x,{number}" for number, name in enumerate(files)]
    (where / "manifest.csv").write_text("\n".join(["image,label,domain,split_group", *rows]))
    made = read_manifest(where, slices=2)
    assert made.table["sample_id"][:2].tolist() == [f"{files[0]}#1", f"{files[0]}#4"]
    assert made.pixels[:2, 0, 5, 5].tolist() == [1, 4]
    assert (made.table.groupby("group").size() == 2).all()


def test_without_slices_one_line_says_how_many_files_hold_frames(tmp_path, home):
    lines = refused(cine(tmp_path / "in"), home, **MAKERS)
    assert lines[1:] == ["8 files, the first no/0.dcm: 6 frames: --slices N takes N of each"]


PER_FRAME = [of(PixelValueTransformationSequence=[of(RescaleSlope=k + 1, RescaleIntercept=-k)]) for k in range(6)]
SHARED = [of(PixelValueTransformationSequence=[of(RescaleSlope=2, RescaleIntercept=-1024)])]
RESCALED = {
    "each frame its own": ({"PerFrameFunctionalGroupsSequence": PER_FRAME}, [1 * 2 - 1, 4 * 5 - 4]),
    "one for all": ({"SharedFunctionalGroupsSequence": SHARED}, [2 - 1024, 8 - 1024]),
    "of the file": ({"RescaleSlope": 3, "RescaleIntercept": 7}, [10, 19]),
    "some their own, others that of the file": (
        {"PerFrameFunctionalGroupsSequence": [of(), of(), *PER_FRAME[2:]], "RescaleSlope": 3},
        [3, 4 * 5 - 4],
    ),
    "a dose": ({"DoseGridScaling": 0.5}, [0.5, 2.0]),
}


@pytest.mark.parametrize(("tags", "expected"), RESCALED.values(), ids=RESCALED)
def test_rescaling_of_functional_groups_is_applied(tmp_path, tags, expected):
    where = cine(tmp_path / "in", dtype=np.uint16, bits=12, Modality="CT", **tags)
    made = add("set", where, Options(**MAKERS, slices=2))
    assert made.pixels.dtype == np.float32
    assert made.pixels[:2, 0, 5, 5].tolist() == expected


def test_a_file_that_rescales_only_some_of_its_frames_is_refused(tmp_path, home):
    where = cine(tmp_path / "in", PerFrameFunctionalGroupsSequence=[*PER_FRAME[:2], of(), *PER_FRAME[3:]])
    assert "frame 3 lacks the rescaling that other frames have" in refused(where, home, **MAKERS, slices=2)[1]


def test_a_single_frame_with_functional_groups_is_rescaled_too(tmp_path):
    where, ramp = tree(tmp_path / "in", SharedFunctionalGroupsSequence=SHARED, NumberOfFrames=1)
    assert (add("set", where, Options(**MAKERS)).pixels[:, 0] == ramp * 2.0 - 1024).all()


def test_windows_of_frames(tmp_path):
    windows = [of(FrameVOILUTSequence=[of(WindowCenter=k, WindowWidth=4)]) for k in range(6)]
    where = cine(tmp_path / "in", PerFrameFunctionalGroupsSequence=windows)
    made = add("set", where, Options(**MAKERS, slices=6, window="file"))
    assert np.allclose(made.pixels[:6, 0, 5, 5] / 65535, 0.5 / 3 + 0.5, atol=1e-4)  # each at the centre of its own


def test_slices_of_a_series_and_mosaics_are_said(tmp_path):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for number in range(12):
        more = {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]} if number == 3 else {}
        path = tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm"
        write(path, ramp, number, Modality="MR", SeriesInstanceUID=f"1.2.{number // 3}", **more)
    made = add("set", tmp_path / "in", Options(**MAKERS))
    assert "12 files are slices of 4 series: each slice is an image" in made.notes
    assert "mosaics, which show the slices of a volume side by side: 1 of 12 files" in made.notes


def test_no_series_is_said_where_each_has_one_image_or_is_no_volume(tmp_path):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for number in range(8):
        how = {"Modality": "MR", "SeriesInstanceUID": f"1.2.{number}"} if number < 4 else {"SeriesInstanceUID": "1.3"}
        write(tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm", ramp, number, **how)
    assert not any("series" in note for note in add("set", tmp_path / "in", Options(**MAKERS)).notes)


def people(where, images):
    for number in range(4 * images):
        values = np.arange(256, dtype=np.uint8).reshape(16, 16)
        path = where / f"PAT{number // images:03d}" / "STUDY" / "SERIES" / f"IM{number:06d}"
        write(path, values, number, PatientID=str(number // images), BodyPartExamined=("CHEST", "HEAD")[number % 2])
    return where


def test_folders_of_one_image_are_one_problem_and_not_one_each(tmp_path, home):
    lines = refused(people(tmp_path / "in", 1), home, **MAKERS)
    assert lines[1:] == [
        "4 folders with one image each ('PAT000' to 'PAT003'): patients? The class comes from --label-column, the "
        "keyword of a DICOM tag, or from a manifest"
    ]


def test_folders_of_one_patient_each_are_named_as_doubtful_classes(tmp_path):
    where = people(tmp_path / "in", 4)
    said = "each of the 4 folders that name a class holds one patient: are they classes?"
    assert any(note.startswith(said) for note in add("folders", where, Options(**MAKERS)).notes)
    tagged = add("tag", where, Options(**MAKERS, label_column="BodyPartExamined"))
    assert not any("name a class" in note for note in tagged.notes)
