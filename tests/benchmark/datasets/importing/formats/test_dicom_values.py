"""What the stored bits of DICOM mean: tables of grey levels, rescaling, floats and NaN."""

from __future__ import annotations

import struct

import numpy as np
import pydicom
import pytest
from helpers.images.dicom_files import tree, write
from pydicom.dataset import Dataset

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.dicom.header import read_header
from medshift.benchmark.datasets.importing.formats.dicom.opening import open_dicom
from medshift.benchmark.datasets.importing.formats.dicom.pixels import read_values
from medshift.benchmark.datasets.importing.options import Options
from medshift.shifts.errors import MedshiftError

RAMP = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)


def values_of(path, **options):
    return read_values(open_dicom(path), read_header(path), Options(**options))[0]


def table(entries, first, bits, kind="US"):
    made = Dataset()
    made.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries), first, bits])
    packed = struct.pack(f"<{len(entries)}H", *entries)
    made.add_new("LUTData", kind, packed if kind == "OW" else list(entries))
    return [made]


def test_one_bit_and_thirty_two_bits(tmp_path):
    mask = (RAMP // 16 % 3 == 0).astype(np.uint8)
    path = write(tmp_path / "x", mask, 1)
    read = pydicom.dcmread(path)
    read.BitsAllocated, read.BitsStored, read.HighBit = 1, 1, 0
    read.PixelData = np.packbits(mask.ravel(), bitorder="little").tobytes()
    read.save_as(path)
    assert np.array_equal(values_of(path), mask)
    deep = RAMP.astype(np.uint32) * 1000
    assert np.array_equal(values_of(write(tmp_path / "y", deep, 1, bits=32)), deep)


def palette(depth, packed=0, count=4):
    """Return tags that make 0, 1, 2, 3 and all above black, red, half green and white.

    Args:
        depth: Bits of the entries.
        packed: Bits in which they are written; by default the same.
        count: Number of entries; others than these four are white.
    """
    most = 2**depth - 1
    tags = {"SamplesPerPixel": 1, "PhotometricInterpretation": "PALETTE COLOR"}
    for name, entries in (("Red", [0, 1, 0]), ("Green", [0, 0, 0.5]), ("Blue", [0, 0, 0])):
        levels = [round(entry * most) for entry in [*entries, *[1] * (count - 3)]]
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [count, 0, depth]
        tags[f"{name}PaletteColorLookupTableData"] = np.array(levels, f"<u{(packed or depth) // 8}").tobytes()
    return tags


@pytest.mark.parametrize(
    ("stored", "tables", "bits"),
    [
        (8, {"depth": 8}, 8),
        (8, {"depth": 16}, 8),
        (4, {"depth": 8}, 8),
        (8, {"depth": 8, "packed": 16}, 8),
        (12, {"depth": 16, "count": 4096}, 16),
        (16, {"depth": 16}, 16),
        (16, {"depth": 8, "count": 256}, 8),
        (16, {"depth": 8, "count": 4096}, 8),
    ],
)
@pytest.mark.usefixtures("home")
def test_palettes_are_looked_up_on_the_scale_of_their_tables(tmp_path, stored, tables, bits):
    values = (np.arange(256) % 4).astype(np.uint8 if stored <= 8 else np.uint16).reshape(16, 16)
    values[0, 4:6] = 15 if stored == 4 else 255 if stored == 8 else 300  # the last entry, or one above it
    for number in range(4):
        path = tmp_path / "in" / ("no", "yes")[number % 2] / f"{number}.dcm"
        write(path, values, number, bits=stored, Manufacturer="AB"[number // 2], **palette(**tables))
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    most = 2**bits - 1
    white = [most] * 3
    assert (made.pixels.dtype, made.value_range) == (f"uint{bits}", None)
    assert made.pixels[0, :, 0, :6].T.tolist() == [[0] * 3, [most, 0, 0], [0, most // 2 + 1, 0], white, white, white]


def test_colours_that_nobody_converts_are_refused(tmp_path):
    path = write(tmp_path / "x", np.zeros((16, 16, 3), np.uint8), 1, PhotometricInterpretation="YBR_PARTIAL_420")
    with pytest.raises(Exception, match="colours are YBR_PARTIAL_420; read are RGB"):
        read_header(path)


@pytest.mark.parametrize("kind", ["US", "OW"])
def test_modality_tables_give_physical_values(tmp_path, kind):
    entries = [100, 200, 400, 800]
    values = np.zeros((16, 16), np.uint16)
    values[0, :6] = [9, 10, 11, 12, 13, 14]
    for like, expected in (
        ("MONOCHROME2", [100, 100, 200, 400, 800, 800]),
        ("MONOCHROME1", [4095 - v for v in (100, 100, 200, 400, 800, 800)]),  # turned after the table, not before it
    ):
        path = write(tmp_path / like, values, 1, PhotometricInterpretation=like)
        read = pydicom.dcmread(path)
        read.ModalityLUTSequence = table(entries, 10, 12, kind)
        read.save_as(path)
        assert values_of(path)[0, :6].tolist() == expected


def test_an_empty_modality_table_leaves_integers_as_they_are(tmp_path):
    assert not read_header(write(tmp_path / "x", RAMP, 1, bits=12, ModalityLUTSequence=[])).rescaled


@pytest.mark.parametrize("kind", ["US", "OW"])
def test_a_table_instead_of_a_window_is_the_files_own_window(tmp_path, kind):
    values = np.full((16, 16), -20, np.int16)
    values[0, :4] = [-10, -9, -8, -7]
    path = write(tmp_path / "x", values, 1, VOILUTSequence=table([0, 512, 1023], -10, 10, kind))
    made = values_of(path, window="file")
    assert np.allclose(made[0, :4], [0, 512 / 1023, 1, 1])
    assert (made[1:] == 0).all()
    turned = pydicom.dcmread(path)
    turned.PhotometricInterpretation = "MONOCHROME1"
    turned.save_as(path)
    assert np.allclose(values_of(path, window="file"), 1 - made)


def test_a_damaged_table_is_refused(tmp_path):
    damaged = table([0, 512, 1023], 0, 10)
    damaged[0].LUTDescriptor = [300, 0, 10]
    path = write(tmp_path / "x", RAMP, 1, VOILUTSequence=damaged)
    with pytest.raises(Exception, match="its table of grey levels has 3 entries of 10 bits, not 300"):
        values_of(path, window="file")


@pytest.mark.parametrize("option", ["file", "2048,1024"])
@pytest.mark.parametrize("bits", [12, 16])
def test_the_least_of_monochrome1_is_white_within_the_window(tmp_path, option, bits):
    tags = {"PhotometricInterpretation": "MONOCHROME1", "WindowCenter": ["2048", "9"], "WindowWidth": ["1024", "3"]}
    made = values_of(write(tmp_path / "x", RAMP, 1, bits=bits, **tags), window=option)
    assert (made[RAMP < 2048 - 512] == 1).all()
    assert (made[RAMP > 2048 + 512] == 0).all()
    assert abs(made[8, 0] - 0.5) < 0.001  # at 2048


def floats(path, holes, number=1, **tags):
    """Write float pixels -100 to 155 in rows, NaN at the first of them."""
    values = (np.arange(256, dtype=np.float32) - 100).reshape(16, 16)
    values.ravel()[:holes] = np.nan
    values.ravel()[:1] = np.inf if holes else -100
    read = pydicom.dcmread(write(path, RAMP, number, **tags))
    del read.PixelData
    for name in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(read, name)
    read.BitsAllocated, read.FloatPixelData = 32, values.tobytes()
    read.save_as(path)
    return path


def test_nan_of_float_pixels_is_replaced_before_the_window(tmp_path):
    path = floats(tmp_path / "x", 128)
    with pytest.raises(Exception, match="128 of 256 pixels are NaN or infinite: --nan-as darkest"):
        values_of(path)
    assert values_of(path, nan_as="darkest")[0, 0] == 28
    assert values_of(path, nan_as="-1000").min() == -1000
    whole = floats(tmp_path / "y", 0)
    known, full = values_of(path, nan_as="-1000", window="image"), values_of(whole)
    low, high = np.percentile(full.ravel()[128:], (0.5, 99.5))  # of what is known
    assert np.allclose(known.ravel()[128:], np.clip((full.ravel()[128:] - low) / (high - low), 0, 1))
    assert (known.ravel()[:128] == 0).all()


@pytest.mark.parametrize("text", ["black", "nan", "1,0", "inf"])
def test_nan_as_takes_a_number_or_darkest(text):
    with pytest.raises(MedshiftError, match="--nan-as must be a number"):
        Options(nan_as=text)


@pytest.mark.usefixtures("home")
def test_sites_with_and_without_rescaling_are_named_where_units_are_hounsfield(tmp_path):
    for number in range(16):
        maker = ("ACME", "BETA")[number // 8]
        more = {"RescaleSlope": 1, "RescaleIntercept": -1024} if maker == "ACME" else {}
        path = tmp_path / "in" / ("no", "yes")[number // 2 % 2] / f"{number}.dcm"
        write(path, RAMP, number, bits=12, Manufacturer=maker, Modality="CT", **more)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    (said,) = [note for note in made.notes if "rescaling" in note]
    assert said.startswith(
        "rescaling of CT differs: ACME slope 1 intercept -1024; BETA none: are all of them Hounsfield"
    )


@pytest.mark.usefixtures("home")
def test_rescaling_that_all_have_or_that_is_no_ct_is_not_named(tmp_path):
    for name, how in (("ct", "CT"), ("xray", "DX")):
        for number in range(8):
            intercept = -1024 + number % 2 if how == "CT" else -(number % 2)
            path = tmp_path / name / ("no", "yes")[number // 2 % 2] / f"{number}.dcm"
            write(path, RAMP, number, bits=12, Modality=how, RescaleSlope=1, RescaleIntercept=intercept)
        made = add(name, tmp_path / name, Options(domain_from="Manufacturer"))
        assert not any("rescaling" in note for note in made.notes)


@pytest.mark.usefixtures("home")
def test_a_listed_folder_of_rescaled_values_names_the_ways_on(tmp_path):
    from medshift.benchmark.datasets.manifest import read_manifest

    where, _ = tree(tmp_path / "in", RescaleIntercept=-1024)
    files = sorted(path.relative_to(where).as_posix() for path in where.rglob("*.dcm"))
    rows = [f"{name},{name.split('/')[0]},x,{number}" for number, name in enumerate(files)]
    (where / "manifest.csv").write_text("\n".join(["image,label,domain,split_group", *rows]))
    with pytest.raises(MedshiftError) as error:
        read_manifest(where)
    assert "--window CENTRE,WIDTH" in str(error.value)
    assert "--value-range LOW,HIGH" in str(error.value)
    made = read_manifest(where, window="1000,500")
    assert (made.pixels.min(), made.pixels.max()) == (0, 255)


@pytest.mark.parametrize("kind", [np.uint16, np.int16])
def test_padding_that_the_stored_bits_cannot_hold_is_found_in_the_unused_ones(tmp_path, kind):
    values = RAMP.astype(kind) // 2
    mark = np.uint16(32768 + 15).astype(kind)
    values[0, :3] = mark
    made = values_of(write(tmp_path / "x", values, 1, bits=12, PixelPaddingValue=int(mark)))
    assert (made[0, :3] == 24).all()  # the least of all others
    assert np.array_equal(made[1:], values[1:])


@pytest.mark.parametrize("kind", ["MONOCHROME2", "MONOCHROME1"])
def test_padding_counts_for_no_percentile(tmp_path, kind):
    tissue = np.random.default_rng(0).normal(1000, 200, (64, 64)).astype(np.uint16)
    padded = np.concatenate([np.zeros_like(tissue), tissue], axis=1)
    tags = {"bits": 12, "PhotometricInterpretation": kind}
    alone = values_of(write(tmp_path / "a", tissue, 1, **tags), window="image")
    made = values_of(write(tmp_path / "b", padded, 1, PixelPaddingValue=0, **tags), window="image")
    assert np.array_equal(made[:, 64:], alone)
    assert (made[:, :64] == 0).all()


@pytest.mark.parametrize("empty", [True, False])
def test_missing_bits_are_named(tmp_path, empty):
    read = pydicom.dcmread(write(tmp_path / "x", RAMP, 1))
    read.BitsStored = None
    if not empty:
        del read.BitsStored
    read.save_as(tmp_path / "x")
    with pytest.raises(Exception, match=r"^states no BitsStored$"):
        read_header(tmp_path / "x")


@pytest.mark.parametrize("slope", [0, "0.0"])
def test_a_slope_that_leaves_one_value_is_refused(tmp_path, slope):
    with pytest.raises(Exception, match="its rescale slope is 0 and intercept 0, which leave one value"):
        read_header(write(tmp_path / "x", RAMP, 1, RescaleSlope=slope, RescaleIntercept=0))


@pytest.mark.usefixtures("home")
def test_raw_and_processed_images_and_contradicting_tags_are_named(tmp_path):
    for number in range(8):
        maker, intent = (("ACME", "FOR PRESENTATION"), ("BETA", "FOR PROCESSING"))[number // 4]
        more = {"PresentationLUTShape": "INVERSE" if number == 1 else "IDENTITY"}
        path = tmp_path / "in" / ("no", "yes")[number // 2 % 2] / f"{number}.dcm"
        write(path, RAMP, number, Manufacturer=maker, PresentationIntentType=intent, **more)
    made = add("set", tmp_path / "in", Options(domain_from="Manufacturer"))
    assert "some images are raw, others processed: ACME FOR PRESENTATION (4), BETA FOR PROCESSING (4)" in made.notes
    said = "PhotometricInterpretation and PresentationLUTShape contradict each other, the former is used: 1 of 8 files"
    assert said in made.notes
    assert (made.pixels[:, 0] == RAMP).all()


@pytest.mark.parametrize(("window", "ends"), [("5,10", (0, 10)), ("0.5,0.8", (0.1, 0.9))])
def test_a_window_of_the_user_reaches_from_end_to_end_in_any_unit(tmp_path, window, ends):
    path = write(tmp_path / "x", RAMP, 1, bits=12, RescaleSlope="0.0025", RescaleIntercept="0")
    low, high = ends
    assert np.allclose(values_of(path, window=window), np.clip((RAMP * 0.0025 - low) / (high - low), 0, 1))


def test_a_window_of_the_file_is_linear_as_the_standard_defines_it(tmp_path):
    tags = {"WindowCenter": "5", "WindowWidth": "10"}
    for function, expected in ((None, (7 - 4.5) / 9 + 0.5), ("LINEAR_EXACT", 0.7)):
        path = write(tmp_path / "x", np.full((2, 2), 7, np.uint16), 1, **tags, VOILUTFunction=function)
        assert np.allclose(values_of(path, window="file"), expected)
