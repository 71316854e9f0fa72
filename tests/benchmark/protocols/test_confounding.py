"""Training sets in which a second site goes with the label: the association is as asked, and all else is equal."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from helpers.images.image_folders import folder
from typer.testing import CliRunner

from medshift.benchmark.audit.confounding.links import links
from medshift.benchmark.cli import main
from medshift.benchmark.contract import access as contract
from medshift.benchmark.contract.checks import CPU
from medshift.benchmark.datasets.dataset import Dataset
from medshift.benchmark.protocols import plan, protocol, splits, truth
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.protocols.folder import read_protocol, write_protocol
from medshift.benchmark.protocols.make import make
from medshift.benchmark.protocols.remarks import mix_remarks, remarks
from medshift.benchmark.protocols.training_sets import confounding
from medshift.shifts.errors import MedshiftError

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def data(counts, per_group=1, pure=True):
    """Make a data set of 2 x 2 images: domain -> number of groups of each class; else groups hold every class."""
    rows = []
    for domain, of_class in counts.items():
        for label, groups in enumerate(of_class):
            for group in range(groups):
                name = f"{domain}-{label}-{group}" if pure else f"{domain}-{group}"
                rows += [(f"{domain}-{label}-{group}-{k}", label, domain, name) for k in range(per_group)]
    table = pd.DataFrame(rows, columns=["sample_id", "label", "domain", "group"])
    classes = tuple("abcdefgh"[: len(next(iter(counts.values())))])
    return Dataset("made", "1", classes, "any", table, np.zeros((len(table), 1, 20, 20), np.uint8))


def planned(dataset, strength, seed=0, **changes):
    choices = Choices(source="here", shifts=("gamma",), confound=strength, confound_with="there", confound_seed=seed)
    return plan.plan(dataset, choices, **changes)


@pytest.mark.parametrize(
    ("dataset", "reach"),
    [
        (data({"here": (150, 100), "there": (70, 70), "third": (20, 20)}), 0.03),
        (data({"here": (70, 70), "there": (40, 40)}, per_group=6, pure=False), 0.01),  # patients with both classes
        (data({"here": (100, 300, 200), "there": (90, 80, 70)}), 0.03),
        (data({"here": (100, 90, 80, 70), "there": (80, 80, 80, 80)}), 0.02),
    ],
    ids=["two", "mixed groups", "three", "four"],
)
def test_only_the_association_changes_with_the_strength(dataset, reach):
    plain, table = plan.plan(dataset, Choices(source="here", shifts=("gamma",)))
    sizes, groups, tested = set(), set(), table[table["split"] == "test"]
    before: dict[str, set[str]] = {}
    for strength in STRENGTHS:
        rows = confounding.confound(table, "here", "there", strength, 0, dataset.classes)
        for part in ("train", "val"):
            own = rows[rows["split"] == part]
            size = (len(own), *own["label"].value_counts().sort_index(), *own["domain"].value_counts().sort_index())
            sizes.add((part, size))
        groups.add(rows.loc[rows["split"] == "train", "group"].nunique())
        assert confounding.cramers_v(rows, "here", "there", "train") == pytest.approx(strength, abs=reach)
        assert confounding.cramers_v(rows, "here", "there", "val") == pytest.approx(strength, abs=0.15)  # of few images
        pd.testing.assert_frame_equal(rows[rows["split"] == "test"], tested)
        assert rows.groupby("group")["split"].agg(lambda s: s[s != "unused"].nunique()).max() == 1
        # what goes with the label grows, image by image
        strong = rows[(rows["split"] == "train") & (rows["domain"] == "there") & (rows["label"] == rows["label"].max())]
        assert before.get("there", set()) <= set(strong["sample_id"])
        before["there"] = set(strong["sample_id"])
    assert len(sizes) == 2
    assert len(groups) == 1
    assert [c.key for c in planned(dataset, 0.5)[0].conditions()] == [c.key for c in plain.conditions()]


def test_the_audit_measures_the_same_association():
    dataset = data({"here": (200, 200), "there": (200, 200)})
    for strength in (0.5, 1.0):
        _, rows = planned(dataset, strength)
        kept = rows.loc[rows["split"] == "train", "row"].to_numpy()
        part = Dataset("part", "1", dataset.classes, "any", dataset.table.iloc[kept], dataset.pixels[kept])
        (found,) = [link for link in links(part) if link.column == "domain" and link.target == "label"]
        assert found.strength == pytest.approx(strength, abs=0.01)


def test_groups_are_taken_whole_except_for_the_last_of_a_class():
    _, rows = planned(data({"here": (60, 60), "there": (40, 40)}, per_group=5), 0.5)
    taken = rows[rows["split"] == "train"].groupby(["domain", "label", "group"]).size()
    assert (taken < 5).groupby(["domain", "label"]).sum().max() <= 1


def test_the_seed_chooses_the_groups_and_the_hash_says_so():
    dataset = data({"here": (60, 60), "there": (40, 40)})
    drawn = {seed: planned(dataset, 0.5, seed) for seed in (0, 1, 2)}
    assert len({frozenset(rows.loc[rows["split"] == "train", "sample_id"]) for _, rows in drawn.values()}) == 3
    strengths = [planned(dataset, strength)[0] for strength in (0.0, 1.0)]
    assert len({made.sha256 for made in [*strengths, *(made for made, _ in drawn.values())]}) == 5


def test_a_protocol_without_these_fields_keeps_its_bytes():
    made, _ = plan.plan(data({"here": (30, 30), "there": (30, 30)}), Choices(source="here", shifts=("gamma",)))
    assert not {"confounded", "size"} & set(json.loads(made.text()))
    again = protocol.Protocol.model_validate_json(made.text())
    assert again.sha256 == made.sha256


def test_training_and_validation_are_those_of_both_sites_and_the_second_is_not_adapted_to(tmp_path):
    dataset = data({"here": (60, 60), "there": (40, 40), "third": (20, 20)})
    made, rows = planned(dataset, 0.5)
    write_protocol(made, truth.tidy(rows), tmp_path / "made")
    stored, table = read_protocol(tmp_path / "made")
    assert (stored.confounded.domain, stored.confounded.cramers_v) == ("there", 0.5)
    validation = truth.truth_of(table, stored.conditions()[0])
    assert set(validation["domain"]) == {"here", "there"}
    told = contract.grant(
        dataset, rows, "here", made.targets, "target-unlabelled", 0, CPU, "made", print, mixed=made.mixed
    )
    assert len(told.train) == (rows["split"] == "train").sum()
    assert len(told.val) == len(validation)
    assert list(told.targets) == ["third"]


@pytest.mark.parametrize(
    ("counts", "strength", "message"),
    [
        ({"here": (60, 60), "there": (0, 40)}, 0.5, "there has no `a` images to train on, so that the only V is 1"),
        ({"here": (60, 60), "there": (40, 0)}, 0.5, "there has no `b` images to train on, so that no V can be made"),
        ({"here": (60, 60), "there": (3, 3)}, 0.5, "groups outside its test images; 5 are needed"),
        ({"here": (60, 60), "there": (40, 40)}, 1.5, "takes Cramer's V, 0 to 1, not 1.5"),
    ],
)
def test_what_the_data_cannot_give_is_refused_with_what_they_can(counts, strength, message):
    with pytest.raises(MedshiftError) as error:
        planned(data(counts), strength)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("counts", "strength", "advised"),
    [
        ({"here": (10, 30), "there": (24, 24)}, 0, ["0.39"]),  # asked for, the 0.22 that 0 gives would be 0.39
        ({"here": (12, 12), "there": (8, 8)}, 0.5, ["0.33", "1"]),
        ({"here": (15, 10), "there": (8, 8)}, 0.25, ["0.07", "0.47"]),
        ({"here": (18, 22, 16), "there": (12, 9, 12)}, 0.5, ["0.31", "0.67"]),
    ],
)
def test_a_strength_that_few_images_do_not_give_is_refused_with_those_next_to_it_that_they_give(
    counts, strength, advised
):
    with pytest.raises(MedshiftError, match=r"which is more than 0\.05 off: give --confound ") as error:
        planned(data(counts), strength)
    named = str(error.value).rpartition("--confound ")[2].split(" or ")
    assert named == advised
    for each in named:
        _, rows = planned(data(counts), float(each))
        assert f"{confounding.cramers_v(rows, 'here', 'there', 'train'):.2f}" == f"{float(each):.2f}"


def test_of_several_classes_the_table_nearest_to_the_strength_is_taken():
    counts, going = np.array([5, 4, 6]), np.array([False, True, True])
    tables = [confounding._against(counts, going, each) for each in range(4)]
    for strength in np.arange(0, 1.01, 0.05):
        made = confounding._strength(confounding._table(counts, going, strength))
        assert abs(made - strength) == pytest.approx(min(abs(confounding._strength(t) - strength) for t in tables))


def test_validation_that_is_of_another_mix_is_told():
    dataset = data({"here": (15, 10), "there": (8, 8)})
    protocol, rows = planned(dataset, 0.47)
    (line,) = mix_remarks(protocol, rows)
    assert line in remarks(protocol, rows, dataset)
    assert line.startswith("source validation is of 2 images, in which there goes with the label at Cramer's V ")
    assert ", not 0.47: what is chosen on it" in line
    assert not mix_remarks(*planned(data({"here": (200, 200), "there": (200, 200)}), 0.5))


def test_a_site_with_the_disease_alone_goes_with_it_wholly():
    _, rows = planned(data({"here": (60, 60), "there": (0, 40)}), 1.0)
    train = rows[rows["split"] == "train"]
    assert train.groupby("domain")["label"].unique().map(list).to_dict() == {"here": [0], "there": [1]}


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"confound": 0.5}, "--confound needs --with DOMAIN"),
        ({"confound": 0.5, "confound_with": "thre"}, "--with: no target 'thre'. Did you mean 'there'"),
        ({"confound": 0.5, "confound_with": "here"}, "--with: no target 'here'"),
        ({"confound_with": "there"}, "give --confound with it"),
    ],
)
def test_a_mix_needs_its_strength_and_a_target(choices, message):
    with pytest.raises(MedshiftError) as error:
        plan.plan(data({"here": (60, 60), "there": (40, 40)}), Choices(source="here", shifts=("gamma",), **choices))
    assert message in str(error.value)


def test_fractions_of_labels_are_not_of_a_mix():
    choices = Choices(source="here", shifts=("gamma",), confound=0.5, confound_with="there")
    with pytest.raises(MedshiftError, match="give one of them"):
        make(data({"here": (60, 60), "there": (40, 40)}), choices, "made", fractions=(1, 0.5))


@pytest.mark.parametrize("domain", ["here", "nowhere"])
def test_a_shared_protocol_is_confounded_with_one_of_its_targets(tmp_path, domain):
    made, _ = planned(data({"here": (60, 60), "there": (40, 40)}), 0.5)
    content = json.loads(made.text())
    content["confounded"]["domain"] = domain
    protocol.write(protocol.Protocol.model_validate_json(json.dumps(content)), tmp_path)
    with pytest.raises(MedshiftError, match=f"the confounded domain '{domain}' must be one of the targets"):
        protocol.read(tmp_path)


def test_a_group_in_training_and_a_test_is_found_at_the_second_site_too():
    _, rows = planned(data({"here": (60, 60), "there": (40, 40)}), 0.5)
    rows.loc[rows[rows["split"] == "test"].index[0], "group"] = rows.loc[
        (rows["split"] == "train") & (rows["domain"] == "there"), "group"
    ].iloc[0]
    with pytest.raises(MedshiftError, match="in both source train and a test split"):
        splits.check(rows, "here", mixed="there")


def test_the_command_states_what_it_reached_and_show_says_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    images = folder(tmp_path / "set", {"site-a": 96, "site-b": 96})
    words = f"protocol make mix --data {images} --source site-a --shifts gamma --confound .75 --with site-b --size 20"
    found = CliRunner().invoke(main.app, [*words.split(), "--label-seed", "3", "--out", str(tmp_path)])
    assert found.exit_code == 0, found.output
    made, table = read_protocol(tmp_path / "mix")
    assert (made.confounded.seed, made.size) == (3, 20)
    line = confounding.described(table, "site-a", "site-b", made.dataset.classes, 0.75)
    assert line.startswith("confounded: site-b goes with `sick` at Cramer's V 0.75 (0.7")
    assert line in found.output
    shown = CliRunner().invoke(main.app, ["protocol", "show", str(tmp_path / "mix")]).output
    assert line in shown
    assert "size: images are scaled to 20 x 20 by averaging areas, after any shift" in shown
