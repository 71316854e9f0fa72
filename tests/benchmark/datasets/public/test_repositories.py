"""Sets from repositories at one commit: terms, downloads from a server on this machine, files recognised by content."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from helpers.progress import nothing
from helpers.public import repositories as made

from medshift.benchmark.datasets import registry, store
from medshift.benchmark.datasets.public import catalogue, download, gather, get
from medshift.benchmark.datasets.public.definition import Remote
from medshift.benchmark.datasets.public.repositories import PinnedFile, read_pins
from medshift.benchmark.datasets.public.sets import vessel_patches
from medshift.shifts.errors import MedshiftError

BCCD = "BCCD/BCCD_cropped/Eosinophil/BloodImage_00004_1.jpg"
WBC = "segmentation_WBC/Dataset 1/002.bmp"


@pytest.fixture(autouse=True)
def _empty_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """Serve the blood cells; return server, files, and what each sample must be."""
    files, want = made.blood_cells()
    server = made.serve("blood-cells", files, tmp_path / "pins.tsv", monkeypatch)
    yield server, files, want
    server.shutdown()
    server.server_close()


def remote(files, key):
    """Return one of the files as something to download."""
    pin = next(pin for pin in made.pinned("blood-cells", files) if pin.key == key)
    return Remote(pin.url, key, f"sha256:{pin.sha256}", size=pin.size)


def one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


def test_nothing_is_fetched_before_the_terms_are_accepted(cells, tmp_path):
    server, files, _ = cells
    with pytest.raises(MedshiftError) as error:
        get.get("blood-cells", nothing)
    said = str(error.value)
    assert said.startswith(f"blood-cells: {len(files)} files (")
    assert "--accept" in said.splitlines()[0]
    for one in catalogue.find("blood-cells").repositories:
        assert f"{one.name} at {one.commit[:8]}: {one.what}\n    terms: {one.terms}" in said
    assert server.asked == []
    assert not (tmp_path / "home").exists()


def test_terms_are_shown_before_the_first_file_and_every_cell_is_what_its_source_says(cells):
    server, files, want = cells
    shown = []
    dataset = get.get("blood-cells", nothing, accept=True, show=lambda text: shown.append((text, list(server.asked))))
    assert [asked for _, asked in shown] == [[]]
    assert all(one.terms in shown[0][0] for one in catalogue.find("blood-cells").repositories)
    assert sorted(server.asked) == sorted(files)
    values = dataset.pixels.reshape(len(want), -1)
    rows = zip(dataset.table.itertuples(), values, strict=True)
    have = {row.sample_id: (int(x[0]), dataset.classes[row.label], row.domain, row.group) for row, x in rows}
    assert have == want
    assert (np.ptp(values, axis=1) == 0).all()  # nothing of the white around PBC's centre
    assert dataset.spatial == (96, 96)
    assert registry.source(dataset) == "pbc_barcelona"
    counts = pd.crosstab(dataset.table["domain"], dataset.table["label"])
    assert counts.shape == (4, 4)
    assert (counts == 2).all(axis=None)


def test_one_damaged_and_one_missing_file_are_named_in_one_line_and_the_others_are_kept(cells, tmp_path):
    server, files, want = cells
    server.damaged, server.gone = {BCCD}, {WBC}
    with pytest.raises(MedshiftError) as error:
        get.get("blood-cells", nothing, accept=True)
    said = one_line(error)
    assert (
        f"of {len(files)} files to fetch 1 with content other than the published ({BCCD}) and 1 no longer there" in said
    )
    assert re.search(r"no longer there \(http\S+/zxaoyou/segmentation_WBC/fa9c\w+/Dataset%201/002\.bmp\)\. Run", said)
    assert store.names() == []
    server.asked.clear()
    server.damaged, server.gone = set(), {WBC}
    raw = tmp_path / "home/raw/blood-cells"
    made.write_below(raw, {"found elsewhere.bmp": files[WBC]})
    assert len(get.get("blood-cells", nothing, accept=True).table) == len(want)
    assert server.asked == [BCCD]


def test_a_repository_that_is_gone_is_not_asked_for_every_file(cells, monkeypatch):
    server, files, _ = cells
    server.gone = set(files)
    monkeypatch.setattr(gather, "GIVE_UP", 3)
    with pytest.raises(MedshiftError) as error:
        get.get("blood-cells", nothing, accept=True)
    assert re.search(r"to fetch \d no longer there \(the first: http\S+\); the rest was not tried\.", one_line(error))
    assert 3 <= len(server.asked) <= 3 + gather.AT_ONCE


def test_a_server_that_asks_for_patience_is_asked_again_when_it_says(cells, tmp_path, monkeypatch):
    server, files, _ = cells
    slept = []
    monkeypatch.setattr(download.time, "sleep", slept.append)
    server.busy = 2
    file = remote(files, BCCD)
    assert download.fetch(file, tmp_path).read_bytes() == files[BCCD]
    assert [seconds for seconds in slept if seconds > 1] == [7, 7]
    server.busy = 9
    with pytest.raises(download.Unreachable, match=r"asks for patience: .*429 Too Many Requests; run the same command"):
        download.fetch(file, tmp_path / "again", tries=2)
    assert server.busy == 7


def test_a_file_longer_than_the_published_one_is_not_read_to_its_end(cells, tmp_path):
    server, files, _ = cells
    server.longer, seen = 10_000_000, []
    with pytest.raises(download.Damaged, match="it was removed"):
        download.fetch(remote(files, BCCD), tmp_path, lambda done, total: seen.append(done))
    assert max(seen) < 1_000_000
    assert [path for path in tmp_path.rglob("*Blood*") if path.suffix != ".lock"] == []


def test_a_file_damaged_on_disk_is_fetched_again(cells, tmp_path):
    server, files, want = cells
    raw = tmp_path / "home/raw/blood-cells"
    made.write_below(raw, files | {BCCD: files[BCCD][:-3]})
    assert len(get.get("blood-cells", nothing, accept=True).table) == len(want)
    assert server.asked == [BCCD]
    assert (raw / BCCD).read_bytes() == files[BCCD]


def test_files_of_a_person_are_recognised_by_content_and_give_the_same_bytes(cells, tmp_path):
    server, files, _ = cells
    fetched = get.get("blood-cells", nothing, accept=True)
    server.asked.clear()
    bodies = sorted(files.values())
    made.write_below(tmp_path / "mine", {f"{n % 3}/file {n}": body for n, body in enumerate(bodies)})
    found = store.folder("blood-cells").rename(tmp_path / "first")
    again = get.get("blood-cells", nothing, folder=tmp_path / "mine")
    assert again.version == fetched.version
    for name in (store.PIXELS, store.TABLE, store.FACTS):
        assert (store.folder("blood-cells") / name).read_bytes() == (found / name).read_bytes()
    assert server.asked == []


def test_what_a_persons_folder_lacks_is_named_and_fetched_only_if_accepted(cells, tmp_path):
    server, files, want = cells
    mine = {key: body for key, body in files.items() if key != WBC} | {BCCD: b"another"}
    made.write_below(tmp_path / "mine", mine)
    with pytest.raises(MedshiftError) as error:
        get.get("blood-cells", nothing, folder=tmp_path / "mine")
    first = str(error.value).splitlines()[0]
    assert (
        f"{tmp_path / 'mine'}: of {len(files)} files 1 missing ({WBC}) and 1 with content other than the published"
        in first
    )
    assert f"({tmp_path / 'mine' / BCCD})" in first
    assert server.asked == []
    assert len(get.get("blood-cells", nothing, folder=tmp_path / "mine", accept=True).table) == len(want)
    assert sorted(server.asked) == sorted([BCCD, WBC])
    assert (tmp_path / "mine" / BCCD).read_bytes() == b"another"  # a person's folder is never written to


def test_offline_says_what_is_missing_and_the_steps_by_hand(cells, tmp_path):
    server, _, _ = cells
    with pytest.raises(MedshiftError, match=r"files \d+ missing \(the first: .*the network is switched off\nTo get"):
        get.get("blood-cells", nothing, accept=True, offline=True)
    assert server.asked == []
    assert not (tmp_path / "home").exists()


def test_a_label_table_without_labels_is_said(cells, tmp_path, monkeypatch):
    _, files, _ = cells
    files["segmentation_WBC/Class Labels of Dataset 2.csv"] = b"image ID,class\r\n1,2\r\n"
    made.pin("blood-cells", files, tmp_path / "pins.tsv", monkeypatch)
    made.write_below(tmp_path / "mine", files)
    with pytest.raises(MedshiftError, match=r"Dataset 2\.csv has no label of 9 images, e\.g\. .*002\.bmp$"):
        get.get("blood-cells", nothing, folder=tmp_path / "mine")


@pytest.fixture
def retinas(tmp_path, monkeypatch):
    """Write the retinal photographs; any draw is the right one."""
    files = made.retinas()
    made.pin("fundus-vessels", files, tmp_path / "pins.tsv", monkeypatch)
    made.write_below(tmp_path / "mine", files)
    free = dataclasses.replace(catalogue.find("fundus-vessels"), options={})
    monkeypatch.setitem(catalogue.TABLE, "fundus-vessels", free)
    return tmp_path / "mine"


def test_patches_are_labelled_by_the_vessel_at_their_centre(retinas):
    dataset = get.get("fundus-vessels", nothing, folder=retinas)
    counts = pd.crosstab(dataset.table["domain"], dataset.table["label"])
    assert counts.to_numpy().tolist() == [[56, 56], [40, 40]]  # CHASE_DB1, DRIVE
    assert set(dataset.table["group"]) == {"drive_01", "drive_21", "chase_01"}
    for row, patch in zip(dataset.table.itertuples(), dataset.pixels, strict=True):
        x, y = map(int, row.sample_id.partition("/")[2].split("-"))
        assert np.abs(patch[:2, 24, 24].astype(int) - (x, y)).max() <= (1 if "Image" in row.sample_id else 0)
        if dataset.classes[row.label] == "vessel":
            assert 50 <= x < 56
        else:
            assert x <= 41 or x >= 64  # 9 pixels from the nearest
        assert (46 if "Image" in row.sample_id else 26) <= x < 94
        assert 26 <= y < 94


def test_other_patches_than_those_of_the_set_are_refused(retinas):
    files = {path.relative_to(retinas).as_posix(): path for path in retinas.rglob("*") if path.is_file()}
    with pytest.raises(
        MedshiftError, match=r"draw other patches here than those of the set, which was made with NumPy"
    ):
        vessel_patches.read(files, 48, drawn="0" * 64)


@pytest.mark.parametrize(
    ("name", "count", "bytes_"), [("blood-cells", 2349, 68_197_311), ("fundus-vessels", 176, 32_461_848)]
)
def test_the_committed_tables_name_each_file_once_with_its_size_and_hash(name, count, bytes_):
    definition = catalogue.find(name)
    pins = read_pins(name, definition.repositories)
    assert len({pin.key for pin in pins}) == len({pin.sha256 for pin in pins}) == len(pins) == count
    assert sum(pin.size for pin in pins) == bytes_
    assert all(re.fullmatch(r"[0-9a-f]{64}", pin.sha256) for pin in pins)
    assert all(re.fullmatch(r"[0-9a-f]{40}", one.commit) for one in definition.repositories)
    assert {pin.repository for pin in pins} == set(definition.repositories)


def test_an_address_names_owner_commit_and_quoted_path():
    repository = catalogue.find("blood-cells").repositories[1]
    pin = PinnedFile(repository, "Dataset 1/001.bmp", 1, "")
    place = "zxaoyou/segmentation_WBC/fa9c01622f52bccb9aeb8a6f2628f564e377767d/Dataset%201/001.bmp"
    assert pin.url == f"https://raw.githubusercontent.com/{place}"
