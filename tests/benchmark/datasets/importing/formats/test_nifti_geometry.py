"""Where the voxels of NIfTI are: units, two forms of the axes, and volumes of which nothing is left."""

from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest
from helpers.importing import refused

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.sniff import sniff
from medshift.benchmark.datasets.importing.options import Options

pytestmark = pytest.mark.usefixtures("home")


def volume(seed, side=12):
    made = np.random.default_rng(seed).normal(100, 10, (side, side, side)).astype(np.float32)
    made[8:11, 2:5, 6:9] += 80 + seed % 2 * 80
    return made


def listed(where, write, count=3):
    """Write volumes of two sites, A and B, with a manifest; `write(path, site, number)` writes one of them."""
    where.mkdir()
    rows = ["image,label,domain,split_group"]
    for site in "AB":
        for number in range(2 * count):
            name = f"{site}{number}.nii.gz"
            write(where / name, site, number)
            rows.append(f"{name},{('neg', 'pos')[number % 2]},{site},{site}{number}")
    (where / "manifest.csv").write_text("\n".join(rows))
    return where


def scan(path, values, size=2.0, unit="mm", **forms):
    """Write a volume with voxels of `size`, in the number that the unit makes of it."""
    image = nibabel.Nifti1Image(values, np.diag([size, size, size, 1.0]))
    image.header.set_xyzt_units(unit)
    for name, form in forms.items():
        getattr(image, f"set_{name}")(*form)
    image.to_filename(path)


@pytest.mark.parametrize(
    ("unit", "size", "said"),
    [
        ("micron", 2000.0, "voxel sizes of 6 of 12 volumes are in micrometres, converted to mm"),
        ("meter", 0.002, "voxel sizes of 6 of 12 volumes are in metres, converted to mm"),
        ("meter", 0.0005, "voxel sizes of 6 of 12 volumes are in metres, converted to mm"),
        ("unknown", 2.0, ""),
    ],
)
def test_one_site_in_another_unit_gives_the_same_voxels(tmp_path, unit, size, said):
    plain = size * {"micron": 0.001, "meter": 1000}.get(unit, 1)

    def write(path, site, number):
        how = (size, unit) if site == "B" else (plain, "mm")
        scan(path, volume(number), *how)

    made = add("set", listed(tmp_path / "in", write), Options())
    assert np.allclose(made.pixels[:6], made.pixels[6:], rtol=1e-6)
    assert (made.pixels.reshape(12, -1).std(axis=1) > 5).all()
    assert [note for note in made.notes if "voxel sizes" in note] == ([said] if said else [])
    assert any(f"of {plain:.3g} mm" in note for note in made.notes if note.startswith("NIfTI on"))
    assert not any("voxels are" in note for note in made.notes)


def test_metres_that_can_only_be_millimetres_are_taken_as_such(tmp_path):
    where = listed(tmp_path / "in", lambda path, site, number: scan(path, volume(number), 2.0, "meter"))
    made = add("set", where, Options(voxel_mm=2.0, image_size=12))
    assert np.array_equal(made.pixels[1, 0], volume(1).T[::-1, ::-1])
    assert "all 12 volumes state metres with voxels of 2, taken as mm (the first: A0.nii.gz)" in made.notes


@pytest.mark.parametrize("options", [{"voxel_mm": 2.0}, {"voxel_mm": 2.0, "slices": 2}])
def test_a_thousandfold_without_a_unit_is_refused(tmp_path, home, options):
    where = listed(
        tmp_path / "in",
        lambda path, site, number: scan(path, volume(number), 2000.0 if site == "B" else 2.0, "unknown"),
    )
    lines = refused(where, home, **options)
    assert len(lines) > 1
    assert all(
        "B" in line and "nothing is left of it: its voxels are 2,000 x 2,000 x 2,000 mm, those of the set 2 mm" in line
        for line in lines[1:]
    )


def test_the_default_voxel_never_hides_a_site_in_silence(tmp_path, home):
    where = listed(
        tmp_path / "in",
        lambda path, site, number: scan(path, volume(number), 2000.0 if site == "B" else 2.0, "unknown"),
    )
    lines = refused(where, home)
    assert {line.split(": ")[1][0] for line in lines[1:]} == {"A"}


def test_volumes_of_very_different_voxels_are_named(tmp_path):
    def write(path, site, number):
        scan(path, volume(number, 24), 50.0 if site == "B" else 2.0, "unknown")

    made = add("set", listed(tmp_path / "in", write), Options(voxel_mm=10, image_size=24, window="image"))
    said = "voxels are 2 mm (A0.nii.gz) to 50 mm (B0.nii.gz): all 12 volumes state no unit, taken as mm"
    assert said in made.notes


def test_a_volume_outside_of_the_window_is_refused(tmp_path, home):
    where = listed(tmp_path / "in", lambda path, site, number: scan(path, volume(number)))
    (first, *_) = refused(where, home, window="5000,10")[1:]
    assert "every voxel is below the window 5000,10: its values are" in first


def test_a_slice_of_air_is_kept(tmp_path):
    def write(path, site, number):
        values = volume(number)
        values[:, :, 3:7] = 0
        scan(path, values)

    made = add("set", listed(tmp_path / "in", write), Options(slices=2))
    assert (made.pixels.reshape(24, -1).std(axis=1) == 0).sum() == 12


FLIPPED, SHIFTED = np.diag([-2.0, 2, 2, 1]), np.array([[2.0, 0, 0, 90], [0, 2, 0, -40], [0, 0, 2, 7], [0, 0, 0, 1]])
TILTED = np.array([[2.0, 0, 0, 0], [0, 1.9, -0.62, 0], [0, 0.62, 1.9, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("form", "differs"), [(FLIPPED, True), (TILTED, True), (SHIFTED, False), (np.diag([2.0, 2, 2, 1]), False)]
)
def test_forms_that_disagree_are_named(tmp_path, form, differs):
    def write(path, site, number):
        forms = {"qform": (form, 1), "sform": (np.diag([2.0, 2, 2, 1]), 1)} if site == "B" else {}
        scan(path, volume(number), **forms)

    made = add("set", listed(tmp_path / "in", write), Options())
    said = "in 6 of 12 volumes qform and sform disagree (the first: B0.nii.gz): sform is used"
    assert (said in made.notes) == differs
    assert np.array_equal(made.pixels[:6], made.pixels[6:])


def test_volumes_without_an_orientation_are_named(tmp_path):
    def write(path, site, number):
        forms = {"qform": (None, 0), "sform": (None, 0)} if number == 1 else {}
        scan(path, volume(number), **forms)

    made = add("set", listed(tmp_path / "in", write), Options(image_size=12))
    assert any(
        note.startswith("2 of 12 volumes state no orientation (qform and sform code 0; the first: A1.nii.gz)")
        for note in made.notes
    )
    assert np.array_equal(made.pixels[1, 0], volume(1).T[::-1, ::-1, ::-1])  # stored from right to left


@pytest.mark.parametrize(("slope", "inter", "factor", "offset"), [(2, -5, 2, -5), (0, 7, 1, 0), (np.nan, np.nan, 1, 0)])
def test_scaling_of_the_header_is_applied(tmp_path, slope, inter, factor, offset):
    def write(path, site, number):
        image = nibabel.Nifti1Image(volume(number).astype(np.int16), np.diag([2.0, 2, 2, 1]))
        image.to_filename(path.with_suffix(""))
        content = bytearray(path.with_suffix("").read_bytes())
        content[112:120] = np.array([slope, inter], "<f4").tobytes()
        path.with_suffix("").unlink()
        path.write_bytes(gzip.compress(bytes(content)))

    made = add("set", listed(tmp_path / "in", write, 1), Options(image_size=12))
    expected = volume(1).astype(np.int16).T[::-1, ::-1] * float(factor) + offset
    assert np.array_equal(made.pixels[1, 0], expected)


def holed(path, site, number):
    """Write a volume that is NaN outside of a mask in one site."""
    values = volume(number)
    if site == "B":
        values[:3] = np.nan
        values[3, 3, 3] = np.inf
    scan(path, values)


def test_nan_outside_of_a_mask_is_settled_by_one_option(tmp_path, home):
    where = listed(tmp_path / "in", holed)
    lines = refused(where, home)
    assert all(
        "433 of 1,728 voxels are NaN or infinite: --nan-as darkest (or a value) replaces them" in line
        for line in lines[1:]
    )
    made = add("set", where, Options(nan_as="darkest", image_size=12))
    least = volume(1)[3:].min()
    assert np.isclose(made.pixels[7, 0, :, :, :3], least).all()
    assert np.array_equal(made.pixels[7, 0, :, :, 4:], made.pixels[1, 0, :, :, 4:])


def test_nan_does_not_count_for_the_range(tmp_path):
    made = add("set", listed(tmp_path / "in", holed), Options(nan_as="-1000", window="image", image_size=12))
    known = volume(1)[3:]
    low, high = np.percentile(np.delete(known.ravel(), 3 * 12 + 3), (0.5, 99.5))  # but for the infinite one
    expected = np.clip((volume(1)[4:] - low) / (high - low), 0, 1).T[::-1, ::-1]
    assert np.allclose(made.pixels[7, 0, :, :, 4:] / 65535, expected, atol=1e-4)
    assert (made.pixels[7, 0, :, :, :3] == 0).all()


def test_a_volume_of_nothing_but_nan_is_refused_whatever_is_said(tmp_path, home):
    where = listed(tmp_path / "in", lambda path, site, number: scan(path, volume(number) * (np.nan if number else 1)))
    assert "all voxels are NaN or infinite" in refused(where, home, nan_as="darkest")[1]


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_compression_is_found_by_content_and_not_by_name(tmp_path, kind):
    def write(path, site, number):
        content = kind(volume(1), np.diag([2.0, 2, 2, 1])).to_bytes()
        path.write_bytes(gzip.compress(content) if number % 2 else content)  # under the name of packed files

    where = listed(tmp_path / "in", write, 2)
    for number, name in ((1, "A1.nii"), (2, "A2"), (3, "A3")):  # packed under that of others, and two without one
        (where / f"A{number}.nii.gz").rename(where / name)
        text = (where / "manifest.csv").read_text()
        (where / "manifest.csv").write_text(text.replace(f"A{number}.nii.gz,", f"{name},"))
    made = add("set", where, Options(image_size=12))
    assert (made.pixels[:, 0] == volume(1).T[::-1, ::-1]).all()
    assert len(made.pixels) == 8


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda packed: packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:], "CRC check failed"),  # as of a flipped bit
        (lambda packed: packed[:-8], "ended before"),
        (lambda packed: packed + b"junk", "Not a gzipped file"),
        (lambda packed: packed + b"\0" * 512, ""),  # padding, as of tapes
    ],
)
def test_a_packed_volume_is_held_against_its_checksum(tmp_path, home, damage, says):
    def write(path, site, number):
        scan(path, volume(number))
        if (site, number) == ("B", 1):
            path.write_bytes(damage(path.read_bytes()))

    where = listed(tmp_path / "in", write, 2)
    if says:
        assert any("B1.nii.gz" in line and says in line for line in refused(where, home))
    else:
        add("set", where, Options(image_size=12))


def test_other_packed_files_are_not_taken_for_volumes(tmp_path):
    for content in (b"text" * 200, b"", b"\0" * 400):
        (tmp_path / "x").write_bytes(gzip.compress(content))
        assert sniff(tmp_path / "x")[0] == ""
    (tmp_path / "x").write_bytes(b"\x1f\x8bno")
    assert sniff(tmp_path / "x")[0] == ""


@pytest.mark.parametrize("axes", [(1,), (1, 1)])
def test_one_point_in_time_is_a_volume(tmp_path, axes):
    def write(path, site, number):
        scan(path, volume(number).reshape(12, 12, 12, *axes))

    made = add("set", listed(tmp_path / "in", write, 1), Options(image_size=12))
    assert np.array_equal(made.pixels[1, 0], volume(1).T[::-1, ::-1])


def test_colours_in_voxels_are_refused(tmp_path, home):
    def write(path, site, number):
        colour = np.zeros((8, 8, 8), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
        nibabel.Nifti1Image(colour, np.eye(4)).to_filename(path)

    where = listed(tmp_path / "in", write, 1)
    assert all("only one real number per voxel is read" in line for line in refused(where, home)[1:])
