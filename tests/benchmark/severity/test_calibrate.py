"""Calibration measures what it says; matched severities reach the same similarity, on source training images alone."""

import dataclasses
import functools
import json
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.cli import medshift
from helpers.images.image_folders import folder

from medshift.benchmark.datasets import manifest
from medshift.benchmark.datasets.images import Images
from medshift.benchmark.protocols.plan import LEVELS, Choices, plan, unreached_levels
from medshift.benchmark.severity import calibration, chart, damage, matching
from medshift.shifts import catalogue
from medshift.shifts.errors import MedshiftError
from medshift.shifts.plugins import Table

NAMES = ("gamma", "gaussian-noise", "psf-blur", "colour-temperature")


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return manifest.read_manifest(folder(tmp_path_factory.mktemp("colour") / "set", channels=3), modality="fundus")


@pytest.fixture(scope="module")
def matched(dataset):
    return matching.plan_protocol(dataset, Choices(shifts=NAMES, scale="matched"))


def test_damage_is_what_its_formulas_say():
    before = torch.full((2, 1, 16, 16), 0.5)
    after = before.clone()
    after[0] += 0.1
    found = damage.damage(before, after)
    assert found.rmse == pytest.approx(0.05, abs=1e-6)
    assert found.psnr == pytest.approx(10 * np.log10(1 / 0.005), abs=1e-4)
    c1 = 0.01**2
    one = (2 * 0.5 * 0.6 + c1) / (0.5**2 + 0.6**2 + c1)
    assert found.ssim == pytest.approx((one + 1) / 2, abs=1e-4)
    assert damage.damage(before, before).psnr == float("inf")
    volume = torch.rand(1, 1, 5, 8, 8)
    assert damage.ssim(volume.numpy(), volume.numpy()) == [pytest.approx(1)]
    with pytest.raises(MedshiftError, match="too small"):
        damage.ssim(np.zeros((1, 1, 2, 9), np.float32), np.zeros((1, 1, 2, 9), np.float32))


def test_calibration_sees_source_training_and_validation_images_only(dataset):
    protocol, table = plan(dataset, Choices(shifts=NAMES, severities=(1, 3, 5)))
    found = calibration.calibrate(dataset, table, protocol, 16)
    assert len(found) == 12
    assert (found.groupby("shift")["rmse"].diff().dropna() > 0).all()
    assert (found.groupby("shift")["ssim"].diff().dropna() < 0).all()
    assert found["accuracy"].between(0, 1).all()
    assert (found["accuracy"] + found["loss"]).nunique() == 1
    assert found.loc[0, ["value", "unit"]].tolist() == [1.2, "exponent"]
    # other pixels wherever it may not look change nothing
    used = (table["domain"] == protocol.source) & table["split"].isin(["train", "val"])
    pixels = dataset.pixels.copy()
    pixels[table.loc[~used, "row"].to_numpy()] = 0
    blind = dataclasses.replace(dataset, pixels=pixels)
    pd.testing.assert_frame_equal(calibration.calibrate(blind, table, protocol, 16), found)
    assert matching.solve(blind, table, protocol) == matching.solve(dataset, table, protocol)
    lines = calibration.spread_lines(found)
    assert [line.split(":")[0] for line in lines] == ["severity 1", "severity 3", "severity 5"]


def test_chart_and_table(dataset, tmp_path):
    protocol, table = plan(dataset, Choices(shifts=NAMES[:2]))
    found = calibration.calibrate(dataset, table, protocol, 8)
    chart.draw(found, "title", tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes()[:4] == b"\x89PNG"
    assert chart.print_calibration(found).row_count == 2


def test_matched_severities_meet_the_levels(dataset, matched):
    protocol, table = matched
    chosen = damage.sample(dataset, table, protocol.source, "train", matching.IMAGES)
    for name in ("gamma", "psf-blur"):
        for severity, level in zip(protocol.matched[name], LEVELS, strict=False):
            after = damage.shift_sample(chosen, name, severity, protocol.seed, protocol.grey_levels)
            reached = damage.damage(chosen.images, after).ssim
            assert reached == pytest.approx(level, abs=0.01) or severity in (0.01, 5.0)
    keys = [condition.key for condition in protocol.conditions()]
    assert len(set(keys)) == len(keys)
    assert f"site-a/gamma@{protocol.matched['gamma'][1]:g}" in keys


def test_shifts_that_do_not_reach_a_level_keep_their_end_and_are_named(matched):
    protocol, _ = matched
    mild = protocol.matched["colour-temperature"]
    assert mild[-1] == 5.0
    assert len(mild) < 5
    assert list(mild) == sorted(set(mild))
    (line,) = [line for line in unreached_levels(protocol) if line.startswith("colour-temperature")]
    assert "stronger" in line
    assert unreached_levels(protocol.model_copy(update={"matched": {}})) == []


def test_matching_is_deterministic_and_another_protocol(dataset, matched):
    again, _ = matching.plan_protocol(dataset, Choices(shifts=NAMES, scale="matched"))
    assert again == matched[0]
    physical, _ = plan(dataset, Choices(shifts=NAMES))
    assert physical.matched == {}
    assert physical.name != again.name
    some, _ = matching.plan_protocol(dataset, Choices(shifts=("gamma",), severities=(2, 4), scale="matched"))
    assert some.matched["gamma"] == tuple(again.matched["gamma"][i] for i in (1, 3))


def cut_off(images, severity, rng):
    return images * (0.9, 0.8, 0.7, 0.6, 0.5)[int(severity) - 1]  # below 1, as at 5


@pytest.mark.parametrize(
    ("shift", "problem"),
    [
        (
            lambda images, severity, rng: images * (0.9, 0.8, 0.7, 0.6, 0.5)[severity - 1],
            "it failed at severity 0.01.",
        ),
        (cut_off, r"it changes images less at severity 1 than at 0.01 \(similarity \d\.\d+ and \d\.\d+\)."),
    ],
)
def test_a_plug_in_of_whole_severities_cannot_be_matched(dataset, monkeypatch, shift, problem):
    table = Table("medshift.shifts", "shift", {**catalogue.TABLE.builtins, "steps": "made:steps"})
    monkeypatch.setattr(catalogue, "TABLE", table)
    monkeypatch.setitem(sys.modules, "made", type(sys)("made"))
    sys.modules["made"].steps = shift
    advice = r" Leave it out, or make it accept fractions \(medshift.shifts.interpolate_severity\)\."
    with pytest.raises(MedshiftError, match=f"shift 'steps' cannot be matched: {problem}{advice}") as caught:
        matching.plan_protocol(dataset, Choices(shifts=("steps",), scale="matched"))
    assert "\n" not in str(caught.value)
    assert plan(dataset, Choices(shifts=("steps",)))[0].shifts == {"steps": "plug-in"}


def test_the_damage_of_built_in_shifts_hardly_falls_between_whole_severities_too(dataset, matched):
    protocol, table = matched
    chosen = damage.sample(dataset, table, protocol.source, "train", matching.IMAGES)
    for name in (
        name for name, entry in catalogue.BUILTINS.items() if 2 in entry.dims and {0, 3} & set(entry.channels)
    ):
        matching._require_growth(chosen, name, protocol)


def test_where_damage_falls_in_between_a_level_is_met_where_it_is_first_reached(matched, monkeypatch):
    def uneven(chosen, name, step, protocol):
        return float(np.interp(step / 100, [0, 1, 1.5, 2.5, 5], [1, 0.96, 0.85, 0.95, 0.6]))

    monkeypatch.setattr(matching, "_similarity", uneven)
    found = matching._solve(None, "detector-binning", [0.97, 0.94, 0.88, 0.80, 0.70], matched[0])
    assert found == pytest.approx((0.75, 1.09, 1.36, 3.57, 4.29), abs=0.02)


def test_run_and_calibrate_from_the_command_line(tmp_path):
    images = folder(tmp_path / "set")
    common = ["--data", str(images), "--shifts", "gamma,psf-blur"]
    command = ["run", "--baseline", "scratch", "--set", "arch=test_resnet", "--set", "steps=4", *common]
    command += ["--severities", "1,2", "--severity-scale", "matched", "--threads", "1", "--out", str(tmp_path / "out")]
    done = medshift(*command, MEDSHIFT_HOME=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out").glob("*/protocol.json")
    stored = json.loads(path.read_text())["matched"]
    assert set(stored) == {"gamma", "psf-blur"}
    (predictions,) = path.parent.glob("*/seed-0/predictions.parquet")
    assert f"site-a/gamma@{stored['gamma'][0]:g}" in set(pd.read_parquet(predictions)["condition"])
    command = ["shifts", "calibrate", *common, "--severities", "1,5", "--out", str(tmp_path / "cal")]
    done = medshift(*command, MEDSHIFT_HOME=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert "severity 5: SSIM" in done.stdout
    assert len(pd.read_csv(tmp_path / "cal" / "calibration.csv")) == 4


def test_a_calibration_holds_a_part_of_the_images_at_a_time(dataset, monkeypatch):
    protocol, table = plan(dataset, Choices(shifts=NAMES[:1], severities=(1,)))
    whole, sizes, read = calibration.calibrate(dataset, table, protocol, 4), [], Images.batch

    def batch(images, index):
        sizes.append(len(index))
        return read(images, index)

    monkeypatch.setattr(Images, "batch", batch)
    monkeypatch.setattr(calibration, "parts", functools.partial(damage.parts, size=5))
    pd.testing.assert_frame_equal(calibration.calibrate(dataset, table, protocol, 4), whole)
    assert max(sizes) <= 5
    assert min(sizes) > 1
