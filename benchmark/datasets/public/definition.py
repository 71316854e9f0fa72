"""Definitions of public data sets, and what their files are parsed into."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....shifts.errors import MedshiftError
from .repositories import Repository

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class MissingExtra(MedshiftError):
    """A package that is needed to read a set is not installed."""


@dataclass(frozen=True)
class Remote:
    """A file that may be downloaded without a person accepting terms.

    Args:
        url: Address.
        file: File name on disk.
        checksum: `md5:...` or `sha256:...` as published; empty if none is.
        published: Who publishes the checksum.
        unpack: Whether it is an archive to be unpacked beside itself.
        size: In bytes, after which a download is stopped; 0 if unknown.
    """

    url: str
    file: str
    checksum: str = ""
    published: str = ""
    unpack: bool = False
    size: int = 0


@dataclass(frozen=True)
class Definition:
    """A public data set.

    Args:
        name: Name on the command line.
        title: Description in one line.
        modality: One of `shifts.catalogue.MODALITIES`.
        classes: The labels, in their order.
        domains: Sites or scanners; two are enough if a set is assembled by hand.
        group: Unit that is never split between training and test.
        source: Default source domain; the largest if empty.
        size: Images and bytes, as their authors give them.
        licence: Terms of use.
        citation: What to cite.
        page: Official page.
        layout: Contents of the raw folder: path (`*` for many files), and description.
        fetch: Instruction for getting it by hand.
        reader: `module:function`, called with (raw folder, side, **options); returns a `ParsedSet`. With
            `repositories`, it gets where each file lies, by `PinnedFile.key`, in place of the folder.
        options: Options of the reader.
        remotes: `module:function` called with (side), returns the `Remote` files; empty if none.
        repositories: Public repositories whose files, listed in `pinned/NAME.tsv`, are fetched once their terms are
            accepted.
        side: Default side of the images, in pixels.
        sides: The sides that the authors offer; any if empty.
        extra: Name of the optional dependencies.
        notes: What a user should know: pitfalls, leaks, decisions.
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
    repositories: tuple[Repository, ...] = ()
    side: int = 96
    sides: tuple[int, ...] = ()
    extra: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ParsedSet:
    """The table of a set, and its images one by one.

    Args:
        table: Columns sample_id, label (name of a class), domain, group, and others as text.
        images: Arrays (C, *spatial), uint8 or float32, in the order of the table.
        value_range: Pixel values of float32 images that become 0 and 1.
        notes: What was left out, and how images were made.
    """

    table: pd.DataFrame
    images: Iterable[NDArray[Any]]
    value_range: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def manual_steps(definition: Definition, folder: Path, options: str) -> str:
    """Describe how to get a data set by hand.

    Args:
        definition: The data set.
        folder: Where its files belong.
        options: Options of the command that then reads them.
    """
    width = max(len(path) for path, _ in definition.layout)
    layout = "\n".join(f"       {path:<{width}}  {what}" for path, what in definition.layout)
    return (
        f"  1. {definition.fetch}\n     {definition.page}\n     licence: {definition.licence}\n"
        f"  2. put these into {folder}:\n{layout}\n"
        f"  3. medshift data get {definition.name}{options}"
    )


def load_function(where: str) -> Callable[..., Any]:
    """Load a function of `sets` from `module:function`."""
    module, _, name = where.partition(":")
    found: Callable[..., Any] = getattr(import_module(f"{__package__}.sets.{module}"), name)
    return found
