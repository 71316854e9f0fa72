"""`medshift protocol`: protocols, which can be shared without sharing pixels."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from .. import options
from ..reading import DataOptions, ReadingOptions
from .listing import Json, print_json

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(no_args_is_help=True, help="Make, show and check protocols that others can run on.")
Folder = Annotated[Path, typer.Argument(help="Holds protocol.json and truth.parquet.")]


@app.command("make")
@options.expand
def make(
    name: Annotated[str, typer.Argument(help="Names the protocol, its folder and its leaderboard.")],
    data: DataOptions,
    chosen: options.ProtocolOptions,
    reading: ReadingOptions,
    label_fractions: Annotated[
        str,
        typer.Option(help="Fractions of the source's training groups, comma-separated: one protocol each."),
    ] = "1",
    label_seed: Annotated[
        int, typer.Option(help="Chooses which groups a fraction keeps, or --confound takes.", min=0)
    ] = 0,
    confound: Annotated[
        float | None,
        typer.Option(metavar="V", help="Train on two sites, one of which goes with the label at Cramer's V 0 to 1."),
    ] = None,
    with_domain: Annotated[
        str, typer.Option("--with", metavar="DOMAIN", help="The site that goes with the label, for --confound.")
    ] = "",
    size: Annotated[
        int, typer.Option(help="Longest side to which images are scaled, after shifts; by default that stored.", min=0)
    ] = 0,
    version: Annotated[str, typer.Option(help="Raise it when the protocol changes on purpose.")] = "1",
    criteria: options.CriteriaFile = None,
    out: Annotated[Path, typer.Option(help="Folder in which each protocol gets a folder.")] = Path("protocols"),
) -> None:
    """Write a protocol: protocol.json and truth.parquet, with their hashes, ready to be shared.

    Others run on it with `medshift run --protocol DIR`.
    """
    from ....leaderboard.assurance.criteria.suited import registrar
    from ...files.destinations import output_folder
    from ...protocols.arrange import arrange
    from ...protocols.folder import write_protocol
    from ...protocols.make import make as make_all
    from ...protocols.training_sets import label_fractions as fractions
    from ...protocols.training_sets.confounding import described
    from ...runs.plug_ins.shifts import require_contract
    from ...severity.matching import solve
    from ..progress import bar
    from ..terms import load_chosen, print_remarks

    output_folder(out, "a protocol")
    register = registrar(criteria)
    parts = fractions.parse_fractions(label_fractions)
    choices = replace(chosen.choices(), confound=confound, confound_with=with_domain, size=size)
    loaded, own_source = load_chosen(data, reading, choices)
    with bar("matching severities", unit="shifts") as progress:
        match = partial(solve, progress=progress)
        made = make_all(
            loaded,
            choices,
            name,
            source=own_source,
            version=version,
            fractions=parts,
            label_seed=label_seed,
            match=match,
        )
    require_contract(arrange(loaded, choices), made[0][1], made[0][0])
    made = [(protocol.model_copy(update={"criteria": register(protocol)}), table) for protocol, table in made]
    print_remarks(arrange(loaded, choices), *made[0], planned=not choices.positive)
    for protocol, table in made:
        write_protocol(protocol, table, out / protocol.name, named=True)
        if protocol.confounded:
            strength = protocol.confounded.cramers_v
            print(described(table, protocol.source, protocol.mixed, protocol.dataset.classes, strength))
        print(f"{out / protocol.name}: trains on {fractions.label_budget(protocol, table)}; sha256 {protocol.sha256}")


@app.command("show")
def show(folder: Folder, as_json: Json = False) -> None:
    """Print a protocol in readable form."""
    from ...protocols import show as protocol_show
    from ...protocols.folder import read_protocol
    from ...reporting.terminal import fits, print_table
    from ..progress import console

    protocol, table = read_protocol(folder)
    if as_json:
        print_json(protocol_show.record(protocol, table))
        return
    for line in protocol_show.lines(protocol, table):
        print(line)
    screen = console(err=False)
    drawn = _table(["domain", "split", "groups", "images", *protocol.dataset.classes])
    for row in protocol_show.counts(protocol, table):
        drawn.add_row(*map(escape, row))
    if not fits(screen, drawn):
        drawn = _table(["domain", "split", "class", "images"])
        for domain, split, _, _, *images in protocol_show.counts(protocol, table):
            for name, count in zip(protocol.dataset.classes, images, strict=True):
                drawn.add_row(*map(escape, (domain, split, name, count)))
    print_table(screen, drawn)


def _table(headings: list[str]) -> Table:
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        drawn.add_column(escape(heading), justify="left" if heading in ("domain", "split", "class") else "right")
    return drawn


@app.command("check")
@options.expand
def check(folder: Folder, data: DataOptions, reading: ReadingOptions) -> None:
    """Compare the data at hand with a protocol, and list all that differs."""
    from ...protocols.data import adopt
    from ..progress import bar

    found, protocol, table = adopt(folder, data.dataset, data.data, reading.options(), bar)
    print(f"in order: data set {found.name!r} has the {len(table):,} samples of protocol {protocol.name!r}")
