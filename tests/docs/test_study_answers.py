"""What the page on the studies says is what their reports say, and these are whole."""

from __future__ import annotations

import csv
import re

import pytest
from helpers.markdown_pages import DOCS

from medshift.benchmark.reporting.numbers import format_estimate
from medshift.benchmark.studies import stored

STUDIES = DOCS / "studies"
REPORTS = sorted(STUDIES.glob("*/*/study.md"))
FIGURE = re.compile(r"[+-]?[\d.,]*\d \[[^\]]+\]")  # a value with its interval


def plain(text):
    """Take the marks of Markdown out of a text, and its line ends."""
    return " ".join(text.replace("\\", "").replace("<!-- -->", "").replace("> ", "").split())


def sections():
    """Return the parts of the page, each with the reports that it links; the first is the one that it is about."""
    parts = re.split(r"^## ", (STUDIES / "answers.md").read_text(), flags=re.MULTILINE)[1:]
    linked = [[STUDIES / link for link in re.findall(r"\]\((\S+/study\.md)\)", part)] for part in parts]
    return {links[0]: (part, links) for part, links in zip(parts, linked, strict=True)}


def test_every_report_has_its_part_of_the_page():
    assert sorted(sections()) == REPORTS
    assert len(REPORTS) > 1


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_the_page_quotes_the_report(report):
    part, links = sections()[report]
    said, own = plain(part), " ".join(plain(each.read_text()) for each in links)
    (answer,) = re.findall(r"^\*\*(?:Supported|Refuted|Not shown)\.\*\* .*$", report.read_text(), re.MULTILINE)
    assert plain(answer) in said
    figures = FIGURE.findall(said)
    assert figures
    assert [figure for figure in figures if figure not in own] == []


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_a_report_is_whole_and_says_how_it_was_made(report):
    text, folder = report.read_text(), report.parent
    made = stored.read(folder)
    assert (made.data.name, made.study.name) == (folder.parent.name, folder.name)
    assert text.endswith(f"    {made.command}\n")
    assert made.command.endswith(f"--out studies/{folder.parent.name}/{folder.name}")
    shown = set(re.findall(r"\]\(figures/([\w-]+\.svg)\)", text))
    assert shown == {path.name for path in (folder / "figures").iterdir()}
    assert "runs are not finished" not in text
    with (folder / "study.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > len(made.runs)
    if not made.own_analysis:  # the table of the report is that of its numbers
        means = [row for row in rows if row["seed"] == "all" and row["figure"] in ("clean", "real", "shifted", "drop")]
        assert len(means) == 4 * len({(run.arm, *run.levels.values()) for run in made.runs})
        cells = {format_estimate(*(float(row[name]) for name in ("value", "low", "high"))) for row in means}
        assert cells <= {cell.strip() for cell in plain(text).split("|")}
