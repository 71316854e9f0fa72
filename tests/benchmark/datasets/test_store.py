"""The store: packed data sets are complete or absent, open at once, and report damage."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time

import numpy as np
import pandas as pd
import pytest
from helpers.importing import left
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medshift.benchmark.datasets import registry, store
from medshift.benchmark.datasets.importing.pack import Content, in_blocks, pack
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


def content(pixels, **more):
    table = pd.DataFrame(
        {
            "sample_id": [f"s{index:02d}" for index in range(len(pixels))],
            "label": np.arange(len(pixels)) % 2,
            "domain": "a",
            "group": "g",
            "camera": "x",
        }
    )
    return Content(table, pixels.shape[1:], pixels.dtype.name, ("no", "yes"), **more)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
    shape=st.sampled_from([(1, 3, 4), (3, 2, 2), (1, 2, 3, 4)]),
    count=st.integers(2, 9),
    block=st.integers(1, 10),
)
def test_what_is_packed_comes_back_whatever_the_blocks(dtype, shape, count, block):
    rng = np.random.default_rng(count)
    pixels = rng.integers(0, 255, (count, *shape)).astype(dtype)
    made = pack("set", content(pixels, licence="CC0", notes=("read",)), in_blocks(pixels, block))
    assert np.array_equal(made.pixels, pixels)
    assert made.pixels.dtype == pixels.dtype
    assert isinstance(made.pixels, np.memmap)
    assert made.table["camera"].tolist() == ["x"] * count
    assert (made.name, made.licence, made.notes) == ("set", "CC0", ("read",))
    assert made.value_range == ((pixels.min(), pixels.max()) if dtype == "float32" else None)
    first = {path.name: path.read_bytes() for path in store.folder("set").iterdir()}
    store.remove("set")
    pack("set", content(pixels, licence="CC0", notes=("read",)), in_blocks(pixels, 3))
    assert {path.name: path.read_bytes() for path in store.folder("set").iterdir()} == first
    store.remove("set")


def test_other_pixels_or_labels_are_another_version():
    pixels = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    versions = set()
    for index, change in enumerate(({}, {"pixel": 1}, {"label": 1}, {"value_range": (0.0, 4.0)})):
        mine, said = pixels.copy(), content(pixels, value_range=change.get("value_range"))
        mine[0, 0, 0, 0] = change.get("pixel", 0)
        said.table.loc[0, "label"] = change.get("label", 0)
        versions.add(pack(f"set{index}", said, [mine]).version)
    assert len(versions) == 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../up", "invalid data set name"),
        ("a/b", "invalid data set name"),
        (".hidden", "invalid data set name"),
        ("brain-mri-sim", "comes with medshift"),
        ("set", "exists already: choose another name, or remove it"),
    ],
)
def test_names_that_cannot_be_taken(name, message):
    pixels = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    pack("set", content(pixels), [pixels])
    with pytest.raises(MedshiftError, match=message):
        pack(name, content(pixels), [pixels])


def test_a_stored_set_is_found_by_name_and_listed(home):
    pixels = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    pack("mine", content(pixels), [pixels])
    assert registry.load_dataset("mine").name == "mine"
    assert registry.names() == ["brain-mri-sim", "brain-mri-sim-small", "mine"]
    assert registry.summary("mine") == "stored: 4 images (any), no, yes"
    with pytest.raises(MedshiftError, match=r"unknown data set 'mien'\. Did you mean 'mine'"):
        registry.load_dataset("mien")
    with pytest.raises(MedshiftError, match=r"no stored data set 'mien'\. Did you mean 'mine'"):
        store.remove("mien")
    store.remove("mine")
    assert left(home) == []


def test_of_a_set_that_lies_elsewhere_the_link_is_removed_and_nothing_else(home, tmp_path):
    pixels = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    pack("mine", content(pixels), [pixels])
    (home / "data" / "mine").rename(tmp_path / "large-disk")
    (home / "data" / "mine").symlink_to(tmp_path / "large-disk")
    store.check(store.folder("mine"))
    assert store.remove("mine") == str(tmp_path / "large-disk")
    assert left(home) == []
    assert sorted(path.name for path in (tmp_path / "large-disk").iterdir()) == [
        "dataset.json", "pixels.npy", "table.parquet"
    ]  # fmt: skip
    (home / "data" / "mine").symlink_to(tmp_path / "gone")
    with pytest.raises(MedshiftError, match="exists already"):
        pack("mine", content(pixels), [pixels])
    store.remove("mine")


def test_what_was_never_stored_is_not_called_damaged(home):
    with pytest.raises(MedshiftError, match="no stored data set 'nope'"):
        store.check(store.folder("nope"))


def test_what_cannot_be_deleted_is_said(home, monkeypatch):
    pixels = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    pack("mine", content(pixels), [pixels])

    def busy(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(store.shutil, "rmtree", busy)
    with pytest.raises(MedshiftError, match="mine cannot be removed: Permission denied"):
        store.remove("mine")


def test_a_home_that_cannot_be_written(home):
    home.write_text("a file where a folder should be")
    pixels = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    with pytest.raises(MedshiftError, match=r"data cannot be written .*: set MEDSHIFT_HOME to another folder"):
        pack("set", content(pixels), [pixels])


def test_blocks_that_do_not_fit_leave_nothing(home):
    pixels = np.zeros((4, 1, 2, 2), dtype=np.float32)
    with pytest.raises(MedshiftError, match="got 3 images for a table of 4 rows"):
        pack("set", content(pixels, value_range=(0.0, 1.0)), [pixels[:3]])
    with pytest.raises(MedshiftError, match="all pixels of 'set' are 0"):
        pack("set", content(pixels), [pixels])
    pixels[2, 0, 1, 1] = np.nan
    with pytest.raises(MedshiftError, match="s02: holds NaN"):
        pack("set", content(pixels), [pixels[:1], pixels[1:]])
    assert left(home) == []


def _cut(where):
    path = where / "pixels.npy"
    path.write_bytes(path.read_bytes()[:-1])


def _head(where):
    path = where / "pixels.npy"
    path.write_bytes(path.read_bytes().replace(b"(4, 1, 2, 2)", b"(4, 1, 4, 1)"))


def _order(where):
    path = where / "pixels.npy"
    path.write_bytes(path.read_bytes().replace(b"False", b"True "))


def _magic(where):
    path = where / "pixels.npy"
    path.write_bytes(b"X" + path.read_bytes()[1:])


def _label(where):
    path = where / "table.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _facts(where):
    path = where / "dataset.json"
    path.write_text(path.read_text().replace('"count": 4', '"count": 4, "more": 1'))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_cut, "pixels.npy has 143 bytes, not 144"),
        (_head, r"holds uint8 \(4, 1, 4, 1\), not uint8 \(4, 1, 2, 2\)"),
        (_order, r"pixels.npy holds uint8"),
        (_magic, "pixels.npy is damaged"),
        (_label, "table.parquet was changed"),
        (_facts, "dataset.json is damaged: more"),
        (lambda where: (where / "pixels.npy").unlink(), "pixels.npy is missing"),
    ],
)
def test_damage_is_seen_at_opening(damage, message):
    pixels = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    pack("set", content(pixels), [pixels])
    damage(store.folder("set"))
    with pytest.raises(MedshiftError, match=message) as error:
        registry.load_dataset("set")
    assert "medshift data remove set" in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert "set" in registry.names()  # it is listed and can be removed
    store.remove("set")


def test_changed_bytes_are_found_by_check():
    pixels = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    pack("set", content(pixels), [pixels])
    store.check(store.folder("set"))
    path = store.folder("set") / "pixels.npy"
    data = bytearray(path.read_bytes())
    data[-1] = 7
    path.write_bytes(data)
    assert registry.load_dataset("set").pixels[-1, 0, 1, 1] == 7  # opening costs no pass over the pixels
    with pytest.raises(MedshiftError, match=r"pixels.npy was changed: its checksum differs. Remove it"):
        store.check(store.folder("set"))


def test_the_digest_is_of_all_bytes_whatever_the_blocks(monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 255, (9, 1, 3, 4)).astype(np.uint16)
    made = pack("set", content(pixels), [pixels])
    head = repr((made.name, made.version, made.classes, made.value_range, pixels.shape, "uint16")).encode()
    table = made.table[["sample_id", "label", "domain", "group"]].to_csv(index=False, lineterminator="\n").encode()
    expected = hashlib.sha256(head + table + pixels.tobytes()).hexdigest()
    for block in (1, 50, 1 << 20):
        monkeypatch.setattr("medshift.benchmark.datasets.streaming.rows.BLOCK", block)
        assert made.digest() == expected
    for other in ({"value_range": (0.0, 4095.0)}, {"version": "2"}):
        assert dataclasses.replace(made, **other).digest() != expected


def test_an_error_or_a_stop_in_the_middle_leaves_nothing(home):
    pixels = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    for stop in (KeyboardInterrupt, SystemExit, MedshiftError, ValueError):

        def blocks(stop=stop):
            yield pixels[:2]
            raise stop

        with pytest.raises(stop):
            pack("set", content(pixels), blocks())
        assert left(home) == []


def test_opening_reads_no_pixels(home):
    """Twenty thousand images in a sparse file of 1.6 GB: reading it would take seconds and as much memory."""
    count, shape = 20_000, (1, 284, 284)
    pixels = np.zeros((2, *shape), dtype=np.uint8)
    pack("set", content(pixels), [pixels])
    where = store.folder("set")
    said = store.facts(where)
    path = where / "pixels.npy"
    with path.open("wb") as file:
        head = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
        np.lib.format.write_array_header_1_0(file, head)
        os.ftruncate(file.fileno(), file.tell() + count * shape[1] * shape[2])
    table = content(np.zeros((count, 1), dtype=np.uint8)).table
    table["sample_id"] = [f"s{index}" for index in range(count)]
    table.to_parquet(where / "table.parquet", index=False)
    from medshift.benchmark.files.atomic import sha256

    stamps = {
        "pixels": store.Stamp(bytes=path.stat().st_size, sha256="0" * 64),
        "table": store.Stamp(bytes=(where / "table.parquet").stat().st_size, sha256=sha256(where / "table.parquet")),
    }
    text = said.model_copy(update={"count": count, **stamps}).model_dump_json(by_alias=True)
    (where / "dataset.json").write_text(text)
    begin = time.perf_counter()
    assert len(registry.load_dataset("set").pixels) == count
    assert time.perf_counter() - begin < 1
