"""`medshift sweep`: many runs, on this machine, on a Ray cluster, or as a list of commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .....shifts.errors import MedshiftError
from ....contract.precision import DEFAULT, Precision
from ... import options
from ...reading import DataOptions, ReadingOptions
from .pool import PoolOptions

if TYPE_CHECKING:
    from ....runs.sweeps.file import SweepFile
    from ....runs.sweeps.sweep import Sweep

CHOSEN = "What is run, instead of FILE.toml"


@options.expand
def sweep(
    *,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[plan] [FILE.toml]",
            help="A file with the sweep. `plan` prints one command per run that is neither done nor running.",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="Baselines, comma-separated or repeated.", rich_help_panel=CHOSEN),
    ] = None,
    data: DataOptions,
    chosen: options.ProtocolOptions,
    reading: ReadingOptions,
    protocol_folder: Annotated[
        list[Path] | None,
        typer.Option(
            "--protocol", metavar="DIR", help="Folder of a protocol; may be repeated.", rich_help_panel=CHOSEN
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE[,VALUE]",
            help="A hyper-parameter and the values to try; may be repeated: every combination is run.",
            rich_help_panel=CHOSEN,
        ),
    ] = None,
    tune: Annotated[int, typer.Option(help="As for `medshift run`.", min=0, rich_help_panel=CHOSEN)] = 0,
    seed: Annotated[int, typer.Option(help="First seed.", min=0, rich_help_panel=CHOSEN)] = 0,
    seeds: Annotated[int, typer.Option(help="Number of seeds.", min=1, rich_help_panel=CHOSEN)] = 1,
    submitter: Annotated[str, typer.Option(help="Who answers for the submissions.", rich_help_panel=CHOSEN)] = "",
    precision: Annotated[Precision, typer.Option(help="As for `medshift run`.", rich_help_panel=CHOSEN)] = DEFAULT,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of submissions; logs go to DIR/logs.")] = Path(
        "submissions"
    ),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is done, running, to do or blocked, and how long it takes.")
    ] = False,
    pool: PoolOptions,
) -> None:
    """Run baselines x seeds x protocols x settings.

    Results are submissions as `medshift run` writes them; rerun the same command to resume.

    A run that fails does not stop the others.
    """
    from ....files.destinations import output_folder

    planned, path = _parse(arguments or [])
    if planned and dry_run:
        raise MedshiftError("sweep plan prints commands, --dry-run shows what they would do: choose one")
    output_folder(out, "a submission")
    wanted: Sweep
    file: SweepFile | None = None
    if path is not None:
        given = {
            "--baseline": baseline,
            "--protocol": protocol_folder,
            "--set": settings,
            "--tune": tune,
            "--seed": seed,
            "--seeds": seeds != 1,
            "--submitter": submitter,
            "--precision": precision != DEFAULT,
            "the options of the data": data != DataOptions() or reading != ReadingOptions(),
            "the options of the protocol": chosen != options.ProtocolOptions(),
        }
        _require_none(path, [name for name, value in given.items() if value])
        from ....runs.sweeps.file import read_file

        wanted, file = read_file(path)
    else:
        made = _typed(
            baseline, settings, data, chosen, reading, protocol_folder, range(seed, seed + seeds), tune, submitter
        )
        wanted = replace(made, precision=precision)
    from .act import planned_runs, print_plan, show, start

    runs = planned_runs(wanted, file)
    if planned:
        print_plan(runs, out, pool.threads, pool.device)
    elif dry_run:
        show(runs, out, pool.at_a_time)
    else:
        start(runs, out, pool.pool())


def _parse(arguments: Sequence[str]) -> tuple[bool, Path | None]:
    """Return whether commands are to be printed, and the file of the sweep."""
    planned = arguments[:1] == ["plan"]
    rest = arguments[planned:]
    if len(rest) > 1:
        raise MedshiftError(f"medshift sweep takes one file, not {', '.join(rest)}")
    return planned, Path(rest[0]) if rest else None


def _require_none(path: Path, given: Sequence[str]) -> None:
    if given:
        raise MedshiftError(f"{path} says what is run: leave out {', '.join(given)}")


def _typed(
    baseline: list[str] | None,
    settings: list[str] | None,
    data: DataOptions,
    chosen: options.ProtocolOptions,
    reading: ReadingOptions,
    folders: list[Path] | None,
    seeds: Sequence[int],
    tune: int,
    submitter: str,
) -> Sweep:
    """Make a sweep of the options on the command line."""
    from ....runs.sweeps.methods import check_names
    from ....runs.sweeps.sweep import Method, ProtocolChoice, Sweep
    from ...terms import data_choice

    names = options.split_names(baseline)
    if not names:
        raise MedshiftError("give the file of a sweep, or --baseline with names from `medshift list baselines`")
    again = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if again:
        raise MedshiftError(f"--baseline: {again!r} is listed twice")
    check_names(dict.fromkeys(names))
    axes = _axes(settings or [])
    choice = ProtocolChoice(data_choice(data, reading), chosen.choices())
    protocols = tuple(replace(choice, folder=folder) for folder in folders or ()) or (choice,)
    return Sweep(tuple(Method(name, axes) for name in names), protocols, tuple(seeds), tune, submitter)


def _axes(settings: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Parse `KEY=VALUE[,VALUE]`; a value that holds a comma stands in quotes."""
    import csv

    found: dict[str, tuple[str, ...]] = {}
    for setting in settings:
        key, equals, values = setting.partition("=")
        if not equals or not values:
            raise MedshiftError(f"--set takes key=value[,value], not {setting!r}")
        if key in found:
            raise MedshiftError(f"--set {key} is given twice: list its values, {key}={','.join(found[key])},{values}")
        found[key] = tuple(next(csv.reader([values], skipinitialspace=True)))
    return found
