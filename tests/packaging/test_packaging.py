"""What gets installed, and how the house is divided. Who may import whom: `lint-imports`, in pyproject.toml."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("shifts", "benchmark", "baselines", "leaderboard")
MOST_ENTRIES = 14
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def package(path: Path) -> list[str]:
    """Returns the dotted parts of the package that a file is in."""
    return ["medshift", *path.relative_to(ROOT).parent.parts]


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


def test_a_folder_is_seen_at_a_glance():
    kept = subprocess.run(
        ["git", "ls-files", *FOLDERS, "tests", "docs"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    entries: dict[Path, set[str]] = {}
    for name in kept:
        path = Path(name)
        if path.parts[:2] not in (("leaderboard", "submissions"), ("tests", "golden")):
            for folder, entry in zip(path.parents, [path, *path.parents], strict=False):
                entries.setdefault(folder, set()).add(entry.name)
    del entries[Path()]
    said = {
        str(folder): len(names - {"__init__.py", "__init__.pyi", "py.typed"})
        for folder, names in entries.items()
        if len(names - {"__init__.py", "__init__.pyi", "py.typed"}) > MOST_ENTRIES
    }
    assert said == {}


def test_no_file_is_longer_than_can_be_read():
    paths = [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "docs").rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in paths}
    assert {name: count for name, count in lengths.items() if count > 300} == {}
    assert sorted(lengths.values())[len(lengths) // 2] <= 150


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
    assert "medshift/benchmark/reporting/templates/head.html" in names
    assert "medshift/leaderboard/report/templates/page.html" in names
    assert not any("leaderboard/submissions" in name for name in names)
