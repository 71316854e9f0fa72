"""What page and tables show of training: steps, convergence, and the curves of the loss."""

import csv
import json
import re

import pytest
from helpers.boards import page

from medshift.leaderboard.analysis.convergence import convergence
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.report import charts
from medshift.leaderboard.report.loss_curves import POINTS, figure_curves, loss_curves, speeds
from medshift.leaderboard.report.markdown import markdown
from medshift.leaderboard.report.tables import csv_text, to_json

EPOCHS = {"epochs": 8, "patience": 4}
STEPS = {"budget": "standard", "steps": 0}


@pytest.fixture(scope="module")
def ranked(fabricate, tmp_path_factory):
    """A board with an entry of each state: `bn-only` moved, `scratch` did not, `swad` and `coral` are not shown."""
    root = tmp_path_factory.mktemp("in")
    place, made, rows = fabricate.contest(root, fabricate.table(groups=30), shifts={})
    given = [
        ("scratch", 3000, 2.0, STEPS), ("scratch+budget=long", 6000, 2.0, STEPS), ("bn-only", 3000, 0.0, STEPS),
        ("bn-only+budget=long", 6000, 3.0, STEPS), ("swad", None, 1.0, EPOCHS), ("coral", 3000, 1.0, STEPS),
        ("linear-probe", None, 1.0, {}),
    ]  # fmt: skip
    for number, (name, steps, skill, config) in enumerate(given):
        for seed in (0, 1):
            losses = (0.7, 0.4 + seed / 10 + number / 1000, 0.6)
            training = steps and fabricate.trained(steps, losses, run=steps // 2 if name == "coral" else None)
            fabricate.submission(place, made, rows, name, seed, skill=skill, config=config, training=training)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(tmp_path_factory.mktemp("home")))
        yield rank_entries(protocol_folders(root)[0], 100, workers=1)


EXPECTED = {
    "scratch": ("3,000", "converged"),
    "scratch+budget=long": ("6,000", "converged"),
    "bn-only": ("3,000 §", "not converged"),
    "bn-only+budget=long": ("6,000 ‡", "not shown"),
    "swad": ("– ‡", "not shown"),
    "coral": ("3,000 ‡", "not shown"),
    "linear-probe": ("–", "converged"),
}


def test_the_markdown_table_has_steps_and_marks_that_are_explained(ranked):
    lines = markdown([ranked]).splitlines()
    head = [cell.strip() for cell in lines[2].strip("|").split("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[4 : 4 + len(EXPECTED)]]
    found = {line[head.index("Entry")].strip("`"): line[head.index("Steps")] for line in cells}
    assert found == {name: text for name, (text, _) in EXPECTED.items()}
    assert "‡ Not shown to have converged: the board has no entry of the same settings and at least twice" in lines[-1]
    assert "§ Not converged: more steps move it on source validation by more than half its interval." in lines[-1]


def test_marks_that_no_entry_has_are_not_explained(fabricate, tmp_path):
    place, made, rows = fabricate.contest(tmp_path, fabricate.table(groups=10), shifts={})
    fabricate.submission(place, made, rows, "linear-probe", config={})
    found = rank_entries(protocol_folders(tmp_path)[0], 20)
    assert not re.search("[‡§]", markdown([found]) + page(found))


def test_the_page_has_steps_and_mark_of_every_entry(ranked):
    text = page(ranked)
    table = re.search(r"<table.*?</table>", text, re.DOTALL)[0]
    rows = {name: row for row, name in re.findall(r'(<tr data-entry="([^"]*)".*?</tr>)', table, re.DOTALL)}
    seeds = r'<td data-sort="2">2(?:<span class="interval">(.*?)</span>)?</td>'
    found = {name: re.findall(seeds, row)[-1] for name, row in rows.items()}
    assert found == {
        "scratch": "3,000 steps",
        "scratch+budget=long": "6,000 steps",
        "bn-only": "3,000 steps §",
        "bn-only+budget=long": "6,000 steps ‡",
        "swad": "‡",
        "coral": "3,000 steps ‡",
        "linear-probe": "",
    }
    said = " ".join(text.split())
    assert "‡ Not shown to have converged" in said
    assert "§ Not converged" in said


def test_a_panel_says_what_was_run_and_kept_and_what_was_compared(ranked):
    text = page(ranked)
    panel = re.search(r'<details data-entry="coral".*?</details>', text, re.DOTALL)[0]
    assert (
        "<dt>Trained, seed 1</dt><dd>1,500 of 3,000 steps; best at step 1,000, by the loss on source validation</dd>"
        in panel
    )
    assert "<dt>Convergence</dt><dd>not shown: no entry on the board was trained at least twice as long" in panel
    panel = re.search(r'<details data-entry="bn-only".*?</details>', text, re.DOTALL)[0]
    assert "<dt>Convergence</dt><dd>not converged: with 6,000 steps (bn-only+budget=long) in place of 3,000" in panel
    assert panel.count("<polyline") == 2
    assert "<polyline" not in re.search(r'<details data-entry="linear-probe".*?</details>', text, re.DOTALL)[0]


def test_csv_and_json_have_the_state(ranked):
    rows = list(csv.DictReader("".join(csv_text([ranked])).splitlines()))
    steps = {name: text.rstrip("‡§ ").replace(",", "").replace("–", "") for name, (text, _) in EXPECTED.items()}
    assert {(row["entry"], row["steps"], row["convergence"]) for row in rows} == {
        (name, steps[name], state) for name, (_, state) in EXPECTED.items()
    }
    entries = json.loads("".join(to_json([ranked], [None], [[]])))["protocols"][0]["entries"]
    states = convergence(ranked)
    for entry in entries:
        found, training = states[entry["entry"]], entry["training"]
        assert (training["convergence"], training["steps"], training["why"]) == (found.state, found.steps, found.why)
        assert training["moved"] == (None if found.moved != found.moved else round(found.moved, 6))
    (coral,) = (entry for entry in entries if entry["entry"] == "coral")
    assert (coral["training"]["run"], coral["training"]["kept"]) == ([1500, 1500], [1000, 1000])


def test_the_curve_falls_where_the_loss_does_and_is_marked_where_it_is_lowest(ranked):
    (row,) = (row for row in ranked.rows if row.name == "scratch")
    chart = loss_curves(row)
    (_, first), (_, second) = chart.lines
    for text, point in zip((first, second), chart.points, strict=True):
        xy = [tuple(map(float, pair.split(","))) for pair in text.split()]
        assert (point.x, point.y) == xy[1]
        assert xy[1][1] > xy[2][1] > xy[0][1]  # down is lower on the chart
        assert xy[2][0] == charts.WIDTH - charts.RIGHT - 10  # the whole schedule
    assert chart.points[0].label == "seed 0: .400 at step 2,000"


@pytest.mark.parametrize(
    ("losses", "curves"),
    [((0.5,), 1), ((1e308, -1e308, 0.5), 1), ((1e308,), 0), ((0.4, 0.4), 1), (tuple(1 / n for n in range(1, 5000)), 1)],
)
def test_whatever_losses_a_card_claims_can_be_drawn(fabricate, tmp_path, losses, curves):
    place, made, rows = fabricate.contest(tmp_path, fabricate.table(groups=4), shifts={})
    fabricate.submission(place, made, rows, training=fabricate.trained(10**9, losses))
    found = rank_entries(protocol_folders(tmp_path)[0], 10)
    chart = loss_curves(found.rows[0])
    assert bool(chart) == bool(curves)
    text = page(found)
    assert text.count('aria-label="Loss on source validation by step') == curves
    if chart:
        assert len(chart.lines[0][1].split()) <= POINTS + 2
        assert len(chart.xs) < 8


def test_without_losses_there_is_no_curve(fabricate, tmp_path):
    place, made, rows = fabricate.contest(tmp_path, fabricate.table(groups=4), shifts={})
    claim = fabricate.trained(10).model_copy(update={"losses": ()})
    fabricate.submission(place, made, rows, training=claim)
    assert loss_curves(rank_entries(protocol_folders(tmp_path)[0], 10).rows[0]) is None


@pytest.fixture(scope="module")
def curved(fabricate, tmp_path_factory):
    """A board of three entries with one and the same training; the last holds its losses in the card, as older ones."""
    root = tmp_path_factory.mktemp("curved")
    place, made, rows = fabricate.contest(root, fabricate.table(groups=12), shifts={})
    for seed, figures in ((0, (0.5, 0.9, 0.8)), (1, (0.9, 1.0, 0.8))):
        training = fabricate.trained(300)
        course = fabricate.course(training, figures)
        fabricate.submission(place, made, rows, "scratch", seed, skill=4.0, training=training, curve=course)
        fabricate.submission(place, made, rows, "scratch+older=1", seed, skill=4.0, training=training)
    flat = fabricate.course(training, (0.5, 0.5, 0.5))
    fabricate.submission(place, made, rows, "scratch+flat=1", training=training, curve=flat)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(tmp_path_factory.mktemp("home")))
        yield rank_entries(protocol_folders(root)[0], 100, workers=1)


def test_losses_are_compared_and_drawn_alike_whether_card_or_curve_holds_them(curved):
    rows = {row.name: row for row in curved.rows}
    new, older = rows["scratch"], rows["scratch+older=1"]
    assert [card.training for card in new.cards] == [card.training for card in older.cards]
    assert loss_curves(new) == loss_curves(older)
    assert figure_curves(older) is None
    assert speeds(older, curved) == {}


def test_the_figure_is_drawn_for_all_seeds_with_the_kept_step_marked(curved):
    (row,) = (row for row in curved.rows if row.name == "scratch")
    chart = figure_curves(row)
    assert (chart.title, len(chart.lines)) == ("Balanced accuracy on source validation", 2)
    assert [point.label for point in chart.points] == ["seed 0: .900 at step 200", "seed 1: 1.000 at step 200"]
    first = [tuple(map(float, pair.split(","))) for pair in chart.lines[0][1].split()]
    assert (chart.points[0].x, chart.points[0].y) == first[1]
    assert first[1][1] < first[2][1] < first[0][1]  # up is higher on the chart


def test_steps_to_most_of_the_gain_are_on_the_panel_and_in_the_json(curved):
    text = page(curved)
    panel = re.search(r'<details data-entry="scratch".*?</details>', text, re.DOTALL)[0]
    assert panel.count("<polyline") == 4
    # seed 0 gains .4 between steps 100 and 200; seed 1 gains .5, of which .4 by step 100
    by_hand = {0.9: (190.0, 150.0), 0.95: (195.0, 175.0)}
    (row,) = (row for row in curved.rows if row.name == "scratch")
    for share, (one, other) in by_hand.items():
        assert speeds(row, curved)[share].value == pytest.approx((one * other) ** 0.5)
    assert f"<dt>Steps to 95 %</dt><dd>{speeds(row, curved)[0.95].text} steps, until the figure on" in panel
    assert "Steps to 95 %</dt><dd>none: 1 of 1 gained nothing that is told from chance" in text
    entries = json.loads("".join(to_json([curved], [None], [[]])))["protocols"][0]["entries"]
    found = {entry["entry"]: entry["training"]["steps_to"] for entry in entries}
    assert found["scratch"]["0.95"][0] == pytest.approx((195 * 175) ** 0.5, abs=1e-5)
    assert (found["scratch+older=1"], found["scratch+flat=1"]["0.9"]) == ({}, [None] * 3)
