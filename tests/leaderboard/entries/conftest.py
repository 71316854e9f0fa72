"""What the tests of the register share."""

from __future__ import annotations

import pytest

from medshift.leaderboard.entries.entries import protocol_folder
from medshift.leaderboard.ranking.board import rank_entries


@pytest.fixture
def board(fabricate, tmp_path, monkeypatch):
    """A folder of submissions with three entries, the log of a run, and what ranks them."""
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CI", raising=False)
    root = tmp_path / "in"
    place, terms, rows = fabricate.contest(root, fabricate.table(groups=4))
    seeds = {name: fabricate.submission(place, terms, rows, name) for name in ("one", "two", "three")}
    log = tmp_path / "log"
    log.write_text("what it printed\n")
    return root, seeds, log, lambda: rank_entries(protocol_folder(place), replicates=50, workers=1)
