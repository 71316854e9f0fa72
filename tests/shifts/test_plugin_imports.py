"""A plug-in whose module exits or hangs when it is imported is one line, and others go on."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from medshift.shifts import plugins
from medshift.shifts.errors import MedshiftError
from medshift.shifts.plugins import Table

MODULES = {
    "exits": ("raise SystemExit(7)", "SystemExit: 7"),
    "raises": ("1 / 0", "ZeroDivisionError"),
    "hangs": ("while True:\n    try:\n        pass\n    except Exception:\n        pass", "it took more than 1 s"),
    "raises what is no error": ("raise BaseException('x')", "BaseException: x"),
}


@pytest.mark.parametrize("kind", MODULES)
def test_a_module_that_does_not_load_is_one_line_and_others_load(kind, tmp_path, monkeypatch):
    code, says = MODULES[kind]
    name = f"acme_{kind.replace(' ', '_')}"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(plugins, "LONGEST_IMPORT", 1.0)
    table = Table("medshift.made-up", "thing", {"own": "math:pi"})
    points = [EntryPoint("bad", f"{name}:f", table.group), EntryPoint("good", "math:tau", table.group)]
    table.__dict__["_points"] = points
    with pytest.raises(MedshiftError) as error:
        table.load("bad")
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert table.load("good") > table.load("own")
    sys.modules.pop(name, None)


def test_ctrl_c_while_a_plug_in_is_imported_is_no_fault_of_the_plug_in(tmp_path, monkeypatch):
    (tmp_path / "acme_slow.py").write_text("raise KeyboardInterrupt")
    monkeypatch.syspath_prepend(tmp_path)
    table = Table("medshift.made-up", "thing", {})
    table.__dict__["_points"] = [EntryPoint("slow", "acme_slow:f", table.group)]
    with pytest.raises(KeyboardInterrupt):
        table.load("slow")
