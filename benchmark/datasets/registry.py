"""Registry of data sets: built-in, from plug-ins (entry points `medshift.datasets`), public, and stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from ...shifts.errors import MedshiftError, in_one_line, near
from ..files.listed import pasted
from . import store
from .catalogue import BUILTINS, SOURCES, SUMMARIES, VERSIONS
from .catalogue import TABLE as TABLE
from .public import catalogue as public
from .streaming.progress import Progress

if TYPE_CHECKING:
    from .dataset import Dataset

Loader: TypeAlias = "Callable[[Progress | None], Dataset]"


def names() -> list[str]:
    """Return the names of all data sets: built-in, from plug-ins, and stored."""
    return sorted({*TABLE.names(), *store.names()})


def kind(name: str) -> Literal["built-in", "plug-in", "stored"]:
    """Return where a data set comes from."""
    if name in BUILTINS:
        return "built-in"
    return "plug-in" if name in TABLE.names() else "stored"


def summary(name: str) -> str:
    """Describe a data set in one line, without loading it."""
    if name in TABLE.names():
        return SUMMARIES.get(name, f"from {TABLE.origin(name)}")
    try:
        stored = store.facts(store.folder(name))
    except MedshiftError as error:
        return str(error)
    return f"stored: {stored.count:,} images ({stored.dataset.modality}), {', '.join(stored.dataset.classes)}"


def leave_out(name: str, version: str, kept: Sequence[str]) -> str:
    """Say how a class is left out of a data set: options that choose classes are for images that are read.

    Args:
        name: Name of the data set.
        version: Its version.
        kept: The other classes.
    """
    from .manifest import LOCAL

    option = f"--classes {pasted(kept)}"
    if version.startswith(LOCAL):
        return f"leave it out with {option}"
    if name in TABLE.names():
        return f"leave it out where the Dataset is made, in {TABLE.origin(name)}"
    if name in store.names():
        return f"leave it out and store the images again: medshift data add NAME DIR {option}"
    return "leave it out where the Dataset is made"


def check_version(name: str, version: str) -> None:
    """Check, without making it, that a built-in data set has the version that a protocol was made of.

    Raises:
        MedshiftError: It has another one here.
    """
    here = VERSIONS.get(name, version)
    if here != version:
        raise MedshiftError(
            f"the data set {name} is version {here} here and version {version} in the protocol, whose pixels differ: "
            "use the medshift that made them (code.commit in a submission's card)"
        )


def source(dataset: Dataset) -> str:
    """Return the default source domain of a data set; empty if it defines none."""
    if dataset.name in SOURCES:
        return SOURCES[dataset.name]
    name, _ = _sized(dataset.name)
    wanted = public.TABLE[name].source if name in public.TABLE else ""
    return wanted if wanted in dataset.domains else ""


def not_stored(name: str) -> str:
    """Say how to get a public data set, perhaps in another size than usual (`NAME-64px`); empty for other names."""
    plain, side = _sized(name)
    if plain not in public.TABLE:
        return ""
    size = f" --image-size {side}" if side else ""
    return f"data set {name!r} is not stored yet: medshift data get {plain}{size}"


def missing(name: str) -> str:
    """Say that the data set of a protocol is not here, and what to do."""
    how = not_stored(name)
    if how:
        return f"{how}, or give its folder with --data DIR"
    return f"data set {name!r} is not known here: install the package that has it, or give its folder with --data DIR"


def _sized(name: str) -> tuple[str, str]:
    """Return the usual name of a public data set and its side, empty if that is not in the name."""
    found = re.fullmatch(r"(.+)-(\d+)px", name)
    return (found[1], found[2]) if found else (name, "")


def load_dataset(name: str, progress: Progress | None = None) -> Dataset:
    """Load a data set by name: built-in or from a plug-in (made or fetched on first use), or else stored.

    Raises:
        MedshiftError: The name is unknown, its plug-in fails, does not return a data set of that name or returns one
            with pixels that are NaN or outside their range, or the stored one is damaged.
    """
    dataset = load_unread(name, progress)
    problems = dataset.value_problems() if kind(name) == "plug-in" else []  # the others are medshift's own work
    if problems:
        raise MedshiftError(problems[0])
    return dataset


def load_unread(name: str, progress: Progress | None = None) -> Dataset:
    """Load a data set as `load_dataset` does; the values of a plug-in's pixels are not looked at."""
    if name not in TABLE.names():
        if name in store.names():
            return store.read(store.folder(name))
        raise MedshiftError(not_stored(name) or f"unknown data set {name!r}.{near(name, [*names(), *public.TABLE])}")
    loader = TABLE.load(name)
    if not callable(loader):
        raise MedshiftError(f"data set {name!r} of {TABLE.origin(name)} is not a function load(progress)")
    from .dataset import Dataset

    who = f"data set {name!r} of {TABLE.origin(name)}"
    try:
        dataset = loader(progress)
    except (MedshiftError, MemoryError):
        raise
    except (Exception, SystemExit) as error:  # third-party code may raise anything
        raise MedshiftError(f"{who} failed: {in_one_line(error)}") from error
    if not isinstance(dataset, Dataset):
        raise MedshiftError(f"{who} returned a {type(dataset).__name__}, not a Dataset")
    if dataset.name != name:  # under its own name nobody could load it, to verify a submission for example
        raise MedshiftError(f"{who} calls itself {dataset.name!r}: give the Dataset the name of its entry point")
    return dataset
