"""`--out` is a folder or a file, and the wrong one of the two is refused before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.files.destinations import output_file, output_folder
from medshift.shifts.errors import MedshiftError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").touch()
    (tmp_path / "folder.html").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["new", "new/below", ".", "folder.html", "v1.2", "new.d"])
def test_a_folder_may_be_new_and_named_as_one_likes(here, name):
    assert output_folder(Path(name), "the page") == Path(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a-file", "--out a-file: give a folder, not a file; the page is written into it"),
        ("board.HTML", "--out board.HTML: give a folder, not a file; the page is written into it"),
        ("a-file/below", "--out a-file/below: a-file is a file, not a folder"),
    ],
)
def test_a_file_where_a_folder_is_needed_is_named(here, name, message):
    with pytest.raises(MedshiftError) as error:
        output_folder(Path(name), "the page")
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("sheet.png", "sheet.png"),
        ("new/Sheet.PNG", "new/Sheet.PNG"),
        ("a-file.pdf", "a-file.pdf"),
        ("folder.html", "folder.html/shifts.png"),
        ("new", "new/shifts.png"),
        (".", "shifts.png"),
    ],
)
def test_a_file_gets_its_usual_name_in_a_folder(here, name, file):
    assert output_file(Path(name), "shifts.png", (".png", ".pdf")) == Path(file)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sheet.doc", "--out sheet.doc: give a folder, or a file that ends in .png or .pdf"),
        ("a-file/sheet.png", "--out a-file/sheet.png: a-file is a file, not a folder"),
        ("a-file", "--out a-file/shifts.png: a-file is a file, not a folder"),
    ],
)
def test_another_ending_and_a_file_as_folder_are_named(here, name, message):
    with pytest.raises(MedshiftError) as error:
        output_file(Path(name), "shifts.png", (".png", ".pdf"))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("leaderboard . --out a-file", "index.html is written into it"),
        ("export --data gone --out a-file", "an export is written into it"),
        ("export --data gone --out new --submissions a-file", "--submissions a-file: give a folder"),
        ("shifts calibrate --data gone --out a-file", "calibration.csv is written into it"),
        ("shifts preview --data gone --out sheet.doc", "ends in .png"),
        ("shifts gallery --out page.pdf", "ends in .html"),
        ("check entries --report folder.html", "--report folder.html is a folder: give a file"),
        ("check entries --report a-file/report.md", "--report a-file/report.md: a-file is a file, not a folder"),
        ("new shift my-shift --out a-file", "--out a-file: give a folder, not a file; a package is written into it"),
        ("new shift my-shift --out a-file/new", "--out a-file/new: a-file is a file, not a folder"),
        ("new shift my-shift --out .", "--out . is not empty: give a new folder; a package is written into it"),
        ("check entries", "give either submissions or --changes FILE"),
        ("check entries here --changes gone.txt", "give either submissions or --changes FILE"),
        ("verify here --by somebody", "--by goes with --mark"),
        ("verify here --logs somewhere", "--logs goes with --record"),
        ("verify here --mark --by a\u202eb", "--by holds U+202E"),
        ("sweep --baseline scratch --ray auto --workers 2", "--workers is for this machine"),
        ("check entries --changes gone.txt", "--changes gone.txt: no such file"),
        ("list baselines --into gone.md", "gone.md cannot be read: No such file or directory"),
        ("shifts table --into folder.html", "folder.html cannot be read: Is a directory"),
        ("check submission gone", "gone is not a folder: give a submission"),
        ("submit gone", "gone is not a folder: give a submission"),
        ("verify a-file", "a-file is not a folder: give a submission"),
    ],
)
def test_every_command_says_it_before_it_works(here, command, said):
    done = CliRunner().invoke(app, command.split())
    assert isinstance(done.exception, MedshiftError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)
    assert sorted(path.name for path in here.rglob("*")) == ["a-file", "folder.html"]
