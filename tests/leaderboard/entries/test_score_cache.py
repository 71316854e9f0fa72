"""Cached scores are found again only with the very code that computed them."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path

import pytest

from medshift.benchmark.files import code
from medshift.leaderboard.entries import cache

DECIDES = (
    "benchmark.scoring.metrics",
    "benchmark.scoring.bootstrap",
    "benchmark.estimation.local_ridge",
    "leaderboard.entries.scoring",
)
DOES_NOT = ("leaderboard.build", "leaderboard.report.page", "benchmark.cli.main")


@pytest.mark.parametrize("name", [*DECIDES, *DOES_NOT])
def test_an_edited_file_misses_the_cache_if_it_decides_scores(tmp_path, monkeypatch, name):
    module = import_module(f"medshift.{name}")
    copied = Path(shutil.copy(module.__file__, tmp_path / "copied.py"))
    place = code._file
    monkeypatch.setattr(code, "_file", lambda dotted: copied if dotted == module.__name__ else place(dotted))
    before = cache.code.__wrapped__()
    assert cache.code.__wrapped__() == before
    copied.write_text(f"{copied.read_text()}\n# edited\n")
    assert (cache.code.__wrapped__() != before) == (name in DECIDES)
