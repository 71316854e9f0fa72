"""Folders whose images would take most of the memory: decoded once, into the cache, to the same data set."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from helpers.images.image_folders import folder

from medshift.benchmark.datasets import manifest
from medshift.benchmark.datasets.importing.collection import Collection
from medshift.benchmark.files import disk
from medshift.shifts.errors import MedshiftError


@pytest.fixture
def little_memory(monkeypatch, home):
    """A little more than all images take."""
    monkeypatch.setattr(manifest, "SMALL", 0)
    monkeypatch.setattr(manifest, "available", lambda: 140_000)


def test_the_copy_is_the_same_data_set_and_is_made_once(tmp_path, home, little_memory, monkeypatch):
    where = folder(tmp_path / "set")
    monkeypatch.setattr(manifest, "available", lambda: None)
    plain = manifest.read_manifest(where, image_size=24)
    monkeypatch.setattr(manifest, "available", lambda: 100_000)
    kept = manifest.read_manifest(where, image_size=24)
    monkeypatch.setattr(Collection, "images", lambda *_: pytest.fail("decoded again"))
    again = manifest.read_manifest(where, image_size=24)
    assert not isinstance(plain.pixels, np.memmap)
    for found in (kept, again):
        assert isinstance(found.pixels, np.memmap)
        assert found.digest() == plain.digest()
        assert (found.name, found.version, found.notes) == (plain.name, plain.version, plain.notes)
        assert found.table.equals(plain.table)
    assert len(list((home / "decoded").iterdir())) == 1


def test_another_image_another_way_of_reading_or_a_damaged_copy_is_decoded(tmp_path, home, little_memory):
    where = folder(tmp_path / "set")
    first = manifest.read_manifest(where)
    image, other = sorted(where.rglob("*.png"))[:2]
    kept = image.read_bytes()
    shutil.copyfile(other, image)
    changed = manifest.read_manifest(where)
    assert changed.digest() != first.digest()
    image.write_bytes(kept)
    assert manifest.read_manifest(where, image_size=24).spatial == (24, 24)
    assert len(list((home / "decoded").iterdir())) == 3
    for pixels in (home / "decoded").glob("*/pixels.npy"):
        pixels.write_bytes(pixels.read_bytes()[:-1])
    assert manifest.read_manifest(where).digest() == first.digest()


def test_problems_are_listed_and_leave_no_copy(tmp_path, home, little_memory):
    where = folder(tmp_path / "set")
    image = sorted(where.rglob("*.png"))[0]
    image.write_bytes(image.read_bytes()[:-30])
    with pytest.raises(MedshiftError, match=image.name):
        manifest.read_manifest(where)
    assert list((home / "decoded").iterdir()) == []


def test_images_that_fit_neither_memory_nor_disk_are_refused_before_one_is_read(tmp_path, home, monkeypatch):
    where = folder(tmp_path / "set")
    monkeypatch.setattr(manifest, "available", lambda: 9 * 10**8)
    monkeypatch.setattr(disk, "free_space", lambda place: 10**9)
    monkeypatch.setattr(Collection, "images", lambda *_: pytest.fail("an image was read"))
    with pytest.raises(MedshiftError) as error:
        manifest.read_manifest(where, image_size=3750)
    assert str(error.value) == (
        "the images need 1.8 GB in memory, 900 MB are free, or 1.8 GB on disk, 1.0 GB are free for "
        f"{home / 'decoded'}: lower --image-size, or set MEDSHIFT_HOME to a folder on a larger disk"
    )


def test_images_that_fit_memory_are_read_without_room_on_disk(tmp_path, little_memory, monkeypatch):
    monkeypatch.setattr(disk, "free_space", lambda place: 0)
    assert not isinstance(manifest.read_manifest(folder(tmp_path / "set")).pixels, np.memmap)
