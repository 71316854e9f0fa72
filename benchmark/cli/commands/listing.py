"""`medshift list`: what there is, without importing torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ....shifts.errors import MedshiftError

app = typer.Typer(no_args_is_help=True, help="List baselines, shifts or data sets.")


@app.command("baselines")
def list_baselines(
    name: Annotated[str, typer.Argument(help="Show this one's hyper-parameters and what `--tune` draws.")] = "",
    into: Annotated[
        Path | None, typer.Option(help="Write the built-in ones between their markers in this Markdown file instead.")
    ] = None,
) -> None:
    """List baselines: what they see, what they do, and where the method is from."""
    from ...contract import registry, sees
    from ..progress import console
    from ..tables import baselines as baseline_table

    if into is not None:
        print(f"{into}: {'written' if baseline_table.into(into) else 'up to date'}")
        return
    names = [name] if name else registry.TABLE.names()
    if name:
        registry.TABLE.check(name)
    else:
        console(err=False).print(f"[bold]{len(names)} baselines[/bold]\n")
    for each in names:
        try:
            head, lines = baseline_table.described(each, details=bool(name))
        except MedshiftError as error:
            head, lines = each, [str(error)]
        _print_entry(head, lines)
    if not name:
        for level, means in sees.MEANS.items():
            console(err=False).print(f"sees {level}: {means}", markup=False)
        print("medshift list baselines NAME: its hyper-parameters (--set) and what --tune draws")


def _print_entry(head: str, lines: list[str]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from ..progress import console

    screen = console(err=False)
    screen.print(Text(head, style="bold"))
    for line in filter(None, lines):
        screen.print(Padding(Text(line), (0, 0, 0, 2), expand=False))
    screen.print()


@app.command("shifts")
def list_shifts() -> None:
    """List shifts: family, where they make sense, and the physical value of severities 1 to 5."""
    from ....shifts import catalogue

    rows = []
    for name in catalogue.list_shifts():
        if name in catalogue.BUILTINS:
            entry = catalogue.BUILTINS[name]
            rows.append((name, entry.family, ", ".join(entry.modalities), entry.summary, entry.unit))
        elif name not in catalogue.TABLE.clashes:  # a plug-in is not imported to be listed
            rows.append((name, "plug-in", "", f"from {catalogue.TABLE.origin(name)}", ""))
    print_table("shifts", ("name", "family", "modalities", "what it does", "unit of severity"), rows)
    for line in catalogue.TABLE.clashes.values():
        print(line)


@app.command("datasets")
def list_datasets() -> None:
    """List data sets: built-in, plug-in, stored, and public ones that can be fetched."""
    from ...datasets import registry
    from ...datasets.public import catalogue

    rows = [(name, registry.summary(name)) for name in registry.names()]
    rows += [
        (name, f"{public.title}; {len(public.domains)} domains, not stored yet: medshift data get {name}")
        for name, public in catalogue.TABLE.items()
        if name not in registry.names()
    ]
    print_table("data sets", ("name", "what it is"), rows)
    print(
        "Any folder with a manifest.csv (image,label,domain,split_group): --data DIR, or `medshift data add NAME DIR`"
    )


def print_table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table of text whose title starts with the number of its rows."""
    from rich.table import Table

    from ..progress import console

    made = Table(title=f"{len(rows)} {title}", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, no_wrap=column == "name", overflow="fold")
    for row in rows:
        made.add_row(*row)
    console(err=False).print(made)
