"""New plug-in packages from templates."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from string import Template

from ..shifts import catalogue
from ..shifts.errors import MedshiftError

FILES = {  # template -> file, with the same placeholders
    "module.py.txt": "${module}.py",
    "test_module.py.txt": "tests/test_${module}.py",
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
}
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_shift(name: str, out: Path) -> list[Path]:
    """Writes a complete package that adds one shift, and returns its files.

    Args:
        name: The shift's, in small letters and digits with hyphens between, not yet in the catalogue.
        out: The folder to make; it may exist if it is empty.

    Raises:
        MedshiftError: The name is no name or is taken, or the folder holds something.
    """
    if not NAME.fullmatch(name) or len(name) > 60:
        raise MedshiftError(f"a shift's name is small letters and digits with hyphens between, not {name!r}")
    if name in catalogue.names():
        raise MedshiftError(f"there is a shift {name!r} already, of {catalogue.origin(name)}: choose another name")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise MedshiftError(f"{out} exists and is not an empty folder: choose another --out")
    function = name.replace("-", "_")
    words = {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "function": function if not _reserved(function) else f"{function}_shift",
        "module": f"medshift_{function}",
        "distribution": f"medshift-{name}",
    }
    written = []
    for template, file in FILES.items():
        text = resources.files(__package__).joinpath("templates", "shift", template).read_text(encoding="utf-8")
        path = out / Template(file).substitute(words)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(words), encoding="utf-8")
        written.append(path)
    return written


def _reserved(name: str) -> bool:
    """Tells whether a function may not have that name, or would hide what the template uses."""
    import keyword

    return keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in ("at", "torch", "annotations")
