"""An entry with known errors, and criteria for it."""

from __future__ import annotations

import pytest
from helpers.factories import TARGETS

from medshift.leaderboard.assurance.criteria.file import read_criteria
from medshift.leaderboard.assurance.entry.scores import read_entry


@pytest.fixture
def entry(fabricate, tmp_path):
    """Make an entry; its arguments are those of `known_errors`, and further ones of the protocol."""

    def make(wrong, patients=100, seeds=1, shifts=None, severities=(1, 3, 5), targets=TARGETS, **changes):
        table = fabricate.known_truth(patients, targets)
        given = {"shifts": {"psf-blur": "resolution"} if shifts is None else shifts, "severities": severities}
        place, protocol, rows = fabricate.contest(tmp_path / "in", table, targets=targets, **given, **changes)
        for seed in range(seeds):
            by_seed = fabricate.known_errors(protocol, rows, wrong if seeds == 1 else lambda c, s=seed: wrong(c, s))
            folder = fabricate.submission(place, protocol, rows, "known", seed, by_seed)
        return folder if seeds == 1 else folder.parent

    return make


@pytest.fixture
def scores(entry):
    return lambda *given, **changes: read_entry(entry(*given, **changes))


@pytest.fixture
def criteria(tmp_path):
    """Write criteria, one line of TOML per criterion and key separated by semicolons, and read them."""

    def write(*each):
        text = "".join(f"[[criteria]]\nname = 'c{i}'\n" + one.replace("; ", "\n") + "\n" for i, one in enumerate(each))
        (tmp_path / "c.toml").write_text(text)
        return read_criteria(tmp_path / "c.toml")[0]

    return write
