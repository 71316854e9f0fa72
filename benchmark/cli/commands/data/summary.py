"""The summary that `medshift data add` prints: images per domain and class, groups, and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from ....datasets import split_names, store
from ....datasets.shared_groups import shared_groups_note
from ....files.wording import plural
from ....reporting.terminal import fits, print_table
from ...progress import console

if TYPE_CHECKING:
    import pandas as pd

    from ....datasets.dataset import Dataset


def print_summary(added: Dataset) -> None:
    """Print the images per domain and class, the groups, and the notes."""
    screen = console(err=False)
    table = counts_by_class(added)
    print_table(screen, table if fits(screen, table) else counts_in_rows(added))
    size = " x ".join(map(str, added.spatial))
    channels = plural(added.channels, "channel")
    print(f"{len(added.table):,} images of {size}, {channels}, {added.pixels.dtype}; version {added.version}")
    further = [shared_groups_note(added.table), split_names.split_note(added.table)]
    if parted := split_names.straddling(added.table):
        groups = plural(parted, "group")
        further.append(f"column `split` parts the images of {groups}, which `run` refuses: {split_names.WAY_ON}")
    for note in (*added.notes, *filter(None, further)):
        screen.print(f"note: {note}", soft_wrap=True, markup=False)
    first = "imagenet-finetune" if len(added.spatial) == 2 else "scratch"  # networks of ImageNet take 2-D images
    print(f"stored in {store.folder(added.name)}; next: medshift run --baseline {first} --dataset {added.name}")


def counts_by_class(added: Dataset) -> Table:
    """Tabulate one row per domain, with one column per class."""
    table = _table("domain", *added.classes, "groups")
    for domain in added.domains:
        here = added.table[added.table["domain"] == domain]
        images = (f"{count:,}" for count in _images(added, here))
        table.add_row(escape(domain), *images, f"{here['group'].nunique():,}")
    return table


def counts_in_rows(added: Dataset) -> Table:
    """Tabulate one row per domain and class: for classes whose columns a terminal has no room for."""
    table = _table("domain", "class", "images", "groups")
    for domain in added.domains:
        table.add_section()
        here = added.table[added.table["domain"] == domain]
        for label, count in enumerate(_images(added, here)):
            groups = here["group"][here["label"] == label].nunique()
            table.add_row(escape(domain), escape(added.classes[label]), f"{count:,}", f"{groups:,}")
        table.add_row(escape(domain), "all", f"{len(here):,}", f"{here['group'].nunique():,}", style="bold")
    return table


def _images(added: Dataset, here: pd.DataFrame) -> list[int]:
    return [int((here["label"] == label).sum()) for label in range(len(added.classes))]


def _table(*columns: str) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(escape(column), justify="left" if column in ("domain", "class") else "right")
    return made
