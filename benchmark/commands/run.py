"""`medshift run`: train a baseline on one site, test it under shift, write a submission."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...shifts.errors import MedshiftError
from ..data_options import (
    Classes,
    Data,
    DatasetName,
    Families,
    ImageSize,
    Modality,
    Scale,
    Severities,
    Shifts,
    Source,
    Targets,
)


def run(
    baseline: Annotated[
        str, typer.Option(help="See `medshift list baselines`; or my_module:MyBaseline, a class in this folder.")
    ],
    dataset: DatasetName = None,
    data: Data = None,
    protocol_folder: Annotated[
        Path | None,
        typer.Option("--protocol", metavar="DIR", help="Run on exactly the terms of `medshift protocol make`."),
    ] = None,
    source: Source = "",
    targets: Targets = "",
    classes: Classes = "",
    image_size: ImageSize = None,
    modality: Modality = "any",
    shifts: Shifts = "",
    family: Families = "",
    severities: Severities = "1,2,3,4,5",
    severity_scale: Scale = "physical",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A hyper-parameter; may be repeated.")
    ] = None,
    tune: Annotated[
        int, typer.Option(help="Try so many draws of the hyper-parameters, chosen on source validation.", min=0)
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of training.", min=0)] = 0,
    seeds: Annotated[int, typer.Option(help="Run so many seeds, from --seed on.", min=1)] = 1,
    out: Annotated[Path, typer.Option(help="Folder of submissions.")] = Path("submissions"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    threads: Annotated[
        int, typer.Option(help="CPU threads; 0 is torch's choice. Part of what makes runs equal.", min=0)
    ] = 0,
    submitter: Annotated[str, typer.Option(help="Who answers for the submission.")] = "",
    requantise: Annotated[
        bool, typer.Option(help="Round shifted 8-bit images to 8 bits, as a scanner's export does.")
    ] = True,
) -> None:
    """Train on one site, evaluate under synthesized and real shifts, and write a submission.

    A run that was stopped goes on where it was with the same command.
    """
    from .. import baselines
    from ..data_options import load, names, steps
    from ..planning import Choices, ends, plan, settle
    from ..progress import bar, console, watch
    from ..protocol_make import adopt
    from ..tune import budget

    made = baselines.make(baseline, settings or [])  # before anything slow: a typing error costs no minute
    tried = budget(made, tune, settings or [])
    choices = Choices(
        source=source,
        targets=names(targets),
        shifts=names(shifts),
        families=names(family),
        severities=steps(severities),
        requantise=requantise,
        scale=severity_scale,
    )
    if protocol_folder is not None:
        if choices != Choices() or classes or image_size or modality != "any":
            raise MedshiftError("--protocol sets domains, classes, image size and shifts: leave their options out")
        loaded, protocol, table = adopt(protocol_folder, dataset, data)
    else:
        loaded, own_source = load(dataset, data, names(classes), image_size, modality)
        with bar("matching severities", unit="shifts") as progress:
            protocol, table = plan(loaded, choices, own_source, progress)
    made = baselines.suited(made, len(loaded.spatial))
    for line in ends(protocol):
        console().print(line, soft_wrap=True, markup=False)
    from .. import environment
    from ..run import Job
    from ..run import run as run_job
    from ..summary import print_summary

    where = environment.prepare(device, threads)
    settle(protocol, table, out / protocol.name)
    try:
        for number in range(seed, seed + seeds):
            job = Job(loaded, protocol, table, baseline, made, number, out, submitter, tried)
            scored = run_job(job, where, watch())
            print_summary(protocol, scored, f"{job.entry}, seed {number}")
            console(err=False).print(f"submission: {job.folder}", soft_wrap=True, markup=False)
    except KeyboardInterrupt:
        console().print("stopped: what was finished is saved, the same command goes on from there")
        raise typer.Exit(130) from None
