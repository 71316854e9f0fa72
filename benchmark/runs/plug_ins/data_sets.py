"""Checks of a data set, for authors' tests: `assert check_dataset("my-scans") == []`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....shifts.errors import MedshiftError
from ...datasets import registry, split_names
from ...datasets.dataset import DatasetError
from ...protocols.choices import Choices
from ...protocols.plan import plan
from ..study_notes import study_notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...datasets.dataset import Dataset
    from ...datasets.streaming.progress import Progress


@dataclass(frozen=True)
class Examined:
    """What was found in a data set.

    Args:
        problems: What no run can take, or would take wrongly; one line each.
        notes: What a run with the usual choices will say.
    """

    problems: list[str]
    notes: list[str]


def check_dataset(name: str, progress: Progress | None = None) -> list[str]:
    """List all that is wrong with a data set, one line each; an empty list is a pass.

    Checked: name, table, labels, type, layout and values of pixels; that a plug-in gives the same when it is loaded
    again; that every class has images; that the column `split`, if there is one, is understood and parts no group; and
    that a protocol with the usual choices can be made of it, trained on its own source or its largest domain. What
    concerns splits is looked at once the data set can be made. What the loader prints goes to standard error.

    Args:
        name: Name of a data set: a plug-in's, a stored or a built-in one.
        progress: Called with what is read and all there is.
    """
    return examine(name, progress).problems


def examine(name: str, progress: Progress | None = None) -> Examined:
    """Check a data set as `check_dataset` does, and find what a run will say of it."""
    if name in registry.TABLE.clashes:
        return Examined([registry.TABLE.clashes[name]], [])
    try:
        dataset = _loaded(name, progress)
    except DatasetError as error:
        return Examined(list(error.problems), [])
    except MedshiftError as error:
        return Examined([str(error)], [])
    problems, notes = [*dataset.value_problems(), *_column_problems(dataset)], []
    try:
        protocol, table = plan(dataset, Choices(), registry.source(dataset))
        notes = study_notes(dataset, protocol, table, planned=True)
    except MedshiftError as error:
        problems.append(f"with the usual choices, no protocol can be made of it: {error}")
    if registry.kind(name) == "plug-in":
        digest = dataset.digest()
        del dataset  # memory for one is enough
        problems += _repetition_problems(name, digest)
    return Examined(problems, notes)


def _loaded(name: str, progress: Progress | None) -> Dataset:
    with redirect_stdout(sys.stderr):
        return registry.load_unread(name, progress)


def _column_problems(dataset: Dataset) -> Iterator[str]:
    held = set(dataset.table["label"])
    nowhere = [f"`{name}`" for label, name in enumerate(dataset.classes) if label not in held]
    if nowhere:
        yield f"no image is of {', '.join(nowhere)}: leave it out of the classes"
    if "split" not in dataset.table:
        return
    unknown = split_names.unreadable(dataset.table["split"].astype(str))
    if unknown:
        yield unknown
    parted = split_names.straddling(dataset.table)
    if parted:
        yield f"column `split` parts {parted:,} groups: all images of a group of a domain belong to one split"


def _repetition_problems(name: str, digest: str) -> Iterator[str]:
    try:
        same = _loaded(name, None).digest() == digest
    except MedshiftError as error:
        yield f"loading it a second time fails: {error}"
        return
    if not same:
        yield "loaded a second time it has other pixels or rows: seed what is random, and read files in a fixed order"
