"""From submissions to a ranked page: escaped, deterministic, refusing invalid submissions."""

import csv
import math
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from helpers.boards import HOSTILE, built_page, page, root

from medshift.benchmark.submissions.card import read
from medshift.leaderboard.analysis.accuracy_line import lines
from medshift.leaderboard.build import build_leaderboard
from medshift.leaderboard.entries import cache
from medshift.leaderboard.entries.entries import protocol_folders
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.report import charts
from medshift.leaderboard.report.badge import badge
from medshift.leaderboard.report.markdown import BEGIN, END, escape, into_readme, markdown
from medshift.leaderboard.report.page import page as render
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("cache_of_the_file")


def scoring(found, places):
    """Give the entries of a board other figures under shift, in the ranking metric."""
    rows = []
    for row in found.rows:
        values = row.aggregates.values.copy()
        where = row.aggregates.names.index("shifted"), row.aggregates.metrics.index(found.rank_by)
        values[where] = places[row.name] + np.array([0, -0.01, 0.01])
        rows.append(replace(row, aggregates=replace(row.aggregates, values=values)))
    return replace(found, rows=rows)


@pytest.fixture(scope="module")
def submissions(fabricate, tmp_path_factory):
    return root(fabricate, tmp_path_factory.mktemp("submissions"))


@pytest.fixture(scope="module")
def ranked(submissions):
    return rank_entries(protocol_folders(submissions)[0], replicates=200)


class Tags(HTMLParser):
    """Collects tags and attributes, and finds tags that are never closed."""

    VOID = frozenset({"meta", "input", "wbr", "circle", "path", "polyline", "br", "use", "line"})

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.open = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_entries_are_ranked_among_those_that_see_the_same(ranked):
    assert [(row.name, row.sees, row.rank) for row in ranked.rows] == [
        ("good+lr=0.01", "source", 1),
        ("poor", "source", 2),
        ("adapting", "test-batches", 1),
    ]


def test_a_figure_is_the_mean_over_seeds(ranked, submissions):
    row = ranked.rows[0]
    for metric in ranked.protocol.metrics:
        cards = [read(submissions / "made-up" / row.name / f"seed-{seed}") for seed in (0, 1)]
        values = [{(s.condition, s.metric): s.value for s in card.scores}["site-b", metric] for card in cards]
        if metric == "ece":  # cards claim the usual one; a board shows it less what noise adds
            assert 0 <= row.conditions["site-b", metric].value < np.mean(values)
        else:
            assert row.conditions["site-b", metric].value == pytest.approx(np.mean(values))
        assert row.aggregates["real/site-b", metric] == row.conditions["site-b", metric]


def test_hostile_text_stays_text(ranked):
    text = page(ranked)
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    kinds = [value for name, value in tags.attributes if name == "type" and "json" in value]
    assert tags.tags.count("script") == 1 + len(kinds) == 2
    assert "img" not in tags.tags
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name in ("src", "style")]
    links = {value for name, value in tags.attributes if name == "href" and not value.startswith("#")}
    assert links == {"index.html"}
    assert "&lt;script&gt;alert" in text
    assert "<i>" not in text  # the citation's


def test_the_page_needs_nothing_else_and_lets_only_its_own_script_run(ranked):
    text = page(ranked)
    namespace = "http://www.w3.org/2000/svg"  # a name, nothing is fetched from there
    assert not re.search(r"https?://|@import|url\(", text.replace(namespace, ""))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy.replace("&#39;", "'")
    assert "unsafe" not in policy
    assert "SIMULATED" in text
    assert "CC0" in text
    assert "prefers-color-scheme: dark" in text


def test_tables_have_captions_and_headings_with_a_scope(ranked):
    text = page(ranked)
    tables = re.findall(r"<table.*?</table>", text, flags=re.DOTALL)
    assert len(tables) == 5
    for table in tables:
        assert "<caption>" in table
        assert not re.search(r"<th(?![^>]*scope)[ >]", table.replace("<thead>", ""))
        rows = [row for row in re.findall(r"<tr\b.*?</tr>", table, flags=re.DOTALL) if "colspan" not in row]
        assert len(rows) > 3
        assert len({len(re.findall(r"<t[dh]\b", row)) for row in rows}) == 1


def test_what_is_shown_as_undefined_is_sorted_as_undefined(ranked):
    unranked = replace(ranked.rows[0], rank=None, ranks=(0, 0), tier=0)
    cells = re.findall(r"<td([^>]*)>–", page(replace(ranked, rows=[unranked, *ranked.rows[1:]])))
    assert len(cells) > 4
    assert {attributes for attributes in cells if 'data-sort=""' not in attributes} == set()


def test_the_page_says_what_it_takes_an_author_s_word_for(ranked):
    text = " ".join(page(ranked).split())
    assert "scores claimed by its author are never shown" in text
    assert "</a> counts the entries from which it is told apart, after Holm’s correction;" in text
    assert "until an entry is verified, what it sees is its author’s claim" in text


def test_a_panel_says_on_which_side_of_the_line_an_entry_is(ranked):
    line = replace(lines(ranked)[0], residuals={"good+lr=0.01": 0.0312, "poor": -0.0118, "adapting": math.nan})
    text = render(ranked, None, [line])
    assert re.findall(r"<dd>(.*) the line through the other entries", text) == ["real: .031 above", "real: .012 below"]


def test_the_same_submissions_give_the_same_bytes(fabricate, submissions, tmp_path, monkeypatch):
    for out in ("a", "b"):
        build_leaderboard(submissions, tmp_path / out)
    again = root(fabricate, tmp_path / "again")
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))  # scored again, not from the cache
    build_leaderboard(again, tmp_path / "c")
    for name in ("index.html", "board-made-up.html", "leaderboard.md", "scores.csv", "scores.json", "badge.svg"):
        first = (tmp_path / "a" / name).read_bytes()
        assert first == (tmp_path / "b" / name).read_bytes() == (tmp_path / "c" / name).read_bytes()
        assert str(tmp_path).encode() not in first


def test_the_csv_holds_every_figure(submissions, ranked, tmp_path, capsys):
    build_leaderboard(submissions, tmp_path)
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    conditions = len(ranked.protocol.conditions())
    assert len(rows) == 3 * 6 * (conditions + len(ranked.rows[0].aggregates.names))
    defined = [row for row in rows if row["low"]]
    assert len(defined) > len(rows) / 2
    assert all(float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in defined)
    printed = capsys.readouterr().out
    assert "SIMULATED: made-up" in printed
    assert str(tmp_path / "index.html") in printed


def test_markdown_has_one_line_an_entry_and_escapes(ranked):
    table = [line for line in markdown([ranked]).splitlines() if line.startswith("|")]
    assert len(table) == 2 + 3
    assert len({line.count("|") for line in table}) == 1
    assert "<" not in escape(HOSTILE).replace("\\<", "")
    assert escape("a\n|b") == "a \\|b"


def test_a_readme_keeps_everything_but_the_block(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"# Top\n{BEGIN}\nold\n{END}\nbottom\n")
    into_readme(path, "new\n")
    once = path.read_text()
    assert once == f"# Top\n{BEGIN}\n\nnew\n\n{END}\nbottom\n"
    into_readme(path, "new\n")
    assert path.read_text() == once
    for text in ("no markers", f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}", BEGIN):
        path.write_text(text)
        with pytest.raises(MedshiftError, match="once each"):
            into_readme(path, "new")
        assert path.read_text() == text
        with pytest.raises(MedshiftError, match="once each"):  # before anything is scored
            build_leaderboard(tmp_path / "gone", tmp_path / "site", path)


@pytest.mark.parametrize("changes", [{"targets": ()}, {"shifts": {}}, {"targets": (), "shifts": {}}])
def test_protocols_without_one_kind_of_shift_have_a_page(fabricate, tmp_path, changes):
    place, made, rows = fabricate.contest(tmp_path, fabricate.table(groups=4), **changes)
    fabricate.submission(place, made, rows)
    build_leaderboard(tmp_path, tmp_path / "out")
    assert "steady" in built_page(tmp_path / "out")


def test_the_badge_has_the_best_whatever_it_sees(ranked):
    places = {"good+lr=0.01": 0.5, "poor": 0.4, "adapting": 0.6}  # the first of `source` is not the best of all
    higher = badge([scoring(ranked, places)])
    assert "3 entries, best under shift .600 [" in higher
    lower = ranked.protocol.model_copy(update={"metrics": ("brier",)})
    assert "best under shift .400 [" in badge([scoring(replace(ranked, protocol=lower), places)])


def test_the_badge_s_best_is_on_the_board_that_its_figure_is_of(ranked, fabricate, tmp_path):
    unranked = replace(ranked, rows=[replace(row, rank=None) for row in ranked.rows])
    place, made, rows = fabricate.contest(tmp_path, fabricate.table(groups=4), name="second", targets=(), shifts={})
    fabricate.submission(place, made, rows)
    second = rank_entries(protocol_folders(tmp_path)[0], 10)
    figure = second.rows[0].aggregates["clean", second.rank_by]
    assert f"4 entries, best on clean images {figure.text}<" in badge([unranked, second])
    assert "medshift SIMULATED: 3 entries<" in badge([unranked])


def test_charts_stay_in_their_frame(ranked):
    line = lines(ranked)[0]
    every = [charts.against_clean(ranked, "real", "x", line), *charts.severity_curves(ranked, "x")]
    assert [chart.title for chart in every] == ["real against clean", "noise", "contrast", "resolution"]
    for chart in every:
        assert 2 <= len(chart.ys) <= 8
        for point in chart.points:
            assert charts.LEFT <= point.x <= charts.WIDTH - charts.RIGHT
            assert charts.TOP <= point.y <= charts.HEIGHT - charts.BOTTOM
    assert [label for _, label in every[1].xs] == ["clean", "1", "3", "5"]


@pytest.mark.parametrize("numbers", [[0.5], [0, 1], [0.701, 0.702], [-0.2, 0.3], [math.nan, 0.5], [1.0, 1.0]])
def test_axes_hold_what_they_are_asked_to(numbers):
    low, high = charts._range(numbers)
    defined = [number for number in numbers if not math.isnan(number)]
    assert low <= min(defined) + 1e-12
    assert high >= max(defined) - 1e-12
    assert 2 <= len(charts.Axis(low, high, 0, 100).ticks()) <= 8


@pytest.mark.parametrize("package", ["numpy", "scipy"])
def test_scores_that_other_packages_made_are_not_taken_from_the_cache(package, monkeypatch):
    now = cache.code.__wrapped__()
    monkeypatch.setattr(f"{package}.__version__", "0")
    assert cache.code.__wrapped__() != now


def test_scoring_imports_no_torch():
    code = "import sys, medshift.leaderboard.build, medshift.benchmark.cli.summary; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_matched_severities_stand_at_the_step_that_they_meet(fabricate):
    made = fabricate.terms(fabricate.table(), severities=(1, 2, 3, 4, 5), matched={"gamma": (0.4, 1.3, 2.2, 4.0, 4.9)})
    assert charts.steps([0.4, 1.3, 2.2, 4.0, 4.9], made) == (1, 2, 3, 4, 5)
    assert charts.steps([2.4, 5.0], made) == (1, 2)  # cannot be strong enough for 3 to 5
    assert charts.steps([0.01, 1.7, 3.0], made) == (3, 4, 5)  # cannot be as mild as 1 and 2
    assert charts.steps([1.0, 3.0, 5.0], fabricate.terms(fabricate.table(), severities=(1, 3, 5))) == (1, 3, 5)


def test_a_board_of_one_domain_says_that_nothing_real_was_tested(fabricate, tmp_path):
    rows = fabricate.table(groups=6, targets=())
    place, made, _ = fabricate.contest(tmp_path, rows, targets=())
    fabricate.submission(place, made, rows)
    found = rank_entries(protocol_folders(tmp_path)[0], replicates=20)
    line = "One domain: no real shift was tested."
    assert line in markdown([found])
    assert line in page(found)
