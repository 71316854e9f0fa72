"""The table of studies: built-in ones are files, others come from packages by the entry-point group."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ...shifts.errors import MedshiftError, in_one_line
from ...shifts.plugins import Table
from ..files.names import require_name
from .file import LoadedStudy, read_python, read_study
from .study import Study

FOLDER = Path(__file__).parent / "builtin"
GROUP = "medshift.studies"
#: Name -> its file in `FOLDER`, or `module:attribute`.
BUILTINS: dict[str, str] = {
    name: f"{name}.toml"
    for name in ("transfer", "depth", "labels", "architectures", "self-supervision", "resolution", "confounding")
}
BUILTINS["similarity"] = "medshift.benchmark.studies.similarity.study:STUDY"
TABLE = Table(GROUP, "study", BUILTINS, "studies")


def load_study(name: str) -> LoadedStudy:
    """Load a study by its name, or from a file that ends in `.toml`.

    A package names, by an entry point, a `Study`, or the `Path` of a TOML file.

    Raises:
        MedshiftError: The name is unknown or claimed by two packages, its package cannot be imported, or it is not a
            valid study.
    """
    if name.endswith(".toml"):
        return read_study(Path(name))
    TABLE.check(name)
    require_name(name, "study")  # an entry point may have any name, and the study's folder is called by it
    if BUILTINS.get(name, "").endswith(".toml"):
        return read_study(FOLDER / BUILTINS[name])
    found = TABLE.load(name)
    if isinstance(found, Path):
        loaded = read_study(found)
    elif isinstance(found, Study):
        try:
            loaded = LoadedStudy(read_python(found))
        except MedshiftError:
            raise
        except Exception as error:  # fields may hold anything
            raise MedshiftError(f"{_who(name)} is wrong: {in_one_line(error)}") from error
    else:
        raise MedshiftError(f"{_who(name)} is not a Study, nor the Path of a TOML file")
    # the name of the entry point is the one that users type, and that studies are stored under
    return LoadedStudy(dataclasses.replace(loaded.study, name=name), loaded.file)


def _who(name: str) -> str:
    return f"study {name!r} of {TABLE.origin(name)}"
