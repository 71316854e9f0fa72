"""What gets installed, and who may import whom."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("shifts", "benchmark", "baselines", "leaderboard")
MAY_IMPORT = {
    "shifts": {"shifts"},
    "benchmark": {"benchmark", "shifts"},
    "baselines": {"baselines", "benchmark", "shifts"},
    "leaderboard": {"leaderboard", "benchmark", "shifts"},
}
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def package(path: Path) -> list[str]:
    """Returns the dotted parts of the package that a file is in."""
    return ["medshift", *path.relative_to(ROOT).parent.parts]


def imported(path: Path):
    """Yields the absolute dotted name of all that a file imports, wherever it does so."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package(path)[: len(package(path)) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def test_every_package_is_listed():
    found = {".".join(package(path)) for path in MODULES}
    assert set(CONFIG["tool"]["setuptools"]["packages"]) == found
    assert all((ROOT / Path(*name.split(".")[1:]) / "__init__.py").exists() for name in found)


def test_every_data_file_is_listed():
    listed = {
        path
        for name, patterns in CONFIG["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for path in ROOT.joinpath(*name.split(".")[1:]).glob(pattern)
    }
    kept = subprocess.run(
        ["git", "ls-files", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    data = {ROOT / name for name in kept if not name.endswith(".py")}
    data -= {path for path in data if path.is_relative_to(ROOT / "leaderboard" / "submissions")}
    assert listed >= data
    assert all(path.is_file() for path in listed)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_the_right_way(path):
    folder = path.relative_to(ROOT).parts[0]
    names = list(imported(path))
    seen = {name.split(".")[1] for name in names if name.startswith("medshift.") and name.count(".")}
    assert seen <= MAY_IMPORT[folder]
    if folder == "leaderboard":
        assert not {name.split(".")[0] for name in names} & {"torch", "timm", "torchvision"}
    assert not {name.split(".")[0] for name in names} & {"benchmark", "shifts", "baselines", "tests"}


def test_the_wheel_holds_nothing_outside_medshift(tmp_path):
    copy = tmp_path / "source"
    kept = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in kept:
        if (ROOT / name).is_file() and not name.startswith(("tests/golden", "leaderboard/submissions")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, copy], check=True
    )
    (wheel,) = tmp_path.glob("medshift-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    version = CONFIG["project"]["version"]
    assert tops == {"medshift", f"medshift-{version}.dist-info"}
    assert {f"medshift/{path.relative_to(ROOT)}" for path in MODULES} <= set(names)
    assert "medshift/leaderboard/templates/page.html" in names
    assert not any("submissions" in name for name in names)
