"""Time and memory of the leaderboard against the number of submissions (199 conditions of 1,000 samples).

    python -m pytest tests/performance/bench_leaderboard.py --benchmark-enable --benchmark-only

`cold`: no submission was scored before. `again`: all were, as in CI or after one more entry.
"""

from __future__ import annotations

import pytest
from helpers import many_submissions

COLD = (4, 16)
AGAIN = (10, 100, 300, 1000)


@pytest.mark.parametrize("count", COLD)
def test_cold(benchmark, tmp_path, monkeypatch, count):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    many_submissions.make(tmp_path / "in", count)
    seconds, most = benchmark.pedantic(many_submissions.build, (tmp_path / "in", tmp_path / "out"), rounds=1)
    benchmark.extra_info.update(entries=count, seconds_an_entry=seconds / count, most_gib=most)


@pytest.mark.parametrize("count", AGAIN)
def test_again(benchmark, tmp_path, monkeypatch, count):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    many_submissions.prime(many_submissions.make(tmp_path / "in", count))
    _, most = benchmark.pedantic(many_submissions.build, (tmp_path / "in", tmp_path / "out"), rounds=1)
    benchmark.extra_info.update(entries=count, most_gib=most)
