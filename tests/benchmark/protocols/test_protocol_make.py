"""Shared protocols: nested fractions of the labels, the same tests, and data that do or do not match."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from helpers.cli import medshift
from helpers.images.image_folders import DOMAINS, edit, folder
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from medshift.benchmark.cli import main
from medshift.benchmark.datasets import manifest
from medshift.benchmark.protocols import data, make, plan, show, splits, truth
from medshift.benchmark.protocols.folder import read_protocol, write_protocol
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.protocols.training_sets import label_fractions
from medshift.benchmark.severity import matching
from medshift.benchmark.submissions import submission
from medshift.shifts.errors import MedshiftError


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("data") / "set")


def training(groups, shares, seed=0, per_group=3):
    """Make a truth with a source whose groups hold one or two classes, and a target."""
    rng = np.random.default_rng(seed)
    rows = []
    for split, count in (("train", groups), ("val", 8), ("test", 8)):
        for number in range(count):
            own = number % len(shares) if number < len(shares) else int(rng.choice(len(shares), p=shares))
            for image in range(int(rng.integers(1, per_group + 1))):
                label = own if image == 0 or rng.random() < 0.8 else int(rng.integers(len(shares)))
                rows.append((f"a-{split}-{number}-{image}", label, "a", f"{split}-p{number}", split))
    rows += [(f"b-{number}", number % len(shares), "b", f"b-p{number}", "test") for number in range(10)]
    return pd.DataFrame(rows, columns=["sample_id", "label", "domain", "group", "split"])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    groups=st.integers(4, 120),
    classes=st.integers(2, 4),
    fractions=st.lists(st.floats(0.01, 1), min_size=2, max_size=5, unique=True),
)
def test_parts_are_nested_whole_groups_and_leave_everything_else_alone(seed, groups, classes, fractions):
    table = training(groups, [1 / classes] * classes, seed)
    before = set(table["sample_id"])
    for fraction in sorted(fractions):
        cut = label_fractions.keep_fraction(table, "a", fraction, seed)
        kept = cut["split"] == "train"
        others = table["split"] != "train"
        pd.testing.assert_frame_equal(cut[others], table[others])
        assert set(cut.loc[~others & ~kept, "split"]) <= {"unused"}
        assert not set(cut.loc[kept, "group"]) & set(cut.loc[~others & ~kept, "group"])
        assert set(cut.loc[kept, "label"]) == set(table.loc[~others, "label"])
        count = cut.loc[kept, "group"].nunique()
        assert max(round(fraction * groups), 1) <= count <= max(round(fraction * groups), 1, classes)
        now = set(cut.loc[kept, "sample_id"])
        assert fraction == min(fractions) or before <= now
        before = now
        splits.check(cut, "a")
    pd.testing.assert_frame_equal(label_fractions.keep_fraction(table, "a", 1.0, seed), table)


def test_a_part_has_the_classes_in_the_proportion_of_the_whole():
    table = training(400, [0.7, 0.2, 0.1], per_group=1)
    whole = table[table["split"] == "train"]["label"].value_counts(normalize=True)
    for fraction in (0.1, 0.3):
        cut = label_fractions.keep_fraction(table, "a", fraction)
        part = cut[cut["split"] == "train"]
        assert part["group"].nunique() == 400 * fraction
        assert np.abs(part["label"].value_counts(normalize=True) - whole).max() < 0.03


def test_the_order_depends_on_the_seed_and_on_nothing_else():
    table = training(60, [0.5, 0.5])
    train = table[table["split"] == "train"]
    assert label_fractions.nested_group_order(train, 0) == label_fractions.nested_group_order(
        train.sample(frac=1, random_state=3), 0
    )
    assert label_fractions.nested_group_order(train, 0) != label_fractions.nested_group_order(train, 1)


def test_seeds_draw_different_nested_parts_of_the_same_labels():
    table = training(60, [0.5, 0.5])
    drawn = {
        (seed, fraction): frozenset(
            (kept := label_fractions.keep_fraction(table, "a", fraction, seed)).loc[kept["split"] == "train", "group"]
        )
        for seed in range(3)
        for fraction in (0.05, 0.1, 0.3, 1.0)
    }
    for seed in range(3):
        assert drawn[seed, 0.05] < drawn[seed, 0.1] < drawn[seed, 0.3] < drawn[seed, 1.0]
    for fraction in (0.05, 0.1, 0.3):
        parts = [drawn[seed, fraction] for seed in range(3)]
        assert len(set(parts)) == 3
        assert len({len(part) for part in parts}) == 1  # as many labels in each draw
    assert len({drawn[seed, 1.0] for seed in range(3)}) == 1


def test_the_option_draws_other_parts_and_names_them(images, tmp_path):
    dataset = manifest.read_manifest(images)
    choices = Choices(source="site-a", shifts=("gamma",))
    made = [make.make(dataset, choices, "set", fractions=(0.3,), label_seed=seed)[0] for seed in range(3)]
    assert [terms.name for terms, _ in made] == ["set-labels-30", "set-labels-30-seed-1", "set-labels-30-seed-2"]
    trained = [frozenset(rows.loc[rows["split"] == "train", "group"]) for _, rows in made]
    assert len(set(trained)) == 3
    assert len({tuple(rows.loc[rows["split"] == "val", "sample_id"]) for _, rows in made}) == 1


def test_another_protocol_of_the_same_name_is_in_the_way(images, tmp_path):
    words = ["protocol", "make", "mine", "--data", str(images), "--shifts", "gamma", "--out", str(tmp_path)]
    assert CliRunner().invoke(main.app, words).exit_code == 0
    done = CliRunner().invoke(main.app, [*words, "--severities", "3"])
    why = "holds another protocol (different severities): choose another NAME or --out"
    assert str(done.exception) == f"{tmp_path / 'mine'} {why}"


def test_a_class_in_one_group_stays():
    rows = [(f"s{number}", 0, "a", f"p{number}", "train") for number in range(99)]
    table = pd.DataFrame([*rows, ("rare", 1, "a", "last", "train")], columns=list(truth.COLUMNS))
    kept = label_fractions.keep_fraction(table, "a", 0.02)
    assert "rare" in set(kept.loc[kept["split"] == "train", "sample_id"])
    assert (kept["split"] == "train").sum() == 2


@pytest.mark.parametrize("text", ["0", "1.5", "0.3,0.3", "half", "", "nan", "-0.1", "1,,0.3"])
def test_what_is_no_fraction(text):
    with pytest.raises(MedshiftError, match="--label-fractions takes distinct numbers above 0"):
        label_fractions.parse_fractions(text)


def test_all_fractions_have_the_same_tests_and_other_hashes(images):
    dataset = manifest.read_manifest(images)
    choices = Choices(shifts=("gamma",), severities=(1, 5))
    made = make.make(dataset, choices, "labels", fractions=(1.0, 0.3, 0.1), version="2")
    assert [terms.name for terms, _ in made] == ["labels", "labels-labels-30", "labels-labels-10"]
    assert len({terms.sha256 for terms, _ in made}) == 3
    assert {terms.version for terms, _ in made} == {"2"}
    standard, table = plan.plan(dataset, choices)
    assert made[0][0].truth_sha256 == standard.truth_sha256 == truth.digest(table)
    for terms, rows in made:
        assert terms.truth_sha256 == truth.digest(rows)
        assert terms.conditions() == standard.conditions()
        tested = rows["split"].isin(["val", "test", "adapt"])
        pd.testing.assert_frame_equal(rows[tested], table[tested])
        fields = {"name", "version", "truth_sha256"}
        assert terms.model_dump(exclude=fields) == standard.model_dump(exclude=fields)


def test_matched_severities_are_the_same_for_all_fractions(images):
    dataset = manifest.read_manifest(images)
    choices = Choices(shifts=("gaussian-noise",), severities=(2,), scale="matched")
    (whole, _), (part, _) = make.make(dataset, choices, "m", fractions=(1.0, 0.2), match=matching.solve)
    assert part.matched == whole.matched
    assert set(whole.matched) == {"gaussian-noise"}


@pytest.mark.parametrize("name", ["", "../up", "a b", "-x", "x" * 101])
def test_names_that_are_no_folders(images, name):
    with pytest.raises(MedshiftError, match="invalid protocol name"):
        make.make(manifest.read_manifest(images), Choices(shifts=("gamma",)), name)


@pytest.mark.parametrize(
    ("version", "why"), [("x" * 41, "has 41 characters, at most 40"), ("", "it is empty"), ("1\x1b[31m", "U\\+001B")]
)
def test_a_version_that_does_not_fit(images, version, why):
    with pytest.raises(MedshiftError, match=f"invalid protocol version: .*{why}"):
        make.make(manifest.read_manifest(images), Choices(shifts=("gamma",)), "v", version=version)


def test_a_name_that_is_too_long_with_its_fraction(images):
    with pytest.raises(MedshiftError, match=r"invalid protocol name 'x+-labels-55"):
        make.make(manifest.read_manifest(images), Choices(shifts=("gamma",)), "x" * 90, fractions=(0.555,))


def publish(images, out, **more):
    dataset = manifest.read_manifest(images, **more)
    ((terms, table),) = make.make(dataset, Choices(shifts=("gamma",), severities=(1,)), "shared")
    write_protocol(terms, table, out / "shared")
    return out / "shared"


def test_the_same_data_elsewhere_are_those_of_the_protocol(tmp_path, images):
    where = publish(images, tmp_path)
    elsewhere = folder(tmp_path / "renamed", domains={**DOMAINS, "site-d": 10})  # an additional domain does not matter
    dataset, terms, table = data.adopt(where, data=elsewhere)
    assert dataset.name == "set"
    assert len(table) == sum(DOMAINS.values())
    assert (dataset.table["sample_id"].to_numpy()[table["row"]] == table["sample_id"]).all()
    assert data.differences(terms, table, dataset) == []


def test_reading_the_data_of_a_protocol_shows_how_far_it_is(tmp_path, images):
    seen = []

    @contextmanager
    def bar(label, unit):
        yield lambda done, total: seen.append((label, unit, done, total))

    data.adopt(publish(images, tmp_path), data=images, bar=bar)
    total = sum(DOMAINS.values())
    assert seen[-1] == (f"reading {images}", "images", total, total)


def test_all_that_differs_is_said_at_once(tmp_path, images):
    where = publish(images, tmp_path)
    other = folder(tmp_path / "other")
    edit(other, "images/site-a-000.png,healthy,", "images/site-a-000.png,sick,")
    edit(other, "site-a-p1,", "site-a-p0,")
    edit(other, "images/site-b-003.png,sick,site-b,", "images/site-b-003.png,sick,site-c,")
    text = (other / "manifest.csv").read_text().splitlines()
    (other / "manifest.csv").write_text("\n".join(line for line in text if "site-c-005" not in line) + "\n")
    with pytest.raises(MedshiftError) as error:
        data.adopt(where, data=other)
    said = str(error.value).splitlines()
    assert said == [
        "the data differ from those of protocol 'shared':",
        "  1 of 128 samples are missing here, e.g. 'images/site-c-005.png'",
        "  label differs for 1 sample, e.g. 'images/site-a-000.png': 'sick' here, 'healthy' in the protocol",
        "  domain differs for 1 sample, e.g. 'images/site-b-003.png': 'site-c' here, 'site-b' in the protocol",
        "  group differs for 1 sample, e.g. 'images/site-a-002.png': 'site-a-p0' here, 'site-a-p1' in the protocol",
    ]


def test_other_images_and_another_name_are_said(tmp_path, images):
    where = publish(images, tmp_path)
    colour = folder(tmp_path / "colour", channels=3)
    with pytest.raises(MedshiftError, match="channels: 3 here, 1 in the protocol"):
        data.adopt(where, data=colour)
    with pytest.raises(MedshiftError, match="give its folder with --data DIR"):
        data.adopt(where)
    table = truth.read(where / "truth.parquet")
    truth.write(table.assign(label=1 - table["label"]), where / "truth.parquet")
    with pytest.raises(MedshiftError, match="its hash differs"):
        data.adopt(where, data=images)


def test_what_is_shown_adds_up(images):
    ((terms, table),) = make.make(manifest.read_manifest(images), Choices(), "shown", fractions=(0.5,))
    rows = show.count_splits(terms, table)
    assert sum(row.images for row in rows) == len(table)
    assert all(row.images == sum(row.classes.values()) for row in rows)
    assert all(list(row.classes) == list(terms.dataset.classes) for row in rows)
    said = "\n".join(show.lines(terms, table))
    assert terms.sha256 in said
    assert f"({label_fractions.label_budget(terms, table)})" in said
    train = table[(table["split"] == "train")]
    assert f"{train['group'].nunique()} of " in label_fractions.label_budget(terms, table)
    validated = ((table["domain"] == terms.source) & (table["split"] == "val")).sum()
    assert label_fractions.label_budget(terms, table).endswith(f" images, and {validated} images to validate")


def test_from_images_to_two_label_fractions_on_the_leaderboard(tmp_path, images):
    """The recipe of docs/how-to/data/protocols.md, as typed."""

    def typed(*words):
        return CliRunner().invoke(main.app, list(map(str, words)))

    terms = ["--source", "site-a", "--targets", "site-b,site-c", "--shifts", "gamma", "--severities", "3"]
    parts = ["--label-fractions", "1,0.3", "--data", images, "--out", tmp_path / "protocols"]
    made = typed("protocol", "make", "save", *terms, *parts)
    assert made.exit_code == 0, made.output
    assert "trains on 8 of 25 groups" in made.output
    names = {"save", "save-labels-30"}
    assert {path.name for path in (tmp_path / "protocols").iterdir()} == names
    shown = typed("protocol", "show", tmp_path / "protocols" / "save-labels-30")
    assert "site-a  unused" in shown.output
    checked = typed("protocol", "check", tmp_path / "protocols" / "save", "--data", images)
    assert "the 128 samples of protocol 'save'" in checked.output
    quick = ["--set", "arch=test_resnet", "--set", "steps=4", "--threads", "1", "--baseline", "scratch"]
    for name in names:
        where = ["--protocol", tmp_path / "protocols" / name, "--data", images, "--out", tmp_path / "out"]
        done = medshift("run", *where, *quick)
        assert done.returncode == 0, done.stderr
    cards = list((tmp_path / "out").glob("*/scratch+*/seed-0/card.json"))
    assert {path.parents[2].name for path in cards} == names
    for path in cards:
        assert submission.check_submission(path.parent, *read_protocol(path.parents[2])) == []
    clash = typed("run", *where, *quick, "--severities", "1")
    assert "leave their options out" in str(clash.exception)
