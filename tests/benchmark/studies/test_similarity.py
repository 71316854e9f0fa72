"""The study of similarity: it finds the stage at which a blur enters, from networks that runs train."""

from __future__ import annotations

import copy
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from helpers.images.made_up_data import data
from torch import nn

from medshift.baselines.scratch.cbr import CbrTiny
from medshift.benchmark.contract.registry import make_baseline
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.protocols.plan import plan
from medshift.benchmark.runs.job import Job
from medshift.benchmark.severity.matching import solve
from medshift.benchmark.studies.registry import load_study
from medshift.benchmark.studies.similarity.answers import answers, pick, size
from medshift.benchmark.studies.similarity.cka import Alignment
from medshift.benchmark.studies.similarity.columns import (
    BEFORE_AFTER,
    COLUMNS,
    FALL,
    HALVES,
    SEEDS,
    SHIFTED,
    SHIFTED_UNTRAINED,
    UNTRAINED,
)
from medshift.benchmark.studies.similarity.drawings import drawings
from medshift.benchmark.studies.similarity.figure import figure
from medshift.benchmark.studies.similarity.measure import _of_entry, draw_images, measure
from medshift.benchmark.studies.similarity.networks import Trained, distances, on_one_device, train_network
from medshift.shifts.errors import MedshiftError

CPU = torch.device("cpu")
TITLES = {"sharp": "a network of edges", "other": "another network"}


def textured(pixels, table):
    """Give every image a brightness and, independently of it and of each other, amounts of fine and coarse texture."""
    rng = np.random.default_rng(5)
    light, fine, coarse = (rng.uniform(*ends, (len(pixels), 1, 1)) for ends in ((90, 160), (0, 40), (5, 30)))
    down, across = np.indices(pixels.shape[-2:])
    board, wave = (down + across) % 2 * 2 - 1, np.sin(2 * np.pi * across / 8)
    pixels[:, 0] = (light + fine * board + coarse * wave).clip(0, 255).round().astype(np.uint8)


def edges(seed=0):
    """A network whose first stage takes pixel by pixel, and whose second one takes differences of neighbours."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(1, 2, 1),
        nn.Conv2d(2, 2, 3, bias=False),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2, 2),
    )
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([1.0, 0.8]).view(2, 1, 1, 1))
        network[0].bias.zero_()
        kernel = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]])
        network[1].weight.copy_(torch.stack([torch.stack([kernel, 0 * kernel]), torch.stack([0 * kernel, -kernel])]))
    return network.eval()


def shaken(network, by, seed=1):
    """A copy whose channels are multiplied by random factors around 1."""
    made = copy.deepcopy(network)
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(1 + by * torch.randn(len(parameter), *(1,) * (parameter.ndim - 1)))
    return made


@pytest.fixture(scope="module")
def images():
    dataset = data((("a", 160), ("b", 40)), edit=textured)
    choices = Choices(source="a", shifts=("psf-blur", "gamma"), severities=(1, 5))
    return draw_images(dataset, *plan(dataset, choices), 30)


@pytest.fixture(scope="module")
def table(images):
    sharp = [Trained("sharp", seed, edges(), shaken(edges(), 0.2, seed)) for seed in (0, 1)]
    other = [Trained("other", seed, shaken(edges(), 0.5, seed + 5), shaken(edges(), 0.5, seed + 9)) for seed in (0, 1)]
    return measure([*sharp, *other], images, CPU)


def test_the_table_says_images_patients_dimension_and_grid_of_every_value(table, images):
    assert tuple(table.columns) == COLUMNS
    assert set(table["images"]) == {30}
    assert set(table["groups"]) == {images.rows["group"].nunique()}
    assert set(table["dimension"]) == {2}
    assert "30 test images" in size(table)
    assert "mean over the image" in size(table)


def test_blur_enters_where_a_network_first_compares_neighbours(table):
    blurred = table[(table["arm"] == "sharp") & (table["shift"] == "psf-blur") & (table["severity"] == 5)]
    falls = pick(blurred, FALL)["value"].tolist()
    assert abs(falls[0]) < 0.02
    assert falls[1] > 0.3
    said = [found for found in answers(table, TITLES) if found.sentence.startswith("A network of edges: psf-blur@5")]
    assert "enters at stage 2 (1) of 2" in said[0].sentence
    assert "Half of the loss is there by stage 2" in said[0].sentence
    assert "Control: another seed" in said[0].sentence
    assert said[0].verdict == "refuted"  # that it enters in the lower half
    assert said[0].found.low <= said[0].found.value <= said[0].found.high < 0


def test_of_a_shift_that_changes_nothing_it_is_not_refuted_that_it_enters_low(table):
    made = table.copy()
    made.loc[(made["shift"] == "gamma") & (made["comparison"] == SHIFTED), ["value", "low", "high"]] = 1.0
    made.loc[(made["shift"] == "gamma") & (made["comparison"] == HALVES), ["value", "low", "high"]] = 0.0
    said = [found for found in answers(made, TITLES) if found.sentence.startswith("A network of edges: gamma@5")]
    assert said[0].sentence.endswith("gamma@5 changes nothing at any stage: CKA is 1.")
    assert said[0].verdict == "not shown"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.96, 0.99, "changes no stage much"),
        (0.8, 0.99, "enters nowhere clearly"),
        (np.nan, np.nan, "enters nowhere cl"),
    ],
)
def test_little_changes_only_where_the_whole_interval_says_so(table, low, high, said):
    made = table.copy()
    made.loc[(made["shift"] == "gamma") & (made["comparison"] == SHIFTED), ["value", "low", "high"]] = (0.97, low, high)
    told = [found for found in answers(made, TITLES) if found.sentence.startswith("A network of edges: gamma@5")]
    assert f"gamma@5 {said}" in told[0].sentence
    assert said in figure(made, TITLES)


def test_networks_of_runs_on_several_devices_are_compared_on_one():
    moved = on_one_device(Trained("sharp", 0, edges(), edges()), torch.device("meta"))
    assert {each.device.type for network in (moved.before, moved.after) for each in network.parameters()} == {"meta"}


def test_too_few_patients_are_told_before_any_training(images):
    few = images.rows["group"].isin(images.rows["group"].unique()[:3])
    analysis = load_study("similarity").study.analysis
    analysis.check(images.protocol, images.rows)
    with pytest.raises(MedshiftError, match="at least 4 patients or other groups; there are 3"):
        analysis.check(images.protocol, images.rows[few])


def test_every_shift_has_its_untrained_control_where_severities_are_matched():
    dataset = data((("a", 160), ("b", 40)), edit=textured)
    choices = Choices(source="a", shifts=("psf-blur", "gamma"), severities=(1, 2), scale="matched")
    network = Trained("sharp", 0, edges(), shaken(edges(), 0.2))
    found = measure([network], draw_images(dataset, *plan(dataset, choices, match=solve), 30), CPU)
    strongest = found.groupby("shift")["severity"].max().drop("")
    assert strongest["psf-blur"] != strongest["gamma"]
    controls = found[found["comparison"] == SHIFTED_UNTRAINED].groupby("shift")["severity"].agg(["min", "max"])
    assert controls["min"].to_dict() == controls["max"].to_dict() == strongest.to_dict()


def test_training_is_shown_with_two_seeds_and_two_untrained_networks_beside_it(table):
    sharp, other = (table[table["arm"] == arm] for arm in ("sharp", "other"))
    assert len(pick(sharp, BEFORE_AFTER)) == len(pick(sharp, SEEDS)) == len(pick(other, UNTRAINED)) == 2
    assert pick(sharp, UNTRAINED).empty  # they start from the same weights
    seeds = np.mean([pick(sharp, BEFORE_AFTER, seed)["value"] for seed in ("0", "1")], axis=0)
    np.testing.assert_allclose(pick(sharp, BEFORE_AFTER)["value"], seeds)
    first = next(answers(table, TITLES))
    assert "before and after" in first.sentence
    assert "Control: two trainings" in first.sentence
    assert "psf-blur@5 at stage 2 (1), and the upper half of the stages loses more; gamma@5" in first.sentence


def test_the_middle_one_of_an_odd_number_of_stages_belongs_to_both_halves():
    def stage(value):
        return Alignment(value, np.array([value - 0.01, value, value + 0.01]))

    rows = {row["comparison"]: row["value"] for _, row in _of_entry([stage(0.9), stage(0.3), stage(0.2)])}
    assert rows[HALVES] == pytest.approx((1 - 0.6) - (0.6 - 0.2))
    rows = {row["comparison"]: row["value"] for _, row in _of_entry([stage(0.9), stage(0.2)])}
    assert rows[HALVES] == pytest.approx((1 - 0.9) - (0.9 - 0.2))


def test_weights_that_grow_by_half_have_moved_by_half():
    before = edges()
    after = copy.deepcopy(before)
    with torch.no_grad():
        after[1].weight.mul_(1.5)
    assert distances(Trained("sharp", 0, before, after)) == pytest.approx([0, 0.5])


def test_the_figure_is_drawn_for_both_themes_and_tells_lines_by_words(table):
    drawn = figure(table, TITLES, "waves (SIMULATED)")
    root = ElementTree.fromstring(drawn)
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "prefers-color-scheme: dark" in drawn
    assert any(word.startswith("Data: waves (SIMULATED). Debiased linear CKA on 30") for word in words)
    assert {"1", "5", "other seed", "before", "training"} <= set(words)
    assert any(word.startswith("enters at stage 2") for word in words)
    places = [float(e.get("y")) for e in root.iter() if e.get("class") in ("word severity", "word seeds")]
    assert all(0 < place < 250 for place in places)


def test_the_pages_first_figures_are_blur_and_training(table):
    found = list(drawings(table, TITLES))
    assert [drawing.name for drawing in found[:2]] == ["psf-blur-sharp", "training"]
    assert found[-1].name == "weights"
    assert {curve.name for curve in found[0].curves} >= {"severity 1", "severity 5", "another seed, clean images"}


def test_stages_with_constant_features_are_left_undefined_everywhere(images):
    dead = edges()
    with torch.no_grad():
        dead[1].weight.zero_()
    table = measure([Trained("sharp", 0, dead, dead)], images, CPU)
    assert pick(table[table["shift"] == "psf-blur"], FALL)["value"].isna().any()
    assert any("undefined" in found.sentence for found in answers(table, TITLES))
    ElementTree.fromstring(figure(table, TITLES))


def test_a_network_is_loaded_before_and_after_its_run_trained_it(home, images, tmp_path):
    dataset = images.dataset
    protocol, rows = plan(dataset, Choices(source="a", shifts=("gamma",), severities=(3,)))
    job = Job(dataset, protocol, rows, "cbr-tiny", CbrTiny(steps=2, batch_size=8), 3, tmp_path)
    said = []
    first, again = (train_network("cbr", job, CPU, said.append) for _ in range(2))
    assert sum("step 2/2" in line for line in said) == 1
    assert len(list((home / "models").glob("*.pt"))) == 1
    assert distances(first) == distances(again)
    assert all(0 < moved < 1 for moved in distances(first))
    torch.manual_seed(3)
    untrained = CbrTiny().network(type("Access", (), {"spatial": (24, 24), "channels": 1, "classes": ("a", "b")})())
    assert all(torch.equal(a, b) for a, b in zip(first.before.parameters(), untrained.parameters(), strict=True))


def test_a_baseline_that_trains_no_network_is_refused(images, home, tmp_path):
    dataset = images.dataset
    protocol, rows = plan(dataset, Choices(source="a", shifts=("gamma",), severities=(3,)))
    probe = make_baseline("linear-probe", [])
    with pytest.raises(MedshiftError, match=r"'linear-probe' trains no network .* such as imagenet-finetune"):
        train_network("probe", Job(dataset, protocol, rows, "linear-probe", probe, 0, tmp_path), CPU, lambda line: None)


def test_the_study_loads_by_name_without_torch_and_pandas():
    code = (
        "import sys; from medshift.benchmark.studies.registry import load_study; load_study('similarity');"
        "print({'torch', 'pandas', 'timm'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "set()\n", done.stderr
    assert load_study("similarity").study.question.endswith("?")
