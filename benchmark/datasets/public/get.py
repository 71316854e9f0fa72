"""From the name of a public set to a stored data set: fetch what may be fetched, say what may not, read, pack."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ...files.home import home
from .. import store
from ..dataset import Dataset
from . import download
from .catalogue import find
from .definition import Definition, MissingExtra, ParsedSet, load_function, manual_steps

Progress = Callable[[int, int], None]
Bar = Callable[[str, str], Any]  # label, unit -> a context that gives a `Progress`


def stored_name(definition: Definition, side: int) -> str:
    """Return the name under which a set is stored: its own, with the size where that is not the usual one."""
    return definition.name if side == definition.side else f"{definition.name}-{side}px"


def raw_folder(definition: Definition) -> Path:
    """Return where the files of a set are looked for, unless the user says."""
    return home() / "raw" / definition.name


def get(
    name: str,
    bar: Bar,
    *,
    folder: Path | None = None,
    offline: bool = False,
    image_size: int | None = None,
) -> Dataset:
    """Return a public set after storing it; one that is stored already is opened, and nothing else is done.

    Args:
        name: Of the set.
        bar: Shows progress.
        folder: Where its files lie; `raw_folder` by default. In a folder that the user names nothing is fetched.
        offline: Do not use the network; so does $MEDSHIFT_OFFLINE.
        image_size: Side in pixels; the definition's by default.

    Raises:
        MedshiftError: The set is unknown, or its files are not there; the message says what to fetch, and where to put
            it.
    """
    definition = find(name)
    side = _side(definition, image_size)
    stored = stored_name(definition, side)
    if stored in store.names():
        found = store.read(store.folder(stored))
        if found.citation != definition.citation:
            raise MedshiftError(f"the stored data set {stored!r} was brought in otherwise: remove it, or keep to it")
        return found
    place = folder.expanduser() if folder is not None else raw_folder(definition)
    if folder is not None and not place.is_dir():
        raise MedshiftError(f"{place} is no folder")
    steps = f"To get {name}:\n{manual_steps(definition, place, _options(definition, side, place))}"
    try:
        if folder is None:
            _fetch(definition, side, place, bar, offline or download.offline())
    except download.Unreachable as error:
        raise MedshiftError(f"{name}: {error}\n{steps}") from error
    except MedshiftError as error:  # the file came: the error says what to do with it
        raise MedshiftError(f"{name}: {error}") from error
    if folder is None and definition.remotes:
        steps = f"What was fetched lies in {place}: remove it, and the same command fetches it anew."
    try:
        raw: ParsedSet = load_function(definition.reader)(place, side, **definition.options)
    except MissingExtra as error:
        raise MedshiftError(f"{name}: {error}") from error
    except MedshiftError as error:
        raise MedshiftError(f"{name}: {error}\n{steps}") from error
    with bar(f"reading {name}", "images") as progress:
        return pack(stored, definition, raw, progress)


def _options(definition: Definition, side: int, place: Path) -> str:
    """Return the options that read what a person put into a folder."""
    # without --from, what may be fetched would be tried again
    named = f" --from {shlex.quote(str(place))}" if definition.remotes or place != raw_folder(definition) else ""
    return named + (f" --image-size {side}" if side != definition.side else "")


def _side(definition: Definition, image_size: int | None) -> int:
    side = image_size or definition.side
    if definition.sides and side not in definition.sides:
        raise MedshiftError(f"{definition.name} comes in sizes {', '.join(map(str, definition.sides))}, not {side}")
    if not 8 <= side <= 4096:
        raise MedshiftError(f"--image-size is 8 to 4096, not {side}")
    return side


def _fetch(definition: Definition, side: int, place: Path, bar: Bar, offline: bool) -> None:
    """Fetch what is missing and may be fetched; raises `Unreachable` where it must be done by hand."""
    if not definition.remotes:
        if not place.is_dir():
            raise download.Unreachable(
                "it is not fetched for you: its terms must be accepted by a person, or it is put together from several "
                "pages"
            )
        return
    for remote in load_function(definition.remotes)(side):
        path = place / remote.file
        if not path.exists() and offline:
            raise download.Unreachable(
                f"{remote.file} is not in {place}, and the network is not to be used. It is {remote.url}"
            )
        with bar(f"fetching {remote.file}", "bytes") as progress:
            download.fetch(remote, place, progress)
        if remote.unpack:
            download.unpack(path)


def pack(name: str, definition: Definition, raw: ParsedSet, progress: Progress = lambda done, total: None) -> Dataset:
    """Store what was read of a set under a name.

    Args:
        name: A free one.
        definition: Which set.
        raw: What was read.
        progress: Called with the number of images done, and of all.

    Raises:
        MedshiftError: A class is missing from all images, or an image cannot be decoded.
    """
    from ..importing.pack import Content, in_blocks
    from ..importing.pack import pack as write

    lacking = [label for label in definition.classes if label not in set(raw.table["label"])]
    if lacking:
        raise MedshiftError(f"{name}: no image of class {', '.join(lacking)} is there")
    codes = {label: code for code, label in enumerate(definition.classes)}
    table = raw.table.assign(label=raw.table["label"].map(codes).astype("int64")).reset_index(drop=True)
    images = _counted(raw, progress)
    first = next(images)

    def blocks() -> Iterator[NDArray[Any]]:
        yield first[None]
        yield from in_blocks(images)

    content = Content(
        table=table,
        shape=first.shape,
        dtype="uint8" if first.dtype == np.uint8 else "float32",
        classes=definition.classes,
        modality=definition.modality,
        value_range=raw.value_range,
        licence=definition.licence,
        citation=definition.citation,
        notes=(*definition.notes, *raw.notes),
    )
    return write(name, content, blocks())


def _counted(raw: ParsedSet, progress: Progress) -> Iterator[NDArray[Any]]:
    for done, image in enumerate(raw.images, start=1):
        progress(done, len(raw.table))
        yield image
