"""What an import leaves in the store, and what it says where it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medshift.benchmark.datasets import store
from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.collection import Collection, open_collection
from medshift.benchmark.datasets.importing.options import Options
from medshift.shifts.errors import MedshiftError


def left(home: Path) -> list[str]:
    """Return the names in the store, without locks."""
    return [path.name for path in (home / "data").glob("*") if not path.name.endswith(".lock")]


def refused(where: Path, home: Path, **options: Any) -> list[str]:
    """Return the lines of the message with which input is refused; check that nothing is left behind."""
    with pytest.raises(MedshiftError) as error:
        add("set", where, Options(**options))
    assert store.names() == []
    assert left(home) == []
    return [line.strip() for line in str(error.value).splitlines()]


def opened(where: Path, **options: Any) -> Collection:
    """Open a set and read all its images."""
    found = open_collection(where, Options(**options))
    assert sum(1 for _ in found.images()) == len(found.table)
    return found


def labels_of(found: Collection) -> list[str]:
    """Return the name of the class of every image."""
    return [found.classes[label] for label in found.table["label"]]


def complaints(where: Path, **options: Any) -> list[str]:
    """Return the lines with which a set is refused."""
    with pytest.raises(MedshiftError) as error:
        opened(where, **options)
    return [line.strip() for line in str(error.value).splitlines()]
