"""The functions that docs/architecture.md names exist; what takes seconds to import is imported where it is needed."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from pkgutil import resolve_name

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
BENCHMARK = "medshift.benchmark"
ROOTS = (BENCHMARK, f"{BENCHMARK}.datasets", f"{BENCHMARK}.datasets.importing", "medshift")


def exists(name: str, root: str) -> bool:
    try:
        resolve_name(f"{root}.{name}")
    except (ImportError, AttributeError):
        return False
    return True


def test_the_walk_of_one_image_goes_through_functions_that_exist():
    text = PAGE.read_text(encoding="utf-8").partition("## One run")[2].partition("## Decisions")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ") and "->" in line]
    named = re.findall(r"`([\w.]+)`", "\n".join(rows))
    named += re.findall(r"`((?:runs|importing|contract|datasets|baselines)\.[\w.]+)`", text)
    assert len(named) > 25
    assert [name for name in named if not any(exists(name, root) for root in ROOTS)] == []


def test_no_baseline_imports_timm_before_it_makes_a_network():
    """Planning a run, a finished one, and the process that holds the labels need none; it takes two seconds."""
    found = {}
    for path in sorted((PAGE.parents[1] / "baselines").rglob("*.py")):
        tops = [each for each in ast.parse(path.read_text()).body if isinstance(each, ast.Import | ast.ImportFrom)]
        names = [name for each in tops for name in (getattr(each, "module", None), *(n.name for n in each.names))]
        found[path.name] = [name for name in names if name and name.partition(".")[0] in ("timm", "torchvision")]
    assert len(found) > 40
    assert not [name for name, heavy in found.items() if heavy]
