"""The audit finds what was hidden, and nothing where there is nothing."""

from __future__ import annotations

import dataclasses
import io
import math
import re
from contextlib import contextmanager

import numpy as np
import pytest
from helpers.browser import Opened
from helpers.cli import medshift
from helpers.images import image_folders as folders
from helpers.images.made_up_data import data, sites
from rich.console import Console

from medshift.benchmark.audit.audit import Audit, audit
from medshift.benchmark.audit.counts import counts
from medshift.benchmark.audit.duplicates import Duplicates, duplicates
from medshift.benchmark.audit.findings import GRAVE, NOTE, findings
from medshift.benchmark.audit.report.page import page
from medshift.benchmark.audit.report.record import LONGEST, AuditRecord, read_audit
from medshift.benchmark.audit.report.recorded import audit_json
from medshift.benchmark.audit.report.terminal import show
from medshift.benchmark.audit.shortcut_probe import ALL, DOMAIN, CrossDomainResult, ProbeResult, probe
from medshift.benchmark.reporting import axes


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
    assert [(pair.domains, pair.groups) for pair in found.shared] == [(("a", "b"), 3)]
    assert found.in_several == 3
    assert found.images.loc["a"].tolist() == [30, 30]
    assert found.groups.loc["a"].tolist() == [15, 15]


def test_a_domain_that_a_run_would_refuse_to_test_is_a_finding_and_the_others_are_split():
    found = counts(sites({"a": 20, "b": 20, "c": 1, "d": 1}), "a")
    assert found.unsplit.startswith("2 of 3 targets cannot be tested: c, d (1 group: 2 are needed")
    assert found.by_split.loc["b", "test"] == 20


def test_the_terminal_says_what_was_not_examined(hidden):
    screen = Console(file=io.StringIO(), width=200)
    made = dataclasses.replace(hidden, duplicates=dataclasses.replace(hidden.duplicates, left_out=1234))
    made.dataset.table["file"] = made.dataset.table["sample_id"]
    show(made, screen)
    made.dataset.table.pop("file")
    text = screen.file.getvalue()
    assert "1,234 more candidates for duplicates were similar at low resolution but were not compared" in text
    assert "columns not examined: file (too many different values" in text


def test_a_text_that_is_too_long_for_a_record_is_cut(hidden):
    long = dataclasses.replace(hidden.counts, unsplit="x" * 2000)
    record = AuditRecord.model_validate_json(audit_json(dataclasses.replace(hidden, counts=long)))
    assert any(each.text.endswith("xxx ...") and len(each.text) == LONGEST for each in record.findings)


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
        pixels[30:90:7] = 0  # black ones have a finding of their own
        pixels[:20] = np.random.default_rng(1).integers(100, 102, pixels[:20].shape)

    made = data(edit=flatten)
    assert duplicates(made, counts(made, "a").table).pairs == []


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


def test_thumbnails_are_left_out_on_request_and_nothing_else(hidden):
    bare = page(hidden, thumbnails=False)
    assert "<img" not in bare
    assert "base64" not in re.sub(r"<meta[^>]*>", "", bare)
    figures = re.compile(r"<td[^>]*>.*?</td>")
    assert figures.findall(bare) == figures.findall(page(hidden))


def test_a_record_holds_the_figures_of_the_audit_and_the_name_of_no_image(hidden):
    text = audit_json(hidden)
    assert audit_json(hidden) == text
    record = AuditRecord.model_validate_json(text)
    found = findings(hidden)
    assert [each.advice for each in record.findings] == [each.advice for each in found]
    assert {each.domain: list(each.images) for each in record.counts} == {
        name: row.tolist() for name, row in hidden.counts.images.iterrows()
    }
    assert record.duplicates.all == len(hidden.duplicates.pairs)
    assert {(each.domain, each.shift) for each in record.severities} == {
        (domain, place.shift) for domain, places in hidden.places.items() for place in places
    }
    words = set(re.split(r"[\s\",:;()]+", text))
    assert words.isdisjoint(hidden.dataset.table["sample_id"])
    assert words.isdisjoint(hidden.dataset.table["group"])


def test_the_page_fits_a_phone_and_follows_the_theme(hidden, browser, tmp_path):
    (tmp_path / "audit.html").write_text(page(hidden), encoding="utf-8")
    grounds = []
    for scheme in ("light", "dark"):
        url = (tmp_path / "audit.html").as_uri()
        found = Opened(browser, url, color_scheme=scheme, viewport={"width": 320, "height": 700})
        assert found.page.evaluate("document.documentElement.scrollWidth") <= 320
        assert found.page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
        grounds.append(found.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert found.messages == []
        found.context.close()
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 22, 26)"]


def run(*words):
    return medshift("data", "audit", *words)


def test_a_folder_is_audited_on_the_command_line(tmp_path):
    where = folders.folder(tmp_path / "in", {"site-a": 40, "site-b": 40})
    out, beside = tmp_path / "out" / "page.html", ("--no-thumbnails", "--record", tmp_path / "out")
    done = run("--data", where, "--shifts", "gaussian-noise", "--images", 30, "--out", out, *beside)
    assert done.returncode == 0, done.stderr
    assert "site-a" in done.stdout
    assert "finding" in done.stdout
    assert "<title>Audit of in</title>" in (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
    assert "<img" not in out.read_text(encoding="utf-8")
    assert read_audit(tmp_path / "out" / "audit.json").domains == ["site-a", "site-b"]
    assert str(tmp_path) not in (tmp_path / "out" / "audit.json").read_text()
    wrong = run("--data", where, "--source", "site-x")
    assert wrong.returncode == 1
    assert "unknown domain 'site-x'" in wrong.stderr


def test_a_loss_elsewhere_is_told_when_few_patients_do_not_explain_it():
    def probed(*elsewhere):
        results = [ProbeResult("a", family, 0.9, 0.85, 0.95, 100) for family in (ALL, "greys")]
        crossed = [CrossDomainResult("a", name, area, area - 0.1, high) for name, area, high in elsewhere]
        made = data()
        whole = Audit(made, "a", counts(made, "a"), Duplicates([], 0), [], results, crossed, [], {}, [])
        (found,) = [each for each in findings(whole) if "simple image statistics" in each.text]
        return found.weight

    assert probed(("b", 0.6, 0.7)) == GRAVE
    assert probed(("b", 0.72, 0.93)) == NOTE  # by chance, as its interval holds what the own domain has
    assert probed(("b", 0.72, 0.89)) == GRAVE
    assert probed(("b", 0.72, 0.89), ("c", 0.85, 0.95), ("d", 0.85, 0.95)) == NOTE  # of three, the worst
    unknown = ProbeResult(DOMAIN, ALL, math.nan, math.nan, math.nan, 10)
    made = data()
    silence = Audit(made, "a", counts(made, "a"), Duplicates([], 0), [], [unknown], [], [], {}, [])
    assert not [each for each in findings(silence) if "predict" in each.text]


def test_a_domain_of_one_group_has_no_interval_and_takes_no_part_in_telling_domains():
    within, _ = probe(sites({"a": 12, "b": 12, "c": 1}, label=lambda site, number: number % 2))
    (found,) = [each for each in within if each.where == DOMAIN]
    assert found.left_out == ("c",)
    assert not math.isnan(found.area)


def test_domains_of_few_groups_are_audited_too():
    found = audit(data((("a", 4), ("b", 4))), "a", ("gamma",), silent, images=8)
    assert found.probes == []  # four groups are fewer than the folds
    assert any("cannot be split" in finding.text for finding in findings(found))


@pytest.mark.parametrize("name", ["page.pdf", "taken"])
def test_a_page_that_is_neither_a_folder_nor_html_is_refused_before_the_audit(tmp_path, name):
    (tmp_path / "taken").write_text("")
    where = folders.folder(tmp_path / "in", {"site-a": 4, "site-b": 4})
    done = run("--data", where, "--out", tmp_path / name)
    assert done.returncode == 1
    assert f"medshift: --out {tmp_path / name}" in done.stderr


def test_without_data_it_asks_for_some():
    done = run()
    assert done.returncode == 1
    assert "--data DIR" in done.stderr


def test_marks_below_zero_keep_their_sign():
    found = axes.ticks(-0.07, 0.12, lambda value: value)
    assert [text for _, text in found] == ["-0.05", "0.00", "0.05", "0.10"]
