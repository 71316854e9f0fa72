"""`medshift list`: what there is, without importing torch."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from ...shifts.errors import MedshiftError

app = typer.Typer(no_args_is_help=True, help="List baselines, shifts or data sets.")


@app.command("baselines")
def list_baselines() -> None:
    """List baselines: what they see, and what they are."""
    import dataclasses

    from .. import baselines, sees
    from ..progress import console

    screen = console(err=False)
    for name in baselines.TABLE.names():
        try:
            kind = baselines.load(name)
        except MedshiftError as error:
            screen.print(f"[bold]{name}[/bold]\n  {error}\n")
            continue
        fields = dataclasses.fields(kind)  # type: ignore[arg-type]
        screen.print(f"[bold]{name}[/bold]  (sees: {kind.sees})\n  {(kind.__doc__ or '').strip().splitlines()[0]}")
        screen.print(f"  --set {', '.join(f'{field.name}={field.default}' for field in fields)}", soft_wrap=True)
        screen.print(f"  {kind.paper}\n", soft_wrap=True)
    for level, means in sees.MEANS.items():
        print(f"sees {level}: {means}")


@app.command("shifts")
def list_shifts() -> None:
    """List shifts: family, where they make sense, and the physical value of severities 1 to 5."""
    from ...shifts import catalogue

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
    from .. import datasets
    from ..public import catalogue

    rows = [(name, datasets.summary(name)) for name in datasets.names()]
    rows += [
        (name, f"{public.title}; {len(public.domains)} domains, not stored yet: medshift data get {name}")
        for name, public in catalogue.TABLE.items()
        if name not in datasets.names()
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
