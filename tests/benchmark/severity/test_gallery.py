"""The gallery of shifts: every shift is told from its docstring and shown as it is applied."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.severity.gallery import gallery as module
from medshift.benchmark.severity.gallery import pictures
from medshift.shifts import apply_shift
from medshift.shifts.catalogue import BUILTINS
from medshift.shifts.families.sources import SOURCES

FEW = ("window", "stain-giemsa", "slice-thickness")  # grey, colour, and a plane across a volume


@pytest.fixture(scope="module")
def page():
    """A gallery of few shifts, and a second one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BUILTINS", {name: BUILTINS[name] for name in FEW})
        yield module.gallery("index.html"), module.gallery("index.html")


def frames(text, name):
    section = re.search(rf'<h3 id="{name}">.*?</article>', text, flags=re.DOTALL)[0]
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', section)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(each))).convert("RGB")) for each in found], section


@pytest.mark.parametrize("name", BUILTINS)
def test_every_shift_says_its_physics_and_what_its_severity_is(name):
    physics, scale = module.physics_of(BUILTINS[name])
    assert len(physics[0]) > 20
    assert "_" not in physics[0].split()[0]
    assert re.fullmatch(r"Severity is .*\.", scale)
    assert not any("Severity is" in part or "odalit" in part for part in physics)


@pytest.mark.parametrize("name", BUILTINS)
def test_every_shift_is_shown_on_a_picture_of_a_modality_it_applies_to(name):
    entry = BUILTINS[name]
    key = module.shown_on(entry)
    assert {"any", key.replace("blood", "microscopy")} & set(entry.modalities)
    assert key in pictures.TITLES
    if key != "mr":  # which is grey, and made by the simulator
        image = pictures.picture(key)
        assert image.shape[1:] == (pictures.SIDE, pictures.SIDE)
        assert {0, len(image)} & set(entry.channels)
        assert image.std() > 0.05


def test_a_picture_is_what_the_shift_makes_of_the_clean_one(page):
    shown, section = frames(page[0], "window")
    image = pictures.picture("ct")
    strongest = apply_shift("window", torch.from_numpy(image)[None], 5, [module.SAMPLE], module.SEED)[0, 0].numpy()
    assert len(shown) == 6
    assert np.array_equal(shown[0][..., 0], np.rint(image[0] * 255))
    assert np.array_equal(shown[5][..., 0], np.rint(strongest * 255))
    assert SOURCES["window"] in section
    assert "0.35 width" in section


def test_colours_and_volumes_are_shown_too(page):
    colour, _ = frames(page[0], "stain-giemsa")
    assert np.abs(colour[0].astype(float) / 255 - np.moveaxis(pictures.picture("blood"), 0, -1)).mean() < 0.02
    thick, _ = frames(page[0], "slice-thickness")
    assert [each.shape for each in thick] == [(pictures.SIDE, pictures.SIDE, 3)] * 6
    changes = [np.abs(each.astype(float) - thick[0]).mean() for each in thick]
    assert changes == sorted(set(changes))  # the stronger, the more


def test_the_page_asks_for_nothing_and_has_the_same_bytes(page):
    assert page[0] == page[1]
    assert not re.search(r"https?:|url\(|@import", page[0])
    assert "img-src data:" in page[0]


def test_it_has_no_serious_finding_of_axe_and_says_nothing_on_the_console(page, browser, tmp_path):
    from helpers.browser import Opened

    axe = pytest.importorskip("axe_playwright_python.base", reason="no axe-core: pip install '.[dev]'").AXE_SCRIPT
    (tmp_path / "shifts.html").write_text(page[0], encoding="utf-8")
    url = (tmp_path / "shifts.html").as_uri()
    for options in ({"color_scheme": "dark"}, {"viewport": {"width": 320, "height": 700}}):
        opened = Opened(browser, url, bypass_csp=True, **options)
        assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        opened.page.evaluate(axe)
        found = opened.page.evaluate("axe.run(document)")["violations"]
        assert {rule["id"]: [node["html"] for node in rule["nodes"]][:2] for rule in found} == {}
        assert opened.messages == []
        assert [request for request in opened.requests if not request.startswith("data:")] == [url]
        opened.context.close()


def test_the_command_names_the_page_that_it_writes_into_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "gallery", lambda home, progress: "the gallery")
    done = CliRunner().invoke(app, ["shifts", "gallery", "--out", str(tmp_path)])
    assert done.stdout == f"{tmp_path / 'shifts.html'}\n"
    assert (tmp_path / "shifts.html").read_text() == "the gallery"
