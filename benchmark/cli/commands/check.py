"""`medshift check`: whether a submission, shift, baseline or data set keeps its contract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ....shifts.errors import MedshiftError
from ...files.text import for_terminal
from ...files.wording import plural
from ..options import Device, SubmissionFolder

app = typer.Typer(
    no_args_is_help=True, help="Check a submission, a shift, a baseline or a data set against its contract."
)


@app.command("submission")
def check_submission(folder: SubmissionFolder) -> None:
    """Check a submission: schema, hashes, completeness, and that its scores are those of its predictions."""
    from ...protocols.folder import read_protocol
    from ...submissions import submission
    from ...submissions.siblings import siblings

    require_submission(folder)
    terms, table = read_protocol(folder.resolve().parent.parent)
    problems, card, _ = submission.examine(folder, terms, table)
    if card is not None and not problems:
        for line in siblings(folder, card):
            print(line)
    _report(problems, str(folder))


@app.command("entries")
def check_entries(
    folders: Annotated[list[Path] | None, typer.Argument(help="Submissions, .../PROTOCOL/ENTRY/seed-N.")] = None,
    changes: Annotated[
        Path | None,
        typer.Option(
            help="Check what a change touches: the output of `git diff --raw -z --no-renames --ignore-submodules=none`."
        ),
    ] = None,
    checkout: Annotated[Path, typer.Option(help="With --changes: the checkout that holds them.")] = Path(),
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the Markdown here instead of printing it.")
    ] = None,
    before: Annotated[
        Path | None, typer.Option(help="With --changes: a checkout of what they are merged into, with its history.")
    ] = None,
    author: Annotated[str, typer.Option(metavar="LOGIN", help="Who asks for the changes.")] = "",
    author_id: Annotated[str, typer.Option(metavar="NUMBER", help="Their number at GitHub, which stays theirs.")] = "",
    maintainer: Annotated[
        list[str] | None, typer.Option(metavar="LOGIN", help="A maintainer beside those of boards.json.")
    ] = None,
) -> None:
    """Check submissions and say what they change and where they would stand on their leaderboard, as Markdown."""
    from ....leaderboard.review.changes import of_diff, of_folders
    from ....leaderboard.review.owners import Asker
    from ....leaderboard.review.review import review
    from ....leaderboard.review.wording import fitted
    from ...files.atomic import write_text
    from ...files.destinations import named_file

    if report is not None:
        named_file(report, "--report")
    if (changes is None) == (not folders):
        raise MedshiftError("give either submissions or --changes FILE")
    if changes is not None and not changes.is_file():
        raise MedshiftError(f"--changes {changes}: no such file")
    asked = of_folders(folders or []) if changes is None else of_diff(changes.read_bytes(), checkout)
    if before is not None and not before.is_dir():
        raise MedshiftError(f"--before {before}: no such folder")
    text, sound = review(asked, Asker(author, before, maintainer or (), author_id))
    if report is None:
        print(for_terminal(text), end="")
    else:
        whole = report.with_name(f"{report.stem}-whole{report.suffix}")
        short, complete = fitted(text, f"`{whole.name}` of the artifact `leaderboard-report`")
        write_text(report, short)
        if not complete:
            write_text(whole, text)
            sound = False
    if not sound:
        raise typer.Exit(1)


@app.command("shift")
def check_shift(name: Annotated[str, typer.Argument(help="A shift's name; see `medshift list shifts`.")]) -> None:
    """Check a shift: determinism by address, purity, shape, range, growing damage, speed, no memory of calls."""
    from ....shifts.catalogue import BUILTINS
    from ....shifts.checks import check_memory, check_shift

    problems = check_shift(name)
    if not problems and name not in BUILTINS:  # whose pixels are stored
        problems = check_memory(name)
    _report(problems, name)


@app.command("baseline")
def check_baseline(
    name: Annotated[
        str, typer.Argument(help="A baseline's name (`medshift list baselines`), or my_module:MyBaseline.")
    ],
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A hyper-parameter.")] = None,
    device: Device = "auto",
) -> None:
    """Check a baseline on a tiny data set: it fits, predicts, repeats itself, and forgets between conditions."""
    from ...contract.checks import check_baseline
    from ...runs import environment

    _report(check_baseline(name, settings, environment.prepare(device, 0)), name)


@app.command("dataset")
def check_dataset(
    name: Annotated[str, typer.Argument(help="A data set's name; see `medshift list datasets`.")],
) -> None:
    """Check a data set: table, labels, pixels, splits, and that a protocol can be made of it; all findings at once."""
    from ...runs.plug_ins.data_sets import examine
    from ..progress import bar

    with bar(f"making {name}", "patients") as progress:
        found = examine(name, progress)
    for note in found.notes:
        print(for_terminal(note if note.startswith("note: ") else f"note: {note}"))
    _report(found.problems, name)


def require_submission(folder: Path) -> None:
    """Raise MedshiftError unless a folder exists: the protocol above it would be missed first, and named instead."""
    if not folder.is_dir():
        raise MedshiftError(f"{folder} is not a folder: give a submission, .../PROTOCOL/ENTRY/seed-N")


def _report(problems: list[str], what: str) -> None:
    if problems:
        for problem in problems:
            print(for_terminal(problem))
        print(f"{for_terminal(what)}: {plural(len(problems), 'problem')}")
        raise typer.Exit(1)
    print(f"{for_terminal(what)}: ok")
