"""NIfTI: orientation, voxels, slices, and volumes that are refused."""

from __future__ import annotations

import gzip
import os
import subprocess

import nibabel
import numpy as np
import pytest
from helpers.cli import MEDSHIFT, medshift

from medshift.benchmark.datasets import store
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.nifti.reader import middle_slices
from medshift.benchmark.datasets.importing.formats.resize import axis_weights
from medshift.benchmark.datasets.importing.options import Options
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


def patient(size=48.0):
    """Return a function of the patient's mm (right, front, head): a dim ball, and a bright one right, front, high."""

    def density(points):
        ball = np.linalg.norm(points, axis=-1) < 0.42 * size
        spot = np.linalg.norm(points - np.array([0.2, 0.15, 0.1]) * size, axis=-1) < 0.12 * size
        return 100.0 * ball + 300.0 * spot

    return density


def scan(path, spacing=(1.0, 1.0, 1.0), order="RAS", tilt=0.0, size=48.0, density=None, dtype=np.int16):
    """Write what a scanner with such axes would: the same patient, sampled on its own grid.

    Args:
        path: To write to.
        spacing: Of voxels along the patient's right, front, head.
        order: The scanner's axes, e.g. LPS or IAL.
        tilt: Of the grid about the patient's left-right axis, in degrees: an oblique scan.
        size: Of the field of view, in mm.
        density: Of the patient; `patient()` by default.
        dtype: Of the file.
    """
    counts = [round(size / step) for step in spacing]
    letters = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    angle = np.deg2rad(tilt)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    affine = np.eye(4)
    shape = []
    for axis, letter in enumerate(order):
        of, sign = letters[letter]
        affine[:3, axis] = turn[:, of] * sign * spacing[of]
        shape.append(counts[of])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)  # the centre of the grid is the patient's
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    values = (density or patient(size))(grid @ affine[:3, :3].T + affine[:3, 3])
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values.astype(dtype), affine), path)
    return path


def listing(where, rows):
    text = "\n".join(["image,label,domain,split_group", *(",".join(row) for row in rows)])
    (where / "manifest.csv").write_text(text + "\n")
    return where


def two(where, **first):
    """Write a straight scan of even voxels and another one with the given properties; list each twice."""
    rows = []
    for name, how in (("even", {}), ("other", first)):
        for label in ("no", "yes"):
            scan(where / f"{name}-{label}.nii.gz", **how)
            rows.append((f"{name}-{label}.nii.gz", label, name, f"{name}-{label}"))
    return listing(where, rows)


@pytest.mark.parametrize("order", ["LPS", "SAR", "IPL", "ASL"])
def test_the_patient_comes_out_the_same_way_round_whatever_the_scanners_axes(tmp_path, order):
    made = add("set", two(tmp_path / "in", order=order), Options(image_size=24, voxel_mm=2.0, modality="mr"))
    assert made.pixels.shape == (4, 1, 24, 24, 24)
    assert made.pixels.dtype == np.uint16
    assert np.array_equal(made.pixels[0], made.pixels[2])
    depth, row, column = np.argwhere(made.pixels[0, 0] > 0.9 * 65535).mean(axis=0) - 11.5
    # head first, front at the top, the patient's right on the right: 0.2, 0.15 and 0.1 of 24 voxels from the centre
    assert np.allclose([depth, row, column], [-2.4, -3.6, 4.8], atol=0.35)


def test_same_bytes_with_the_least_instructions_of_an_x86_processor(tmp_path, instruction_sets):
    def grain(points):
        return np.random.default_rng(0).uniform(0, 400, points.shape[:-1])

    where = two(tmp_path / "in", order="LSP", spacing=(1.0, 1.5, 2.0), density=grain, dtype=np.float32)
    made = add("set", where, Options(image_size=24, voxel_mm=1.7, modality="mr"))
    settings = os.environ | instruction_sets["least"] | {"MEDSHIFT_HOME": str(tmp_path / "elsewhere")}
    words = ["data", "add", "set", str(where), "--image-size", "24", "--voxel-mm", "1.7", "--modality", "mr"]
    subprocess.run([*MEDSHIFT, *words], env=settings, check=True, capture_output=True)
    elsewhere = np.load(tmp_path / "elsewhere" / "data" / "set" / "pixels.npy")
    assert np.array_equal(elsewhere, made.pixels)


def test_oblique_and_anisotropic_voxels_become_even(tmp_path):
    where = two(tmp_path / "in", order="LSP", spacing=(1.0, 1.5, 4.0), tilt=9.0)
    made = add("set", where, Options(image_size=24, voxel_mm=2.0, window="200,400"))
    even, other = made.pixels[0, 0] / 65535, made.pixels[2, 0] / 65535
    assert abs(even.mean() / other.mean() - 1) < 0.05
    spot = [np.argwhere(volume > 0.8).mean(axis=0) for volume in (even, other)]
    assert np.linalg.norm(spot[0] - spot[1]) < 1.2  # 9 degrees at 9 mm from the centre, and slices of 4 mm
    shape = [np.ptp(np.argwhere(volume > 0.12), axis=0) + 1 for volume in (even, other)]
    assert np.abs(shape[0] - shape[1]).max() <= 2  # as long as wide as high: not squashed


def test_larger_fields_are_cropped_and_smaller_ones_padded(tmp_path):
    where = tmp_path / "in"
    rows = []
    for name, size in (("small", 32.0), ("middle", 48.0), ("large", 64.0)):
        for label in ("no", "yes"):
            scan(
                where / f"{name}-{label}.nii",
                size=size,
                density=lambda points: 7.0 + (points[..., 0] > 0),
                dtype=np.float32,
            )
            rows.append((f"{name}-{label}.nii", label, name, f"{name}-{label}"))
    made = add("set", listing(where, rows), Options(image_size=24, voxel_mm=2.0, value_ranges=("7,8",)))
    assert made.pixels.dtype == np.float32
    assert made.value_range == (7, 8)
    filled = [(volume[0] > 7.5).sum() for volume in made.pixels[::2]]
    assert filled == [16 * 16 * 8, 24 * 24 * 12, 24 * 24 * 12]


@pytest.mark.parametrize(
    ("shape", "way"),
    [((12, 10, 1), ": --slices 1 keeps them flat"), ((12, 1, 10), ""), ((12, 10, 2), None)],
)
def test_volumes_of_one_plane_are_told(tmp_path, shape, way):
    values = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    for number in range(4):
        path = tmp_path / "in" / "AB"[number // 2] / ("no", "yes")[number % 2] / f"{number}.nii"
        path.parent.mkdir(parents=True)
        nibabel.save(nibabel.Nifti1Image(values + number, np.eye(4)), path)
    (tmp_path / "in" / "two.hdr").write_bytes(b"header")
    made = add("set", tmp_path / "in", Options(modality="xray", window="image"))
    told = [note for note in made.notes if "single plane" in note]
    note = f"all 4 volumes have a single plane, and become cubes that are empty around it{way}"
    assert told == ([] if way is None else [note])
    assert "left out 1 file that is not an image; 1 of them .hdr, of volumes in two files: save each" in str(made.notes)
    if shape[2] == 1:
        flat = add("flat", tmp_path / "in", Options(modality="xray", window="image", slices=1))
        assert len(flat.pixels.shape) == 4
        assert not any("single plane" in note for note in flat.notes)


def test_slices_share_the_group_of_their_volume(tmp_path):
    made = add("set", two(tmp_path / "in"), Options(slices=5, image_size=24, modality="mr"))
    assert made.pixels.shape == (20, 1, 24, 24)
    assert made.table["sample_id"][0] == "even-no.nii.gz#14"
    assert made.table["slice"].tolist()[:5] == ["14", "19", "24", "28", "33"]
    assert (made.table.groupby("group").size() == 5).all()
    row, column = np.argwhere(made.pixels[3, 0] > 0.9 * 65535).mean(axis=0) - 11.5
    assert row < -2
    assert column > 3


def test_notes_say_whose_groups_and_which_slices_they_are(tmp_path):
    where = two(tmp_path / "in", spacing=(1.0, 1.0, 8.0))  # six slices, three of which are the middle half
    manifest = where / "manifest.csv"
    manifest.write_text("\n".join(line.rpartition(",")[0] for line in manifest.read_text().splitlines()))
    alone = add("alone", where, Options(slices=5, image_size=24, modality="mr"))
    assert alone.table["group"].nunique() == 4
    assert any("EACH VOLUME IS ITS OWN GROUP" in note for note in alone.notes)
    assert any("middle half of each volume, of more than half in 2 that have too few" in note for note in alone.notes)
    named = add("named", where, Options(slices=2, image_size=24, modality="mr", group_pattern="^[a-z]+"))
    assert set(named.table["group"]) == {"even", "other"}
    assert not any("ITS OWN GROUP" in note or "too few" in note or "--group-pattern" in note for note in named.notes)


def test_channels_are_not_taken_and_left_aside(tmp_path):
    with pytest.raises(MedshiftError, match="--channels goes with pictures or DICOM, not with NIfTI"):
        add("set", two(tmp_path / "in"), Options(channels=3))


def test_middle_slices():
    assert middle_slices(100, 4) == [31, 43, 56, 68]
    assert middle_slices(10, 10) == list(range(10))
    assert middle_slices(7, 1) == [3]
    for count in range(1, 40):
        for wanted in range(1, count + 1):
            chosen = middle_slices(count, wanted)
            assert len(set(chosen)) == wanted
            assert min(chosen) >= 0
            assert max(chosen) < count


def test_resampling_by_hand():
    assert np.allclose(axis_weights(4, 1, 4, 1), np.eye(4))
    assert np.allclose(axis_weights(2, 2, 4, 1), [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])
    coarse = axis_weights(8, 1, 4, 2)
    assert np.allclose(coarse[1], np.array([0, 0.25, 0.75, 0.75, 0.25, 0, 0, 0]) / 2)
    assert np.allclose(axis_weights(2, 1, 4, 1).sum(axis=1), [0, 1, 1, 0])


def test_all_that_is_wrong_at_once(tmp_path, home):
    where = two(tmp_path / "in")
    rows = [line.split(",") for line in (where / "manifest.csv").read_text().splitlines()[1:]]

    def holed(points):
        values = patient()(points)
        values[3, 4, 5] = np.nan
        return values

    scan(where / "nan.nii", density=holed, dtype=np.float32)
    scan(where / "flat.nii", density=lambda points: 0 * points[..., 0])
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 8, 8, 5), np.int16), np.eye(4)), where / "time.nii")
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 8), np.int16), np.eye(4)), where / "plane.nii")
    huge = nibabel.Nifti1Header()
    huge.set_data_shape((2000, 2000, 2000))
    huge.set_data_dtype(np.uint8)
    huge.set_sform(np.eye(4), 1)
    huge["magic"] = b"n+1"
    huge["vox_offset"] = 352
    (where / "huge.nii").write_bytes(huge.binaryblock + b"\0" * 100)
    whole = (where / "even-no.nii.gz").read_bytes()
    (where / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    (where / "text.nii.gz").write_bytes(gzip.compress(b"no volume"))
    (where / "fake.nii").write_text("no volume" * 100)
    nibabel.save(nibabel.Nifti1Pair(np.zeros((8, 8, 8), np.int16), np.eye(4)), where / "two.img")
    bad = ("nan.nii", "flat.nii", "time.nii", "plane.nii", "huge.nii", "cut.nii.gz", "text.nii.gz", "fake.nii")
    bad += ("two.hdr", "two.img")
    listing(where, [*rows, *((name, "no", "even", name) for name in bad)])
    with pytest.raises(MedshiftError) as error:
        add("set", where, Options(modality="mr"))
    text = str(error.value)
    for said in (
        "line 6: nan.nii: 1 of 110,592 voxels are NaN or infinite: --nan-as darkest (or a value) replaces them",
        "line 7: flat.nii: every voxel is 0",
        "line 8: time.nii: is 8 x 8 x 8 x 5; only files of one volume are read",
        "line 9: plane.nii: is 8 x 8; only volumes are read: save it as 8 x 8 x 1 (--slices 1 keeps it flat)",
        "line 10: huge.nii: 2000 x 2000 x 2000 voxels; the most is 500,000,000",
        "line 11: cut.nii.gz: cannot be decoded",
        "line 12: text.nii.gz: cannot be decoded",
        "line 13: fake.nii: not a NIfTI file by its content",
        "line 14: two.hdr: the header of a NIfTI pair (.hdr and .img), which is not read: save both as one .nii",
        "line 15: two.img: the voxels of a NIfTI pair (.hdr and .img), which is not read: save both as one .nii",
        "10 problems:",
    ):
        assert said in text
    assert store.names() == []


def volumes(where):
    """Write three scanners' volumes, one straight, one anisotropic, one oblique; a bright spot in half of them."""
    how = {
        "straight": {},
        "thick": {"spacing": (1.0, 1.0, 4.0), "order": "LPS"},
        "oblique": {"tilt": 12.0, "order": "ASR", "spacing": (1.2, 1.0, 1.5)},
    }
    rows = []
    for name, grid in how.items():
        for index in range(20 if name == "straight" else 8):
            label = index % 2
            density = patient(32.0) if label else (lambda points: 100.0 * (np.linalg.norm(points, axis=-1) < 13))
            scan(where / f"{name}-{index}.nii.gz", size=32.0, density=density, **grid)
            rows.append((f"{name}-{index}.nii.gz", ("no", "yes")[label], name, f"{name}-{index}"))
    return listing(where, rows)


def run(tmp_path, name, *words):
    told = ["--baseline", "scratch", "--dataset", name, "--source", "straight", "--severities", "3"]
    told += ["--set", "steps=4", "--out", str(tmp_path / "out"), *words]
    done = medshift("run", *told)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").rglob("card.json"))) == 1


def test_slices_go_from_files_to_a_finished_run(tmp_path):
    add("slices", volumes(tmp_path / "in"), Options(slices=2, image_size=32, modality="mr"))
    run(tmp_path, "slices", "--shifts", "gamma,bias-field")


@pytest.mark.slow
def test_volumes_go_from_files_to_a_finished_run(tmp_path):
    add("volumes", volumes(tmp_path / "in"), Options(image_size=24, modality="mr"))
    run(tmp_path, "volumes", "--shifts", "gamma,slice-thickness")
