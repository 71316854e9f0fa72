"""Baselines that are not installed: `--baseline my_module:MyBaseline`, a class in a file of the current folder."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from ...shifts.errors import MedshiftError, in_one_line, near
from ..files.code import file_below, files_sha256, own_files

SPEC = re.compile(r"[A-Za-z]\w*(\.\w+)*:[A-Za-z_]\w*", re.ASCII)
CLAIM = re.compile(r"module ([\w.]{1,100}), sha256 ([0-9a-f]{64})", re.ASCII)
LONGEST = 100  # characters, so that an entry's folder name has room for hyper-parameters


def is_spec(name: str) -> bool:
    """Return whether a name is `my_module:MyBaseline` rather than a name in the table."""
    return ":" in name


def load(spec: str, what: str = "baseline class", example: str = "my_module:MyBaseline") -> object:
    """Import the class of `my_module:MyBaseline`; the current folder is searched first, as by `python -m`.

    Args:
        spec: Module and name.
        what: What the name is of, for errors.
        example: How it is written, for errors.

    Raises:
        MedshiftError: The module is missing or cannot be imported, or has no such attribute.
    """
    if not SPEC.fullmatch(spec) or len(spec) > LONGEST:
        raise MedshiftError(f"invalid {what} {spec!r}: write {example}")
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
            raise MedshiftError(f"module {error.name!r} is neither in {here} nor installed.{hint}") from None
        raise MedshiftError(f"module {module!r} cannot be imported: {in_one_line(error)}") from error
    except Exception as error:  # an import runs the user's code, which may raise anything
        raise MedshiftError(f"module {module!r} cannot be imported: {in_one_line(error)}") from error
    if not hasattr(loaded, attribute):
        classes = [name for name, value in vars(loaded).items() if isinstance(value, type)]
        raise MedshiftError(f"{_file(module)} has no {attribute!r}.{near(attribute, classes) if classes else ''}")
    found: object = getattr(loaded, attribute)
    return found


def label(spec: str) -> str:
    """Return the name in cards and folders: `my_module.MyBaseline`."""
    return spec.replace(":", ".")


def origin(spec: str) -> str:
    """Return the origin as cards record it: the module and the sha256 of its files (`_files`)."""
    module = spec.partition(":")[0]
    here = Path.cwd()
    path = file_below(here, module)
    if path is None:
        path = _file(module)
        here = path.parents[module.count(".") + (path.name == "__init__.py")]
    return f"module {module}, sha256 {files_sha256(_files(module, here))}"


def code_beside(module: str, path: Path) -> str:
    """Hash a module that is not installed with what it imports from its folder; empty if it is alone there."""
    root = path.parents[module.count(".") + (path.name == "__init__.py")]
    files = _files(module, root)
    return files_sha256(files) if len(files) > 1 and not _is_installed(root) else ""


def claimed(name: str, distribution: str) -> str:
    """Return the `my_module:MyBaseline` of a card's baseline; empty if it is one from the table.

    The module is not imported; its files must be the card's.

    Raises:
        MedshiftError: The module is not in the current folder, or its files differ.
    """
    match = CLAIM.fullmatch(distribution)
    if match is None:
        return ""
    module, wanted = match.groups()
    attribute = name.removeprefix(f"{module}.")
    here = Path.cwd()
    path = file_below(here, module)
    if path is None:
        raise MedshiftError(
            f"this entry was made by {name}, and module {module!r} is not in {here}: change to its folder"
        )
    files = _files(module, here)
    if files_sha256(files) != wanted:
        if len(files) == 1:
            raise MedshiftError(f"{path} differs from the file that made this entry (by its sha256)")
        raise MedshiftError(
            f"the {len(files)} files of module {module!r} and what it imports from {here} differ from those that made "
            "this entry (by their sha256)"
        )
    return f"{module}:{attribute}"


def _files(module: str, root: Path) -> dict[str, Path]:
    """Return the files of a module: all of its package, and what they import from the same folder.

    What lies beside an installed package is not its author's.
    """
    return own_files(module, root, beside=not _is_installed(root))


def _is_installed(root: Path) -> bool:
    return root.resolve().is_relative_to(Path(sys.prefix).resolve())


def _file(module: str) -> Path:
    """Return the file of a module.

    Raises:
        MedshiftError: The module has no file.
    """
    found = find_spec(module)
    if found is None or found.origin is None or not Path(found.origin).is_file():
        raise MedshiftError(f"module {module!r} has no file: put the class in a file")
    return Path(found.origin)
