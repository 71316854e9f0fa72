"""`medshift study`: questions of the field, each a grid of runs, an answer with its interval, and a page."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from ....shifts.errors import MedshiftError
from ...contract.precision import DEFAULT, Precision
from .. import options
from ..reading import DataOptions, ReadingOptions
from .listing import Json, print_json, print_rows
from .sweep.pool import PoolOptions

if TYPE_CHECKING:
    from ...studies.file import LoadedStudy

SMALLER = "What makes it smaller; the report says how it differs"


class _Costed(TyperCommand):
    """A command whose help ends with what every study costs."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - click's, of any version
        super().format_help(ctx, formatter)
        print("What the studies cost:")
        for each in _records():
            print(f"  {each['name']}: {each['cost'] or each['problem'] or 'as its own analysis says'}")


app = typer.Typer(no_args_is_help=True, help="Ask a question of the field: run a study, and report its answer.")


@app.command("list")
def list_studies(as_json: Json = False) -> None:
    """List studies: their questions, and what they cost."""
    found = _records()
    if as_json:
        print_json([{key: each[key] for key in each if key != "cost"} for each in found])
        return
    rows = [(str(each["name"]), str(each["problem"] or each["question"]), str(each["cost"])) for each in found]
    print_rows("study", ("name", "question", "cost"), rows)
    print("medshift study run NAME --out DIR; then medshift study report DIR")


def _records() -> list[dict[str, object]]:
    """Describe every study; of one that cannot be loaded, only why."""
    from ...studies import registry
    from ...studies.choosing.cost import cost

    found: list[dict[str, object]] = []
    for name in registry.TABLE.names():
        made: dict[str, object] = {
            "name": name,
            "question": "",
            "source": "",
            "runs": None,
            "steps": None,
            "seconds": None,
            "problem": "",
            "cost": "",
        }
        try:
            study = registry.load_study(name).study
        except MedshiftError as error:
            found.append(made | {"problem": str(error)})
            continue
        whole = cost(study)
        counted = {"runs": whole.runs, "steps": whole.steps, "seconds": round(whole.seconds), "cost": whole.text}
        found.append(made | {"question": study.question, "source": study.source} | (counted if study.arms else {}))
    return found


@app.command("run", cls=_Costed)
@options.expand
def run(
    *,
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A study from `medshift study list`, or FILE.toml.", show_default=False)],
    data: DataOptions,
    chosen: options.ProtocolOptions,
    protocol_folder: options.ProtocolFolder = None,
    reading: ReadingOptions,
    seeds: Annotated[
        int, typer.Option(help="Number of seeds; 0: the study's.", min=0, rich_help_panel=SMALLER, show_default=False)
    ] = 0,
    budget: Annotated[
        Literal["", "short", "standard", "long"],
        typer.Option(
            help="Length of training, of all methods that have one.", rich_help_panel=SMALLER, show_default=False
        ),
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A hyper-parameter of all methods that have it; may be repeated.",
            rich_help_panel=SMALLER,
        ),
    ] = None,
    arms: Annotated[
        list[str] | None, typer.Option(help="Only these methods, comma-separated.", rich_help_panel=SMALLER)
    ] = None,
    levels: Annotated[
        list[str] | None,
        typer.Option(metavar="AXIS=LEVEL[,LEVEL]", help="Only these levels; may be repeated.", rich_help_panel=SMALLER),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of its submissions and report; studies/NAME.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is done, to do and blocked, and how long it will take.")
    ] = False,
    pool: PoolOptions,
    precision: Annotated[Precision, typer.Option(help="As for `medshift run`.")] = DEFAULT,
    submitter: Annotated[str, typer.Option(help="Who answers for the submissions.")] = "",
) -> None:
    """Run a study, and write its report. Results are submissions as `medshift run` writes them.

    Rerun the same command to resume; a run that fails does not stop
    the others.
    """
    from ...files.destinations import output_folder
    from ...studies import registry
    from ...studies.choosing.choose import Chosen
    from ..terms import data_choice

    options.refuse_budget_twice(budget, settings)
    loaded = registry.load_study(name)
    out = output_folder(out or Path("studies") / loaded.study.name, "a study")
    wanted = Chosen(
        data_choice(data, reading, folder_elsewhere=True),
        chosen.choices(),
        protocol_folder,
        seeds,
        budget,
        _settings(settings or []),
        options.split_names(arms),
        _levels(levels or []),
        submitter,
        precision,
        options.typed_options(context, (DataOptions, options.ProtocolOptions, ReadingOptions)),
    )
    from ...studies.run import prepare, run_study
    from ..progress import bar
    from .sweep.act import end, show, watched

    command = ["medshift", *sys.argv[1:]] if sys.argv[1:2] == ["study"] else ["medshift", "study", "run", name]
    made = pool.pool()
    prepared = prepare(loaded, wanted, out, [shlex.join(command)], made, bar, _first_line)
    runs = prepared.planned.runs
    if dry_run:
        show(runs, out, pool.at_a_time)
        return
    with watched(len(runs), out) as progress:
        result = run_study(prepared, made, progress)
    if prepared.is_reported(result):  # what failed is told below; the report leaves it out
        _report(out)
    end(result)


def _settings(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for setting in given:
        key, equals, value = setting.partition("=")
        if not equals or not value:
            raise MedshiftError(f"--set takes key=value, not {setting!r}")
        if key in found:
            raise MedshiftError(f"--set {key} is given twice: a study takes one value")
        found[key] = value
    return found


def _levels(given: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in given:
        name, equals, values = text.partition("=")
        levels = options.split_names([values])
        if not equals or not levels:
            raise MedshiftError(f"--levels takes axis=level[,level], not {text!r}")
        if name in found:
            raise MedshiftError(f"--levels {name} is given twice: list its levels, separated by commas")
        found[name] = levels
    return found


def _first_line(loaded: LoadedStudy, cuts: Sequence[str]) -> None:
    """Print the question, what it costs as it will be run, and how it differs from the study as defined."""
    from ...studies.choosing.cost import cost
    from ..progress import console

    screen = console(err=False)
    screen.print(loaded.study.question, markup=False, soft_wrap=True, style="bold")
    if loaded.study.arms:
        screen.print(f"{loaded.study.name}: {cost(loaded.study).text}", markup=False, soft_wrap=True)
    for cut in cuts:
        screen.print(f"differs from the study: {cut}", markup=False, soft_wrap=True)


@app.command("report")
def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a study, as `medshift study run` writes it.")
    ],
) -> None:
    """Write a study's page (index.html), figures/*.svg, study.csv and study.md, from its folder alone."""
    _report(folder)


def _report(folder: Path) -> None:
    from rich.markup import escape

    from ...studies.report.build import build_report
    from ...studies.report.page import unanswered
    from ..progress import console

    screen = console(err=False)
    with screen.status("scoring") as status:
        built = build_report(folder, lambda name: status.update(f"scoring {escape(name)}"))
    if told := unanswered(built.stored, built.findings):
        screen.print(told, markup=False, soft_wrap=True)
    for answered in built.findings.answers:
        screen.print(f"{answered.verdict}: {answered.sentence}", markup=False, soft_wrap=True)
        if answered.found.note:
            screen.print(f"  {answered.found.note}", markup=False, soft_wrap=True)
    for doubt in built.findings.doubts:
        screen.print(f"- {doubt}", markup=False, soft_wrap=True)
    screen.print(f"Report: {built.page.absolute()}", markup=False, soft_wrap=True)
