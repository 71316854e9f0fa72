"""New plug-in packages from templates."""

from __future__ import annotations

import keyword
import re
import shutil
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
from ..files.atomic import write_text
from ..files.destinations import new_folder

FILES = {  # template -> file, with the same placeholders
    "module.py.txt": "${module}.py",
    "test_module.py.txt": "tests/test_${module}.py",
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
}
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
IMPORT = re.compile(r"^(?:from \S+ )?import (.+)$", re.MULTILINE)  # the names of one line


@dataclass(frozen=True)
class Kind:
    """What a plug-in adds.

    Args:
        noun: What messages call it.
        table: The names that are taken.
        word: Placeholder in the template for the object that the entry point names.
        identifier: Turns the plug-in's name into the name of that object.
    """

    noun: str
    table: Table
    word: str
    identifier: Callable[[str], str]


def _function(name: str) -> str:
    return name.replace("-", "_")


def _class(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


KINDS: Mapping[str, Kind] = {
    "shift": Kind("shift", catalogue.TABLE, "function", _function),
    "baseline": Kind("baseline", registry.TABLE, "kind", _class),
    "dataset": Kind("data set", datasets.TABLE, "function", _function),
}


def new(kind: str, name: str, out: Path) -> list[Path]:
    """Write a complete package that adds one shift, baseline or data set; return its files.

    Args:
        kind: A key of `KINDS`.
        name: Of the plug-in: lower-case letters and digits joined by hyphens, not yet taken.
        out: The folder to create; it may exist if it is empty.

    Raises:
        MedshiftError: The name is invalid or taken, or the folder is not empty.
    """
    what = KINDS[kind]
    if not NAME.fullmatch(name) or len(name) > 60:
        raise MedshiftError(f"invalid {what.noun} name {name!r}: use up to 60 lower-case letters, digits and hyphens")
    if name in what.table.names():
        origin = what.table.origin(name)
        raise MedshiftError(f"{what.noun} {name!r} exists already, in {origin}: choose another name")
    new_folder(out, "a package")
    module = f"medshift_{_function(name)}"
    words = {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "module": module,
        "distribution": f"medshift-{name}",
        "variable": f"{module.upper()}_DIR",
        what.word: _free(what.identifier(name), kind),
    }
    existed = out.exists()
    try:
        return _write(kind, words, out)
    except BaseException:  # half a package would be refused as a folder that is not empty
        shutil.rmtree(out, ignore_errors=True)
        if existed:
            out.mkdir(exist_ok=True)
        raise


def _write(kind: str, words: Mapping[str, str], out: Path) -> list[Path]:
    """Fill the templates of a kind; return the files."""
    written = []
    for template, file in FILES.items():
        text = _text(kind, template)
        path = out / Template(file).substitute(words)
        write_text(path, Template(text).substitute(words))
        written.append(path)
    return written


def _text(kind: str, template: str) -> str:
    return resources.files(__package__).joinpath("templates", kind, template).read_text(encoding="utf-8")


def _free(name: str, kind: str) -> str:
    """Return a name that is not a Python keyword and shadows nothing that the module of a kind imports."""
    imported = {word for line in IMPORT.findall(_text(kind, "module.py.txt")) for word in re.split(r",\s*", line)}
    if not (keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in imported):
        return name
    return f"{name}{kind.capitalize()}" if name[0].isupper() else f"{name}_{kind}"
