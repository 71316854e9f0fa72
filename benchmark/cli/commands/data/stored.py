"""`medshift data list`, `check` and `remove`: stored data sets."""

from __future__ import annotations

from typing import Annotated

import typer

from .....shifts.errors import MedshiftError

Name = Annotated[str, typer.Argument(help="A stored data set; see `medshift data list`.")]


def list_stored() -> None:
    """List the stored data sets."""
    from ....datasets import catalogue, store
    from ..listing import print_table

    rows = []
    for name in store.names():
        try:
            facts = store.facts(store.folder(name))
        except MedshiftError as error:
            rows.append((name, "", "", "", str(error)))
            continue
        rival = catalogue.TABLE.origin(name) if name in catalogue.TABLE.names() else ""
        hidden = f"  (shadowed by {rival})" if rival else ""
        size = " x ".join(map(str, facts.dataset.image_size)) + f" x {facts.dataset.channels} {facts.dtype}"
        what = f"{facts.dataset.modality}: {', '.join(facts.dataset.classes)}{hidden}"
        rows.append((name, facts.dataset.version, f"{facts.count:,}", size, what))
    print_table("stored data sets", ("name", "version", "images", "size", "content"), rows)
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
