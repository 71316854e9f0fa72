"""`medshift data list`, `check` and `remove`: data sets that were brought in."""

from __future__ import annotations

from typing import Annotated

import typer

from .....shifts.errors import MedshiftError

Name = Annotated[str, typer.Argument(help="A stored data set; see `medshift data list`.")]


def list_stored() -> None:
    """List the data sets that were brought in."""
    from ....datasets import catalogue, store
    from ..listing import print_table

    rows = []
    for name in store.names():
        try:
            said = store.facts(store.folder(name))
        except MedshiftError as error:
            rows.append((name, "", "", "", str(error)))
            continue
        rival = catalogue.TABLE.origin(name) if name in catalogue.TABLE.names() else ""
        hidden = f"  (out of reach: {rival} has one of that name)" if rival else ""
        size = " x ".join(map(str, said.dataset.image_size)) + f" x {said.dataset.channels} {said.dtype}"
        what = f"{said.dataset.modality}: {', '.join(said.dataset.classes)}{hidden}"
        rows.append((name, said.dataset.version, f"{said.count:,}", size, what))
    print_table("stored data sets", ("name", "version", "images", "of", "what it is"), rows)
    print(store.root())


def check(name: Name) -> None:
    """Compare every byte of a stored data set with its checksum."""
    from ....datasets import store

    store.check(store.folder(name))
    print(f"{name}: ok")


def remove(name: Name) -> None:
    """Delete a stored data set."""
    from ....datasets import store

    store.remove(name)
    print(f"{name}: removed")
