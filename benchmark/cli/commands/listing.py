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
    into: Annotated[
        Path | None, typer.Option(help="Write medshift's own between their marks in this Markdown file instead.")
    ] = None,
) -> None:
    """List baselines: what they see and are, their hyper-parameters, and what `run --tune` draws."""
    from rich.padding import Padding
    from rich.text import Text

    from ...contract import registry, sees
    from ..progress import console
    from ..tables import baselines as baseline_table

    if into is not None:
        print(f"{into}: {'written' if baseline_table.into(into) else 'up to date'}")
        return
    screen = console(err=False)
    names = registry.TABLE.names()
    screen.print(Text(f"{len(names)} baselines\n", style="bold"))
    for name in names:
        try:
            kind = registry.load(name)
        except MedshiftError as error:
            head, lines = name, [str(error)]
        else:
            space = registry.search(kind)
            head = f"{name}  (sees: {kind.sees})"
            lines = [
                baseline_table.summary(kind),
                f"--set {', '.join(f'{key}={value}' for key, value in baseline_table.settings(kind).items())}",
                f"--tune draws {', '.join(space)}" if space else "--tune draws nothing",
                getattr(kind, "paper", ""),
            ]
        screen.print(Text(head, style="bold"))
        for line in filter(None, lines):
            screen.print(Padding(Text(line), (0, 0, 0, 2), expand=False))
        screen.print()
    for level, means in sees.MEANS.items():
        screen.print(Text(f"sees {level}: {means}"))


@app.command("shifts")
def list_shifts() -> None:
    """List shifts: family, where they make sense, and the physical value of severities 1 to 5."""
    from ....shifts import catalogue

    rows = []
    for name in catalogue.names():
        if name in catalogue.BUILTINS:
            entry = catalogue.BUILTINS[name]
            rows.append((name, entry.family, ", ".join(entry.modalities), entry.summary, entry.unit))
        elif name not in catalogue.TABLE.clashes:  # a plug-in is not imported to be listed
            rows.append((name, "plug-in", "", f"from {catalogue.TABLE.origin(name)}", ""))
    table("shifts", ("name", "family", "modalities", "what it does", "unit of severity"), rows)
    for line in catalogue.TABLE.clashes.values():
        print(line)


@app.command("datasets")
def list_datasets() -> None:
    """List data sets: built-in, of plug-ins, stored, and public ones that are to be had."""
    from ...datasets import registry
    from ...datasets.public import catalogue

    rows = [(name, registry.summary(name)) for name in registry.names()]
    rows += [
        (name, f"{public.title}; {len(public.domains)} domains, not stored yet: medshift data get {name}")
        for name, public in catalogue.TABLE.items()
        if name not in registry.names()
    ]
    table("data sets", ("name", "what it is"), rows)
    print(
        "Any folder with a manifest.csv (image,label,domain,split_group): --data DIR, or `medshift data add NAME DIR`"
    )


def table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Prints a table of text whose title starts with the number of its rows."""
    from rich.table import Table

    from ..progress import console

    made = Table(title=f"{len(rows)} {title}", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, no_wrap=column == "name", overflow="fold")
    for row in rows:
        made.add_row(*row)
    console(err=False).print(made)
