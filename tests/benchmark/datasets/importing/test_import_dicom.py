"""DICOM made with pydicom: tags, patients, manifests, options, and files without an image."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.cli import medshift
from helpers.images.dicom_files import tree, write
from helpers.images.image_folders import picture
from pydicom import dcmread

from medshift.benchmark.datasets import store
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.dicom.header import pseudonyms, with_one_issuer
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


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


def test_a_patient_with_an_issuer_in_some_files_is_one(tmp_path):
    where, _ = tree(tmp_path / "in")
    for number in range(8):  # patients of two images
        path = next(where.rglob(f"{number}.dcm"))
        read = dcmread(path)
        read.IssuerOfPatientID = "HOSP" if number % 2 else ""
        read.PatientID = f"{'00' if number == 7 else ''}{number // 2 + 1}"
        read.save_as(path)
    made = add("set", where, Options(domain_from="Manufacturer"))
    assert made.table["group"].nunique() == 5
    assert any(note.startswith("1 group is written in several ways (case") for note in made.notes)
    # of two issuers, nobody knows which is meant
    assert with_one_issuer(["1\x1f", "1\x1fA", "2\x1f", "2\x1fA", "2\x1fB", "study"]) == [
        *("1\x1fA", "1\x1fA", "2\x1f", "2\x1fA", "2\x1fB", "study")
    ]


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
    for path in (tmp_path / "in").glob("*/HEAD/*"):  # whose tags nobody knows then: no class is said to lack images
        path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(MedshiftError, match="4 problems:") as error:
        add("cut", tmp_path / "in", Options(domain_from="Manufacturer", label_column="BodyPartExamined"))
    assert "two classes" not in str(error.value)


@pytest.mark.parametrize("tag", ["InstitutionName", "StudyDescription"])
def test_a_site_or_class_of_a_tag_that_holds_what_is_not_seen_is_refused(tmp_path, tag):
    for number in range(4):
        tags = {"InstitutionName": "North", "StudyDescription": ("CHEST", "HEAD")[number % 2]}
        tags[tag] += "\u200bX" if number > 1 else ""
        ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
        write(tmp_path / "in" / str(number), ramp, number, SpecificCharacterSet="ISO_IR 192", **tags)
    with pytest.raises(MedshiftError, match=rf"{tag} .* holds U\+200B"):
        add("set", tmp_path / "in", Options(domain_from="InstitutionName", label_column="StudyDescription"))


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
    with pytest.raises(MedshiftError, match="unknown label 'NEE'"):
        add("other", tmp_path / "in", Options(**chosen, classes=("NEE", "CHEST", "HEAD")))


def test_options_that_do_not_go_with_dicom(tmp_path):
    where, ramp = tree(tmp_path / "in", WindowCenter="", WindowWidth="")
    for options, message in (
        ({"slices": 2}, "--slices goes with NIfTI, or with files of several pages or frames: these have one each"),
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
        "no/cine.dcm: 4 frames: --slices N takes N of each",
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
    done = medshift(*words)
    assert done.returncode == 0, done.stderr
    assert "64 images of 32 x 32, 1 channel, float32" in done.stdout
    assert "not images: notes.txt" in done.stderr
    words = ["run", "--baseline", "scratch", "--dataset", "clinic", "--source", "ACME", "--shifts", "gamma,grid-lines"]
    words += ["--severities", "3", "--set", "steps=4", "--out", str(tmp_path / "out")]
    done = medshift(*words)
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


def test_several_values_of_a_tag_are_several_findings(tmp_path):
    findings = [["Effusion"], ["Mass", "Effusion"], ["Effusion", "Mass"], ["Mass"]]
    for number in range(8):
        tags = {"AdmittingDiagnosesDescription": findings[number % 4], "Manufacturer": ["ACME", "AB"[number // 4]]}
        write(tmp_path / "in" / f"{number}.dcm", np.eye(16, dtype=np.uint16), number, **tags)
    chosen = {"domain_from": "Manufacturer", "label_column": "AdmittingDiagnosesDescription"}
    with pytest.raises(MedshiftError, match=r"hold several labels parted by `\|` \(4 images.*--label-contains"):
        add("set", tmp_path / "in", Options(**chosen))
    made = add("set", tmp_path / "in", Options(**chosen, label_contains="Mass"))
    assert made.classes == ("no Mass", "Mass")
    assert sorted(zip(made.table["domain"], made.table["label"], strict=True)) == [
        (domain, label) for domain in ("ACME|A", "ACME|B") for label in (0, 1, 1, 1)
    ]


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (["ANONYMOUS", "ANONYMOUS", "7", "8"], "4 images have the patient id `ANONYMOUS`"),
        (["0000", "0000", "7", "8"], "4 images have the patient id `0000`"),
        (["7"] * 4, "all 8 images have the same patient id"),
        (["7", "8", "9", "9"], ""),
        (["0", "1", "2", "3"], ""),
        (["000", "001", "002", "003"], ""),
        (["0", "0", "0", "1"], "6 images have the patient id `0`"),
        (["000", "000", "7", "A1"], "4 images have the patient id `000`"),
    ],
)
def test_a_patient_id_that_stands_for_several_patients_is_told(tmp_path, ids, told):
    for number in range(8):
        path = tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm"
        tags = {"PatientID": ids[number // 2], "Manufacturer": "AB"[number // 4]}
        write(path, np.eye(16, dtype=np.uint16), number, **tags)
    notes = add("set", tmp_path / "in", Options(domain_from="Manufacturer")).notes
    found = [note for note in notes if "count as one patient: if they are several" in note]
    assert [note.partition(", and")[0] for note in found] == [told][: len(told)]


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (
            "ANON",
            "8 images have the patient id `ANON`, and count as 2 patients, one per issuer: if they are more, name",
        ),
        ("7", ""),
        ("0", "8 images have the patient id `0`, and count as 2 patients, one per issuer: if they are more, name"),
    ],
)
def test_patients_of_one_id_are_counted_by_issuer(tmp_path, known, told):
    for number in range(8):
        path = tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm"
        tags = {"PatientID": known, "IssuerOfPatientID": "XY"[number // 4], "Manufacturer": "AB"[number // 4]}
        write(path, np.eye(16, dtype=np.uint16), number, **tags)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    assert made.table["group"].nunique() == 2
    assert [note.partition(" the patient with")[0] for note in made.notes if "patient id `" in note] == [told][
        : len(told)
    ]
    assert not any("have the same patient id" in note for note in made.notes)
