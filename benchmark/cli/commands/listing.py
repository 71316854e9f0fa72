"""`medshift list`: what there is, without importing torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ....shifts.errors import MedshiftError

if TYPE_CHECKING:
    from ....shifts.plugins import Table

app = typer.Typer(no_args_is_help=True, help="List baselines, shifts or data sets.")

Json = Annotated[
    bool, typer.Option("--json", help="Print JSON for other programs: a list of objects that have the same keys.")
]


@app.command("baselines")
def list_baselines(
    name: Annotated[str, typer.Argument(help="Show this one's hyper-parameters and what `--tune` draws.")] = "",
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the built-in ones between their markers in this Markdown file instead."
        ),
    ] = None,
    as_json: Json = False,
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
    if as_json:
        print_json([_record(each, details=bool(name)) for each in names])
        return
    if not name:
        console(err=False).print(f"[bold]{len(names)} baselines[/bold]\n")
    for each in names:
        if name or each in registry.BUILTINS:
            try:
                head, lines = baseline_table.described(each, details=bool(name))
            except MedshiftError as error:
                head, lines = each, [str(error)]
        else:
            made = {key: str(value) for key, value in _record(each, details=False).items()}
            head = f"{each}  (sees: {made['sees']})" if not made["problem"] else each
            lines = [made["problem"]] if made["problem"] else [made["summary"], made["paper"]]
        _print_entry(head, lines)
    if not name:
        print_clashes(registry.TABLE)
        for level, means in sees.MEANS.items():
            console(err=False).print(f"sees {level}: {means}", markup=False)
        print("medshift list baselines NAME: its hyper-parameters (--set) and what --tune draws")


def _record(name: str, *, details: bool) -> dict[str, object]:
    """Describe a baseline; among others, a plug-in's module is imported by a process of its own."""
    from ...contract import registry
    from ..tables import baselines as baseline_table

    if details or name in registry.BUILTINS:
        return baseline_table.record(name, details=details)
    return baseline_table.record_apart(name)


def _print_entry(head: str, lines: list[str]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from ..progress import console

    screen = console(err=False)
    screen.print(Text(head, style="bold"), soft_wrap=True)
    for line in filter(None, lines):
        screen.print(Padding(Text(line), (0, 0, 0, 2), expand=False))
    screen.print()


@app.command("shifts")
def list_shifts(
    name: Annotated[str, typer.Argument(help="Say in words what this one does, with its severities.")] = "",
    as_json: Json = False,
) -> None:
    """List shifts: family, unit, and where they make sense; `medshift shifts table` has the values of severities."""
    from ....shifts import catalogue
    from ..tables import shifts as shift_table
    from ..tables.loading import load_problems

    if name:
        catalogue.TABLE.check(name)
    if name and not as_json:
        _print_entry(*shift_table.described(name))
        return
    builtins, clashes = catalogue.BUILTINS, catalogue.TABLE.clashes
    problems = clashes | load_problems("shifts", catalogue.TABLE)
    if as_json:
        names = [name] if name else catalogue.list_shifts()
        print_json([_shift_record(each, problems.get(each, "")) for each in names])
        return
    rows = []
    for name in catalogue.list_shifts():
        if name in builtins:
            entry = builtins[name]
            rows.append((name, entry.family, ", ".join(entry.modalities), entry.summary, entry.unit))
        elif name not in clashes:
            said = problems.get(name) or f"from {catalogue.TABLE.origin(name)}"
            rows.append((name, "plug-in", "", said, ""))
    print_rows("shift", ("name", "family", "modalities", "what it does", "unit of severity"), rows)
    print_clashes(catalogue.TABLE)
    print("medshift list shifts NAME: what it does, in words, and its severities")


def _shift_record(name: str, problem: str) -> dict[str, object]:
    """Describe a shift for other programs; of a plug-in, only its origin is told, and why it cannot be loaded."""
    from ....shifts import catalogue

    made: dict[str, object] = {
        "name": name,
        "family": "plug-in",
        "modalities": [],
        "summary": "",
        "unit": "",
        "version": None,
        "dims": [],
        "channels": [],
        "origin": "",
        "problem": problem,
    }
    if name in catalogue.BUILTINS or name not in catalogue.TABLE.clashes:
        made["origin"] = catalogue.TABLE.origin(name)
    if name in catalogue.BUILTINS:
        entry = catalogue.BUILTINS[name]
        keys = ("family", "modalities", "summary", "unit", "version", "dims", "channels")
        made |= {key: getattr(entry, key) for key in keys}
    return made


@app.command("datasets")
def list_datasets(as_json: Json = False) -> None:
    """List data sets: built-in, plug-in, stored, and public ones that can be fetched."""
    from ...datasets import registry
    from ...datasets.catalogue import TABLE
    from ...datasets.public import catalogue
    from ..tables.loading import load_problems

    problems = TABLE.clashes | load_problems("datasets", TABLE)
    found = [
        {
            "name": name,
            "kind": registry.kind(name),
            "summary": problems[name]
            if registry.kind(name) == "plug-in" and name in problems
            else registry.summary(name),
            "problem": problems.get(name, ""),
        }
        for name in registry.names()
    ]
    found += [
        {
            "name": name,
            "kind": "public",
            "summary": f"{public.title}; {len(public.domains)} domains, not stored yet: medshift data get {name}",
            "problem": "",
        }
        for name, public in catalogue.TABLE.items()
        if name not in registry.names()
    ]
    if as_json:
        print_json(found)
        return
    print_rows("data set", ("name", "what it is"), [(each["name"], each["summary"]) for each in found])
    print_clashes(TABLE)
    print(
        "Any folder with a manifest.csv (image,label,domain,split_group): --data DIR, or `medshift data add NAME DIR`"
    )


def print_clashes(table: Table) -> None:
    """Print which names two packages claim, one line each: a built-in keeps its name, and nothing else says so."""
    for line in table.clashes.values():
        print(line)


def print_json(found: object) -> None:
    """Print JSON in ASCII, which every terminal and pipe takes."""
    print(json.dumps(found, indent=1, default=str))


def print_rows(noun: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table of text whose title counts its rows, each of which is a `noun`."""
    from rich import table
    from rich.markup import escape

    from ...files.wording import plural
    from ...reporting.terminal import print_table
    from ..progress import console

    made = table.Table(
        title=plural(len(rows), noun), title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    for column in columns:
        made.add_column(column, no_wrap=column == "name")
    for row in rows:
        made.add_row(*map(escape, row))
    print_table(console(err=False), made)
