"""Criteria are registered before a run: by its protocol, or by its card."""

from __future__ import annotations

import pytest
from helpers.images.image_folders import folder
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.protocols.folder import read_protocol, write_protocol
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions.fields import EXTERNAL
from medshift.leaderboard.assurance.criteria.criterion import claim
from medshift.leaderboard.assurance.entry.scores import read_entry
from medshift.leaderboard.assurance.registration import registration
from medshift.shifts.errors import MedshiftError

HELD = 'metric = "auroc"; at_least = 0.7; sites = "every"'
QUICK = ["--baseline", "scratch", "--set", "arch=test_resnet", "--set", "steps=2", "--threads", "1", "--device", "cpu"]
CHOICES = ["--shifts", "gamma", "--severities", "3"]


@pytest.fixture
def medshift(tmp_path, home):
    """Run a command on a folder of images, with the criteria in c.toml."""
    folder(tmp_path / "set")

    def run(*words):
        found = ["--data", str(tmp_path / "set"), "--criteria", str(tmp_path / "c.toml")]
        return CliRunner().invoke(app, [*words, *found])

    return run


def test_the_card_of_a_run_keeps_the_criteria_and_a_finished_run_takes_no_others(medshift, criteria, tmp_path):
    held = claim(criteria(HELD))
    out = ["--out", str(tmp_path / "out")]
    done = medshift("run", *QUICK, *CHOICES, *out)
    assert done.exit_code == 0, done.output
    (place,) = (tmp_path / "out").glob("*/*/seed-0")
    assert cards.read(place).criteria == held
    assert read_protocol(place.parent.parent)[0].criteria is None
    assert medshift("run", *QUICK, *CHOICES, *out).exit_code == 0
    criteria(HELD.replace("0.7", "0.6"))
    done = medshift("run", *QUICK, *CHOICES, *out)
    assert str(done.exception) == (
        f"{place} holds a submission made with other criteria, and criteria are registered before a run: leave "
        "--criteria out, or choose another --out"
    )


def test_a_protocol_keeps_the_criteria_and_refuses_a_run_with_others(medshift, criteria, tmp_path):
    held = claim(criteria(HELD))
    done = medshift("protocol", "make", "trial", *CHOICES, "--out", str(tmp_path / "protocols"))
    assert done.exit_code == 0, done.output
    protocol, table = read_protocol(tmp_path / "protocols" / "trial")
    assert protocol.criteria == held
    bare = protocol.model_copy(update={"criteria": None})
    assert bare.sha256 != protocol.sha256
    with pytest.raises(MedshiftError, match=r"holds submissions to another protocol \(different criteria\)"):
        write_protocol(bare, table, tmp_path / "protocols" / "trial")
    criteria(HELD.replace("0.7", "0.6"))
    words = ["run", *QUICK, "--protocol", str(tmp_path / "protocols" / "trial"), "--out", str(tmp_path / "out")]
    assert str(medshift(*words).exception).endswith("protocol 'trial' has other criteria: 'c0' was changed")


def test_criteria_that_do_not_suit_the_data_stop_a_run_before_it_trains(medshift, criteria, tmp_path):
    criteria(HELD.replace('"every"', '["site-d"]'))
    done = medshift("run", *QUICK, *CHOICES, "--out", str(tmp_path / "out"))
    assert str(done.exception).startswith(f"{tmp_path / 'c.toml'}, line 5, sites: no site 'site-d'.")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("distribution", "told"), [("", "were written before the run"), (EXTERNAL, "is the word of")])
def test_of_predictions_from_elsewhere_nobody_knows_when_they_were_made(distribution, told, entry, criteria, tmp_path):
    held = criteria(HELD)
    where = entry(lambda c: 0.0, patients=20, criteria=claim(held))
    made = cards.read(where)
    if distribution:
        claimed = made.baseline.model_copy(update={"distribution": distribution})
        cards.write(made.model_copy(update={"baseline": claimed}), where)
    found = registration(held, read_entry(where), tmp_path / "c.toml")
    assert found.by == "protocol"
    assert told in found.text
