"""A thousand submissions, all scored before, are one page within a minute and 2 GiB."""

import pytest
from helpers import many_submissions as many


@pytest.mark.slow
def test_a_thousand_known_submissions_are_built_within_a_minute_and_two_gib(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    many.prime(many.make(tmp_path / "in", 1000))
    seconds, most = many.build(tmp_path / "in", tmp_path / "out")
    assert seconds < 60
    assert most < 2
    (page,) = (tmp_path / "out").glob("board-*.html")
    assert page.stat().st_size < 20 << 20
    assert "1000 of 1000" not in page.read_text()  # said by the script
    assert "method-0999" in page.read_text()
