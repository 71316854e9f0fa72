"""What the maintainers decide about boards, and protocols of others: their place, their rules and their faults."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from medshift.benchmark.protocols import protocol, truth
from medshift.benchmark.protocols.folder import read_protocol
from medshift.leaderboard.build import build_leaderboard
from medshift.leaderboard.entries.boards_file import BOARDS_FILE, Boards
from medshift.leaderboard.entries.entries import protocol_folders, without_twins
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.report.badge import badge
from medshift.shifts.errors import MedshiftError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))


def decide(root, **decided):
    (root / BOARDS_FILE).write_text(json.dumps({"schema": "medshift-boards/1", **decided}))


def entered(fabricate, root, name, skill, **more):
    place, made, rows = fabricate.contest(root, fabricate.table(groups=6), name=name, **more)
    fabricate.submission(place, made, rows, "entry", skill=skill)
    return place, made, rows


def test_a_protocol_of_somebody_else_comes_last_and_takes_no_part_in_the_badge(fabricate, tmp_path):
    for name, skill in (("0-official", 30.0), ("b", 1.0), ("a", 1.0), ("zzz", 1.0)):
        entered(fabricate, tmp_path, name, skill)
    decide(tmp_path, boards=["b", "a", "not there yet"])
    folders = protocol_folders(tmp_path)
    assert [(folder.path.name, folder.own) for folder in folders] == [
        ("b", True),
        ("a", True),
        ("0-official", False),
        ("zzz", False),
    ]
    boards = [rank_entries(folder, 20, workers=1) for folder in folders]
    assert "2 entries, best under shift" in badge(boards)
    assert badge(boards) == badge(boards[:2])
    (tmp_path / BOARDS_FILE).unlink()
    assert [folder.path.name for folder in protocol_folders(tmp_path)] == ["0-official", "a", "b", "zzz"]
    assert all(folder.own for folder in protocol_folders(tmp_path))


@pytest.mark.parametrize("text", ["{", '{"schema": "medshift-boards/1", "maintainers": ["a b"]}', '{"schema": "x"}'])
def test_a_damaged_file_is_named(fabricate, tmp_path, text):
    entered(fabricate, tmp_path, "a", 1.0)
    (tmp_path / BOARDS_FILE).write_text(text)
    with pytest.raises(MedshiftError, match=r"boards\.json is not a valid file of boards"):
        protocol_folders(tmp_path)


def test_the_committed_file_can_be_read(submissions_root):
    decided = Boards.model_validate_json((submissions_root / BOARDS_FILE).read_bytes())
    names = [path.parent.name for path in submissions_root.glob("*/protocol.json")]
    assert set(decided.boards) <= set(names)


@pytest.fixture
def submissions_root(request):
    return request.config.rootpath / "leaderboard" / "submissions"


LEAKS = {
    "a test patient in training": ("site-a", "test", "train", "source train and a test split"),
    "a test patient in validation": ("site-a", "test", "val", "source validation and a test split"),
    "a validation patient in training": ("site-a", "val", "train", "source train and source validation"),
    "a patient of a site in training": ("site-b", "test", "train", "source train and a test split"),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_protocol_in_which_a_group_straddles_splits_is_refused_at_every_load(fabricate, tmp_path, leak):
    site, tested, seen, says = LEAKS[leak]
    rows = fabricate.table(groups=6)
    patient = rows[(rows["domain"] == site) & (rows["split"] == tested)]["group"].iloc[0]
    rows.loc[rows[(rows["domain"] == "site-a") & (rows["split"] == seen)].index[0], "group"] = patient
    place, _, _ = fabricate.contest(tmp_path, truth.tidy(rows))
    with pytest.raises(MedshiftError, match=f"leaks: 1 group in both {says}: {patient}"):
        read_protocol(place)


def test_a_protocol_that_cannot_be_read_or_scored_does_not_take_the_page_from_the_others(
    fabricate, tmp_path, monkeypatch
):
    entered(fabricate, tmp_path / "in", "good", 1.0)
    entered(fabricate, tmp_path / "in", "hungry", 1.0)
    entered(fabricate, tmp_path / "in", "damaged", 1.0)[0].joinpath("protocol.json").write_text("{")
    real = rank_entries

    def ranked(folder, **more):
        if folder.path.name == "hungry":
            raise MemoryError
        return real(folder, 20, workers=1)

    monkeypatch.setattr("medshift.leaderboard.build.rank_entries", ranked)
    with pytest.raises(MedshiftError, match="refused and left out") as refused:
        build_leaderboard(tmp_path / "in", tmp_path / "out")
    assert "hungry: its board needs more memory than there is" in str(refused.value)
    assert "protocol.json is not a valid protocol" in str(refused.value)
    page = (tmp_path / "out" / "index.html").read_text()
    assert "good" in page
    assert "hungry" not in page


def test_of_two_folders_with_one_name_of_a_protocol_the_second_is_named_and_left_out(fabricate, tmp_path):
    first, *_ = entered(fabricate, tmp_path / "in", "set", 1.0)
    for folder, name in (("copy", "set"), ("upper", "SET")):
        second, *_ = entered(fabricate, tmp_path / folder, name, 1.0)
        second.rename(tmp_path / "in" / f"the-{folder}")
    found, damaged = without_twins(protocol_folders(tmp_path / "in"))
    assert [folder.path for folder in found] == [first]
    assert [line.split(", which")[0] for line in damaged] == [
        f"{tmp_path}/in/the-copy: its protocol is named 'set', and so is that of {first}",
        f"{tmp_path}/in/the-upper: its protocol is named 'SET', and so is that of {first}",
    ]


def test_a_protocol_of_many_groups_without_an_entry_costs_no_memory(fabricate, tmp_path):
    count = 20_000
    number = np.arange(count)
    tested = pd.DataFrame({"sample_id": number.astype(str), "label": number % 2, "group": number.astype(str)})
    tested = tested.assign(domain="site-a", split="test")
    other = pd.DataFrame({"sample_id": ["v0", "v1"], "label": [0, 1], "group": ["v0", "v1"]})
    rows = truth.tidy(pd.concat([tested, other.assign(domain="site-a", split="val")]))
    made = fabricate.terms(rows, name="large", targets=(), shifts={})
    protocol.write(made, tmp_path / "large")
    truth.write(rows, tmp_path / "large" / protocol.TRUTH_FILE)
    (folder,) = protocol_folders(tmp_path)
    tracemalloc.start()
    try:
        found = rank_entries(folder)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20  # a thousand draws take 160 MB, several times
    finally:
        tracemalloc.stop()
    assert found.sizes["site-a", "test"] == (count, count)


def test_the_fingerprints_of_most_entries_count_not_those_of_most_seeds(fabricate, tmp_path):
    place, made, rows = fabricate.contest(tmp_path, fabricate.table(groups=6))
    for name in ("a", "b", "c"):
        fabricate.submission(place, made, rows, name)
    for seed in range(4):
        card = fabricate.submission(place, made, rows, "forger", seed) / "card.json"
        fields = json.loads(card.read_text())
        fields["shifts"] = dict.fromkeys(fields["shifts"], "f" * 64)
        card.write_text(json.dumps(fields))
    notes = rank_entries(protocol_folders(tmp_path)[0], 10, workers=1).notes
    assert [note.partition(":")[0] for note in notes] == [f"forger/seed-{seed}" for seed in range(4)]
