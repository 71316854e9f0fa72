"""The four public faces: what they promise is there, costs nothing before it is used, and is all that others need."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FACES = ("medshift.shifts", "medshift.benchmark", "medshift.baselines", "medshift.leaderboard")
TEMPLATES = sorted((ROOT / "benchmark" / "cli" / "templates").rglob("*.py.txt"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("face", FACES)
def test_every_name_is_there_and_documented(face):
    package = importlib.import_module(face)
    for name in set(package.__all__) - {"__version__"}:
        found = getattr(package, name)
        assert found is not None
        if callable(found) and not hasattr(found, "__origin__"):
            assert found.__doc__, name
    assert set(package.__all__) - {"__version__"} <= set(dir(package))


@pytest.mark.parametrize("face", FACES)
def test_the_stub_says_the_same(face):
    package = importlib.import_module(face)
    stub = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text())
    bound = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    (listed,) = (ast.literal_eval(node.value) for node in stub.body if isinstance(node, ast.Assign))
    assert set(listed) - {"__version__"} == bound == set(package.__all__) - {"__version__"}


@pytest.mark.parametrize("face", FACES)
def test_its_example_runs(face):
    done = doctest.testmod(importlib.import_module(face), optionflags=doctest.ELLIPSIS)
    assert done.attempted > 1
    assert done.failed == 0


def test_importing_them_costs_no_torch():
    code = f"import sys, {', '.join(FACES)}; print({{'torch', 'pandas', 'numpy', 'pydantic'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("path", [*TEMPLATES, *PAGES], ids=lambda path: "/".join(path.parts[-2:]))
def test_templates_and_docs_need_nothing_else(path):
    for module, names in re.findall(r"^\s*from (medshift[\w.]*) import (.+)$", path.read_text(), flags=re.MULTILINE):
        assert module in FACES, f"{module} is not public"
        assert {name.split(" as ")[0].strip(" ()") for name in names.split(",")} <= set(
            importlib.import_module(module).__all__
        )
    assert not re.findall(r"^\s*import medshift\.\w+\.", path.read_text(), flags=re.MULTILINE)


def test_the_version_is_the_distributions():
    assert importlib.import_module("medshift.benchmark").__version__ == version("medshift")


PLUGIN = '''
"""A typed plug-in: one shift, one baseline, one call of the main job."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from medshift.baselines import Classifier, Recipe, source_network
from medshift.benchmark import Access, Baseline, Predictor, Scores, Sees, evaluate, load_baseline
from medshift.shifts import SampleRng, apply_shift, check_shift, interpolate_severity
from torch import Tensor, nn

LOST = (0.1, 0.2, 0.3, 0.4, 0.5)


def dimmer(images: Tensor, severity: float, rng: SampleRng) -> Tensor:
    """Less light."""
    return images * (1 - interpolate_severity(LOST, severity, none=0.0) * rng.uniform((1, 1, 1)))


@dataclass(frozen=True)
class Tiny(Recipe):
    """One layer."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "none"

    def fit(self, access: Access) -> Predictor:
        """Return the trained layer."""
        size = access.channels * access.spatial[0] * access.spatial[1]
        return Classifier(
            source_network(
                access, self, "tiny", lambda: nn.Sequential(nn.Flatten(), nn.Linear(size, len(access.classes)))
            )
        )


kind: type[Baseline] = Tiny
other: type[Baseline] = load_baseline("scratch")
problems: list[str] = check_shift(dimmer)
darker: Tensor = apply_shift("exposure", torch.zeros(1, 1, 8, 8), 3, ["a"], 0)


def accuracy(folder: str) -> float:
    """Return the mean balanced accuracy on other sites."""
    scores: Scores = evaluate("imagenet-finetune", data=folder, source="site-a")
    return scores.aggregates["real"]["balanced_accuracy"].value
'''
WRONG = PLUGIN.replace("severity: float, rng: SampleRng", "severity: float, rng: int") + "\nevaluate(3, dta='x')\n"


@pytest.mark.slow
def test_a_typed_plug_in_passes_mypy_against_the_installed_wheel(tmp_path):
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, source], check=True)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, source]
    subprocess.run(pip, check=True)
    (wheel,) = tmp_path.glob("medshift-*.whl")
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    (site,) = environment.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    # what medshift stands on, without the editable medshift of this environment, which mypy does not follow
    (site / "rest.pth").write_text(str(Path(importlib.import_module("torch").__file__).parents[1]))
    for text, good in ((PLUGIN, True), (WRONG, False)):
        (tmp_path / "plugin.py").write_text(text)
        words = [sys.executable, "-m", "mypy", "--strict", "--python-executable", environment / "bin" / "python"]
        done = subprocess.run([*words, "plugin.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == good, done.stdout
