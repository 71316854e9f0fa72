"""Columns that go with the label or the domain are found, and chance alone is not."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from helpers.images.made_up_data import data

from medshift.benchmark.audit.audit import Audit
from medshift.benchmark.audit.confounding.columns import columns, given, numbers, sizes, unexamined
from medshift.benchmark.audit.confounding.links import Link, cramer, links
from medshift.benchmark.audit.confounding.permutation import shuffled
from medshift.benchmark.audit.counts import counts
from medshift.benchmark.audit.duplicates import Duplicates
from medshift.benchmark.audit.findings import GRAVE, SERIOUS, findings
from medshift.benchmark.datasets.dataset import Dataset


def test_cramer_by_hand():
    # chi-squared 20 of 80, so phi**2 = 1/4 - 1/79 and two levels count as 2 - 1/79
    by_hand = ((1 / 4 - 1 / 79) / (1 - 1 / 79)) ** 0.5
    tables = np.array([[[30, 10], [10, 30]], [[20, 20], [20, 20]], [[40, 0], [0, 40]], [[40, 40], [0, 0]]], dtype=float)
    one, none, whole, undefined = cramer(tables)
    assert one == pytest.approx(by_hand)
    assert none == 0
    assert whole == pytest.approx(1)
    assert np.isnan(undefined)


def test_levels_of_few_images_have_extremes_too():
    counts = np.array([[3, 1], [0, 4], [2, 2]])
    few = Link("view", "label", "a", 0.6, 0.1, 0.9, 0.2, 12, ["PA", "AP", "LL"], ["well", "ill"], counts, False)
    assert few.extremes() == "ill: 100 % of AP, 25 % of PA"


def test_a_scarce_class_is_advised_against_where_two_others_stay():
    def drop(pixels, table):
        table.loc[(table["domain"] == "b") & (table["label"] == 2), "label"] = 0

    def advice(made):
        return [f.advice for f in table_findings(made, counts(made, "a")) if "missing or scarce" in f.text]

    assert advice(data(classes=("x", "y", "z"), edit=drop)) == [
        "Leave it out (--classes x,y), or treat its figures as unreliable."
    ]
    assert advice(data((("a", 60), ("b", 8)))) == ["Treat its figures as unreliable."] * 2
    spaced = data(classes=("no finding", "a, mild", "z"), edit=drop)
    assert advice(spaced)[0].startswith("Leave it out (--classes 'no finding,\"a, mild\"'), or treat")


def test_of_many_sites_eight_are_named():
    made = data(tuple((f"hospital-{number:02d}", 8) for number in range(40)))
    texts = [f.text for f in table_findings(made, counts(made, "hospital-00"))]
    (scarce,) = (text for text in texts if text.startswith("class well is missing or scarce in 40 domains: "))
    assert scarce.endswith(", 4 images in hospital-07 and 32 more")


def test_columns_become_levels_and_identifiers_are_left_out():
    n = 120
    table = data().table.assign(
        view=["AP", ""] * (n // 2),
        constant=["x"] * n,
        age=[str(20 + i % 60) for i in range(n)],
        file=[f"f{i}.png" for i in range(n)],
        native=["640x480", "1024x1024"] * (n // 2),
        days=[str(max(0, i - 90)) for i in range(n)],
        taken=[f"20{17 + i % 4}-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(n)],
        city=["Bern"] * 40 + ["Wien"] * 30 + [f"village {i}" for i in range(50)],
    )
    table.loc[:9, "view"] = "PA"
    found = {column.name: column for column in columns(table)}
    shape = "aspect ratio of the original"
    assert set(found) == {"view", "age", "native", "city", "days", "taken (month)", shape}
    assert found["days"].levels[0] == "0"  # three in four: a level of its own, which no positive number shares
    assert (found["days"].codes == 0).sum() == 91
    assert len(found["days"].levels) == 6
    assert found["taken (month)"].levels[0] == "2017-01"
    assert found["aspect ratio of the original"].levels == ["1.0", "1.3"]
    assert found["view"].levels == ["AP", "PA"]
    assert (found["view"].codes == -1).sum() == 55
    assert found["age"].numeric
    assert len(found["age"].levels) == 5
    assert "(other)" in found["city"].levels
    assert sizes(table)[:2].tolist() == [[640, 480], [1024, 1024]]
    assert sizes(table.drop(columns="native")) is None
    assert unexamined(table) == ["file"]


def test_numbers_that_start_again_in_each_class_are_not_an_order_of_arrival():
    names = [f"{kind}/IM-{i:04d}.png" for kind, count in (("ill", 60), ("well", 240)) for i in range(count)]
    assert numbers(pd.DataFrame({"group": names})) is None
    assert numbers(pd.DataFrame({"group": [f"patient-{i}" for i in range(300)]})) is not None
    assert numbers(pd.DataFrame({"group": [f"patient-{i // 3}" for i in range(300)]})) is not None  # three images each


def test_a_column_that_is_filled_for_one_class_only_is_found():
    def contrast(pixels, table):
        table["contrast"] = np.where(table["label"] == 1, "Gd", "")
        table["size"] = np.where(table["label"] == 1, "7.5", "")  # of the lesion
        table["age"] = np.where((table["label"] == 1) & (table.index % 3 == 0), "", "63")
        table["only here"] = np.where(table["domain"] == "a", "x", "")  # says no more than the domain

    made = data(edit=contrast)
    assert [each.name for each in given(made.table)] == ["contrast (given)", "age (given)"]
    texts = [f.text for f in table_findings(made)]
    assert any(text.startswith("column contrast (given) determines the label: ") for text in texts)


def test_a_view_that_goes_with_the_label_is_found_also_where_it_is_the_domain():
    def skew(pixels, table):
        mine = table["domain"] == "b"
        table.loc[mine, "label"] = [0, 0, 0, 0, 1, 1] * 20
        table["view"] = np.where(mine, "PA", "AP")

    made = data((("a", 120), ("b", 120)), edit=skew)
    found = {(link.column, link.target, link.where): link for link in links(made)}
    view = found["view", "label", "all domains"]
    assert view.counts.tolist() == [[60, 60], [80, 40]]
    assert view.low < view.strength < view.high
    assert view.extremes() == "<b>ill</b>: 50 % of AP, 33 % of PA"
    assert found["view", "domain", "all domains"].strength == pytest.approx(1)
    assert ("view", "label", "a") not in found  # it has one value there


def patients(rng, count, images, **columns):
    """Return data of two domains; `columns` holds values by group, all others are random."""
    names = rng.permutation(count)
    table = pd.DataFrame({"group": names, "label": rng.integers(0, 2, count), "domain": rng.integers(0, 2, count)})
    table = table.assign(**columns).loc[np.arange(count).repeat(images)].reset_index(drop=True)
    table["sample_id"] = [f"s{i}" for i in range(len(table))]
    table["group"] = [f"g{name}" for name in table["group"]]
    table["domain"] = [f"d{code}" for code in table["domain"]]
    return Dataset("made-up", "1", ("well", "ill"), "any", table, np.zeros((len(table), 1, 8, 8), dtype=np.uint8))


@cache
def clean():
    return counts(data(), "a")


def table_findings(made, counted=None):
    """Return the findings from the table alone; splits take seconds, and are those of clean data by default."""
    return findings(Audit(made, "a", counted or clean(), Duplicates([], 0), links(made), [], [], [], {}, []))


@pytest.mark.parametrize(("count", "images", "columns"), [(30, 10, 1), (100, 10, 1), (30, 10, 4)])
def test_columns_that_go_with_nothing_are_found_in_few_audits(count, images, columns):
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(20):
        drawn = {f"column{i}": rng.integers(0, 5, count) for i in range(columns)}
        alarms += any(
            "the label" in f.text or "mix" in f.text for f in table_findings(patients(rng, count, images, **drawn))
        )
    assert alarms <= 3  # of 20 one is expected, and more than 3 in one of 70 such runs


def test_what_goes_with_the_label_is_found_by_group_by_image_and_by_number():
    rng = np.random.default_rng(0)
    label = np.arange(60) % 2
    strayed = np.where(rng.random(60) < 0.1, 1 - label, label)
    by_group = table_findings(patients(rng, 60, 5, label=label, camera=strayed))
    assert any(f.weight == GRAVE and f.text.startswith("camera is associated with the label") for f in by_group)
    by_domain = table_findings(patients(rng, 60, 5, label=label, domain=strayed))
    assert any(f.weight == SERIOUS and f.text.startswith("the class mix differs") for f in by_domain)
    by_number = table_findings(
        patients(rng, 60, 5, group=np.arange(60), label=np.arange(60) // 30, domain=np.zeros(60, int))
    )
    assert any(f.weight >= 1 and f.text.startswith("number in the group's name") for f in by_number)
    made = patients(rng, 60, 5)
    made.table["label"] = rng.integers(0, 2, 300)
    made.table["view"] = np.where(rng.random(300) < 0.2, 1 - made.table["label"], made.table["label"])
    assert any(
        f.weight == GRAVE and f.text.startswith("view is associated with the label") for f in table_findings(made)
    )


@pytest.mark.parametrize(
    ("flipped", "where", "weight", "text"),
    [
        (0, "ab", SERIOUS, "column scanner determines the label: "),
        (6, "ab", GRAVE, "scanner is associated with the label: "),  # more so in the domain where none is flipped
        (0, "b", SERIOUS, "scanner is associated with the label: "),  # all of it in one domain
    ],
)
def test_a_scanner_that_goes_with_the_label_weighs_the_more_the_more_of_it_does(flipped, where, weight, text):
    def scanners(pixels, table):
        same = np.isin(table["domain"], list(where)) & (np.arange(len(table)) >= flipped)
        chance = np.random.default_rng(0).integers(0, 2, len(table)) if where == "b" else 1 - table["label"]
        table["scanner"] = np.where(np.where(same, table["label"], chance) == 1, "portable", "fixed")

    made = data((("a", 120), ("b", 120)), edit=scanners)
    told = [f for f in table_findings(made, counts(made, "a")) if "scanner" in f.text]
    assert [f.weight for f in told] == [weight]
    assert told[0].text.startswith(text)


def test_the_interval_of_a_link_holds_it_though_groups_are_few():
    rng = np.random.default_rng(0)

    def by_chance(pixels, table):
        codes = table["group"].astype("category").cat.codes.to_numpy()
        table["device"] = np.array([f"d{each}" for each in rng.integers(0, 12, codes.max() + 1)])[codes]

    found = links(data((("a", 60), ("b", 60)), edit=by_chance))
    assert len(found) > 2
    assert all(link.low <= link.strength <= link.high for link in found)


def test_one_group_that_varies_does_not_make_its_images_count_singly():
    def reached(camera, label, owner):
        return np.quantile(cramer(shuffled(camera, label, owner, 500, np.random.default_rng(0))), 0.95)

    owner = np.arange(60).repeat(10)
    camera, label = owner // 12, owner % 2
    whole, single = reached(camera, label, owner), reached(camera, label, np.arange(600))
    camera[0], label[0] = 1, 1
    assert reached(camera, label, owner) == pytest.approx(whole, rel=0.15)
    assert single < 0.5 * whole


def test_shuffling_keeps_what_there_is_of_each_and_cuts_no_group():
    owner = np.arange(40).repeat(3)
    camera, label = owner % 4, (owner < 10).astype(int)
    tables = shuffled(camera, label, owner, 50, np.random.default_rng(0))
    assert (tables.sum(axis=2) == 30).all()
    assert (tables.sum(axis=1) == [90, 30]).all()
    assert (tables % 3 == 0).all()
    assert len(np.unique(tables, axis=0)) > 10
    assert (shuffled(camera, label, owner, 50, np.random.default_rng(0)) == tables).all()
    one = shuffled(camera, label, np.zeros(120, dtype=int), 50, np.random.default_rng(0))  # a single group
    assert (one.sum(axis=2) == 30).all()
    assert len(np.unique(one, axis=0)) > 10


@pytest.mark.parametrize("text", [False, True])
def test_the_shape_of_originals_that_goes_with_the_label_is_grave_and_chance_is_none(text):
    def shaped(pixels, table):
        oblong = table["label"] == 1
        width, height = np.where(oblong, 160, 64), np.full(len(table), 64)
        if text:
            table["size"] = [f"{w}x{h}" for w, h in zip(width, height, strict=True)]
        else:
            table["original_width"], table["original_height"] = width.astype(str), height.astype(str)

    found = {f.text.split(" is associated")[0]: f for f in table_findings(data(edit=shaped))}
    shape = found["aspect ratio of the original"]
    assert shape.weight == GRAVE
    assert "<b>ill</b>: 100 % of 2.5, 0 % of 1.0" in shape.text
    assert found["size" if text else "size of the original"].weight == GRAVE
    assert not any(name.startswith("column ") for name in found)


def test_sizes_that_vary_by_themselves_are_no_finding():
    rng = np.random.default_rng(1)

    def vary(pixels, table):
        table["original_width"] = rng.integers(500, 900, len(table)).astype(str)
        table["original_height"] = rng.integers(500, 900, len(table)).astype(str)
        table.loc[:5, ["original_width", "original_height"]] = ""

    made = data(edit=vary)
    assert sizes(made.table)[:7].min(axis=1).tolist()[:6] == [0] * 6
    assert [column.name for column in columns(made.table)] == [
        "size of the original (side in pixels)",
        "aspect ratio of the original",
    ]
    assert table_findings(made) == []
