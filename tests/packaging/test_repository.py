"""What the repository says of itself: versions that agree, workflows that are pinned."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def test_workflows_use_actions_by_hash_and_one_version_of_each():
    used = {
        line.split("uses:", 1)[1].strip()
        for file in sorted((ROOT / ".github/workflows").glob("*.yml"))
        for line in file.read_text().splitlines()
        if "uses:" in line
    }
    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []
    assert len({line.split("@")[0] for line in used}) == len(used)


def test_the_citation_has_the_version_of_the_package():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()


def test_every_target_of_the_makefile_is_explained():
    text = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()
    explained = re.findall(r"^([a-z-]+):.*  ## \S", text, re.MULTILINE)
    assert sorted(set(targets) - {"types"}) == sorted(explained)


def test_git_changes_no_bytes_of_submissions_on_windows(tmp_path):
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    card, other = tmp_path / "leaderboard/submissions/board/entry/seed-0/card.json", tmp_path / "other.txt"
    card.parent.mkdir(parents=True)
    for path in (card, other):
        path.write_bytes(b"{\n}\n")
    as_on_windows = ["git", "-C", tmp_path, "-c", "core.autocrlf=true", "-c", "user.name=n", "-c", "user.email=e"]
    for words in (["init"], ["add", "."], ["commit", "-m", "x"]):
        subprocess.run([*as_on_windows, *words], check=True, capture_output=True)
    for path in (card, other):
        path.unlink()
    subprocess.run([*as_on_windows, "checkout", "--", "."], check=True, capture_output=True)
    assert other.read_bytes() == b"{\r\n}\r\n"
    assert card.read_bytes() == b"{\n}\n"
