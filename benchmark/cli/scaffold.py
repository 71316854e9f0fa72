"""New plug-in packages from templates."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from ...shifts import catalogue
from ...shifts.errors import MedshiftError
from ...shifts.plugins import Table
from ..contract import registry
from ..datasets import catalogue as datasets

FILES = {  # template -> file, with the same placeholders
    "module.py.txt": "${module}.py",
    "test_module.py.txt": "tests/test_${module}.py",
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
}
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Kind:
    """What a plug-in adds.

    Args:
        noun: In messages.
        table: Of the names that are taken.
        used: Names that the template's module uses, which its own must not hide.
        word: The placeholder for what the entry point leads to.
        identifier: From the plug-in's name to that.
    """

    noun: str
    table: Table
    used: tuple[str, ...]
    word: str
    identifier: Callable[[str], str]


def _function(name: str) -> str:
    return name.replace("-", "_")


def _class(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


KINDS: Mapping[str, Kind] = {
    "shift": Kind("shift", catalogue.TABLE, ("interpolate_severity", "torch", "annotations"), "function", _function),
    "baseline": Kind(
        "baseline",
        registry.TABLE,
        ("Access", "Choice", "Classifier", "Predictor", "Recipe", "Sees", "Space"),
        "kind",
        _class,
    ),
    "dataset": Kind("data set", datasets.TABLE, ("dataclasses", "os", "home", "annotations"), "function", _function),
}


def new(kind: str, name: str, out: Path) -> list[Path]:
    """Writes a complete package that adds one shift, baseline or data set, and returns its files.

    Args:
        kind: Of `KINDS`.
        name: The plug-in's, in small letters and digits with hyphens between, not yet taken.
        out: The folder to make; it may exist if it is empty.

    Raises:
        MedshiftError: The name is no name or is taken, or the folder holds something.
    """
    what = KINDS[kind]
    if not NAME.fullmatch(name) or len(name) > 60:
        raise MedshiftError(f"a {what.noun}'s name is small letters and digits with hyphens between, not {name!r}")
    if name in what.table.names():
        origin = what.table.origin(name)
        raise MedshiftError(f"there is a {what.noun} {name!r} already, of {origin}: choose another name")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise MedshiftError(f"{out} exists and is not an empty folder: choose another --out")
    module = f"medshift_{_function(name)}"
    words = {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "module": module,
        "distribution": f"medshift-{name}",
        "variable": f"{module.upper()}_DIR",
        what.word: _free(what.identifier(name), kind, what.used),
    }
    written = []
    for template, file in FILES.items():
        text = resources.files(__package__).joinpath("templates", kind, template).read_text(encoding="utf-8")
        path = out / Template(file).substitute(words)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(words), encoding="utf-8")
        written.append(path)
    return written


def _free(name: str, kind: str, used: tuple[str, ...]) -> str:
    """Returns a name that is no word of the language and hides nothing that the template uses."""
    if not (keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in used):
        return name
    return f"{name}{kind.capitalize()}" if name[0].isupper() else f"{name}_{kind}"
