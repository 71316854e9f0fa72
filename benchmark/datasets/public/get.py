"""Fetch a public data set, or explain how to get it by hand, and store it."""

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
from ..streaming.progress import Bar, Progress
from . import download
from .catalogue import find
from .definition import Definition, MissingExtra, ParsedSet, load_function, manual_steps
from .gather import Wishes, gather


def stored_name(definition: Definition, side: int) -> str:
    """Return the name under which a set is stored: its own, with the size if that is not the default."""
    return definition.name if side == definition.side else f"{definition.name}-{side}px"


def raw_folder(definition: Definition) -> Path:
    """Return the default folder for the files of a set."""
    return home() / "raw" / definition.name


def get(
    name: str,
    bar: Bar,
    *,
    folder: Path | None = None,
    offline: bool = False,
    image_size: int | None = None,
    accept: bool = False,
    show: Callable[[str], None] = lambda text: None,
) -> Dataset:
    """Fetch and store a public set, or open it if it is stored already.

    Args:
        name: Name of the set.
        bar: Shows progress.
        folder: Folder with its files; nothing is then fetched, unless `accept` allows what is missing to be. By
            default `raw_folder`.
        offline: Do not use the network, as with $MEDSHIFT_OFFLINE.
        image_size: Side in pixels; the definition's by default.
        accept: Whether the terms of a set's repositories are accepted.
        show: Shows these terms before anything is fetched.

    Raises:
        MedshiftError: The set is unknown, or files are missing; the message says what to fetch and where to put it.
    """
    definition = find(name)
    side = _side(definition, image_size)
    stored = stored_name(definition, side)
    if stored in store.names():
        found = store.read(store.folder(stored))
        if found.citation != definition.citation:
            raise MedshiftError(f"a data set {stored!r} from elsewhere is stored already: use or remove it")
        return found
    place = folder.expanduser() if folder is not None else raw_folder(definition)
    if folder is not None and not place.is_dir():
        raise MedshiftError(f"{place} is not a folder")
    steps = f"To get {name}:\n{manual_steps(definition, place, _options(definition, side, place))}"
    wishes = Wishes(place if folder is not None else None, accept, offline or download.offline(), show)
    try:
        files = _files(definition, side, place, bar, wishes)
    except (download.Unreachable, MissingExtra) as error:  # a package may know the addresses: by hand it goes without
        raise MedshiftError(f"{name}: {error}\n{steps}") from error
    except MedshiftError as error:  # the file was fetched: the error says what to do
        raise MedshiftError(f"{name}: {error}") from error
    if folder is None and definition.remotes:
        steps = f"The files are in {place}: remove them, and the same command fetches them again."
    try:
        raw: ParsedSet = load_function(definition.reader)(files, side, **definition.options)
    except MissingExtra as error:
        raise MedshiftError(f"{name}: {error}") from error
    except MedshiftError as error:
        after = "" if definition.repositories else f"\n{steps}"  # these files are the published ones
        raise MedshiftError(f"{name}: {error}{after}") from error
    with bar(f"reading {name}", "images") as progress:
        return pack(stored, definition, raw, progress)


def _files(definition: Definition, side: int, place: Path, bar: Bar, wishes: Wishes) -> Path | dict[str, Path]:
    """Fetch what is missing of a set; return the folder of its files, or where each of them lies."""
    if definition.repositories:
        return gather(definition, raw_folder(definition), wishes, bar)
    if wishes.given is None:
        _fetch(definition, side, place, bar, wishes.offline)
    return place


def _options(definition: Definition, side: int, place: Path) -> str:
    """Return the options of the command that reads what a person put into a folder."""
    # without --from, the download would be tried again
    fetched = definition.remotes or definition.repositories
    named = f" --from {shlex.quote(str(place))}" if fetched or place != raw_folder(definition) else ""
    return named + (f" --image-size {side}" if side != definition.side else "")


def _side(definition: Definition, image_size: int | None) -> int:
    side = image_size or definition.side
    if definition.sides and side not in definition.sides:
        raise MedshiftError(f"{definition.name} comes in sizes {', '.join(map(str, definition.sides))}, not {side}")
    if not 8 <= side <= 4096:
        raise MedshiftError(f"--image-size must be 8 to 4096, not {side}")
    return side


def _fetch(definition: Definition, side: int, place: Path, bar: Bar, offline: bool) -> None:
    """Download missing files; raise `Unreachable` if they must be fetched by hand."""
    if not definition.remotes:
        if not place.is_dir():
            raise download.Unreachable(
                "it cannot be fetched automatically: a person must accept its terms, or assemble it from several pages"
            )
        return
    for remote in load_function(definition.remotes)(side):
        path = place / remote.file
        if not path.exists() and offline:
            raise download.Unreachable(
                f"{remote.file} is not in {place}, and the network is switched off. Its address is {remote.url}"
            )
        with bar(f"fetching {remote.file}", "bytes") as progress:
            download.fetch(remote, place, progress)
        if remote.unpack:
            download.unpack(path)


def pack(name: str, definition: Definition, raw: ParsedSet, progress: Progress = lambda done, total: None) -> Dataset:
    """Store a parsed set under a name.

    Args:
        name: A free name.
        definition: The definition of the set.
        raw: The parsed set.
        progress: Called with (images done, all images).

    Raises:
        MedshiftError: A class has no image, or an image cannot be decoded.
    """
    from ..importing.pack import Content, in_blocks
    from ..importing.pack import pack as write

    lacking = [label for label in definition.classes if label not in set(raw.table["label"])]
    if lacking:
        raise MedshiftError(f"{name}: no images of class {', '.join(lacking)}")
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
