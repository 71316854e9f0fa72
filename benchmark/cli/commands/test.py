"""`medshift test`: test a model that exists already, a file or a name, under shift, and write a submission."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import options
from ..reading import DataOptions, ReadingOptions

if TYPE_CHECKING:
    from ...exchange.models.interface import Interface

INPUT, OUTPUT = "What the model takes (else read from its file)", "What the model gives"


@dataclass(frozen=True)
class InterfaceOptions:
    """What a model takes and gives."""

    input_size: Annotated[
        str, typer.Option(metavar="SIDE|H,W", help="Size that images are resized to.", rich_help_panel=INPUT)
    ] = ""
    input_channels: Annotated[
        int, typer.Option(help="1 or 3: grey is repeated, colour made grey.", min=0, rich_help_panel=INPUT)
    ] = 0
    black_white: Annotated[
        str,
        typer.Option("--range", metavar="LOW,HIGH", help="Values of black and white; 0,1.", rich_help_panel=INPUT),
    ] = ""
    mean: Annotated[str, typer.Option(help="Subtracted: one number, or one per channel.", rich_help_panel=INPUT)] = ""
    std: Annotated[str, typer.Option(help="Divides: one number, or one per channel.", rich_help_panel=INPUT)] = ""
    layout: Annotated[str, typer.Option(metavar="NCHW|NHWC", help="Channels first or last.", rich_help_panel=INPUT)] = (
        ""
    )
    outputs: Annotated[
        str,
        typer.Option(
            metavar="logits|probabilities|score",
            help="score: the probability of the second of two classes alone.",
            rich_help_panel=OUTPUT,
        ),
    ] = ""
    class_order: Annotated[
        list[str] | None,
        typer.Option(help="The classes in the order of the outputs, comma-separated.", rich_help_panel=OUTPUT),
    ] = None
    rejections: Annotated[
        bool,
        typer.Option(
            "--rejections",
            help="The model may refuse images: a row of NaN. They count as wrong; figures without them stand beside.",
            rich_help_panel=OUTPUT,
        ),
    ] = False

    def interface(self) -> Interface:
        """Return what the options say.

        Raises:
            MedshiftError: One of them has another form.
        """
        from ...exchange.models.options import from_options

        return from_options(
            self.input_size,
            self.input_channels,
            self.black_white,
            self.mean,
            self.std,
            self.layout,
            self.outputs,
            options.split_names(self.class_order),
        )


@options.expand
def model_test(
    model: Annotated[
        str,
        typer.Argument(
            help="model.onnx, model.pt2, TorchScript, a MONAI bundle's folder, my_module:predict, or a name of timm.",
            show_default=False,
        ),
    ],
    *,
    data: DataOptions,
    chosen: options.ProtocolOptions,
    reading: ReadingOptions,
    ways: InterfaceOptions,
    protocol_folder: options.ProtocolFolder = None,
    sees: options.Looked = "source",
    name: Annotated[str, typer.Option(help="Names the entry; by default after the file.")] = "",
    summary: options.Summary = "",
    trust: Annotated[
        bool, typer.Option("--trust", help="Run code that the file holds (pickles, configurations of bundles).")
    ] = False,
    out: options.Submissions = Path("submissions"),
    device: options.Device = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads; 0 is torch's choice.", min=0)] = 0,
    submitter: options.Submitter = "",
    unlabelled: options.NewSites = None,
) -> None:
    """Test a fitted model under synthesized and real shifts, without training, and write a submission.

    It is tried on source validation first. The leaderboard marks it as brought: what it sees is its author's word.
    """
    from ...exchange.models.opening import default_name, require_model
    from ...files.destinations import output_folder

    output_folder(out, "a submission")
    require_model(model)
    interface = ways.interface()
    name = name or default_name(model)
    from ...exchange.ingest import require_entry_name
    from ...protocols.folder import write_protocol
    from ..progress import console, watch
    from ..tables.new_sites import new_site_lines, new_sites, reading_of_data, require_folders
    from ..terms import resolve_study

    require_entry_name(name)
    require_folders(unlabelled)
    own = reading_of_data(unlabelled, data, reading)
    loaded, protocol, table = resolve_study(chosen.choices(), protocol_folder, data, own)
    sites = new_sites(unlabelled, protocol, reading.options(), loaded)
    from ...exchange.models.brought import Statement, bring
    from ...protocols.arrange import arrange_like
    from ...runs import environment
    from ...runs.run import Job
    from ...runs.run import run as run_job
    from ...submissions.rejections import answered_scores
    from ..summary import print_summary
    from ..tables.estimates import estimate_lines

    where = environment.prepare(device, threads)
    statement = Statement(interface, sees, ways.rejections, trust, summary)
    brought, notes = bring(model, statement, arrange_like(loaded, protocol, table), protocol, table, where)
    for note in notes:
        console().print(note, soft_wrap=True, markup=False, highlight=False)
    write_protocol(protocol, table, out / protocol.name)
    job = Job(loaded, protocol, table, name, brought, 0, out, submitter)
    scored = run_job(job, where, watch())
    answered = answered_scores(job.folder, protocol, table, scored) if ways.rejections else None
    lines = estimate_lines(protocol, table, job.folder, scored)
    try:
        lines += new_site_lines(sites, job, where)
    finally:  # what the run made is told, whatever comes after it
        print_summary(protocol, scored, job.entry, answered=answered, more=lines)
        console(err=False).print(f"submission: {job.folder}", soft_wrap=True, markup=False)
