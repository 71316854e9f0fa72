"""A baseline that is not installed: `--baseline my_module:MyBaseline`, a class in a file beside the user."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from ...shifts.errors import MedshiftError, in_one_line, near
from ..files.atomic import sha256

SPEC = re.compile(r"[A-Za-z]\w*(\.\w+)*:[A-Za-z_]\w*", re.ASCII)
CLAIM = re.compile(r"module ([\w.]{1,100}), sha256 ([0-9a-f]{64})", re.ASCII)
LONGEST = 100  # of a name, so that an entry's folder has room for hyper-parameters


def is_spec(name: str) -> bool:
    """Tells `my_module:MyBaseline` from a name in the table."""
    return ":" in name


def load(spec: str) -> object:
    """Imports what `my_module:MyBaseline` stands for; the current folder is looked in first, as by `python -m`.

    Raises:
        MedshiftError: The module is not found or fails, or has no such attribute.
    """
    if not SPEC.fullmatch(spec) or len(spec) > LONGEST:
        raise MedshiftError(f"a class is given as my_module:MyBaseline, not {spec!r}")
    module, _, attribute = spec.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            files = [path.stem for path in Path.cwd().glob("*.py")]
            hint = near(module, files) if files else ""
            raise MedshiftError(f"there is no module {error.name!r} in {here}, nor installed.{hint}") from None
        raise MedshiftError(f"module {module!r} cannot be imported: {in_one_line(error)}") from error
    except Exception as error:  # an import runs the user's code, which may raise anything
        raise MedshiftError(f"module {module!r} cannot be imported: {in_one_line(error)}") from error
    if not hasattr(loaded, attribute):
        classes = [name for name, value in vars(loaded).items() if isinstance(value, type)]
        raise MedshiftError(f"{_file(module)} has no {attribute!r}.{near(attribute, classes) if classes else ''}")
    found: object = getattr(loaded, attribute)
    return found


def label(spec: str) -> str:
    """Returns how cards and folders name it: `my_module.MyBaseline`."""
    return spec.replace(":", ".")


def origin(spec: str) -> str:
    """Returns where it comes from, as a card says it: the module, and the sha256 of its file."""
    module = spec.partition(":")[0]
    return f"module {module}, sha256 {sha256(_file(module))}"


def claimed(name: str, distribution: str) -> str:
    """Returns the spec of a card's baseline; empty where it is one from the table.

    Nothing is imported unless it is the very file of the card.

    Raises:
        MedshiftError: Its module is not here, or another file.
    """
    match = CLAIM.fullmatch(distribution)
    if match is None:
        return ""
    module, wanted = match.groups()
    attribute = name.removeprefix(f"{module}.")
    here = Path.cwd()
    stem = here.joinpath(*module.split("."))
    path = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
    if not path.is_file():
        raise MedshiftError(f"this entry was made by {name} of the module {module!r}, which is not in {here}: go there")
    if sha256(path) != wanted:
        raise MedshiftError(f"{path} is another file than the one that made this entry (its sha256 differs)")
    return f"{module}:{attribute}"


def _file(module: str) -> Path:
    """Returns the file of a module that was imported.

    Raises:
        MedshiftError: It has none.
    """
    found = find_spec(module)
    if found is None or found.origin is None or not Path(found.origin).is_file():
        raise MedshiftError(f"module {module!r} has no file: put the class into one")
    return Path(found.origin)
