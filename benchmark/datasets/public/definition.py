"""What is known of a public data set before anything of it is there, and what its files are read into."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError


class MissingExtra(MedshiftError):
    """A package that reads a set is not installed: no other file would help."""


@dataclass(frozen=True)
class Remote:
    """A file that may be fetched without asking anybody.

    Args:
        url: Where it is.
        file: Its name on disk.
        checksum: As published, `md5:...` or `sha256:...`; empty where none is published.
        published: Where the checksum is published.
        unpack: Whether it is an archive to be unpacked beside itself.
    """

    url: str
    file: str
    checksum: str = ""
    published: str = ""
    unpack: bool = False


@dataclass(frozen=True)
class Definition:
    """A public data set.

    Args:
        name: What is typed.
        title: What it is, in a line.
        modality: Of `shifts.catalogue.MODALITIES`.
        classes: The labels, in their order.
        domains: What can be told apart; where a set is put together by hand, two of them are enough.
        group: What never straddles training and test.
        source: The domain that is trained on by default; the largest where empty.
        size: Images and bytes, as their authors give them.
        licence: Terms of use.
        citation: What to cite.
        page: The official page.
        layout: What must lie in the raw folder: path (`*` for many files), and what it is.
        fetch: What a person does to get it.
        reader: `module:function`, called with (raw folder, side, **options); returns a `Raw`.
        options: Of the reader.
        remotes: `module:function` called with (side), which returns what may be fetched without a person; or empty.
        side: Of the images, in pixels, unless told.
        sides: All there are, where the authors chose; any, where empty.
        extra: Of medshift's optional dependencies.
        notes: What a user should know: traps, leaks, what was decided.
    """

    name: str
    title: str
    modality: str
    classes: tuple[str, ...]
    domains: tuple[str, ...]
    group: str
    size: str
    licence: str
    citation: str
    page: str
    layout: tuple[tuple[str, str], ...]
    fetch: str
    reader: str
    source: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    remotes: str = ""
    side: int = 96
    sides: tuple[int, ...] = ()
    extra: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ParsedSet:
    """What the files of a set say, and its images one by one.

    Args:
        table: Columns sample_id, label (name of a class), domain, group, and further ones as text.
        images: (C, *spatial) each, uint8 or float32, in the order of the table.
        value_range: What 0 and 1 stand for, of float32 images.
        notes: What was left out, and how images were made.
    """

    table: pd.DataFrame
    images: Iterable[NDArray[Any]]
    value_range: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def manual_steps(definition: Definition, folder: Path, options: str) -> str:
    """Return the steps by which a person gets a data set.

    Args:
        definition: Which.
        folder: Where its files are to lie.
        options: Of the command that then reads them.
    """
    width = max(len(path) for path, _ in definition.layout)
    layout = "\n".join(f"       {path:<{width}}  {what}" for path, what in definition.layout)
    return (
        f"  1. {definition.fetch}\n     {definition.page}\n     licence: {definition.licence}\n"
        f"  2. let this lie in {folder}:\n{layout}\n"
        f"  3. medshift data get {definition.name}{options}"
    )


def load_function(where: str) -> Callable[..., Any]:
    """Return the function of this package that `module:function` stands for."""
    module, _, name = where.partition(":")
    found: Callable[..., Any] = getattr(import_module(f"{__package__}.sets.{module}"), name)
    return found
