"""DICOM made with pydicom: values, windows, tags, patients, and files without an image."""

from __future__ import annotations

import subprocess

import numpy as np
import pydicom
import pytest
from helpers.cli import MEDSHIFT
from helpers.image_folders import picture
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from medshift.benchmark.datasets import store
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.dicom_header import pseudonyms
from medshift.benchmark.datasets.importing.formats.windowing import window
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


def write(path, values, number, **tags):
    """Write an image of unsigned integers, or none if `values` is None, with further tags."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.10.999.{number}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID = CTImageStorage
    made.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID = "1.2.3"
    made.PatientID = f"MRN{number // 2:05d}"
    made.PatientName = f"Smith^{number // 2}"
    made.Modality = "DX"
    made.Manufacturer = "ACME"
    if values is not None:
        bits = tags.pop("bits", 8 * values.dtype.itemsize)
        made.Rows, made.Columns = values.shape[:2]
        made.SamplesPerPixel = 1 if values.ndim == 2 else 3
        made.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
        if values.ndim == 3:
            made.PlanarConfiguration = 0
        made.BitsAllocated, made.BitsStored, made.HighBit = 8 * values.dtype.itemsize, bits, bits - 1
        made.PixelRepresentation = int(values.dtype.kind == "i")
        made.PixelData = values.tobytes()
    for name, value in tags.items():
        setattr(made, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def tree(where, count=8, **tags):
    """Write class/file.dcm: a ramp of 16 bits of which 12 are used."""
    ramp = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)
    for number in range(count):
        label = ("no", "yes")[number // 2 % 2]
        maker = ("SIEMENS", "GE")[number // 4 % 2]
        write(where / label / f"{number}.dcm", ramp, number, **{"bits": 12, "Manufacturer": maker, **tags})
    return where, ramp


def test_a_tree_with_the_scanner_as_domain(tmp_path):
    where, ramp = tree(tmp_path / "in", KVP="120.0", SliceThickness="1.250", InstitutionName="  St  Elsewhere ")
    made = add("set", where, Options(domain_from="Manufacturer", modality="xray"))
    assert made.domains == ["GE", "SIEMENS"]
    assert made.classes == ("no", "yes")
    assert made.pixels.dtype == np.uint16
    assert made.value_range == (0, 4095)
    assert (made.pixels[:, 0] == ramp).all()
    assert set(made.table["KVP"]) == {"120"}
    assert set(made.table["SliceThickness"]) == {"1.25"}
    assert set(made.table["InstitutionName"]) == {"St Elsewhere"}
    assert set(made.table["Modality"]) == {"DX"}


def test_no_patient_is_stored_plainly(tmp_path):
    where, _ = tree(tmp_path / "in")
    (where / "no" / "0.dcm").rename(where / "no" / "Smith^0.dcm")
    (where / "no" / "report of Smith.txt").write_text("no image")
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert made.table["group"].nunique() == 4
    assert (made.table.groupby("group").size() == 2).all()
    for path in store.folder("set").iterdir():
        assert b"MRN0" not in path.read_bytes()
        assert b"Smith" not in path.read_bytes()
    text = made.table.to_csv()
    assert "MRN" not in text
    assert "Smith" not in text
    assert "1.2.826" not in text
    # a short number cannot be guessed by hashing all of them: the key is the whole set
    assert pseudonyms(["1", "2"], "p-")["1"] != pseudonyms(["1", "3"], "p-")["1"]
    assert pseudonyms(["1", "2"], "p-") == pseudonyms(["2", "1", "2"], "p-")


def test_candidates_are_shown_where_none_is_chosen(tmp_path, home):
    where, _ = tree(tmp_path / "in", MagneticFieldStrength="3")
    write(where / "no" / "9.dcm", np.zeros((16, 16), np.uint16), 9, bits=12, MagneticFieldStrength="1.5")
    with pytest.raises(MedshiftError) as error:
        add("set", where, Options())
    lines = [line.strip() for line in str(error.value).splitlines()]
    assert "choose with --domain-from. Candidates:" in lines[0]
    assert lines[1:] == ["Manufacturer: GE (4), SIEMENS (4), ACME (1)", "MagneticFieldStrength: 3 (8), 1.5 (1)"]
    assert store.names() == []


def test_domain_folders_and_labels_from_a_tag(tmp_path):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for number in range(8):
        part = ("CHEST", "HEAD")[number // 2 % 2]
        write(tmp_path / "in" / f"site{number // 4}" / part / f"{number}", ramp, number, BodyPartExamined=part)
    made = add("set", tmp_path / "in", Options(domain_from="folder"))
    assert (made.domains, made.classes) == (["site0", "site1"], ("CHEST", "HEAD"))
    assert made.pixels.dtype == np.uint8
    flat = add("flat", tmp_path / "in", Options(domain_from="Manufacturer", label_column="BodyPartExamined"))
    assert (flat.domains, flat.classes) == (["ACME"], ("CHEST", "HEAD"))


def test_classes_of_a_tag_and_groups_of_a_path(tmp_path, home):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for number in range(12):
        part = ("CHEST", "HEAD", "KNEE")[number % 3]
        write(tmp_path / "in" / f"Smith{number // 6}" / f"{number}.dcm", ramp, number, BodyPartExamined=part)
    chosen = {"domain_from": "Manufacturer", "label_column": "BodyPartExamined"}
    made = add("set", tmp_path / "in", Options(**chosen, classes=("KNEE", "CHEST"), group_pattern="^[^/]+"))
    assert made.classes == ("KNEE", "CHEST")
    assert made.table["label"].value_counts().tolist() == [4, 4]
    assert made.table["group"].nunique() == 2
    assert not any("patient id" in note or "--group-pattern" in note for note in made.notes)
    assert "Smith" not in made.table.to_csv()
    with pytest.raises(MedshiftError, match="no label 'NEE'"):
        add("other", tmp_path / "in", Options(**chosen, classes=("NEE", "CHEST", "HEAD")))


def test_monochrome1_is_turned_to_white_for_much(tmp_path):
    where, ramp = tree(tmp_path / "in", PhotometricInterpretation="MONOCHROME1")
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert (made.pixels[:, 0] == 4095 - ramp).all()


def test_rescaled_values_are_physical(tmp_path):
    where, ramp = tree(tmp_path / "in", RescaleSlope="2", RescaleIntercept="-1000", Manufacturer="SIEMENS")
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert made.pixels.dtype == np.float32
    assert (made.pixels[:, 0] == ramp * 2.0 - 1000).all()
    assert made.value_range == (-1000, 4080 * 2 - 1000)
    # a window: what lies outside is black or white, the middle is its centre
    cut = add("cut", where, Options(domain_from="Manufacturer", window="1000,2000")).pixels[0, 0]
    expected = np.clip((ramp * 2.0 - 1000 - 999.5) / 1999 + 0.5, 0, 1)
    assert np.abs(cut / 65535 - expected).max() < 1e-5


def test_values_are_rescaled_with_all_digits_of_their_tags(tmp_path):
    where, ramp = tree(tmp_path / "in", RescaleSlope="0.12345678", RescaleIntercept="-1000.12345")
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert np.abs(made.pixels[0, 0] - (ramp * 0.12345678 - 1000.12345)).max() < 1e-4


def test_signed_and_turned_about(tmp_path):
    values = (np.arange(256) - 100).astype(np.int16).reshape(16, 16)
    for number in range(8):
        label = ("no", "yes")[number % 2]
        more = {"PhotometricInterpretation": "MONOCHROME1"} if number > 3 else {}
        write(tmp_path / "in" / label / f"{number}.dcm", values, number, bits=12, RescaleIntercept="5", **more)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    pixels = {int(pixels.min()): pixels for pixels in made.pixels[:, 0]}
    assert set(pixels) == {-95, -1 - 155 + 5}
    assert (pixels[-95] == values + 5.0).all()
    assert (pixels[-151] == (-1 - values) + 5.0).all()  # -2048 + 2047 less the value


def test_windows_of_the_files_own(tmp_path):
    where, ramp = tree(tmp_path / "in", WindowCenter=["2048", "10"], WindowWidth=["1024", "5"])
    made = add("set", where, Options(domain_from="Manufacturer", window="file"))
    assert np.abs(made.pixels[0, 0] / 65535 - window(ramp, 2048, 1024)).max() < 1e-5
    write(where / "no" / "9.dcm", ramp, 9, bits=12)
    with pytest.raises(MedshiftError, match=r"no/9.dcm: has no window of its own"):
        add("other", where, Options(domain_from="Manufacturer", window="file"))


def test_options_that_do_not_go_with_dicom(tmp_path):
    where, ramp = tree(tmp_path / "in", WindowCenter="", WindowWidth="")
    for options, message in (
        ({"slices": 2}, "--slices goes with NIfTI, not with DICOM"),
        ({"voxel_mm": 1.0}, "--voxel-mm goes with NIfTI, not with DICOM"),
        ({"window": "file"}, r"no/0\.dcm: has no window of its own"),
    ):
        with pytest.raises(MedshiftError, match=message):
            add("set", where, Options(domain_from="Manufacturer", **options))
    for number in range(4):
        write(
            tmp_path / "colour" / ("no", "yes")[number % 2] / f"{number}.dcm",
            np.stack([ramp // 16] * 3, -1).astype("u1"),
            number,
        )
    with pytest.raises(MedshiftError, match=r"no/0\.dcm: is colour, to which a window cannot be applied"):
        add("set", tmp_path / "colour", Options(domain_from="Manufacturer", window="40,400"))


def test_windows_by_hand():
    # DICOM PS3.3 C.11.2.1.2.1: width 100 about 50 maps 0 to black and 99 to white
    values = np.array([-1, 0, 49.5, 99, 200])
    assert np.allclose(window(values, 50, 100), [0, 0, 0.5, 1, 1])
    assert np.allclose(window(values, 50, 100, "LINEAR_EXACT"), [0, 0, 0.495, 0.99, 1])
    assert np.allclose(window(np.array([50, 1e4]), 50, 100, "SIGMOID"), [0.5, 1])
    assert np.allclose(window(np.array([49, 50]), 50, 1), [0, 1])


def test_full_scales_are_made_alike(tmp_path):
    for number, bits in enumerate((10, 12) * 4):
        values = np.full((16, 16), 2**bits - 1, dtype=np.uint16)
        values[0] = 0
        write(tmp_path / "in" / ("no", "yes")[number // 2 % 2] / f"{number}.dcm", values, number, bits=bits)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    assert set(np.unique(made.pixels)) == {0, 65535}
    assert any("10, 12 bits: each scaled to the full range" in note for note in made.notes)


def test_colour_and_compression(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)
    for number in range(4):
        path = write(tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm", values, number)
        if number > 1:
            read = pydicom.dcmread(path)
            read.compress(pydicom.uid.RLELossless)
            read.SOPInstanceUID = read.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
            read.save_as(path)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    assert made.pixels.shape == (4, 3, 16, 16)
    assert (np.moveaxis(made.pixels, 1, -1) == values).all()


def test_colour_becomes_grey_by_its_luma_and_not_by_its_mean(tmp_path):
    values = np.zeros((16, 16, 3), np.uint8)
    values[:, :8, 1] = 100
    values[:, 8:, 0] = 201
    for number in range(4):
        write(tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm", values, number)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer", channels=1))
    assert (made.pixels[:, 0, :, :8] == 59).all()  # 0.587 of it
    assert (made.pixels[:, 0, :, 8:] == 60).all()  # 0.299 of it, rounded and not cut off
    assert any("grey by ITU-R BT.601" in note for note in made.notes)


def test_luminance_and_chroma_are_read_as_red_green_and_blue(tmp_path):
    values = np.zeros((16, 16, 3), np.uint8)
    values[...] = (76, 85, 255)  # YCbCr of red
    for number in range(4):
        path = tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm"
        write(path, values, number, PhotometricInterpretation="YBR_FULL")
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    assert np.abs(made.pixels[:, :, 3, 3].astype(int) - [254, 0, 0]).max() <= 1


PADDED = {
    "one value": {"PixelPaddingValue": 4095},
    "a range of values": {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4094},
}


@pytest.mark.parametrize("tags", PADDED.values(), ids=PADDED)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("window", ["none", "image", "1500,2000"])
def test_padding_is_dark_and_counts_for_no_range(tmp_path, tags, turned, window):
    values = np.tile(np.arange(1000, 2600, 100, dtype=np.uint16), (16, 1))
    values[:, :2] = 4095
    values[:, 2] = 4095 if len(tags) == 1 else 4094
    more = {"PhotometricInterpretation": "MONOCHROME1"} if turned else {}
    for number in range(4):
        path = tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm"
        write(path, values, number, bits=12, **more, **tags)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer", window=window)).pixels[0, 0].astype(int)
    inside = made[:, 3:]
    assert (made[:, :3] == inside.min()).all()
    if window == "image":
        assert (inside.min(), inside.max()) == (0, 65535)
    elif window == "none":
        assert (inside == (4095 - values if turned else values)[:, 3:]).all()


def test_padding_of_signed_values_and_of_a_whole_image(tmp_path):
    values = np.tile(np.arange(-100, 60, 10, dtype=np.int16), (16, 1))
    values[:, :3] = -2000
    for number in range(4):
        path = tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm"
        read = pydicom.dcmread(write(path, values, number))
        read.add_new("PixelPaddingValue", "US" if number % 2 else "SS", 65536 - 2000 if number % 2 else -2000)
        read.save_as(path)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    assert made.value_range == (-70, 50)
    assert any("PixelPaddingValue" in note for note in made.notes)
    write(tmp_path / "in" / "no" / "void.dcm", np.full((16, 16), 7, np.uint16), 9, PixelPaddingValue=7)
    with pytest.raises(MedshiftError, match=r"no/void\.dcm: every pixel is padding"):
        add("other", tmp_path / "in", Options(domain_from="Manufacturer"))


def test_a_manifest_of_dicom_files(tmp_path):
    where, _ = tree(tmp_path / "in")
    lines = [f"no/{number}.dcm,well" for number in (0, 1, 4, 5)] + [f"yes/{number}.dcm,ill" for number in (2, 3, 6, 7)]
    (where / "manifest.csv").write_text("\n".join(["image,label", *lines]))
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert made.classes == ("ill", "well")
    assert made.table["sample_id"][0] == "no/0.dcm"
    assert made.table["group"].nunique() == 4
    assert made.domains == ["GE", "SIEMENS"]


def test_all_that_is_wrong_at_once(tmp_path, home):
    where, ramp = tree(tmp_path / "in")
    write(where / "no" / "report.dcm", None, 20)
    write(where / "no" / "cine.dcm", ramp, 21, bits=12, NumberOfFrames="4")
    write(where / "no" / "huge.dcm", ramp, 22, bits=12, Rows=60000, Columns=60000)
    write(where / "no" / "short.dcm", ramp, 23, bits=12, Rows=64)
    write(where / "no" / "twin.dcm", ramp, 0, bits=12)
    write(where / "no" / "nobody.dcm", ramp, 24, bits=12, Manufacturer="")
    write(where / "no" / "colour.dcm", np.zeros((16, 16, 3), np.uint8), 25)
    (where / "no" / "text.dcm").write_text("no DICOM" * 40)
    (where / "no" / "empty.dcm").write_text("")
    whole = (where / "no" / "0.dcm").read_bytes()
    (where / "no" / "cut.dcm").write_bytes(whole[: len(whole) - 100].replace(b"999.0", b"999.9"))
    (where / "no" / "stub.dcm").write_bytes(whole[:150])
    with pytest.raises(MedshiftError) as error:
        add("set", where, Options(domain_from="Manufacturer"))
    text = str(error.value)
    for said in (
        "no/report.dcm: DICOM without pixel data",
        "no/cine.dcm: 4 frames; only files of one frame are read",
        "no/huge.dcm: 60000 x 60000 pixels; the most is",
        "no/short.dcm: cannot be decoded",
        "no/twin.dcm: the same image as no/0.dcm (SOPInstanceUID)",
        "no/nobody.dcm: lacks Manufacturer (--domain-from)",
        "no/colour.dcm: 3 channels, most others have 1",
        "no/text.dcm: not a DICOM file by its content",
        "no/empty.dcm: an empty file",
        "no/cut.dcm: cannot be decoded",
        "no/stub.dcm: ",
    ):
        assert said in text
    assert store.names() == []


def test_from_files_to_a_finished_run(tmp_path):
    """Three makers: 16 bits, MONOCHROME1, and rescaled; half of the images show a square."""
    rng = np.random.default_rng(0)
    makers = {"ACME": {}, "Turned": {"PhotometricInterpretation": "MONOCHROME1"}, "Scaled": {"RescaleSlope": "2"}}
    number = 0
    for maker, tags in makers.items():
        for index in range(40 if maker == "ACME" else 12):
            label = index // 2 % 2
            values = picture(rng, label, 1.0, 1, 32)[..., 0].astype(np.uint16) * 257
            if maker == "Turned":
                values = 65535 - values
            elif maker == "Scaled":
                values //= 2
            path = tmp_path / "in" / ("no", "yes")[label] / f"IM{number:04d}"
            write(path, values, number, Manufacturer=maker, **tags)
            number += 1
    (tmp_path / "in" / "notes.txt").write_text("no image")
    words = ["data", "add", "clinic", tmp_path / "in", "--domain-from", "Manufacturer", "--modality", "xray"]
    done = subprocess.run([*MEDSHIFT, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "64 images of 32 x 32, 1 channel, float32" in done.stdout
    assert "not images: notes.txt" in done.stderr
    words = ["run", "--baseline", "scratch", "--dataset", "clinic", "--source", "ACME", "--shifts", "gamma,grid-lines"]
    words += ["--severities", "3", "--set", "epochs=1", "--out", str(tmp_path / "out")]
    done = subprocess.run([*MEDSHIFT, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").rglob("card.json"))) == 1


def test_a_listed_folder_is_read_in_eight_bits_too(tmp_path):
    where, _ = tree(tmp_path / "in")
    files = sorted(path.relative_to(where).as_posix() for path in where.rglob("*.dcm"))
    rows = [f"{name},{name.split('/')[0]},x,{number}" for number, name in enumerate(files)]
    (where / "manifest.csv").write_text("\n".join(["image,label,domain,split_group", *rows]))
    whole, eight = add("set", where, Options()), read_manifest(where)
    assert (whole.pixels.dtype, whole.value_range) == (np.uint16, (0.0, 4095.0))
    assert (eight.pixels.dtype, eight.value_range) == (np.uint8, None)
    assert np.array_equal(eight.pixels, whole.pixels >> 4)
    assert eight.table.equals(whole.table)
    scaled = read_manifest(where, modality="mr")  # grey levels by percentile, of 16 bits
    store.remove("set")
    assert np.array_equal(scaled.pixels, add("set", where, Options(modality="mr")).pixels >> 8)
    tree(where, bits=12, RescaleSlope=2)
    with pytest.raises(MedshiftError, match="values are float32, which 8 bits cannot hold"):
        read_manifest(where)
