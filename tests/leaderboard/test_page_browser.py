"""The page in a real browser: sorting, filtering, comparing, themes, narrow screens, accessibility, no requests."""

from __future__ import annotations

import json

import pytest
from helpers.boards import audit_record
from helpers.browser import Opened

from medshift.leaderboard.build import build_leaderboard
from medshift.leaderboard.entries.audit_file import AUDIT_FILE


@pytest.fixture(scope="module")
def site(fabricate, tmp_path_factory):
    """A site with one board of ten entries, one of six of these, and one without any."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(tmp_path_factory.mktemp("home")))
        root, out = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("out")
        made = fabricate.contest(root, fabricate.table(groups=8))
        place, protocol, rows = made
        small = {"targets": ("site-b",), "shifts": {"gamma": "contrast"}, "severities": (3,)}
        other = fabricate.contest(root, fabricate.table(groups=4, targets=("site-b",)), name="other", **small)
        for number in range(10):
            sees = ("source", "test-batches")[number % 2]
            name = f"method-{number}+lr=0.{number}"
            training = fabricate.trained(3000, (0.7, 0.5, 0.3)) if number % 3 else None
            for where in (made, other)[: 1 + (number < 6)]:
                fabricate.submission(*where, name, 0, None, 0.4 + 0.4 * number, training=training, sees=sees)
        fabricate.submission(place, protocol, rows, "method-0+lr=0.0", 1, skill=0.5, sees="source")
        fabricate.contest(root, fabricate.table(groups=4), name="nothing-yet")
        (place / AUDIT_FILE).write_text(json.dumps(audit_record()))
        build_leaderboard(root, out)
    return (out / "board-made-up.html").as_uri()


@pytest.fixture
def opened(browser, site):
    """Open the page; at the end, the console must be empty and nothing but the page requested."""
    all_of_them = []

    def start(**options):
        found = Opened(browser, site, **options)
        all_of_them.append(found)
        return found.page

    yield start
    for found in all_of_them:
        found.context.close()
        assert found.messages == []
        assert found.requests == [site]


def column(page, index, table="ranking"):
    rows = page.locator(f"table.{table} tbody").first.locator("tr:not(.group):visible")
    return [row.locator("th, td").nth(index).inner_text().strip().split("\n")[0] for row in rows.all()]


def test_tables_are_sorted_by_mouse_and_keyboard(opened):
    page = opened(viewport={"width": 1280, "height": 900})
    clean = page.locator("table.ranking thead th", has_text="Clean")
    clean.get_by_role("button").click()
    assert clean.get_attribute("aria-sort") == "descending"
    values = [float(text) for text in column(page, 3)]
    assert values == sorted(values, reverse=True)
    clean.get_by_role("button").press("Enter")
    assert clean.get_attribute("aria-sort") == "ascending"
    assert [float(text) for text in column(page, 3)] == sorted(values)
    page.locator("table.ranking thead th", has_text="Entry").get_by_role("button").press("Space")
    names = column(page, 0)
    assert names == sorted(names, reverse=True)
    assert page.locator("table.ranking thead th[aria-sort]").count() == 1


def test_what_is_undefined_goes_last_whichever_way_a_table_is_sorted(opened):
    page = opened()
    head = page.locator("table.heat thead th", has_text="Gain over clean")
    place = head.evaluate("head => head.cellIndex")
    for direction in ("descending", "ascending"):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == direction
        assert column(page, place, "heat").index("–") == 5  # that of clean, below those of four shifts and their mean


def test_entries_are_filtered_by_text_and_by_what_they_see(opened):
    page = opened()
    said = page.locator("form.filter output").first
    assert said.inner_text() == "10 of 10 entries shown"
    page.get_by_label("Find").first.fill("METHOD-4")
    assert said.inner_text() == "1 of 10 entries shown"
    assert column(page, 0)[0].startswith("method-4")
    assert page.locator("details:visible").count() == 1
    assert page.locator("table.ranking tr.group:visible").count() == 1
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function("document.querySelector('form.filter output').textContent.startsWith('10')")
    page.get_by_label("test-batches").first.uncheck()
    assert said.inner_text() == "5 of 10 entries shown"
    assert "test-batches" not in page.locator("table.ranking").inner_text()


def test_filters_hold_for_the_picture_too(opened):
    page = opened()
    assert page.locator(".dots li:visible").count() == 10
    page.get_by_label("test-batches").first.uncheck()
    assert page.locator(".dots li:visible").count() == 5
    assert "test-batches" not in page.locator("figure.dots").inner_text()


def test_the_picture_tells_its_figures_to_the_keyboard(opened):
    page = opened()
    rows = page.locator(".dots a.row")
    best = page.locator("table.ranking tr[data-entry='method-9+lr=0.9'] td")
    clean, shifted = (best.nth(place).inner_text().split("\n")[0] for place in (2, 5))
    row = page.locator(".dots li[data-entry='method-9+lr=0.9'] a.row")
    row.focus()
    assert page.locator(".dots .tip:visible").count() == 1
    tip = row.locator(".tip")
    assert tip.is_visible()
    assert f"clean {clean} [" in tip.inner_text()
    assert f"shifted {shifted} [" in tip.inner_text()
    page.keyboard.press("Escape")
    assert page.locator(".dots .tip:visible").count() == 0
    rows.first.focus()
    page.keyboard.press("Tab")
    assert rows.nth(1).locator(".tip").is_visible()
    assert not rows.first.locator(".tip").is_visible()
    row.press("Enter")
    panel = page.locator("details[data-entry='method-9+lr=0.9']")
    panel.locator("h3").first.wait_for()
    assert panel.evaluate("panel => panel.open && panel.contains(document.activeElement)")


def test_a_term_is_defined_by_keyboard_and_by_mouse(opened):
    page = opened()
    tip = page.locator("#tip")
    term = page.locator("a.term", has_text="shifted").first
    definition = page.locator("#term-shifted + dd").inner_text()
    assert not tip.is_visible()
    term.focus()
    assert tip.inner_text() == definition
    assert term.get_attribute("aria-describedby") == "tip"
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.locator("table.ranking thead button", has_text="Drop").hover()
    assert tip.inner_text() == page.locator("#term-drop + dd").inner_text()
    page.locator("h1").hover()
    assert not tip.is_visible()


def test_two_entries_are_compared_condition_by_condition(opened):
    page = opened()
    page.get_by_label("First").select_option("method-9+lr=0.9")
    page.get_by_label("Second").select_option("method-0+lr=0.0")
    page.get_by_label("Second").locator("option:checked").evaluate("option => { option.text += ' (claimed)' }")
    page.get_by_role("button", name="Compare").click()
    table = page.locator(".comparison table")
    heads = table.locator("thead th").all_inner_texts()
    assert heads == ["Condition", "method-9+lr=0.9", "method-0+lr=0.0 (claimed)", "Difference", "Interval excludes 0"]
    rows = {row.locator("th").inner_text(): row for row in table.locator("tbody tr").all()}
    assert {"shifted", "real: site-b", "site-a", "site-a/gamma@3"} <= set(rows)
    cells = [cell.split("\n") for cell in rows["shifted"].locator("td").all_inner_texts()]
    one, other, gap = float(cells[0][0]), float(cells[1][0]), float(cells[2][0])
    assert gap == pytest.approx(one - other, abs=0.0011)
    low, high = map(float, cells[2][1].split(" to "))
    assert low < gap < high
    assert cells[3][0] == "yes, method-9+lr=0.9 better"
    assert "supported" not in table.inner_text()  # which takes the correction of the ranking
    page.get_by_label("First").select_option("method-4+lr=0.4")
    page.get_by_label("Second").select_option("method-3+lr=0.3")
    page.get_by_role("button", name="Compare").click()
    one, other, _, verdict = table.locator("tr", has_text="drop").locator("td").all_inner_texts()
    assert float(one) < float(other)
    assert verdict == "yes, method-4+lr=0.4 better"  # it loses less
    page.get_by_label("First").select_option("method-9+lr=0.9")
    page.get_by_label("Second").select_option("method-9+lr=0.9")
    page.get_by_role("button", name="Compare").click()
    assert page.locator(".comparison").inner_text() == "Choose two different entries."


def test_a_panel_shows_conditions_confusion_and_reliability(opened):
    page = opened()
    panel = page.locator("details").first
    panel.locator("summary").press("Enter")
    panel.locator("h3").first.wait_for()
    assert panel.locator("h3").all_inner_texts() == [
        "By severity",
        "Reliability by site",
        "Confusion by site",
        "By condition",
    ]
    assert panel.locator(".more svg[aria-label^='Share correct']").count() == 3
    curve = panel.locator(".more svg[aria-label^='Mean over the shifts of contrast']")
    assert curve.locator("polyline.curve").get_attribute("points").count(",") == 1 + 3  # clean and three severities
    assert panel.locator("svg[aria-label^='Loss on source validation']").count() == 1
    counts = [
        int(text)
        for text in panel.locator("table").first.locator("td.p0, td[class^=p], td[class^=n]").all_inner_texts()
    ]
    assert sum(counts) == 32  # one seed of eight patients of four images
    assert panel.locator("table").last.locator("tbody tr").count() == 1 + 1 + 2 + 12


def test_it_follows_the_reader_s_theme(opened):
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = (opened(color_scheme=scheme).evaluate(ground) for scheme in ("light", "dark"))
    assert light == "rgb(255, 255, 255)"
    assert dark == "rgb(20, 22, 26)"


@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits_the_screen(opened, width):
    page = opened(viewport={"width": width, "height": 700})
    page.locator("details summary").first.click()
    page.get_by_role("button", name="Compare").click()
    page.locator(".comparison table").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width > 1000:  # to the last column, without scrolling
        assert page.locator(".scroll:has(> .ranking)").evaluate("box => box.scrollWidth <= box.clientWidth")
    small = page.evaluate(
        "[...document.querySelectorAll('td, th, p, li')]"
        ".filter(e => parseFloat(getComputedStyle(e).fontSize) < 11).length"
    )
    assert small == 0


def test_it_can_be_walked_with_the_keyboard(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the leaderboard"
    seen = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.tagName"))
    assert {"INPUT", "BUTTON", "DIV", "SELECT", "SUMMARY"} <= seen


def test_it_prints_without_its_controls(opened):
    page = opened()
    page.emulate_media(media="print")
    assert page.locator("form:visible").count() == 0
    assert page.locator("table.ranking").is_visible()
    assert page.pdf()[:4] == b"%PDF"


@pytest.fixture(scope="module")
def axe():
    """Source of axe-core."""
    return pytest.importorskip("axe_playwright_python.base", reason="no axe-core: pip install '.[dev]'").AXE_SCRIPT


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 320)])
def test_axe_finds_nothing_serious(browser, site, axe, scheme, width):
    # the page's policy allows no other script, so the checker bypasses it
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
    page = context.new_page()
    for url in (site, *(site.replace("board-made-up", name) for name in ("index", "over-boards", "audit-made-up"))):
        page.goto(url)
        if url == site:
            page.locator("details summary").first.click()
            page.get_by_role("button", name="Compare").click()
            page.locator("a.term").first.focus()
        page.evaluate(axe)
        found = page.evaluate("axe.run(document)")
        assert {rule["id"]: [node["html"] for node in rule["nodes"]][:3] for rule in found["violations"]} == {}
        assert len(found["passes"]) > 15
    context.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_ranks_over_boards_are_read_by_keyboard_and_sorted_and_fit_the_screen(browser, site, width):
    found = Opened(browser, site.replace("board-made-up", "over-boards"), viewport={"width": width, "height": 800})
    page = found.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    row = page.locator(".dots.across a.row").first
    row.focus()
    tip = row.locator(".tip")
    assert tip.is_visible()
    assert "mean rank 1.0" in tip.inner_text()
    assert "other 1 (" in tip.inner_text()
    row.press("Enter")
    assert page.evaluate("location.hash") == "#r0"
    head = page.locator("table.sortable").first.locator("thead th", has_text="Mean rank")
    head.get_by_role("button").click()
    ranks = page.locator("table.sortable").first.locator("tbody").first.locator("tr:not(.group) td:nth-child(2)")
    values = [float(text.split()[0]) for text in ranks.all_inner_texts()]
    assert values == sorted(values, reverse=True)
    assert len(values) == 3
    found.context.close()
    assert found.messages == []
    assert len(found.requests) == 1
