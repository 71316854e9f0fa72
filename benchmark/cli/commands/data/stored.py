"""`medshift data list`, `check` and `remove`: stored data sets."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .....shifts.errors import MedshiftError
from ..listing import Json, print_json, print_rows

Name = Annotated[str, typer.Argument(help="A stored data set; see `medshift data list`.")]


def list_stored(as_json: Json = False) -> None:
    """List the stored data sets."""
    from ....datasets import store

    found = [_record(name) for name in store.names()]
    if as_json:
        print_json(found)
        return
    rows = []
    for each in found:
        if each["problem"]:
            rows.append((each["name"], "", "", "", each["problem"]))
            continue
        hidden = f"  (shadowed by {each['shadowed_by']})" if each["shadowed_by"] else ""
        size = f"{' x '.join(map(str, each['image_size']))} x {each['channels']} {each['dtype']}"
        what = f"{each['modality']}: {', '.join(each['classes'])}{hidden}"
        rows.append((each["name"], each["version"], f"{each['images']:,}", size, what))
    print_rows("stored data set", ("name", "version", "images", "size", "content"), rows)
    print(store.root())


def _record(name: str) -> dict[str, Any]:
    """Describe a stored data set for other programs; `problem` says why the rest is empty, if its facts are damaged."""
    from ....datasets import catalogue, store

    made: dict[str, Any] = {
        "name": name,
        "version": "",
        "modality": "",
        "classes": [],
        "images": None,
        "channels": None,
        "image_size": [],
        "dtype": "",
        "licence": "",
        "simulated": None,
        "folder": str(store.folder(name)),
        "shadowed_by": catalogue.TABLE.origin(name) if name in catalogue.TABLE.names() else "",
        "problem": "",
    }
    try:
        stored = store.facts(store.folder(name))
    except MedshiftError as error:
        return made | {"problem": str(error)}
    keys = ("version", "modality", "classes", "channels", "image_size", "licence", "simulated")
    facts = stored.dataset.model_dump(mode="json")
    return made | {key: facts[key] for key in keys} | {"images": stored.count, "dtype": stored.dtype}


def check(name: Name) -> None:
    """Compare every byte of a stored data set with its checksum."""
    from ....datasets import store

    store.check(store.folder(name))
    print(f"{name}: ok")


def remove(name: Name) -> None:
    """Delete a stored data set."""
    from ....datasets import store
    from ....files.text import for_terminal

    kept = store.remove(name)
    print(f"{name}: removed{f' the link; {for_terminal(kept)} keeps its files' if kept else ''}")
