"""Submissions that a board leaves out or notes, and how it says so."""

import shutil

import pytest
from helpers.boards import built_page, page, root
from helpers.cli import medshift

from medshift.benchmark.submissions.card import CARD_FILE, read, write
from medshift.leaderboard.build import build_leaderboard
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("cache_of_the_file")


def test_every_bad_submission_is_named_and_left_out(fabricate, tmp_path):
    folder = root(fabricate, tmp_path / "in")
    for which in ("poor/seed-0", "adapting/seed-0"):
        card = folder / "made-up" / which / CARD_FILE
        card.write_text(card.read_text().replace('"medshift-card/1"', '"medshift-card/2"'))
    with pytest.raises(MedshiftError) as error:
        build_leaderboard(folder, tmp_path / "out")
    said = str(error.value).splitlines()
    assert len(said) == 3
    assert "adapting" in said[1]
    assert "poor" in said[2]
    shown = built_page(tmp_path / "out")
    assert "2 submissions were refused and left out" in shown
    assert "medshift-card/2" not in shown
    assert ">adapting<" not in shown


def test_an_entry_of_other_images_is_left_out_and_so_are_seeds_that_differ(board):
    _, seeds, _, ranked = board
    second = seeds["one"].parent / "seed-1"
    shutil.copytree(seeds["one"], second)
    for place, images in {**dict.fromkeys(seeds.values(), "a"), second: "a", seeds["three"]: "b"}.items():
        card = read(place)
        claim = card.dataset.model_copy(update={"images_sha256": images * 64})
        write(card.model_copy(update={"dataset": claim, "seed": int(place.name[-1])}), place)
    found = ranked()
    assert [row.name for row in found.rows] == ["one", "two"]
    assert [line.partition(": ")[2] for line in found.refused] == [
        "made with other images under the same names than most entries here, so that it is not comparable: run it "
        "again on those"
    ]
    card = read(second)
    claim = card.dataset.model_copy(update={"images_sha256": "c" * 64})
    write(card.model_copy(update={"dataset": claim}), second)
    assert any(
        "one: its seeds were made with different images under the same names" in line for line in ranked().refused
    )


def test_a_build_that_publishes_what_is_sound_succeeds_and_lists_what_was_refused(fabricate, tmp_path, home):
    folder, list_file = root(fabricate, tmp_path / "in"), tmp_path / "refused.txt"
    words = ["leaderboard", folder, "--out", tmp_path / "out", "--refused", list_file]
    done = medshift(*words)
    assert (done.returncode, list_file.read_text()) == (0, "")
    assert "left out" not in (tmp_path / "out" / "index.html").read_text()
    card = folder / "made-up" / "poor" / "seed-0" / CARD_FILE
    card.write_text(card.read_text().replace('"medshift-card/1"', '"medshift-card/2"'))
    fabricate.contest(folder, fabricate.table(groups=4), name="other")[0].joinpath("protocol.json").write_text("{")
    done = medshift(*words)
    assert done.returncode == 0, done.stderr
    protocol, submission = list_file.read_text().splitlines()
    assert "other" in protocol
    assert "poor/seed-0: card.json: schema" in submission
    assert f"refused and left out:\n{protocol}\n{submission}\n" in done.stderr
    assert "Refused and left out: 1 submission and 1 protocol or audit." in (tmp_path / "out/index.html").read_text()


def test_the_first_entry_of_an_empty_board_stops_no_page_if_it_is_refused(fabricate, tmp_path, home):
    table = fabricate.table(groups=4)
    place, made, rows = fabricate.contest(tmp_path / "in", table)
    (fabricate.submission(place, made, rows) / CARD_FILE).write_text("{}")
    build_leaderboard(tmp_path / "in", tmp_path / "out", refused_into=tmp_path / "refused.txt")
    assert "card.json" in (tmp_path / "refused.txt").read_text()
    assert "1 submission" in (tmp_path / "out" / "index.html").read_text()


def test_unfinished_folders_are_left_out_and_said(fabricate, tmp_path, capsys):
    folder = root(fabricate, tmp_path)
    (folder / "made-up" / "poor" / "seed-1" / CARD_FILE).unlink()
    found = rank_entries(protocol_folders(folder)[0], 10)
    assert [len(row.cards) for row in found.rows] == [2, 1, 1]
    assert found.notes == ["poor/seed-1 has no card.json: unfinished, left out"]
    assert found.notes[0] in page(found)


def test_seeds_of_one_entry_must_be_one_method(fabricate, tmp_path):
    place, made, rows = fabricate.contest(tmp_path, fabricate.table(groups=4))
    fabricate.submission(place, made, rows, "m", 0)
    fabricate.submission(place, made, rows, "m", 1, config={"lr": 0.5})
    found = rank_entries(protocol_folders(tmp_path)[0], 10)
    assert not found.rows
    assert "seeds 0 and 1 differ in more than the seed" in found.refused[0]


def test_a_line_about_a_method_may_change_between_its_seeds(fabricate, tmp_path):
    place, made, rows = fabricate.contest(tmp_path, fabricate.table(groups=4))
    fabricate.submission(place, made, rows, "m", 0, summary="A method.")
    fabricate.submission(place, made, rows, "m", 1, summary="A method that was described better.")
    (row,) = rank_entries(protocol_folders(tmp_path)[0], 10).rows
    assert len(row.cards) == 2


def test_folders_without_submissions(fabricate, tmp_path):
    with pytest.raises(MedshiftError, match="no submissions in"):
        protocol_folders(tmp_path)
    with pytest.raises(MedshiftError, match="is not a folder"):
        protocol_folders(tmp_path / "nowhere")
    place, _, _ = fabricate.contest(tmp_path, fabricate.table(groups=4))
    (place / "x" / "seed-01").mkdir(parents=True)
    (place / "<b>").mkdir()
    assert rank_entries(protocol_folders(tmp_path)[0], 10).notes == ["2 folders are not named ENTRY/seed-N: left out"]


def test_a_board_without_an_entry_says_how_to_enter(fabricate, tmp_path, capsys):
    fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    readme = tmp_path / "README.md"
    readme.write_text("<!-- leaderboard:begin -->\nold\n<!-- leaderboard:end -->\n")
    build_leaderboard(tmp_path / "in", tmp_path / "out", readme)
    says = "No finished submissions yet. The first one: `medshift run --baseline NAME --protocol FOLDER --seeds 3`"
    assert f"made-up: {says}" in capsys.readouterr().out
    for name in ("index.html", "board-made-up.html", "leaderboard.md"):
        assert says in " ".join((tmp_path / "out" / name).read_text().split())
    assert "old" not in readme.read_text()
    assert (tmp_path / "out" / "scores.csv").read_text().count("\n") == 1
    with pytest.raises(MedshiftError, match=r"no entry 'x' in .*; there are none"):
        build_leaderboard(tmp_path / "in", tmp_path / "out", against="x")


def test_a_truth_that_was_edited_is_refused(fabricate, tmp_path):
    place, _, rows = fabricate.contest(tmp_path, fabricate.table(groups=4))
    rows.loc[0, "label"] = 1 - rows.loc[0, "label"]
    fabricate.truth.write(rows, place / "truth.parquet")
    with pytest.raises(MedshiftError, match="is not the truth of"):
        protocol_folders(tmp_path)


def test_other_pixels_than_most_are_noted(fabricate, tmp_path):
    folder = root(fabricate, tmp_path)
    card = folder / "made-up" / "poor" / "seed-1" / CARD_FILE
    card.write_text(card.read_text().replace('"gamma": "0', '"gamma": "1'))
    assert (
        "poor/seed-1: the fingerprints of its shifts differ" in rank_entries(protocol_folders(folder)[0], 10).notes[0]
    )


def test_an_entry_says_in_which_precision_it_was_computed_unless_that_is_float32(fabricate, tmp_path):
    folder = root(fabricate, tmp_path / "in")
    card = folder / "made-up" / "adapting" / "seed-0" / CARD_FILE
    card.write_text(card.read_text().replace('"threads": 2', '"threads": 2, "precision": "bfloat16"'))
    build_leaderboard(folder, tmp_path / "out")
    shown = built_page(tmp_path / "out")
    assert shown.count("cpu in bfloat16, 2 threads") == 1
    assert shown.count("cpu, 2 threads") == 4
