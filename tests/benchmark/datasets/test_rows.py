"""Rows of arrays in files: the same as NumPy's, without the file's pages in memory."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from medshift.benchmark.datasets.streaming.rows import block_rows, read_blocks, read_rows, write_array
from medshift.shifts.errors import MedshiftError


@pytest.fixture
def stored(tmp_path):
    """Five hundred images in memory, and mapped from a file."""
    images = np.random.default_rng(0).integers(0, 2**16, (500, 2, 5, 4), dtype=np.uint16)
    np.save(tmp_path / "images.npy", images)
    return images, np.load(tmp_path / "images.npy", mmap_mode="r")


@pytest.mark.parametrize(
    "index",
    [
        slice(None),
        slice(7, 90, 3),
        slice(490, 600),
        [3, 4, 5, 0, 499, 3],
        [-1, -500],
        [],
        np.array([2, 1]),
        np.arange(500) % 7 == 0,
    ],
    ids=str,
)
def test_rows_of_a_file_are_those_that_numpy_takes(stored, index):
    images, mapped = stored
    wanted = images[np.array(index, dtype=int) if isinstance(index, list) else index]
    for source in (images, mapped, mapped[:], np.asfortranarray(images)):
        rows = read_rows(source, np.array(index, dtype=int) if isinstance(index, list) else index)
        assert np.array_equal(rows, wanted)
        assert (type(rows), rows.dtype) == (np.ndarray, images.dtype)
        assert rows.flags.c_contiguous
        assert rows.flags.writeable
        assert not np.shares_memory(rows, source)


def test_rows_beyond_the_end_are_an_error_as_in_numpy(stored):
    with pytest.raises(IndexError):
        read_rows(stored[1], [500])


def test_blocks_are_all_rows_in_order(stored, tmp_path, monkeypatch):
    images, mapped = stored
    monkeypatch.setattr("medshift.benchmark.datasets.streaming.rows.BLOCK", 7 * images[0].nbytes)
    assert block_rows(mapped) == 7
    assert [len(block) for block in read_blocks(mapped)] == [7] * 71 + [3]
    order = np.random.default_rng(1).permutation(500)
    write_array(tmp_path / "shuffled.npy", images.shape, images.dtype, read_blocks(mapped, order))
    assert np.array_equal(np.load(tmp_path / "shuffled.npy"), images[order])


def test_a_file_that_is_cut_short_while_it_is_used_is_one_line_and_not_the_end_of_the_process(stored):
    path = Path(stored[1].filename)
    with path.open("rb+") as file:
        file.truncate(path.stat().st_size - 1)
    assert np.array_equal(read_rows(stored[1], [498]), stored[0][[498]])
    with pytest.raises(MedshiftError, match=r"images.npy ends early"):
        read_rows(stored[1], [499])


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_a_file_that_is_removed_while_it_is_used_is_read_all_the_same(stored):
    Path(stored[1].filename).unlink()
    assert np.array_equal(read_rows(stored[1], [499, 0]), stored[0][[499, 0]])


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_no_page_of_the_file_stays_in_memory(tmp_path):
    def resident() -> int:
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(status["RssFile"].split()[0]) * 1024

    size = 64 << 20
    np.save(tmp_path / "large.npy", np.ones((64, 1 << 20), dtype=np.uint8))
    mapped = np.load(tmp_path / "large.npy", mmap_mode="r")
    before = resident()
    assert sum(int(block.sum()) for block in read_blocks(mapped)) == size
    assert resident() - before < size / 8
    assert int(mapped.sum()) == size
    assert resident() - before > size / 2  # as it does where the map itself is read
