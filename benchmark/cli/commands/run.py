"""`medshift run`: train a baseline on one site, test it under shift, write a submission."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from ....shifts.errors import MedshiftError
from ...contract.precision import DEFAULT, Precision
from .. import options
from ..reading import DataOptions, ReadingOptions


@options.expand
def run(
    *,
    baseline: Annotated[
        str,
        typer.Option(
            help="A name from `medshift list baselines`, or my_module:MyBaseline in this folder.", show_default=False
        ),
    ] = "",
    data: DataOptions,
    chosen: options.ProtocolOptions,
    reading: ReadingOptions,
    protocol_folder: options.ProtocolFolder = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A hyper-parameter; may be repeated.")
    ] = None,
    budget: Annotated[
        Literal["", "short", "standard", "long"],
        typer.Option(
            help="Length of training, short for --set budget=...: 750, 3,000 or 6,000 steps.", show_default=False
        ),
    ] = "",
    tune: Annotated[
        int,
        typer.Option(help="Hyper-parameter settings to try; the best on source validation is kept.", min=0),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of training.", min=0)] = 0,
    seeds: Annotated[int, typer.Option(help="Number of seeds to run, starting at --seed.", min=1)] = 1,
    out: options.Submissions = Path("submissions"),
    device: options.Device = "auto",
    threads: Annotated[
        int,
        typer.Option(help="CPU threads; 0 is torch's choice. Other threads, other bytes.", min=0),
    ] = 0,
    precision: Annotated[
        Precision,
        typer.Option(help="Number format that networks compute in; bfloat16 on any device, the others on NVIDIA's."),
    ] = DEFAULT,
    submitter: options.Submitter = "",
    criteria: options.CriteriaFile = None,
    unlabelled: options.NewSites = None,
    in_process: options.InProcess = False,
) -> None:
    """Train on one site, evaluate under synthesized and real shifts, and write a submission.

    Rerun the same command to resume an interrupted run, in the middle of a training, too.
    """
    from ....leaderboard.assurance.criteria.suited import registrar
    from ...contract import registry
    from ...contract.apart.described import make_or_describe
    from ...files.destinations import output_folder
    from ...protocols.folder import write_protocol
    from ...protocols.untested import require_adaptation
    from ...runs import environment
    from ...runs.tuning import budget as tuning_budget
    from ..progress import console, watch
    from ..tables.new_sites import new_site_lines, new_sites, reading_of_data, require_folders
    from ..terms import resolve_study

    if not baseline:
        raise MedshiftError("no --baseline: give a name from `medshift list baselines`, or my_module:MyBaseline")
    output_folder(out, "a submission")
    environment.running_code()  # before it may change
    require_folders(unlabelled)
    register = registrar(criteria)
    options.refuse_budget_twice(budget, settings)
    given = [*(settings or []), *([f"budget={budget}"] if budget else [])]
    made = (registry.make_baseline if in_process else make_or_describe)(baseline, given)  # before anything slow
    tried = tuning_budget(made, tune, given)
    own = reading_of_data(unlabelled, data, reading)
    loaded, protocol, table = resolve_study(chosen.choices(), protocol_folder, data, own)
    made = registry.for_dims(made, len(loaded.spatial))
    require_adaptation(baseline, made.sees, protocol, table)  # before a folder is made
    registered = register(protocol)
    sites = new_sites(unlabelled, protocol, reading.options(), loaded)
    from ...runs.job import folders_of_data
    from ...runs.run import Job
    from ...runs.run import run as run_job
    from ..summary import print_summary
    from ..tables.estimates import estimate_lines

    where = environment.prepare(device, threads, precision, here=in_process)
    write_protocol(protocol, table, out / protocol.name)
    hidden = (*folders_of_data(data.data, reading.options()), *([protocol_folder] if protocol_folder else []))
    for number in range(seed, seed + seeds):
        job = Job(loaded, protocol, table, baseline, made, number, out, submitter, tried, precision, registered)
        job = job if in_process else replace(job, way="apart", hidden=hidden)
        scored = run_job(job, where, watch())
        lines = estimate_lines(protocol, table, job.folder, scored)
        try:
            lines += new_site_lines(sites, job, where)
        finally:  # what the run made is told, whatever comes after it
            print_summary(protocol, scored, f"{job.entry}, seed {number}", more=lines)
            console(err=False).print(f"submission: {job.folder}", soft_wrap=True, markup=False)
