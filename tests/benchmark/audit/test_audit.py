"""The audit finds what was hidden, and nothing where there is nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from functools import cache

import numpy as np
import pandas as pd
import pytest
from helpers import image_folders as folders

from medshift.benchmark.audit.audit import Audit, audit
from medshift.benchmark.audit.confounding.columns import columns, sizes
from medshift.benchmark.audit.confounding.links import cramer, links
from medshift.benchmark.audit.confounding.permutation import shuffled
from medshift.benchmark.audit.counts import counts
from medshift.benchmark.audit.duplicates import Duplicates, duplicates
from medshift.benchmark.audit.findings import GRAVE, SERIOUS, findings
from medshift.benchmark.audit.report.page import page
from medshift.benchmark.audit.shortcut_probe import ALL, DOMAIN, probe
from medshift.benchmark.datasets.dataset import Dataset
from medshift.benchmark.reporting import axes


def data(domains=(("a", 60), ("b", 60)), side=24, channels=1, classes=("well", "<b>ill</b>"), edit=None, **columns):
    """Return smooth noise with two images per group; `edit(pixels, table)` may hide something in it."""
    rng = np.random.default_rng(0)
    rows = [
        (f"{name}-{i}", (i // 2) % len(classes), name, f"{name}-g{i // 2}")
        for name, count in domains
        for i in range(count)
    ]
    table = pd.DataFrame(rows, columns=["sample_id", "label", "domain", "group"]).assign(**columns)
    coarse = rng.uniform(0.2, 0.8, (len(table), channels, side // 4, side // 4)).repeat(4, 2).repeat(4, 3)
    pixels = coarse + rng.normal(0, 0.02, (len(table), channels, side, side))
    pixels = (255 * pixels.clip(0, 1)).round().astype(np.uint8)
    if edit is not None:
        edit(pixels, table)
    return Dataset("made-up", "1", classes, "any", table, pixels)


@contextmanager
def silent(label, unit):
    yield lambda done, total: None


def test_groups_in_two_domains_are_counted():
    def share(pixels, table):
        table.loc[table["group"].isin(["b-g0", "b-g1", "b-g2"]), "group"] = [
            "a-g0",
            "a-g0",
            "a-g1",
            "a-g1",
            "a-g2",
            "a-g2",
        ]

    found = counts(data(edit=share), "a")
    assert found.shared == [("a", "b", 3)]
    assert found.in_several == 3
    assert found.images.loc["a"].tolist() == [30, 30]
    assert found.groups.loc["a"].tolist() == [15, 15]


def test_a_class_that_is_nearly_missing_is_named():
    def drop(pixels, table):
        table.loc[(table["domain"] == "b") & (table.index > 62), "label"] = 0

    assert counts(data(edit=drop), "a").scarce == [("b", "<b>ill</b>", 1)]


def test_duplicates_are_found_by_bytes_and_by_detail():
    def copy(pixels, table):
        pixels[70] = pixels[3]
        pixels[71] = (pixels[9] * 0.7 + 20).round()  # another tone curve
        pixels[1] = pixels[0]  # within a group
        pixels[72] = pixels[5][..., ::-1]  # mirrored: not found, as documented

    made = data(edit=copy)
    found = duplicates(made, counts(made, "a").table)
    assert {(p.first, p.second, p.exact) for p in found.pairs} == {(3, 70, True), (9, 71, False), (0, 1, True)}
    across = {(p.first, p.second): p.across for p in found.pairs}
    assert {"domain", "group", "split"} <= set(across[3, 70])
    assert across[0, 1] == ()
    assert found.pairs[-1].first == 0  # the least harmful comes last
    assert found.count("domain") == 2


def test_images_without_contrast_are_no_near_duplicates():
    def flatten(pixels, table):
        pixels[:20] = np.random.default_rng(1).integers(100, 102, pixels[:20].shape)

    made = data(edit=flatten)
    assert duplicates(made, counts(made, "a").table).pairs == []


def test_cramer_by_hand():
    # chi-squared 20 of 80, so phi**2 = 1/4 - 1/79 and two levels count as 2 - 1/79
    by_hand = ((1 / 4 - 1 / 79) / (1 - 1 / 79)) ** 0.5
    tables = np.array([[[30, 10], [10, 30]], [[20, 20], [20, 20]], [[40, 0], [0, 40]], [[40, 40], [0, 0]]], dtype=float)
    one, none, whole, undefined = cramer(tables)
    assert one == pytest.approx(by_hand)
    assert none == 0
    assert whole == pytest.approx(1)
    assert np.isnan(undefined)


def test_a_scarce_class_is_advised_against_where_two_others_stay():
    def drop(pixels, table):
        table.loc[(table["domain"] == "b") & (table["label"] == 2), "label"] = 0

    def advice(made):
        return [f.advice for f in table_findings(made, counts(made, "a")) if "missing or scarce" in f.text]

    assert advice(data(classes=("x", "y", "z"), edit=drop)) == [
        "Leave it out (--classes x,y), or treat its figures as unreliable."
    ]
    assert advice(data((("a", 60), ("b", 8)))) == ["Treat its figures as unreliable."] * 2


def test_columns_become_levels_and_identifiers_are_left_out():
    n = 120
    table = data().table.assign(
        view=["AP", ""] * (n // 2),
        constant=["x"] * n,
        age=[str(20 + i % 60) for i in range(n)],
        file=[f"f{i}.png" for i in range(n)],
        native=["640x480", "1024x1024"] * (n // 2),
        city=["Bern"] * 40 + ["Wien"] * 30 + [f"village {i}" for i in range(50)],
    )
    table.loc[:9, "view"] = "PA"
    found = {column.name: column for column in columns(table)}
    assert set(found) == {"view", "age", "native", "city"}
    assert found["view"].levels == ["AP", "PA"]
    assert (found["view"].codes == -1).sum() == 55
    assert found["age"].numeric
    assert len(found["age"].levels) == 5
    assert "(other)" in found["city"].levels
    assert sizes(table)[:2].tolist() == [[640, 480], [1024, 1024]]
    assert sizes(table.drop(columns="native")) is None


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


def test_the_probe_finds_a_shortcut_that_turns_round_elsewhere_and_nothing_in_noise():
    def light(pixels, table):
        sign = np.where(table["domain"] == "a", 1, -1) * (2 * table["label"].to_numpy() - 1)
        pixels[:] = np.clip(pixels + 12 * sign[:, None, None, None], 0, 255)

    areas = {}
    for name, made in (("light", data(edit=light)), ("nothing", data())):
        within, moved = probe(made)
        areas[name] = {each.where: each for each in within if each.family == ALL}, moved
    assert areas["light"][0]["a"].area > 0.9
    assert all(each.area < 0.2 for each in areas["light"][1])
    assert areas["nothing"][0]["a"].low < 0.6
    assert areas["nothing"][0][DOMAIN].area < 0.75


@pytest.fixture(scope="module")
def hidden():
    """An audit of colour images with a shared group, a duplicate, a bright class in one domain, and a hostile name."""

    def hide(pixels, table):
        bright = (table["label"] == 1) & (table["domain"] == "a")
        pixels[bright] = np.clip(pixels[bright] + 30.0, 0, 255)
        pixels[130] = pixels[3]
        table.loc[table["group"] == "<i>b</i>-g4", "group"] = "a-g4"
        table["kit"] = np.where(table["label"] == 1, "<script>alert(1)</script>", "blue")

    made = data((("a", 120), ("<i>b</i>", 120)), 32, 3, edit=hide)
    return audit(made, "a", ["gamma", "gaussian-noise", "psf-blur"], silent, images=40)


def test_findings_come_worst_first_and_say_what_to_do(hidden):
    found = findings(hidden)
    assert [f.weight for f in found] == sorted((f.weight for f in found), reverse=True)
    texts = " | ".join(f.text for f in found)
    assert "1 group appears in several domains: 1 in both <i>b</i> and a" in texts
    assert "1 pair of duplicate images in different groups (1 byte-identical" in texts
    assert "column kit determines the label" in texts
    assert any("predict the label within a with AUC" in f.text and f.weight >= 2 for f in found)
    assert found[0].weight == GRAVE
    assert all(f.advice.endswith(".") for f in found)


def test_clean_data_have_no_grave_finding():
    found = findings(audit(data((("a", 80), ("b", 80))), "a", ["gaussian-noise"], silent, images=40))
    assert [f.text for f in found if f.weight > 1] == []


def test_the_page_needs_nothing_else_and_escapes_all(hidden):
    text = page(hidden)
    assert page(hidden) == text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "<script" not in text
    assert "<i>b" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert text.count('src="data:image/png;base64,') == 4 + len(hidden.duplicates.pairs)
    assert "nan" not in re.sub(r"base64,[^\"]*", "", text).replace("nanometre", "")


def test_the_page_fits_a_phone_and_follows_the_theme(hidden, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    where = shutil.which("chromium") or shutil.which("google-chrome")
    if where is None:
        pytest.skip("no chromium")
    (tmp_path / "audit.html").write_text(page(hidden), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=where, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        grounds, messages = [], []
        for scheme in ("light", "dark"):
            opened = browser.new_page(color_scheme=scheme, viewport={"width": 320, "height": 700})
            opened.on("console", lambda message: messages.append(message.text))
            opened.goto((tmp_path / "audit.html").as_uri())
            assert opened.evaluate("document.documentElement.scrollWidth") <= 320
            assert opened.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
            grounds.append(opened.evaluate("getComputedStyle(document.body).backgroundColor"))
        browser.close()
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 22, 26)"]
    assert messages == []


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "medshift.benchmark.cli", "data", "audit", *map(str, words)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_folder_is_audited_on_the_command_line(tmp_path):
    where = folders.folder(tmp_path / "in", {"site-a": 40, "site-b": 40})
    done = run("--data", where, "--shifts", "gaussian-noise", "--images", 30, "--out", tmp_path / "out" / "page.html")
    assert done.returncode == 0, done.stderr
    assert "site-a" in done.stdout
    assert "finding" in done.stdout
    assert "<title>Audit of in</title>" in (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
    wrong = run("--data", where, "--source", "site-x")
    assert wrong.returncode == 1
    assert "unknown domain 'site-x'" in wrong.stderr


def test_without_data_it_asks_for_some():
    done = run()
    assert done.returncode == 1
    assert "--data DIR" in done.stderr


def test_marks_below_zero_keep_their_sign():
    found = axes.ticks(-0.07, 0.12, lambda value: value)
    assert [text for _, text in found] == ["-0.05", "0.00", "0.05", "0.10"]
